//! Content blocks of a request, each with what a translator needs to know of it.

use bytestring::ByteString;

use crate::codec::raw_json::RawJson;

/// A content block.
#[derive(Debug, Clone)]
pub enum Block {
    Text {
        text: ByteString,
        extras: BlockExtras,
    },
    Image {
        source: Source,
        extras: BlockExtras,
    },
    Document {
        source: Source,
        title: Option<ByteString>,
        context: Option<ByteString>,
        extras: BlockExtras,
    },
    SearchResult {
        source: ByteString,
        title: ByteString,
        content: Vec<Block>,
        extras: BlockExtras,
    },
    ToolUse {
        id: ByteString,
        name: ByteString,
        input: RawJson,
        extras: BlockExtras,
    },
    ToolResult {
        tool_use_id: ByteString,
        content: Vec<Block>,
        outcome: ToolOutcome,
        extras: BlockExtras,
    },
    Thinking {
        text: ByteString,
        signature: Option<ByteString>,
    },
    RedactedThinking,
    /// A block of Anthropic's own server tools and betas: only Anthropic understands it.
    AnthropicOnly {
        kind: ByteString,
    },
    /// A type that is newer than this program, or a mistake.
    Unknown {
        kind: ByteString,
    },
}

/// What an `is_error` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolOutcome {
    Ok,
    Failed,
}

/// Members that most dialects have no place for.
#[derive(Debug, Clone, Default)]
pub struct BlockExtras {
    pub cache_control: Option<RawJson>,
    pub citations: bool,
    /// How closely the model is to look at an image, in OpenAI's words.
    pub detail: Option<ByteString>,
}

/// Where the bytes of an image or document are.
#[derive(Debug, Clone)]
pub enum Source {
    Base64 {
        media_type: ByteString,
        data: ByteString,
    },
    Url(ByteString),
    Text(ByteString),
    /// Content blocks as a document, a file by id, or something newer: only Anthropic has it.
    AnthropicOnly,
}

impl Block {
    pub fn text(text: impl Into<ByteString>) -> Self {
        Block::Text { text: text.into(), extras: BlockExtras::default() }
    }

    /// The members of it that most dialects have no place for; those of thinking have none.
    pub fn extras(&self) -> Option<&BlockExtras> {
        match self {
            Block::Text { extras, .. }
            | Block::Image { extras, .. }
            | Block::Document { extras, .. }
            | Block::SearchResult { extras, .. }
            | Block::ToolUse { extras, .. }
            | Block::ToolResult { extras, .. } => Some(extras),
            Block::Thinking { .. }
            | Block::RedactedThinking
            | Block::AnthropicOnly { .. }
            | Block::Unknown { .. } => None,
        }
    }

    /// The same, to be changed.
    pub fn extras_mut(&mut self) -> Option<&mut BlockExtras> {
        match self {
            Block::Text { extras, .. }
            | Block::Image { extras, .. }
            | Block::Document { extras, .. }
            | Block::SearchResult { extras, .. }
            | Block::ToolUse { extras, .. }
            | Block::ToolResult { extras, .. } => Some(extras),
            Block::Thinking { .. }
            | Block::RedactedThinking
            | Block::AnthropicOnly { .. }
            | Block::Unknown { .. } => None,
        }
    }

    /// Can only Anthropic's own API take it?
    pub fn is_anthropic_only(&self) -> bool {
        match self {
            Block::AnthropicOnly { .. } | Block::Unknown { .. } => true,
            Block::Image { source, .. } | Block::Document { source, .. } => {
                matches!(source, Source::AnthropicOnly)
            }
            Block::ToolResult { content, .. } | Block::SearchResult { content, .. } => {
                content.iter().any(Block::is_anthropic_only)
            }
            Block::Text { .. }
            | Block::ToolUse { .. }
            | Block::Thinking { .. }
            | Block::RedactedThinking => false,
        }
    }

    /// Calls `visit` with every text of the block that the model will read.
    pub fn for_each_text(&self, visit: &mut dyn FnMut(&str)) {
        match self {
            Block::Text { text, .. } | Block::Thinking { text, .. } => visit(text),
            Block::ToolUse { name, input, .. } => {
                visit(name);
                visit(&input.text());
            }
            Block::ToolResult { content, .. } => {
                content.iter().for_each(|block| block.for_each_text(visit))
            }
            Block::SearchResult { title, content, .. } => {
                visit(title);
                content.iter().for_each(|block| block.for_each_text(visit));
            }
            Block::Document { source: Source::Text(text), .. } => visit(text),
            Block::Image { .. }
            | Block::Document { .. }
            | Block::RedactedThinking
            | Block::AnthropicOnly { .. }
            | Block::Unknown { .. } => {}
        }
    }
}
