//! The images and documents of a request: what costs tokens that no text shows.

use ainfera_schema::{Attachment, Unmeasured};

use crate::attachment;
use crate::request::content::{Block, Source};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachments {
    pub found: Vec<Attachment>,
    /// How many bytes of the body their data is.
    pub data_bytes: usize,
}

/// Blocks of Anthropic's own that may have a file inside.
const MAY_HOLD_FILES: [&str; 6] = [
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "mcp_tool_result",
    "container_upload",
    "browser_state",
];

impl Attachments {
    pub(super) fn count(&mut self, block: &Block) {
        match block {
            // its text is counted as text
            Block::Document { source: Source::Text(_), .. } => {}
            Block::Image { source: Source::Base64 { data, .. }, .. } => {
                self.data_bytes = self.data_bytes.saturating_add(data.len());
                self.found.push(attachment::image(data));
            }
            Block::Image { .. } => self.found.push(Attachment::Image(None)),
            Block::Document { source: Source::Base64 { media_type, data }, .. } => {
                self.data_bytes = self.data_bytes.saturating_add(data.len());
                self.found.push(attachment::document(media_type, data));
            }
            Block::Document { .. } => {
                self.found.push(Attachment::Unmeasured(Unmeasured::Elsewhere))
            }
            Block::AnthropicOnly { kind } if !MAY_HOLD_FILES.contains(&&**kind) => {}
            Block::AnthropicOnly { .. } | Block::Unknown { .. } => {
                self.found.push(Attachment::Unmeasured(Unmeasured::Unread))
            }
            Block::ToolResult { content, .. } => content.iter().for_each(|block| self.count(block)),
            Block::Text { .. }
            | Block::SearchResult { .. }
            | Block::ToolUse { .. }
            | Block::Thinking { .. }
            | Block::RedactedThinking => {}
        }
    }
}
