//! Content blocks as they are written.

use std::borrow::Cow;

use serde::Serialize;

use crate::codec::raw_json::RawJson;
use crate::error::bad_request::BadRequest;
use crate::provider::written::Joined;
use crate::request::content::{Block, Source, ToolOutcome};

/// One block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SaidBlock<'r> {
    Text {
        text: Joined<'r>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'r RawJson>,
    },
    Image {
        source: SaidSource<'r>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'r RawJson>,
    },
    Document {
        source: SaidSource<'r>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'r str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        context: Option<&'r str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'r RawJson>,
    },
    SearchResult {
        source: &'r str,
        title: &'r str,
        content: Vec<SaidBlock<'r>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'r RawJson>,
    },
    ToolUse {
        id: Cow<'r, str>,
        name: Cow<'r, str>,
        input: &'r RawJson,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'r RawJson>,
    },
    ToolResult {
        tool_use_id: Cow<'r, str>,
        content: Vec<SaidBlock<'r>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        is_error: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'r RawJson>,
    },
    Thinking {
        thinking: &'r str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'r str>,
    },
}

/// Where the bytes of an image or document are.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SaidSource<'r> {
    Base64 { media_type: &'r str, data: &'r str },
    Url { url: &'r str },
    Text { media_type: &'static str, data: &'r str },
}

impl SaidBlock<'_> {
    pub(crate) fn text(text: Joined<'_>) -> SaidBlock<'_> {
        SaidBlock::Text { text, cache_control: None }
    }
}

/// The blocks that stand at `path`.
pub(crate) fn blocks<'r>(
    blocks: &'r [Block],
    path: &str,
) -> Result<Vec<SaidBlock<'r>>, BadRequest> {
    let said = blocks.iter().enumerate().map(|(index, one)| {
        block(one)
            .map_err(|bad| BadRequest { field: format!("{path}.{index}{}", bad.field), ..bad })
    });
    said.collect()
}

/// A mistake is named by its path inside of the block.
fn block(block: &Block) -> Result<SaidBlock<'_>, BadRequest> {
    let extras = block.extras();
    let cache_control = extras.and_then(|extras| extras.cache_control.as_ref());
    Ok(match block {
        Block::Text { text, .. } => SaidBlock::Text { text: Joined::one(text), cache_control },
        Block::Image { source: from, .. } => {
            SaidBlock::Image { source: source(from)?, cache_control }
        }
        Block::Document { source: from, title, context, .. } => SaidBlock::Document {
            source: source(from)?,
            title: title.as_deref(),
            context: context.as_deref(),
            cache_control,
        },
        Block::SearchResult { source, title, content, .. } => {
            let content = blocks(content, ".content")?;
            SaidBlock::SearchResult { source, title, content, cache_control }
        }
        Block::ToolUse { id, name, input, .. } => SaidBlock::ToolUse {
            id: Cow::Borrowed(id),
            name: Cow::Borrowed(name),
            input,
            cache_control,
        },
        Block::ToolResult { tool_use_id, content, outcome, .. } => SaidBlock::ToolResult {
            tool_use_id: Cow::Borrowed(tool_use_id),
            content: blocks(content, ".content")?,
            is_error: (*outcome == ToolOutcome::Failed).then_some(true),
            cache_control,
        },
        Block::Thinking { text, signature } => {
            SaidBlock::Thinking { thinking: text, signature: signature.as_deref() }
        }
        Block::RedactedThinking | Block::AnthropicOnly { .. } | Block::Unknown { .. } => {
            return Err(BadRequest::new("", "only Anthropic's own dialect has this block"));
        }
    })
}

fn source(source: &Source) -> Result<SaidSource<'_>, BadRequest> {
    Ok(match source {
        Source::Base64 { media_type, data } => SaidSource::Base64 { media_type, data },
        Source::Url(url) => SaidSource::Url { url },
        Source::Text(text) => SaidSource::Text { media_type: "text/plain", data: text },
        Source::AnthropicOnly => {
            return Err(BadRequest::new(".source", "only Anthropic's own dialect has this source"));
        }
    })
}
