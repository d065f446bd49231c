//! OpenRouter, a gateway to everybody's models: it takes every effort and `top_k`, and leaves out
//! without a word what the chosen model does not take.

use crate::provider::chat::profile::{ChatProfile, DeveloperRole, Effort, REFERENCE, TopK};

pub static PROFILE: ChatProfile = ChatProfile {
    developer_role: DeveloperRole::Taken,
    vendor: "openrouter",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
    effort: Effort::Everybody(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    ..REFERENCE
};
