//! Tools that a vendor runs on its own servers and charges for by the use.

use serde::{Deserialize, Serialize};

/// Which tool. Every vendor's name for the same thing is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerTool {
    WebSearch,
    WebFetch,
    /// A container in which the vendor runs code: one for an answer, however often the code runs.
    CodeExecution,
    FileSearch,
    ImageGeneration,
    /// Gemini's grounding in Google Search, by the query.
    Grounding,
    /// xAI's live search and OpenRouter's web plugin, by the source that was read.
    SearchSource,
}

impl ServerTool {
    pub const ALL: [ServerTool; 7] = [
        ServerTool::WebSearch,
        ServerTool::WebFetch,
        ServerTool::CodeExecution,
        ServerTool::FileSearch,
        ServerTool::ImageGeneration,
        ServerTool::Grounding,
        ServerTool::SearchSource,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ServerTool::WebSearch => "web_search",
            ServerTool::WebFetch => "web_fetch",
            ServerTool::CodeExecution => "code_execution",
            ServerTool::FileSearch => "file_search",
            ServerTool::ImageGeneration => "image_generation",
            ServerTool::Grounding => "grounding",
            ServerTool::SearchSource => "search_source",
        }
    }
}

/// How often each tool was, or may be, used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolUses {
    #[serde(skip_serializing_if = "is_zero")]
    pub web_search: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub web_fetch: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub code_execution: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub file_search: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub image_generation: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub grounding: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub search_source: u32,
}

impl ToolUses {
    pub const NONE: ToolUses = ToolUses {
        web_search: 0,
        web_fetch: 0,
        code_execution: 0,
        file_search: 0,
        image_generation: 0,
        grounding: 0,
        search_source: 0,
    };

    pub fn is_none(&self) -> bool {
        *self == ToolUses::NONE
    }

    pub fn of(&self, tool: ServerTool) -> u32 {
        match tool {
            ServerTool::WebSearch => self.web_search,
            ServerTool::WebFetch => self.web_fetch,
            ServerTool::CodeExecution => self.code_execution,
            ServerTool::FileSearch => self.file_search,
            ServerTool::ImageGeneration => self.image_generation,
            ServerTool::Grounding => self.grounding,
            ServerTool::SearchSource => self.search_source,
        }
    }

    /// Counts more uses of a tool. An answer has one container, so code is counted once.
    pub fn add(&mut self, tool: ServerTool, uses: u32) {
        let count = match tool {
            ServerTool::WebSearch => &mut self.web_search,
            ServerTool::WebFetch => &mut self.web_fetch,
            ServerTool::CodeExecution => {
                self.code_execution = (self.code_execution.saturating_add(uses)).min(1);
                return;
            }
            ServerTool::FileSearch => &mut self.file_search,
            ServerTool::ImageGeneration => &mut self.image_generation,
            ServerTool::Grounding => &mut self.grounding,
            ServerTool::SearchSource => &mut self.search_source,
        };
        *count = count.saturating_add(uses);
    }

    /// The larger count of each tool: a vendor that reports twice reports a sum so far.
    #[must_use]
    pub fn max(self, other: ToolUses) -> ToolUses {
        self.with(other, u32::max)
    }

    /// The uses of two attempts together.
    #[must_use]
    pub fn plus(self, other: ToolUses) -> ToolUses {
        self.with(other, u32::saturating_add)
    }

    fn with(self, other: ToolUses, join: fn(u32, u32) -> u32) -> ToolUses {
        ToolUses {
            web_search: join(self.web_search, other.web_search),
            web_fetch: join(self.web_fetch, other.web_fetch),
            code_execution: join(self.code_execution, other.code_execution),
            file_search: join(self.file_search, other.file_search),
            image_generation: join(self.image_generation, other.image_generation),
            grounding: join(self.grounding, other.grounding),
            search_source: join(self.search_source, other.search_source),
        }
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
