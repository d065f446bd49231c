//! xAI: its reasoning models refuse stop sequences and penalties; some versions refuse closed schemas.

use super::{ChatProfile, Effort, Files, REFERENCE, SchemaRule};
use crate::signature::Issuer;

pub static PROFILE: ChatProfile = ChatProfile {
    vendor: "xai",
    schema_rules: &[SchemaRule::Refuses("$schema"), SchemaRule::RefusesFalse("additionalProperties")],
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    issuer: Issuer::Xai,
    reasoning_models: &["grok-3-mini", "grok-4", "grok-5", "grok-code"],
    reasoning_refuses: &["stop", "presence_penalty", "frequency_penalty"],
    // grok-4 and later decide for themselves and refuse the question
    effort: Effort::Nobody,
    ..REFERENCE
};
