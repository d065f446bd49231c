//! OpenRouter, a gateway to everybody's models: it takes every effort and `top_k`, and leaves out
//! without a word what the chosen model does not take.
//!
//! Reasoning goes back in the member that it came in, `reasoning_details` part for part: Gemini and
//! Anthropic's models refuse calls without their signatures. `reasoning_content` is another name
//! for `reasoning` there (openrouter.ai/docs, reasoning tokens, read on 2026-12-01).

use crate::provider::chat::profile::{ChatProfile, DeveloperRole, Effort, REFERENCE, TopK};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    developer_role: DeveloperRole::Taken,
    vendor: "openrouter",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
    reasoning_back: Some("reasoning_content"),
    effort: Effort::Everybody(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Verbosity,
        SettingKind::PromptCacheKey,
        SettingKind::User,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
        SettingKind::LogitBias,
    ],
    ..REFERENCE
};
