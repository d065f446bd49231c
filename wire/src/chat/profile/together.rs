//! Together hosts many makers' models; it takes `top_k`, and does not honour `tool_choice: "none"`.

use super::{ChatProfile, Effort, Files, NoTool, REFERENCE};

pub static PROFILE: ChatProfile = ChatProfile {
    vendor: "together",
    token_limit_field: "max_tokens",
    more_members: &["top_k"],
    most_stop_sequences: None,
    no_tool: NoTool::LeaveToolsOut,
    files: Files::NotTaken,
    reasoning_models: &["openai/gpt-oss"],
    effort: Effort::ReasoningModels(&["low", "medium", "high"]),
    ..REFERENCE
};
