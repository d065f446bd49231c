//! OpenAI itself: reasoning models refuse what steers sampling, and only they take an effort.

use crate::provider::chat::profile::{ChatProfile, DeveloperRole, Effort, REFERENCE};
use crate::provider::responses::models::EFFORTS;

pub static PROFILE: ChatProfile = ChatProfile {
    developer_role: DeveloperRole::Taken,
    refused_message_members: &["reasoning_content", "reasoning"],
    reasoning_models: &["o1", "o3", "o4", "gpt-5", "gpt-6", "codex"],
    reasoning_system: "developer",
    reasoning_refuses: &[
        "temperature",
        "top_p",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "logit_bias",
    ],
    effort: Effort::ByModel(EFFORTS),
    ..REFERENCE
};
