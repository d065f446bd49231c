//! What OpenAI's dialects say of a call beside what Anthropic's form has a place for. Each setting
//! reaches every provider that has it, under that provider's name for it.

use serde_json::Value;

/// What is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// The answer is to be a JSON object of whatever schema.
    JsonObject,
    Verbosity,
    PromptCacheKey,
    PromptCacheRetention,
    Metadata,
    ServiceTier,
    /// The caller's `user`, where a `safety_identifier` is said too.
    User,
    Seed,
    PresencePenalty,
    FrequencyPenalty,
    LogitBias,
}

/// One setting, as the caller said it.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub kind: SettingKind,
    pub value: Value,
}

impl SettingKind {
    /// Members of a body, in both dialects of OpenAI, that are settings as they are.
    pub const MEMBERS: [(&'static str, SettingKind); 9] = [
        ("verbosity", SettingKind::Verbosity),
        ("prompt_cache_key", SettingKind::PromptCacheKey),
        ("prompt_cache_retention", SettingKind::PromptCacheRetention),
        ("metadata", SettingKind::Metadata),
        ("service_tier", SettingKind::ServiceTier),
        ("seed", SettingKind::Seed),
        ("presence_penalty", SettingKind::PresencePenalty),
        ("frequency_penalty", SettingKind::FrequencyPenalty),
        ("logit_bias", SettingKind::LogitBias),
    ];

    /// Where it stands in the typed request, for the source map and for coercions.
    pub fn path(self) -> &'static str {
        match self {
            SettingKind::JsonObject => "settings.json_object",
            SettingKind::Verbosity => "settings.verbosity",
            SettingKind::PromptCacheKey => "settings.prompt_cache_key",
            SettingKind::PromptCacheRetention => "settings.prompt_cache_retention",
            SettingKind::Metadata => "settings.metadata",
            SettingKind::ServiceTier => "settings.service_tier",
            SettingKind::User => "settings.user",
            SettingKind::Seed => "settings.seed",
            SettingKind::PresencePenalty => "settings.presence_penalty",
            SettingKind::FrequencyPenalty => "settings.frequency_penalty",
            SettingKind::LogitBias => "settings.logit_bias",
        }
    }
}
