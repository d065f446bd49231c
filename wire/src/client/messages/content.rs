//! Content blocks of a request: parsed, borrowed from the body, each with what a translator needs
//! to know of it.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::error::bad_request::BadRequest;

/// A content block.
#[derive(Debug)]
pub enum Block<'a> {
    Text {
        text: Text<'a>,
        extras: BlockExtras,
    },
    Image {
        source: Source<'a>,
        extras: BlockExtras,
    },
    Document {
        source: Source<'a>,
        title: Option<Text<'a>>,
        context: Option<Text<'a>>,
        extras: BlockExtras,
    },
    SearchResult {
        source: Text<'a>,
        title: Text<'a>,
        content: Vec<Block<'a>>,
        extras: BlockExtras,
    },
    ToolUse {
        id: Text<'a>,
        name: Text<'a>,
        input: &'a RawValue,
        extras: BlockExtras,
    },
    ToolResult {
        tool_use_id: Text<'a>,
        content: Vec<Block<'a>>,
        outcome: ToolOutcome,
        extras: BlockExtras,
    },
    Thinking {
        text: Text<'a>,
        signature: Option<Text<'a>>,
    },
    RedactedThinking,
    /// A block of Anthropic's own server tools and betas: only Anthropic understands it.
    AnthropicOnly {
        kind: Text<'a>,
    },
    /// A type that is newer than this program, or a mistake.
    Unknown {
        kind: Text<'a>,
    },
}

/// What an `is_error` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolOutcome {
    Ok,
    Failed,
}

/// Members that most dialects have no place for.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockExtras {
    pub cache_control: bool,
    pub citations: bool,
}

/// Where the bytes of an image or document are.
#[derive(Debug)]
pub enum Source<'a> {
    Base64 {
        media_type: Text<'a>,
        data: Text<'a>,
    },
    Url(Text<'a>),
    Text(Text<'a>),
    /// Content blocks as a document, a file by id, or something newer: only Anthropic has it.
    AnthropicOnly,
}

const ANTHROPIC_ONLY: [&str; 16] = [
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "advisor_tool_result",
    "mcp_tool_use",
    "mcp_tool_result",
    "container_upload",
    "compaction",
    "fallback",
    "tool_reference",
    "mid_conv_system",
    "browser_state",
];

/// A block as it stands in the body, every member optional: which are needed depends on `type`.
#[derive(Debug, Deserialize)]
pub struct RawBlock<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    is_error: Option<bool>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    context: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
    #[serde(borrow)]
    citations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawSource<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    media_type: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

/// `content`: a string, or an array of `T`.
#[derive(Debug)]
pub enum Content<'a, T> {
    Text(Text<'a>),
    Blocks(Vec<T>),
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Content<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ContentVisitor<T> {
            type Value = Content<'de, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of blocks")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Text(text.into())))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Text(text.to_owned().into())))
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut sequence: A,
            ) -> Result<Self::Value, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = sequence.next_element()? {
                    blocks.push(block);
                }
                Ok(Content::Blocks(blocks))
            }
        }

        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

/// Checks the blocks of one `content` that stands at `path`.
pub fn blocks<'a>(
    content: Content<'a, RawBlock<'a>>,
    path: &str,
) -> Result<Vec<Block<'a>>, BadRequest> {
    match content {
        Content::Text(text) => Ok(vec![Block::Text { text, extras: BlockExtras::default() }]),
        Content::Blocks(raw) => raw
            .into_iter()
            .enumerate()
            .map(|(index, raw)| block(raw, &format!("{path}.{index}")))
            .collect(),
    }
}

fn block<'a>(raw: RawBlock<'a>, path: &str) -> Result<Block<'a>, BadRequest> {
    let extras = BlockExtras {
        cache_control: raw.cache_control.is_some(),
        citations: raw.citations.is_some_and(|raw| !is_empty_list(raw)),
    };
    let missing = |member: &str| BadRequest::new(format!("{path}.{member}"), "field required");
    let block = match &*raw.kind {
        "text" => Block::Text { text: raw.text.ok_or_else(|| missing("text"))?, extras },
        "image" => Block::Image { source: source(raw.source, path)?, extras },
        "document" => Block::Document {
            source: source(raw.source, path)?,
            title: raw.title,
            context: raw.context,
            extras,
        },
        "search_result" => Block::SearchResult {
            source: parse_member(raw.source, path, "source")?,
            title: raw.title.ok_or_else(|| missing("title"))?,
            content: nested(raw.content, path)?,
            extras,
        },
        "tool_use" => Block::ToolUse {
            id: raw.id.ok_or_else(|| missing("id"))?,
            name: raw.name.ok_or_else(|| missing("name"))?,
            input: raw.input.ok_or_else(|| missing("input"))?,
            extras,
        },
        "tool_result" => Block::ToolResult {
            tool_use_id: raw.tool_use_id.ok_or_else(|| missing("tool_use_id"))?,
            content: nested(raw.content, path)?,
            outcome: if raw.is_error == Some(true) { ToolOutcome::Failed } else { ToolOutcome::Ok },
            extras,
        },
        "thinking" => Block::Thinking {
            text: raw.thinking.ok_or_else(|| missing("thinking"))?,
            signature: raw.signature,
        },
        "redacted_thinking" => Block::RedactedThinking,
        kind if ANTHROPIC_ONLY.contains(&kind) => Block::AnthropicOnly { kind: raw.kind },
        _ => Block::Unknown { kind: raw.kind },
    };
    Ok(block)
}

fn is_empty_list(raw: &RawValue) -> bool {
    raw.get().bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"[]")
}

fn nested<'a>(content: Option<&'a RawValue>, path: &str) -> Result<Vec<Block<'a>>, BadRequest> {
    match content {
        None => Ok(Vec::new()),
        Some(_) => blocks(parse_member(content, path, "content")?, &format!("{path}.content")),
    }
}

fn source<'a>(raw: Option<&'a RawValue>, path: &str) -> Result<Source<'a>, BadRequest> {
    let source: RawSource<'a> = parse_member(raw, path, "source")?;
    let missing =
        |member: &str| BadRequest::new(format!("{path}.source.{member}"), "field required");
    match &*source.kind {
        "base64" => Ok(Source::Base64 {
            media_type: source.media_type.ok_or_else(|| missing("media_type"))?,
            data: source.data.ok_or_else(|| missing("data"))?,
        }),
        "url" => Ok(Source::Url(source.url.ok_or_else(|| missing("url"))?)),
        "text" => Ok(Source::Text(source.data.ok_or_else(|| missing("data"))?)),
        _ => Ok(Source::AnthropicOnly),
    }
}

fn parse_member<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    path: &str,
    member: &str,
) -> Result<T, BadRequest> {
    let raw = raw.ok_or_else(|| BadRequest::new(format!("{path}.{member}"), "field required"))?;
    crate::error::bad_request::parse_body(raw.get().as_bytes()).map_err(|inner| {
        let field = if inner.field == "body" {
            format!("{path}.{member}")
        } else {
            format!("{path}.{member}.{}", inner.field)
        };
        BadRequest { field, message: inner.message }
    })
}
