//! The catalogue: which models can be had, from whom, at what price.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ModelSlug, ModelTakes, MoneyError, OwnDeadlines, PriceSheet, ProviderId, StreamMode,
    TokenUsage, Usd,
};

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub input: Decimal,
    pub output: Decimal,
    /// Left out: a cached token costs what a fresh one costs.
    pub cache_read: Option<Decimal>,
    /// Left out: writing to the cache costs what reading fresh costs.
    pub cache_write: Option<Decimal>,
    /// What is kept for an hour. Left out: twice what reading fresh costs, which is never less than
    /// a vendor was seen to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Decimal>,
    /// Tokens of thought. Left out: they cost what other output costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Decimal>,
}

impl Price {
    /// The bill for `usage`: each line rounded once, then added.
    pub fn cost(&self, usage: &TokenUsage) -> Result<Usd, MoneyError> {
        let for_an_hour =
            usage.cache_creation_1h_input_tokens.min(usage.cache_creation_input_tokens);
        let for_minutes = usage.cache_creation_input_tokens - for_an_hour;
        Usd::for_tokens(usage.input_tokens, self.input)?
            .checked_add(Usd::for_tokens(
                usage.cache_read_input_tokens,
                self.cache_read.unwrap_or(self.input),
            )?)?
            .checked_add(Usd::for_tokens(for_minutes, self.cache_write.unwrap_or(self.input))?)?
            .checked_add(Usd::for_tokens(for_an_hour, self.hour())?)?
            .checked_add(self.output_cost(usage)?)
    }

    fn output_cost(&self, usage: &TokenUsage) -> Result<Usd, MoneyError> {
        let Some(reasoning) = self.reasoning else {
            return Usd::for_tokens(usage.output_tokens, self.output);
        };
        let thought = usage.thinking_tokens.min(usage.output_tokens);
        Usd::for_tokens(thought, reasoning)?
            .checked_add(Usd::for_tokens(usage.output_tokens - thought, self.output)?)
    }

    pub(crate) fn hour(&self) -> Decimal {
        self.cache_write_1h.unwrap_or(self.input.saturating_mul(Decimal::TWO))
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
    pub price: Option<PriceSheet>,
    /// `Some(true)` only where an operator allowed routing to it.
    pub m_allowed: Option<bool>,
    pub supports_tools: bool,
    /// Left out: known by its name, where the vendor's names tell.
    pub reasoning: Option<Reasoning>,
    /// What its operator says of it in place of what is known by its name.
    pub takes: ModelTakes,
    pub stream_mode: StreamMode,
    pub context_window: Option<u64>,
    pub max_output_tokens: Option<u64>,
    pub expected_latency_ms: Option<u32>,
    /// The day on which the figures were read, where somebody says it.
    pub as_of: Option<jiff::civil::Date>,
    /// In place of the deadlines of its provider and of all models.
    pub deadlines: OwnDeadlines,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(cache_write_1h: Option<&str>) -> Price {
        let rate = |text: &str| text.parse().unwrap();
        Price {
            input: rate("3"),
            output: rate("15"),
            cache_read: Some(rate("0.3")),
            cache_write: Some(rate("3.75")),
            cache_write_1h: cache_write_1h.map(rate),
            reasoning: None,
        }
    }

    #[test]
    fn p055_each_bucket_is_charged_once_at_its_own_rate() {
        let usage = TokenUsage {
            input_tokens: 1_000_000,
            cache_read_input_tokens: 1_000_000,
            cache_creation_input_tokens: 3_000_000,
            cache_creation_1h_input_tokens: 1_000_000,
            output_tokens: 1_000_000,
            thinking_tokens: 500_000,
            ..TokenUsage::default()
        };
        // 3 + 0.3 + 2 x 3.75 + 1 x 6 + 15
        assert_eq!(price(None).cost(&usage).unwrap().to_string(), "31.8");
        assert_eq!(price(Some("5")).cost(&usage).unwrap().to_string(), "30.8");
    }

    #[test]
    fn an_hour_of_more_than_was_written_is_no_more_than_was_written() {
        let usage = TokenUsage {
            cache_creation_input_tokens: 1_000_000,
            cache_creation_1h_input_tokens: 9_000_000,
            ..TokenUsage::default()
        };
        assert_eq!(price(None).cost(&usage).unwrap().to_string(), "6");
    }
}
