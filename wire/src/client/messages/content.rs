//! Content blocks as they stand in a body, and as blocks of the typed request. What is wrong is
//! named, and what no translation reads too.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::codec::json::{Text, shared_slice};
use crate::codec::members::members;
use crate::codec::raw_json::RawJson;
use crate::error::bad_request::BadRequest;
use crate::request::content::{Block, BlockExtras, Source, ToolOutcome};
use crate::request::toolsets::Toolsets;

const ANTHROPIC_ONLY: [&str; 15] = [
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
    "mid_conv_system",
    "browser_state",
];

members!(RawBlock<'a> {
    kind: Text<'a> = "type",
    text: Text<'a> = "text",
    id: Text<'a> = "id",
    name: Text<'a> = "name",
    input: &'a RawValue = "input",
    tool_use_id: Text<'a> = "tool_use_id",
    content: &'a RawValue = "content",
    is_error: bool = "is_error",
    source: &'a RawValue = "source",
    title: Text<'a> = "title",
    context: Text<'a> = "context",
    thinking: Text<'a> = "thinking",
    signature: Text<'a> = "signature",
    cache_control: &'a RawValue = "cache_control",
    citations: &'a RawValue = "citations",
    caller: &'a RawValue = "caller",
    toolset_name: &'a RawValue = "toolset_name",
    tool_name: &'a RawValue = "tool_name",
} passes over ["data"]);

members!(RawSource<'a> {
    kind: Text<'a> = "type",
    media_type: Text<'a> = "media_type",
    data: Text<'a> = "data",
    url: Text<'a> = "url",
} passes over ["file_id", "content"]);

/// `content`: a string, or an array of blocks.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Text(Text<'a>),
    Blocks(RawBlocks<'a>),
}

/// Blocks whose members were not checked yet.
#[derive(Debug)]
pub(crate) struct RawBlocks<'a>(Vec<RawBlock<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for ContentVisitor<'a> {
            type Value = Content<'a>;

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
                Ok(Content::Blocks(RawBlocks(blocks)))
            }
        }

        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

/// What the blocks of one member of a body are made with.
pub(crate) struct BlockReader<'s> {
    /// The body.
    pub source: &'s Bytes,
    /// Paths of what no translation reads.
    pub unread: Vec<String>,
    /// Paths of what a translation says as text.
    pub as_text: Vec<String>,
    pub toolsets: &'s Toolsets,
}

