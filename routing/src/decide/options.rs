//! What a decision is about, and the mechanisms that are off unless asked for.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// The size of the call, for the projected cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecideRequest {
    pub estimated_input_tokens: u64,
    pub reserved_max_tokens: u64,
}

/// The default is the plain rule: every map empty, floor on observed quality where there is any,
/// cheapest list price first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DecideOptions {
    /// Observed quality by slug; stands in for the prior.
    pub q_empirical: BTreeMap<Box<str>, Decimal>,
    /// Value for the floor test by slug; read under [`FloorSource::QPrior`] only. Zero is a value.
    pub quality_floor: BTreeMap<Box<str>, Decimal>,
    /// By maker: makes its models look dearer to the ranking, never to the budget. Only values
    /// above zero count.
    pub maker_penalty: BTreeMap<Box<str>, Decimal>,
    pub floor_source: FloorSource,
    pub ranking: Ranking,
}

/// What the quality floor is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FloorSource {
    /// `q_empirical`, else the prior.
    #[default]
    QEmpirical,
    /// `quality_floor`, else the prior; observed quality never gates. The serving default: a
    /// cost-aware observed figure on the floor test once rejected every good model.
    QPrior,
}

/// What cheapest means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ranking {
    /// Lowest price, then highest quality, then slug.
    #[default]
    Price,
    /// Lowest price per unit of quality, then slug.
    ExpectedCost,
}

impl DecideOptions {
    /// What the gateway serves with.
    pub fn serving() -> Self {
        Self { floor_source: FloorSource::QPrior, ..Self::default() }
    }
}
