//! Together hosts many makers' models; it takes `top_k`, and does not honour `tool_choice: "none"`.
//! Kimi thinks always, and wants its thoughts back with the calls that came of them
//! (platform.kimi.ai, guide to thinking models, read on 2026-11-30).

use crate::provider::chat::profile::{ChatProfile, Files, InlineThinking, NoTool, REFERENCE, TopK};
use crate::request::setting::SettingKind;
use crate::signature::Issuer;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "together",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
    most_stop_sequences: None,
    no_tool: NoTool::LeaveToolsOut,
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    inline_thinking: InlineThinking::ByModel,
    issuer: Issuer::Together,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
        SettingKind::LogitBias,
    ],
    ..REFERENCE
};
