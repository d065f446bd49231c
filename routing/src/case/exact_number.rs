//! Figures as they were written: a JSON number goes to a decimal by its digits, never through a
//! float.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub(super) struct Exact(pub(super) Decimal);

/// A count: neither negative nor fractional.
pub(super) struct Whole(pub(super) u64);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let digits = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw);
        let parsed = if digits.contains(['e', 'E']) {
            Decimal::from_scientific(digits)
        } else {
            Decimal::from_str_exact(digits)
        };
        parsed.map(Exact).map_err(|_| {
            D::Error::custom(format_args!("not a decimal number of at most 28 digits: {raw}"))
        })
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Exact(decimal) = Exact::deserialize(deserializer)?;
        let whole = if decimal.is_integer() { decimal.to_u64() } else { None };
        whole.map(Whole).ok_or_else(|| {
            D::Error::custom(format_args!("not a whole number of at least zero: {decimal}"))
        })
    }
}
