//! Members that money is counted by, read wherever they make sense. One that does not is as good as
//! absent: it must not cost the caller the answer.

use ainfera_schema::ServiceTier;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The value, or nothing where it is of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lenient<T>(pub Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

/// A count, in whatever form a whole number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count(pub Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
        Ok(Self(count(raw.get())))
    }
}

impl Count {
    /// A count of uses. One that is larger than any honest count stays larger than any bound.
    pub(crate) fn uses(self) -> u32 {
        Lenient(self.0).uses()
    }
}

/// A whole number that is not negative: as it should be, with a fraction of zero, or as a text.
pub(crate) fn count(value: &str) -> Option<u64> {
    /// Above this a fraction does not say which whole number is meant.
    const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
    let digits = value.trim_matches('"').trim();
    if let Ok(count) = digits.parse() {
        return Some(count);
    }
    let number: f64 = digits.parse().ok()?;
    let is_count = number.fract() == 0.0 && (0.0..=LARGEST_EXACT).contains(&number);
    is_count.then(|| format!("{number:.0}").parse().ok()).flatten()
}

impl Lenient<u64> {
    /// A count of uses. One that is larger than any honest count stays larger than any bound.
    pub(crate) fn uses(self) -> u32 {
        self.0.map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// The tier that an answer says it was served by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SaidTier(pub Option<ServiceTier>);

impl<'de> Deserialize<'de> for SaidTier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Lenient::<String>::deserialize(deserializer)?.0;
        Ok(Self(word.and_then(|word| ServiceTier::parse(&word))))
    }
}
