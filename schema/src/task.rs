//! What a call is for.

use serde::{Deserialize, Serialize};

/// The seven task types. A caller may name one; otherwise a call is `general`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskType {
    Reasoning,
    Code,
    Extraction,
    Chat,
    ToolUse,
    Embed,
    #[default]
    General,
}

impl TaskType {
    pub fn as_str(self) -> &'static str {
        match self {
            TaskType::Reasoning => "reasoning",
            TaskType::Code => "code",
            TaskType::Extraction => "extraction",
            TaskType::Chat => "chat",
            TaskType::ToolUse => "tool_use",
            TaskType::Embed => "embed",
            TaskType::General => "general",
        }
    }
}

/// Where the type of the task comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskTypeSource {
    Caller,
    #[default]
    Default,
}

impl TaskTypeSource {
    pub fn as_str(self) -> &'static str {
        match self {
            TaskTypeSource::Caller => "caller",
            TaskTypeSource::Default => "default",
        }
    }
}
