//! Money is exact: an amount is a whole number of nano-dollars, a price is a decimal per million
//! tokens.
//!
//! No floating point anywhere. Each line of a bill is computed in decimal and rounded once, half to
//! even, to a nano-dollar.

use std::fmt;
use std::str::FromStr;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS_PER_DOLLAR: i64 = 1_000_000_000;
const TOKENS_PER_PRICE_UNIT: i64 = 1_000_000;

/// An amount of US dollars in nano-dollars. JSON and text form: a decimal string such as
/// `"0.0042"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("amount does not fit in 64 bits of nano-dollars")]
    Overflow,
    #[error("not a decimal number of US dollars")]
    NotADecimal,
    #[error("more than 9 decimal places")]
    TooPrecise,
}

impl Usd {
    pub const ZERO: Usd = Usd(0);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// A whole number of dollars.
    pub fn from_dollars(dollars: i64) -> Result<Self, MoneyError> {
        dollars.checked_mul(NANOS_PER_DOLLAR).map(Self).ok_or(MoneyError::Overflow)
    }

    pub fn checked_add(self, other: Usd) -> Result<Usd, MoneyError> {
        self.0.checked_add(other.0).map(Usd).ok_or(MoneyError::Overflow)
    }

    pub fn checked_sub(self, other: Usd) -> Result<Usd, MoneyError> {
        self.0.checked_sub(other.0).map(Usd).ok_or(MoneyError::Overflow)
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Nine decimal places, as `NUMERIC(20,9)` keeps it.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 9)
    }

    /// Refuses what a nano-dollar cannot hold exactly.
    pub fn from_decimal(amount: Decimal) -> Result<Self, MoneyError> {
        let amount = amount.normalize();
        if amount.scale() > 9 {
            return Err(MoneyError::TooPrecise);
        }
        Self::from_decimal_rounded(amount)
    }

    /// Rounds half to even to a nano-dollar.
    fn from_decimal_rounded(amount: Decimal) -> Result<Self, MoneyError> {
        amount
            .checked_mul(Decimal::from(NANOS_PER_DOLLAR))
            .map(|nanos| nanos.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven))
            .and_then(|nanos| nanos.to_i64())
            .map(Self)
            .ok_or(MoneyError::Overflow)
    }

    /// What `tokens` cost at `per_million` dollars per million tokens, rounded once.
    pub fn for_tokens(tokens: u64, per_million: Decimal) -> Result<Self, MoneyError> {
        let cost = per_million
            .checked_mul(Decimal::from(tokens))
            .and_then(|total| total.checked_div(Decimal::from(TOKENS_PER_PRICE_UNIT)))
            .ok_or(MoneyError::Overflow)?;
        Self::from_decimal_rounded(cost)
    }

    /// What `uses` cost at `fee` dollars each, rounded once.
    pub fn for_uses(uses: u32, fee: Decimal) -> Result<Self, MoneyError> {
        fee.checked_mul(Decimal::from(uses))
            .ok_or(MoneyError::Overflow)
            .and_then(Self::from_decimal_rounded)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_decimal().normalize().fmt(f)
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${self}")
    }
}

impl FromStr for Usd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let amount = Decimal::from_str_exact(text).map_err(|_| MoneyError::NotADecimal)?;
        Self::from_decimal(amount)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str(text).unwrap()
    }

    #[test]
    fn a_line_is_rounded_once_half_to_even() {
        // 1 token at $0.0005 per million is half a nano-dollar: to even, that is 0; 3 tokens are
        // 1.5, to even 2
        assert_eq!(Usd::for_tokens(1, decimal("0.0005")).unwrap().nanos(), 0);
        assert_eq!(Usd::for_tokens(3, decimal("0.0005")).unwrap().nanos(), 2);
        assert_eq!(Usd::for_tokens(1_000_000, decimal("15")).unwrap(), "15".parse().unwrap());
    }

    #[test]
    fn text_form_round_trips() {
        for text in ["0", "0.0042", "-1.5", "9223372036.854775807"] {
            assert_eq!(text.parse::<Usd>().unwrap().to_string(), text);
        }
        assert_eq!("0.0000000001".parse::<Usd>(), Err(MoneyError::TooPrecise));
        assert_eq!("1e3".parse::<Usd>(), Err(MoneyError::NotADecimal));
        assert_eq!("9223372036.854775808".parse::<Usd>(), Err(MoneyError::Overflow));
    }

    #[test]
    fn sums_never_wrap() {
        let most = Usd::from_nanos(i64::MAX);
        assert_eq!(most.checked_add(Usd::from_nanos(1)), Err(MoneyError::Overflow));
        assert_eq!(
            Usd::from_nanos(i64::MIN).checked_sub(Usd::from_nanos(1)),
            Err(MoneyError::Overflow)
        );
    }
}
