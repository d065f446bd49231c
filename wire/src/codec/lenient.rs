//! Members that money is counted by, read wherever they make sense. One that does not is as good as
//! absent: it must not cost the caller the answer.

use ainfera_schema::ServiceTier;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The value, or nothing where it is of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lenient<T>(pub Option<T>);

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

impl Lenient<u64> {
    /// A count of uses. One that is larger than any honest count stays larger than any bound.
    pub fn uses(self) -> u32 {
        self.0.map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// The tier that an answer says it was served by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SaidTier(pub Option<ServiceTier>);

impl<'de> Deserialize<'de> for SaidTier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Lenient::<String>::deserialize(deserializer)?.0;
        Ok(Self(word.and_then(|word| ServiceTier::parse(&word))))
    }
}
