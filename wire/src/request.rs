//! The language between the dialects for requests: a call as it was parsed, once, from which every
//! provider's request is written. It has what Anthropic's dialect can say, which names the most.
//!
//! Its texts share the memory of the body that they were parsed from.

pub(crate) mod attachments;
pub(crate) mod content;
pub(crate) mod setting;
pub(crate) mod toolsets;

use ainfera_schema::TaskType;
use ainfera_schema::policy::RoutingHint;
use bytestring::ByteString;
use serde::Deserialize;

use crate::codec::raw_json::RawJson;
use crate::error::bad_request::BadRequest;
use crate::request::attachments::Attachments;
use crate::request::content::Block;
use crate::request::setting::Setting;
use crate::request::toolsets::Toolsets;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub model: ByteString,
    /// 0 warms the prompt cache and asks for no answer.
    pub max_tokens: u64,
    pub stream: bool,
    pub system: Vec<Block>,
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    pub stop_sequences: Vec<ByteString>,
    pub temperature: Option<RawJson>,
    pub top_p: Option<RawJson>,
    pub top_k: Option<RawJson>,
    pub thinking: Option<Thinking>,
    pub output_config: Option<OutputConfig>,
    pub user_id: Option<ByteString>,
    /// What only some of the other dialects have.
    pub settings: Vec<Setting>,
    pub extras: RoutingExtras,
    /// Every member of the body, in its order: a translation names those that it does not read.
    pub members: Vec<Member>,
    /// Tools of toolsets, under the names that they have here.
    pub toolsets: Toolsets,
}

/// One member of the body.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: ByteString,
    /// Paths of what stands inside of it and no translation reads.
    pub unread: Vec<String>,
    /// Paths of what a translation says as text.
    pub as_text: Vec<String>,
}

/// What the router itself reads from the body. These members never reach a provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoutingExtras {
    pub hint: RoutingHint,
    pub task_type: Option<TaskType>,
    /// Whose the call is, where the body says it. Its key says so too.
    pub agent: Option<String>,
}

/// Names of the members of [`RoutingExtras`] in the body.
pub(crate) const ROUTING_MEMBERS: [&str; 4] =
    ["routing_hint", "task_type", "routing_preference", "agent_id"];

#[derive(Debug, Clone)]
pub struct Turn {
    pub role: Role,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Assistant,
    /// Instructions in the middle of a conversation.
    System,
}

/// A tool. With a `kind` other than `custom` it is one of Anthropic's own. One that Anthropic runs
/// itself can be taken by Anthropic alone.
#[derive(Debug, Clone, Default)]
pub struct Tool {
    pub runner: ToolRunner,
    pub kind: Option<ByteString>,
    pub name: Option<ByteString>,
    pub description: Option<ByteString>,
    pub input_schema: Option<RawJson>,
    pub strict: Option<bool>,
    pub cache_control: Option<RawJson>,
}

/// Who runs a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolRunner {
    #[default]
    Client,
    /// The vendor that defines it.
    Vendor,
}

impl Tool {
    /// Does the client declare it, schema and all?
    pub fn is_custom(&self) -> bool {
        self.kind.as_ref().is_none_or(|kind| &**kind == "custom")
    }
}

#[derive(Debug, Clone)]
pub struct ToolChoice {
    pub mode: ToolChoiceMode,
    pub disable_parallel: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoiceMode {
    Auto,
    Any,
    None,
    Tool(ByteString),
}

/// `thinking`, as far as other vendors have something like it.
#[derive(Debug, Clone)]
pub struct Thinking {
    pub kind: ByteString,
    pub budget_tokens: Option<u64>,
    /// `omitted`: the caller does not want to see it.
    pub display: Option<ByteString>,
}

#[derive(Debug, Clone, Default)]
pub struct OutputConfig {
    pub effort: Option<ByteString>,
    pub format: Option<RawJson>,
    /// What OpenAI's dialects say of the schema in `format`; nothing where another one said it.
    pub schema_label: Option<SchemaLabel>,
}

/// What stands beside the schema of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaLabel {
    pub name: Option<ByteString>,
    pub description: Option<ByteString>,
    pub strict: Option<bool>,
}

impl Request {
    /// What is wrong with it that can be said without a provider.
    pub fn check(&self) -> Result<(), BadRequest> {
        if self.model.trim().is_empty() {
            return Err(BadRequest::new("model", "must not be empty"));
        }
        for (index, tool) in self.tools.iter().enumerate() {
            check_tool(tool, index)?;
        }
        if let Some(ToolChoiceMode::Tool(name)) =
            self.tool_choice.as_ref().map(|choice| &choice.mode)
            && !self.tools.iter().any(|tool| tool.name.as_ref() == Some(name))
        {
            let message = format!("no tool named `{name}` in tools");
            return Err(BadRequest::new("tool_choice.name", message));
        }
        check_hint(&self.extras.hint)
    }