impl BlockReader<'_> {
    /// Checks the blocks of one `content` that stands at `path`.
    pub(crate) fn blocks(
        &mut self,
        content: Content<'_>,
        path: &str,
    ) -> Result<Vec<Block>, BadRequest> {
        match content {
            Content::Text(text) => Ok(vec![Block::text(self.shared(text))]),
            Content::Blocks(RawBlocks(raw)) => raw
                .into_iter()
                .enumerate()
                .map(|(index, raw)| self.block(raw, &format!("{path}.{index}")))
                .collect(),
        }
    }

    /// Names members of the object at `path`.
    pub(crate) fn name_unread(&mut self, members: &[(Text<'_>, &RawValue)], path: &str) {
        self.unread.extend(members.iter().map(|(name, _)| format!("{path}.{}", &**name)));
    }

    pub(crate) fn shared(&self, text: Text<'_>) -> ByteString {
        text.into_shared(self.source)
    }

    pub(crate) fn json(&self, raw: &RawValue) -> RawJson {
        RawJson::Text(shared_slice(self.source, raw.get()))
    }

    fn block(&mut self, mut raw: RawBlock<'_>, path: &str) -> Result<Block, BadRequest> {
        let missing = |member: &str| BadRequest::new(format!("{path}.{member}"), "field required");
        let kind = raw.kind.ok_or_else(|| BadRequest::new(path, "missing field `type`"))?;
        let block_kind = kind.clone();
        let extras = BlockExtras {
            cache_control: raw.cache_control.map(|raw| self.json(raw)),
            citations: raw.citations.is_some_and(|raw| !is_empty_list(raw)),
            detail: None,
        };
        let block = match &*kind {
            "text" => {
                let text = raw.text.ok_or_else(|| missing("text"))?;
                Block::Text { text: self.shared(text), extras }
            }
            "image" => Block::Image { source: self.source(raw.source, path)?, extras },
            "document" => Block::Document {
                source: self.source(raw.source, path)?,
                title: raw.title.map(|title| self.shared(title)),
                context: raw.context.map(|context| self.shared(context)),
                extras,
            },
            "search_result" => Block::SearchResult {
                source: self.shared(parse_member(raw.source, path, "source")?),
                title: self.shared(raw.title.ok_or_else(|| missing("title"))?),
                content: self.nested(raw.content, path)?,
                extras,
            },
            "tool_use" => Block::ToolUse {
                id: self.shared(raw.id.ok_or_else(|| missing("id"))?),
                name: self.called(raw.name.ok_or_else(|| missing("name"))?, &mut raw.toolset_name),
                input: self.json(raw.input.ok_or_else(|| missing("input"))?),
                extras,
            },
            "tool_result" => Block::ToolResult {
                tool_use_id: self.shared(raw.tool_use_id.ok_or_else(|| missing("tool_use_id"))?),
                content: self.nested(raw.content, path)?,
                outcome: if raw.is_error == Some(true) {
                    ToolOutcome::Failed
                } else {
                    ToolOutcome::Ok
                },
                extras,
            },
            // a tool that was deferred and is offered now
            "tool_reference" => {
                self.as_text.push(path.to_owned());
                let name: Text<'_> = parse_member(raw.tool_name.take(), path, "tool_name")?;
                Block::Text { text: self.shared(name), extras }
            }
            "thinking" => Block::Thinking {
                text: self.shared(raw.thinking.ok_or_else(|| missing("thinking"))?),
                signature: raw.signature.map(|signature| self.shared(signature)),
            },
            "redacted_thinking" => Block::RedactedThinking,
            known if ANTHROPIC_ONLY.contains(&known) => {
                Block::AnthropicOnly { kind: self.shared(kind) }
            }
            _ => Block::Unknown { kind: self.shared(kind) },
        };
        self.name_unread(&raw.unread, path);
        let left = [raw.toolset_name, raw.tool_name, raw.caller];
        self.name_left(left, &block_kind, path);
        Ok(block)
    }

    /// Names what was not read of a block.
    fn name_left(&mut self, left: [Option<&RawValue>; 3], block_kind: &str, path: &str) {
        let [mut toolset_name, tool_name, caller] = left;
        if block_kind == "tool_result" {
            // by its id it is known which call it answers
            toolset_name = toolset_name.filter(|name| !self.is_toolset(name));
        }
        for (name, left) in [("toolset_name", toolset_name), ("tool_name", tool_name)] {
            if left.is_some() {
                self.unread.push(format!("{path}.{name}"));
            }
        }
        if caller.is_some_and(|caller| !is_direct(caller)) {
            self.unread.push(format!("{path}.caller"));
        }
    }

    /// The name in the typed request of the tool that was called: of one of a toolset another than
    /// the caller's.
    fn called(&self, name: Text<'_>, toolset_name: &mut Option<&RawValue>) -> ByteString {
        let toolset =
            toolset_name.and_then(|name| serde_json::from_str::<Text<'_>>(name.get()).ok());
        match toolset.and_then(|toolset| self.toolsets.flat(&toolset, &name)) {
            Some(flat) => {
                *toolset_name = None;
                flat.clone()
            }
            None => self.shared(name),
        }
    }

    fn is_toolset(&self, name: &RawValue) -> bool {
        let name = serde_json::from_str::<Text<'_>>(name.get());
        name.is_ok_and(|name| self.toolsets.has(&name))
    }

    fn nested(&mut self, content: Option<&RawValue>, path: &str) -> Result<Vec<Block>, BadRequest> {
        match content {
            None => Ok(Vec::new()),
            Some(_) => {
                self.blocks(parse_member(content, path, "content")?, &format!("{path}.content"))
            }
        }
    }

    fn source(&mut self, raw: Option<&RawValue>, path: &str) -> Result<Source, BadRequest> {
        let raw: RawSource<'_> = parse_member(raw, path, "source")?;
        let path = format!("{path}.source");
        let missing = |member: &str| BadRequest::new(format!("{path}.{member}"), "field required");
        let kind = raw.kind.ok_or_else(|| BadRequest::new(&*path, "missing field `type`"))?;
        self.name_unread(&raw.unread, &path);
        match &*kind {
            "base64" => Ok(Source::Base64 {
                media_type: self.shared(raw.media_type.ok_or_else(|| missing("media_type"))?),
                data: self.shared(raw.data.ok_or_else(|| missing("data"))?),
            }),
            "url" => Ok(Source::Url(self.shared(raw.url.ok_or_else(|| missing("url"))?))),
            "text" => Ok(Source::Text(self.shared(raw.data.ok_or_else(|| missing("data"))?))),
            _ => Ok(Source::AnthropicOnly),
        }
    }
}

fn is_empty_list(raw: &RawValue) -> bool {
    raw.get().bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"[]")
}

/// That the model itself called a tool is what everybody takes it for.
fn is_direct(caller: &RawValue) -> bool {
    let caller: Result<serde_json::Value, _> = serde_json::from_str(caller.get());
    caller.is_ok_and(|caller| caller.is_null() || caller["type"] == "direct")
}

fn parse_member<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    path: &str,
    member: &str,
) -> Result<T, BadRequest> {
    let raw = raw.ok_or_else(|| BadRequest::new(format!("{path}.{member}"), "field required"))?;
    crate::codec::parse::parse_body(raw.get().as_bytes()).map_err(|inner| {
        let field = if inner.field == "body" {
            format!("{path}.{member}")
        } else {
            format!("{path}.{member}.{}", inner.field)
        };
        BadRequest { field, message: inner.message }
    })
}
