//! OpenAI itself: reasoning models refuse what steers sampling, and only they take an effort.

use crate::provider::chat::profile::{ChatProfile, DeveloperRole, REFERENCE};

pub(super) static PROFILE: ChatProfile = ChatProfile {
    developer_role: DeveloperRole::Taken,
    refused_message_members: &["reasoning_content", "reasoning"],
    reasoning_system: "developer",
    ..REFERENCE
};
