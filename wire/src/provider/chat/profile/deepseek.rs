//! DeepSeek: text only; its reasoning goes back to it together with the calls that came of it. Its
//! models think unless they are told not to, and while they do no tool can be forced. Sources:
//! api-docs.deepseek.com/guides/thinking_mode, deepseek-ai/DeepSeek-V3#1376, read on 2026-11-30.

use crate::provider::chat::profile::{AnswerSchema, ChatProfile, Files, REFERENCE, ThinkingSwitch};
use crate::request::setting::SettingKind;
use crate::signature::Issuer;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "deepseek",
    token_limit_field: "max_tokens",
    answer_schema: AnswerSchema::AsInstructions,
    most_stop_sequences: Some(16),
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    thinking_switch: ThinkingSwitch::Member,
    issuer: Issuer::Deepseek,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
    ],
    ..REFERENCE
};
