//! `POST /v1/messages`, parsed at the edge: what is wrong is named, what is right borrows from the
//! body.

use ainfera_schema::policy::{RoutingHint, RoutingPreference};
use ainfera_schema::{Attachment, TaskType, Unmeasured};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::attachment;
use crate::client::messages::content::{Block, Content, RawBlock, Source, blocks};
use crate::codec::json::{Text, is_too_deep};
use crate::error::bad_request::{BadRequest, parse_body};

/// A valid request. Unknown members stay in the body and reach an Anthropic provider as they came.
#[derive(Debug)]
pub struct MessagesRequest<'a> {
    pub model: Text<'a>,
    /// 0 warms the prompt cache and asks for no answer.
    pub max_tokens: u64,
    pub stream: bool,
    pub system: Vec<Block<'a>>,
    pub turns: Vec<Turn<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<ToolChoice<'a>>,
    pub stop_sequences: Vec<Text<'a>>,
    pub temperature: Option<&'a RawValue>,
    pub top_p: Option<&'a RawValue>,
    pub top_k: Option<&'a RawValue>,
    pub thinking: Option<Thinking<'a>>,
    pub output_config: Option<OutputConfig<'a>>,
    pub user_id: Option<Text<'a>>,
    pub extras: RoutingExtras,
}

/// What the router itself reads from the body. These members never reach a provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoutingExtras {
    pub hint: RoutingHint,
    pub task_type: Option<TaskType>,
}

/// Names of the members of [`RoutingExtras`] in the body.
pub const ROUTING_MEMBERS: [&str; 3] = ["routing_hint", "task_type", "routing_preference"];

#[derive(Debug)]
pub struct Turn<'a> {
    pub role: Role,
    pub blocks: Vec<Block<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Assistant,
    /// Instructions in the middle of a conversation.
    System,
}

/// A tool. With a `kind` other than `custom` it is one of Anthropic's own and only Anthropic can
/// take it.
#[derive(Debug, Deserialize)]
pub struct Tool<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub description: Option<Text<'a>>,
    #[serde(borrow)]
    pub input_schema: Option<&'a RawValue>,
    pub strict: Option<bool>,
    #[serde(borrow)]
    pub cache_control: Option<&'a RawValue>,
}

impl Tool<'_> {
    pub fn is_custom(&self) -> bool {
        self.kind.as_ref().is_none_or(|kind| &**kind == "custom")
    }
}

#[derive(Debug)]
pub struct ToolChoice<'a> {
    pub mode: ToolChoiceMode<'a>,
    pub disable_parallel: bool,
}

#[derive(Debug)]
pub enum ToolChoiceMode<'a> {
    Auto,
    Any,
    None,
    Tool(Text<'a>),
}

/// `thinking`, as far as other vendors have something like it.
#[derive(Debug, Deserialize)]
pub struct Thinking<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    pub budget_tokens: Option<u64>,
    /// `omitted`: the caller does not want to see it.
    #[serde(borrow)]
    pub display: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub struct OutputConfig<'a> {
    #[serde(borrow)]
    pub effort: Option<Text<'a>>,
    #[serde(borrow)]
    pub format: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    max_tokens: Option<u64>,
    #[serde(borrow)]
    messages: Option<Vec<RawTurn<'a>>>,
    #[serde(borrow)]
    system: Option<Content<'a, RawBlock<'a>>>,
    stream: Option<bool>,
    #[serde(borrow)]
    tools: Option<Vec<Tool<'a>>>,
    #[serde(borrow)]
    tool_choice: Option<RawToolChoice<'a>>,
    #[serde(borrow)]
    stop_sequences: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    temperature: Option<&'a RawValue>,
    #[serde(borrow)]
    top_p: Option<&'a RawValue>,
    #[serde(borrow)]
    top_k: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<Thinking<'a>>,
    #[serde(borrow)]
    output_config: Option<OutputConfig<'a>>,
    #[serde(borrow)]
    metadata: Option<RawMetadata<'a>>,
    routing_hint: Option<RoutingHint>,
    task_type: Option<TaskType>,
    routing_preference: Option<RoutingPreference>,
}

#[derive(Deserialize)]
struct RawTurn<'a> {
    role: Role,
    #[serde(borrow)]
    content: Option<Content<'a, RawBlock<'a>>>,
}

#[derive(Deserialize)]
struct RawToolChoice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
struct RawMetadata<'a> {
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
}

