//! OpenRouter, a gateway to everybody's models: it takes every effort and `top_k`, and leaves out
//! without a word what the chosen model does not take.

use crate::provider::chat::profile::{ChatProfile, DeveloperRole, Effort, REFERENCE, TopK};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    developer_role: DeveloperRole::Taken,
    vendor: "openrouter",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
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
