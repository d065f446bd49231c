//! xAI: its reasoning models refuse stop sequences and penalties; some versions refuse closed
//! schemas. Most models decide for themselves how long they think and refuse the question. Sources:
//! docs.x.ai/docs/guides/reasoning and /developers/model-capabilities/text/reasoning, read on
//! 2026-11-30; that 4.6 and later take xhigh is from users' reports.

use crate::provider::chat::profile::{ChatProfile, Files, REFERENCE, SchemaRule};
use crate::request::setting::SettingKind;
use crate::signature::Issuer;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "xai",
    schema_rules: &[
        SchemaRule::Refuses("$schema"),
        SchemaRule::RefusesFalse("additionalProperties"),
    ],
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    issuer: Issuer::Xai,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
    ],
    ..REFERENCE
};