impl<'a> MessagesRequest<'a> {
    /// Parses and checks a body.
    pub fn parse(body: &'a [u8]) -> Result<Self, BadRequest> {
        if is_too_deep(body) {
            return Err(BadRequest::new(
                "body",
                format!("nested deeper than {} levels", crate::codec::json::MAX_DEPTH),
            ));
        }
        let raw: RawRequest<'a> = parse_body(body)?;
        let required = |field: &str| BadRequest::new(field, "field required");
        let model = raw.model.ok_or_else(|| required("model"))?;
        if model.trim().is_empty() {
            return Err(BadRequest::new("model", "must not be empty"));
        }
        let max_tokens = raw.max_tokens.ok_or_else(|| required("max_tokens"))?;
        let raw_turns = raw.messages.ok_or_else(|| required("messages"))?;
        if raw_turns.is_empty() {
            return Err(BadRequest::new("messages", "at least one message is required"));
        }
        let turns = raw_turns
            .into_iter()
            .enumerate()
            .map(|(index, raw)| turn(raw, index))
            .collect::<Result<_, _>>()?;
        let tools = raw.tools.unwrap_or_default();
        for (index, tool) in tools.iter().enumerate() {
            check_tool(tool, index)?;
        }
        let mut hint = raw.routing_hint.unwrap_or_default();
        hint.routing_preference = hint.routing_preference.or(raw.routing_preference);
        check_hint(&hint)?;
        Ok(Self {
            model,
            max_tokens,
            stream: raw.stream.unwrap_or(false),
            system: raw
                .system
                .map_or_else(|| Ok(Vec::new()), |content| blocks(content, "system"))?,
            turns,
            tool_choice: raw.tool_choice.map(|raw| tool_choice(raw, &tools)).transpose()?,
            tools,
            stop_sequences: raw.stop_sequences.unwrap_or_default(),
            temperature: raw.temperature,
            top_p: raw.top_p,
            top_k: raw.top_k,
            thinking: raw.thinking,
            output_config: raw.output_config,
            user_id: raw.metadata.and_then(|metadata| metadata.user_id),
            extras: RoutingExtras { hint, task_type: raw.task_type },
        })
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
        let blocks = self.system.iter().chain(self.turns.iter().flat_map(|turn| &turn.blocks));
        self.tools.iter().any(|tool| !tool.is_custom())
            || blocks.into_iter().any(block_is_anthropic_only)
    }

    /// Calls `visit` with every text that the model will read: the ground for a token estimate.
    pub fn for_each_text(&self, visit: &mut dyn FnMut(&str)) {
        for block in self.system.iter().chain(self.turns.iter().flat_map(|turn| &turn.blocks)) {
            visit_block(block, visit);
        }
        for tool in &self.tools {
            for text in [&tool.name, &tool.description].into_iter().flatten() {
                visit(text);
            }
            if let Some(schema) = tool.input_schema {
                visit(schema.get());
            }
        }
    }

    /// How many calls and results the conversation has.
    pub fn tool_blocks(&self) -> u64 {
        let blocks = self.turns.iter().flat_map(|turn| &turn.blocks);
        blocks
            .filter(|block| matches!(block, Block::ToolUse { .. } | Block::ToolResult { .. }))
            .count() as u64
    }

    /// Shall the answer cite any document of the conversation?
    pub fn asks_for_citations(&self) -> bool {
        let mut blocks = self.turns.iter().flat_map(|turn| &turn.blocks);
        blocks.any(|block| matches!(block, Block::Document { extras, .. } if extras.citations))
    }

    /// The images and documents of the conversation, and how many bytes of the body their data is.
    pub fn attachments(&self) -> Attachments {
        let mut found = Attachments::default();
        self.turns.iter().flat_map(|turn| &turn.blocks).for_each(|block| found.count(block));
        found
    }
}

