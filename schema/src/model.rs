//! The catalogue: which models can be had, from whom, at what price.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{ModelSlug, MoneyError, ProviderId, StreamMode, TokenUsage, Usd};

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub input: Decimal,
    pub output: Decimal,
    /// Left out: a cached token costs what a fresh one costs.
    pub cache_read: Option<Decimal>,
    /// Left out: writing to the cache costs what reading fresh costs.
    pub cache_write: Option<Decimal>,
}

impl Price {
    /// The bill for `usage`: each line rounded once, then added.
    pub fn cost(&self, usage: &TokenUsage) -> Result<Usd, MoneyError> {
        Usd::for_tokens(usage.input_tokens, self.input)?
            .checked_add(Usd::for_tokens(usage.cache_read_input_tokens, self.cache_read.unwrap_or(self.input))?)?
            .checked_add(Usd::for_tokens(usage.cache_creation_input_tokens, self.cache_write.unwrap_or(self.input))?)?
            .checked_add(Usd::for_tokens(usage.output_tokens, self.output)?)
    }
}

/// Whether a model reasons before it answers: then most vendors refuse what steers its sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    Always,
    Never,
}

/// One line of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub slug: ModelSlug,
    pub provider: ProviderId,
    /// What the provider calls it. Never shown to callers.
    pub upstream_name: String,
    /// Who made the model, such as `anthropic`; ranking penalties go by maker.
    pub maker: String,
    /// Quality between 0 and 1. Without it the model can be pinned but is never routed to.
    pub q_prior: Option<Decimal>,
    /// Without it no call is admitted: an unknown price is a refusal, never zero.
    pub price: Option<Price>,
    /// `Some(true)` only where an operator allowed routing to it.
    pub m_allowed: Option<bool>,
    pub supports_tools: bool,
    /// Left out: known by its name, where the vendor's names tell.
    pub reasoning: Option<Reasoning>,
    pub stream_mode: StreamMode,
    pub context_window: Option<u64>,
    pub max_output_tokens: Option<u64>,
    pub expected_latency_ms: Option<u32>,
}
