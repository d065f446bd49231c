//! Azure: OpenAI's models under names of the operator's own (deployments), with the key in a header
//! of its own. Sources: github.com/openai/openai-node, docs/azure.md (the v1 API under
//! `/openai/v1`, `model` is the name of the deployment), read on 2026-12-01; learn.microsoft.com
//! was not open to us, so that it takes the same members as OpenAI is not verified.

use crate::provider::chat::profile::{ChatProfile, DeveloperRole, REFERENCE};

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "azure",
    path: "/openai/v1/chat/completions",
    developer_role: DeveloperRole::Taken,
    refused_message_members: &["reasoning_content", "reasoning"],
    reasoning_system: "developer",
    ..REFERENCE
};
