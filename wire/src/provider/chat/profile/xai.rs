//! xAI: its reasoning models refuse stop sequences and penalties; some versions refuse closed
//! schemas. Most models decide for themselves how long they think and refuse the question. Sources:
//! docs.x.ai/docs/guides/reasoning and /developers/model-capabilities/text/reasoning, read on
//! 2026-11-30; that 4.6 and later take xhigh is from users' reports.

use crate::effort::EffortTable;
use crate::provider::chat::profile::{ChatProfile, Effort, Files, REFERENCE, SchemaRule};
use crate::request::setting::SettingKind;
use crate::signature::Issuer;

const EFFORTS: EffortTable = &[
    ("grok-3-mini", &["low", "high"]),
    ("grok-4.3", &["none", "low", "medium", "high"]),
    ("grok-4.5", &["low", "medium", "high"]),
    ("grok-4.6", &["low", "medium", "high", "xhigh"]),
    ("grok-4.7", &["low", "medium", "high", "xhigh"]),
    ("grok", &[]),
];

pub static PROFILE: ChatProfile = ChatProfile {
    vendor: "xai",
    schema_rules: &[
        SchemaRule::Refuses("$schema"),
        SchemaRule::RefusesFalse("additionalProperties"),
    ],
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    issuer: Issuer::Xai,
    reasoning_models: &["grok-3-mini", "grok-4", "grok-5", "grok-code", "grok-build"],
    reasoning_refuses: &["stop", "presence_penalty", "frequency_penalty"],
    effort: Effort::ByModel(EFFORTS),
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
    ],
    ..REFERENCE
};
