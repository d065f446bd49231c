//! What a provider says it used, in disjoint buckets: a token is counted in exactly one of them.

use serde::{Deserialize, Serialize};

use crate::{Served, ToolUses};

/// Tokens of one answer. `input_tokens` excludes the cache buckets; `output_tokens` includes
/// thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    pub input_tokens: u64,
    #[serde(default)]
    pub cache_read_input_tokens: u64,
    #[serde(default)]
    pub cache_creation_input_tokens: u64,
    /// A part of `cache_creation_input_tokens`: what was written to be kept for an hour and not for
    /// five minutes, which costs more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_creation_1h_input_tokens: u64,
    pub output_tokens: u64,
    /// A part of `output_tokens`, known where the provider says it.
    #[serde(default)]
    pub thinking_tokens: u64,
    /// Uses of tools that the vendor ran and charges for.
    #[serde(default, skip_serializing_if = "ToolUses::is_none")]
    pub tool_uses: ToolUses,
    /// What the answer says about how it was served.
    #[serde(default, skip_serializing_if = "Served::is_unsaid")]
    pub served: Served,
}

impl TokenUsage {
    /// Everything that was read: fresh, from the cache, into the cache.
    pub fn prompt_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cache_read_input_tokens)
            .saturating_add(self.cache_creation_input_tokens)
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Where the figures of a [`TokenUsage`] come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageBasis {
    /// The provider's own final count.
    Reported,
    /// Counted by us, because the stream ended before the provider counted.
    Estimated,
}

impl UsageBasis {
    pub fn as_str(self) -> &'static str {
        match self {
            UsageBasis::Reported => "reported",
            UsageBasis::Estimated => "estimated",
        }
    }
}
