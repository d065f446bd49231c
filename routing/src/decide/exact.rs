//! Comparing products of decimals without rounding. A product of two 28-digit decimals has 56
//! digits, more than a decimal holds; a rounded comparison would not be a total order, and sorting
//! by such a thing is an error.

use std::cmp::Ordering;

use rust_decimal::Decimal;

/// 384 bits, least first: two 96-bit mantissas and the 10⁵⁶ that brings two scales together.
type Wide = [u32; 12];

/// The order of `left.0 · left.1` and `right.0 · right.1`. None of the four may be negative.
pub(super) fn compare_products(left: (Decimal, Decimal), right: (Decimal, Decimal)) -> Ordering {
    let scale = |(one, other): (Decimal, Decimal)| one.scale() + other.scale();
    let common_scale = scale(left).max(scale(right));
    let (left_shift, right_shift) = (common_scale - scale(left), common_scale - scale(right));
    match (narrow(left, left_shift), narrow(right, right_shift)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => wide(left, left_shift).iter().rev().cmp(wide(right, right_shift).iter().rev()),
    }
}

/// The mantissa of the product, times ten `shift` times, where 128 bits hold it: with real prices
/// they always do.
fn narrow(factors: (Decimal, Decimal), shift: u32) -> Option<u128> {
    mantissa(factors.0).checked_mul(mantissa(factors.1))?.checked_mul(10u128.checked_pow(shift)?)
}

fn wide(factors: (Decimal, Decimal), shift: u32) -> Wide {
    let mut product = Wide::default();
    for (position, limb) in limbs(factors.0).into_iter().enumerate() {
        let mut carry = 0u64;
        for (other_position, other_limb) in limbs(factors.1).into_iter().enumerate() {
            let sum = u64::from(limb) * u64::from(other_limb)
                + u64::from(product[position + other_position])
                + carry;
            product[position + other_position] = sum as u32;
            carry = sum >> 32;
        }
        product[position + 3] = carry as u32;
    }
    for _ in 0..shift {
        let mut carry = 0u64;
        for limb in &mut product {
            let sum = u64::from(*limb) * 10 + carry;
            *limb = sum as u32;
            carry = sum >> 32;
        }
    }
    product
}

fn mantissa(decimal: Decimal) -> u128 {
    decimal.mantissa().unsigned_abs()
}

fn limbs(decimal: Decimal) -> [u32; 3] {
    let mantissa = mantissa(decimal);
    [mantissa as u32, (mantissa >> 32) as u32, (mantissa >> 64) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn one_unit_in_the_last_of_fifty_six_places_tells() {
        let most = Decimal::MAX;
        let tiny = decimal("0.0000000000000000000000000001");
        assert_eq!(compare_products((most, most), (most, most)), Ordering::Equal);
        assert_eq!(compare_products((most, most), (most, most - Decimal::ONE)), Ordering::Greater);
        assert_eq!(compare_products((tiny, tiny), (most, most)), Ordering::Less);
        assert_eq!(compare_products((tiny, tiny), (tiny, tiny + tiny)), Ordering::Less);
        assert_eq!(compare_products((tiny, most), (most, tiny)), Ordering::Equal);
        assert_eq!(compare_products((Decimal::ZERO, most), (tiny, tiny)), Ordering::Less);
    }

    #[test]
    fn scales_are_brought_together() {
        assert_eq!(
            compare_products((decimal("1.50"), decimal("2")), (decimal("3"), decimal("1.000"))),
            Ordering::Equal
        );
        assert_eq!(
            compare_products((decimal("0.1"), decimal("0.1")), (decimal("0.011"), decimal("1"))),
            Ordering::Less
        );
    }

    proptest! {
        #[test]
        fn wide_and_narrow_arithmetic_agree(
            a in 0i64..,
            b in 0i64..,
            c in 0i64..,
            d in 0i64..,
            scales in prop::array::uniform4(0u32..3),
        ) {
            let left = (Decimal::new(a, scales[0]), Decimal::new(b, scales[1]));
            let right = (Decimal::new(c, scales[2]), Decimal::new(d, scales[3]));
            let common = (scales[0] + scales[1]).max(scales[2] + scales[3]);
            let left_digits = wide(left, common - scales[0] - scales[1]);
            let right_digits = wide(right, common - scales[2] - scales[3]);
            let wide_order = left_digits.iter().rev().cmp(right_digits.iter().rev());
            prop_assert_eq!(compare_products(left, right), wide_order);
        }
    }
}
