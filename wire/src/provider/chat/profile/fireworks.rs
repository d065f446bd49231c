//! Fireworks hosts open weights. What a model thinks comes as `reasoning_content`, of some models
//! in the text, and goes back under the same name. Sources: docs.fireworks.ai/guides/reasoning,
//! read on 2026-12-01. Which settings it takes is from docs.getbifrost.ai's page on Fireworks and
//! not verified.

use crate::provider::chat::profile::{ChatProfile, Files, InlineThinking, REFERENCE, TopK};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "fireworks",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
    refused_members: &["prompt_cache_key", "prompt_cache_retention", "verbosity", "store"],
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    inline_thinking: InlineThinking::ByModel,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::User,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
        SettingKind::LogitBias,
    ],
    ..REFERENCE
};