    /// The names of the tools that are offered.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.tools.iter().filter_map(|tool| tool.name.as_deref())
    }

    pub fn effort(&self) -> Option<&str> {
        self.output_config.as_ref().and_then(|output| output.effort.as_deref())
    }

    /// The path and type of the first block whose type is not known, if any.
    pub fn unknown_block(&self) -> Option<(String, &str)> {
        self.turns.iter().enumerate().find_map(|(turn_index, turn)| {
            turn.blocks.iter().enumerate().find_map(|(index, block)| match block {
                Block::Unknown { kind } => {
                    Some((format!("messages.{turn_index}.content.{index}.type"), &**kind))
                }
                _ => None,
            })
        })
    }

    /// Does the request use something that only Anthropic's own API has?
    pub fn is_anthropic_only(&self) -> bool {
        self.anthropic_only().is_some()
    }

    /// The first thing in it that only Anthropic's own API has, by its field.
    pub fn anthropic_only(&self) -> Option<BadRequest> {
        let said = |path: String, kind: &str| {
            let message = format!("only a provider of Anthropic's own API has `{kind}`");
            BadRequest::new(path, message)
        };
        let tools = self.tools.iter().enumerate();
        let tool = tools.into_iter().find(|(_, tool)| tool.runner == ToolRunner::Vendor);
        if let Some((index, tool)) = tool {
            let kind = tool.kind.as_deref().unwrap_or_default();
            return Some(said(format!("tools.{index}.type"), kind));
        }
        let turns = self.turns.iter().enumerate();
        let turns = turns.map(|(index, turn)| (format!("messages.{index}.content"), &turn.blocks));
        [("system".to_owned(), &self.system)].into_iter().chain(turns).find_map(|(path, blocks)| {
            let (inside, kind) = anthropic_only_in(blocks)?;
            Some(said(format!("{path}.{inside}"), kind))
        })
    }

    /// Calls `visit` with every text that the model will read: the ground for a token estimate.
    pub fn for_each_text(&self, visit: &mut dyn FnMut(&str)) {
        self.system.iter().chain(self.blocks()).for_each(|block| block.for_each_text(visit));
        for tool in &self.tools {
            for text in [&tool.name, &tool.description].into_iter().flatten() {
                visit(text);
            }
            if let Some(schema) = &tool.input_schema {
                visit(&schema.text());
            }
        }
    }

    /// How many calls and results the conversation has.
    pub fn tool_blocks(&self) -> u64 {
        self.blocks()
            .filter(|block| matches!(block, Block::ToolUse { .. } | Block::ToolResult { .. }))
            .count() as u64
    }

    /// Shall the answer cite any document of the conversation?
    pub fn asks_for_citations(&self) -> bool {
        self.blocks()
            .any(|block| matches!(block, Block::Document { extras, .. } if extras.citations))
    }

    /// The images and documents of the conversation.
    pub fn attachments(&self) -> Attachments {
        let mut found = Attachments::default();
        self.blocks().for_each(|block| found.count(block));
        found
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.turns.iter().flat_map(|turn| &turn.blocks)
    }
}

/// Where among blocks the first is that only Anthropic has, and what it is.
fn anthropic_only_in(blocks: &[Block]) -> Option<(String, &str)> {
    blocks.iter().enumerate().find_map(|(index, block)| match block {
        Block::AnthropicOnly { kind } | Block::Unknown { kind } => {
            Some((format!("{index}.type"), &**kind))
        }
        Block::ToolResult { content, .. } | Block::SearchResult { content, .. } => {
            let (inside, kind) = anthropic_only_in(content)?;
            Some((format!("{index}.content.{inside}"), kind))
        }
        block if block.is_anthropic_only() => Some((format!("{index}.source.type"), "this source")),
        _ => None,
    })
}

fn check_tool(tool: &Tool, index: usize) -> Result<(), BadRequest> {
    let path = |member: &str| format!("tools.{index}.{member}");
    if !tool.is_custom() {
        return Ok(());
    }
    let name = tool.name.as_ref().ok_or_else(|| BadRequest::new(path("name"), "field required"))?;
    // what a provider does not take of it is renamed for that provider
    if name.trim().is_empty() {
        return Err(BadRequest::new(path("name"), "must not be empty"));
    }
    let schema = tool
        .input_schema
        .as_ref()
        .ok_or_else(|| BadRequest::new(path("input_schema"), "field required"))?;
    if !schema.is_object() {
        return Err(BadRequest::new(path("input_schema"), "must be an object"));
    }
    Ok(())
}

fn check_hint(hint: &RoutingHint) -> Result<(), BadRequest> {
    use rust_decimal::Decimal;
    if hint.min_quality.is_some_and(|quality| quality < Decimal::ZERO || quality > Decimal::ONE) {
        return Err(BadRequest::new("routing_hint.min_quality", "must be between 0 and 1"));
    }
    if hint.budget_cap_usd.is_some_and(|cap| cap < Decimal::ZERO) {
        return Err(BadRequest::new("routing_hint.budget_cap_usd", "must not be negative"));
    }
    Ok(())
}