/// What costs tokens that no text shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachments {
    pub found: Vec<Attachment>,
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
    fn count(&mut self, block: &Block<'_>) {
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

fn turn(raw: RawTurn<'_>, index: usize) -> Result<Turn<'_>, BadRequest> {
    let path = format!("messages.{index}.content");
    let content = raw.content.ok_or_else(|| BadRequest::new(path.as_str(), "field required"))?;
    Ok(Turn { role: raw.role, blocks: blocks(content, &path)? })
}

fn check_tool(tool: &Tool<'_>, index: usize) -> Result<(), BadRequest> {
    let path = |member: &str| format!("tools.{index}.{member}");
    if !tool.is_custom() {
        return Ok(());
    }
    let name = tool.name.as_ref().ok_or_else(|| BadRequest::new(path("name"), "field required"))?;
    let legal = (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !legal {
        return Err(BadRequest::new(path("name"), "must match ^[a-zA-Z0-9_-]{1,128}$"));
    }
    let schema =
        tool.input_schema.ok_or_else(|| BadRequest::new(path("input_schema"), "field required"))?;
    if !schema.get().starts_with('{') {
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

fn tool_choice<'a>(
    raw: RawToolChoice<'a>,
    tools: &[Tool<'a>],
) -> Result<ToolChoice<'a>, BadRequest> {
    let mode = match &*raw.kind {
        "auto" => ToolChoiceMode::Auto,
        "any" => ToolChoiceMode::Any,
        "none" => ToolChoiceMode::None,
        "tool" => {
            let name =
                raw.name.ok_or_else(|| BadRequest::new("tool_choice.name", "field required"))?;
            if !tools.iter().any(|tool| tool.name.as_ref().is_some_and(|known| **known == *name)) {
                return Err(BadRequest::new(
                    "tool_choice.name",
                    format!("no tool named `{}` in tools", &*name),
                ));
            }
            ToolChoiceMode::Tool(name)
        }
        _ => {
            return Err(BadRequest::new(
                "tool_choice.type",
                "must be one of auto, any, tool, none",
            ));
        }
    };
    Ok(ToolChoice { mode, disable_parallel: raw.disable_parallel_tool_use.unwrap_or(false) })
}

fn block_is_anthropic_only(block: &Block<'_>) -> bool {
    match block {
        Block::AnthropicOnly { .. } | Block::Unknown { .. } => true,
        Block::Image { source, .. } | Block::Document { source, .. } => {
            matches!(source, Source::AnthropicOnly)
        }
        Block::ToolResult { content, .. } | Block::SearchResult { content, .. } => {
            content.iter().any(block_is_anthropic_only)
        }
        Block::Text { .. }
        | Block::ToolUse { .. }
        | Block::Thinking { .. }
        | Block::RedactedThinking => false,
    }
}

fn visit_block(block: &Block<'_>, visit: &mut dyn FnMut(&str)) {
    match block {
        Block::Text { text, .. } | Block::Thinking { text, .. } => visit(text),
        Block::ToolUse { name, input, .. } => {
            visit(name);
            visit(input.get());
        }
        Block::ToolResult { content, .. } => {
            content.iter().for_each(|block| visit_block(block, visit))
        }
        Block::SearchResult { title, content, .. } => {
            visit(title);
            content.iter().for_each(|block| visit_block(block, visit));
        }
        Block::Document { source: Source::Text(text), .. } => visit(text),
        Block::Image { .. }
        | Block::Document { .. }
        | Block::RedactedThinking
        | Block::AnthropicOnly { .. }
        | Block::Unknown { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        MessagesRequest::parse(body.as_bytes()).unwrap_err().to_string()
    }

    fn with(members: &str) -> String {
        format!(
            r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":"hi"}}]{members}}}"#
        )
    }

    #[test]
    fn each_mistake_names_its_field() {
        for (body, expected) in [
            (r#"{"max_tokens":5,"messages":[]}"#.to_owned(), "model: field required"),
            (r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#.to_owned(), "max_tokens: field required"),
            (r#"{"model":"m","max_tokens":5}"#.to_owned(), "messages: field required"),
            (r#"{"model":"m","max_tokens":5,"messages":[]}"#.to_owned(), "messages: at least one message is required"),
            (r#"{"model":"m","max_tokens":"5","messages":[]}"#.to_owned(), "max_tokens: invalid type: string \"5\", expected u64"),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":7}]}"#.to_owned(),
                "messages.0.content: invalid type: integer `7`, expected a string or an array of blocks",
            ),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"bot","content":"x"}]}"#.to_owned(),
                "messages.0.role: unknown variant `bot`, expected one of `user`, `assistant`, `system`",
            ),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#.to_owned(),
                "messages.0.content.0.tool_use_id: field required",
            ),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url"}}]}]}"#
                    .to_owned(),
                "messages.0.content.0.source.url: field required",
            ),
            (with(r#","tools":[{"name":"bad name","input_schema":{}}]"#), "tools.0.name: must match ^[a-zA-Z0-9_-]{1,128}$"),
            (with(r#","tools":[{"name":"f"}]"#), "tools.0.input_schema: field required"),
            (with(r#","tool_choice":{"type":"tool","name":"f"}"#), "tool_choice.name: no tool named `f` in tools"),
            (with(r#","tool_choice":{"type":"some"}"#), "tool_choice.type: must be one of auto, any, tool, none"),
            (with(r#","routing_hint":{"min_quality":"1.5"}"#), "routing_hint.min_quality: must be between 0 and 1"),
        ] {
            assert_eq!(refused(&body), expected, "{body}");
        }
        assert!(refused("{\"model\":").starts_with("body: invalid JSON"));
        assert!(refused(&with("}")).starts_with("body: invalid JSON"));
        assert!(
            refused(&with(r#","task_type":"poetry""#))
                .starts_with("task_type: unknown variant `poetry`")
        );
        assert_eq!(
            refused(&with(&format!(",\"x\":{}{}", "[".repeat(200), "]".repeat(200)))),
            "body: nested deeper than 100 levels"
        );
    }

    #[test]
    fn an_unknown_block_is_found_by_its_path() {
        let body = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"hologram"}]}]}"#;
        let request = MessagesRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(
            request.unknown_block(),
            Some(("messages.0.content.1.type".to_owned(), "hologram"))
        );
        assert!(request.is_anthropic_only());
    }

    #[test]
    fn routing_members_are_read() {
        let body = with(
            r#","task_type":"code","routing_preference":"cost","routing_hint":{"quality_floor":"frontier","budget_cap_usd":"0.5"}"#,
        );
        let extras = MessagesRequest::parse(body.as_bytes()).unwrap().extras;
        assert_eq!(extras.task_type, Some(TaskType::Code));
        assert_eq!(extras.hint.routing_preference, Some(RoutingPreference::Cost));
        assert_eq!(extras.hint.budget_cap_usd.unwrap().to_string(), "0.5");
    }
}
