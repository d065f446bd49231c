//! What the decision knows of a model.

use std::fmt;
use std::sync::Arc;

use ainfera_schema::ModelSlug;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

/// The models' own namespace, so that an id says nothing else.
const MODEL_NAMESPACE: Uuid = Uuid::from_u128(0x8d3f_9c1e_5b7a_5c44_9e0b_1d2a_6f38_7c05);

/// Names a model in stored decisions. Text, because replayed decisions must give it back as it was.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ModelId(Arc<str>);

/// One model as `decide` sees it. Cheap to clone: no field owns text alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub model_id: ModelId,
    pub model_slug: ModelSlug,
    /// Who made the model; penalties go by maker.
    pub maker: Arc<str>,
    pub q_prior: Option<Decimal>,
    pub price: Option<ListPrice>,
    /// Anything but `Some(true)` is a veto.
    pub m_allowed: Option<bool>,
    pub expected_latency_ms: Option<u64>,
    /// Between 0 and 1.
    pub agentic_index: Option<Decimal>,
}

/// US dollars per million tokens, both above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPrice {
    input: Decimal,
    output: Decimal,
    total: Decimal,
}

impl ListPrice {
    /// A price of zero or less, on either side, is no price; neither is one too large to add up.
    pub fn new(input: Decimal, output: Decimal) -> Option<Self> {
        if input <= Decimal::ZERO || output <= Decimal::ZERO {
            return None;
        }
        Some(Self { input, output, total: input.checked_add(output)? })
    }

    pub fn input(&self) -> Decimal {
        self.input
    }

    pub fn output(&self) -> Decimal {
        self.output
    }

    /// Input and output together: the yardstick of the ranking.
    pub fn total(&self) -> Decimal {
        self.total
    }
}

impl ModelId {
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The same on every boot and every replica: a name-based UUID (version 5) of the slug.
    pub fn of_slug(slug: &ModelSlug) -> Self {
        Self::new(Uuid::new_v5(&MODEL_NAMESPACE, slug.as_str().as_bytes()).to_string())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_of_zero_or_less_is_no_price() {
        for (input, output) in [(0, 1), (1, 0), (-1, 1), (1, -1)] {
            assert_eq!(ListPrice::new(Decimal::from(input), Decimal::from(output)), None);
        }
        assert_eq!(ListPrice::new(Decimal::MAX, Decimal::ONE), None);
        assert_eq!(
            ListPrice::new(Decimal::ONE, Decimal::TWO).map(|price| price.total()),
            Some(Decimal::from(3))
        );
    }

    #[test]
    fn an_id_depends_on_the_slug_alone() {
        let id = ModelId::of_slug(&ModelSlug::new("claude-opus-4-7"));
        assert_eq!(id, ModelId::of_slug(&ModelSlug::new("claude-opus-4-7")));
        assert_ne!(id, ModelId::of_slug(&ModelSlug::new("gpt-5-5")));
        assert_eq!(id.as_str().len(), 36);
    }
}
