//! The typed request as a body of Anthropic's dialect: for calls that came in another one.

use serde_json::{Map, Value, json};

use crate::codec::json::object;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Coercions};
use crate::error::bad_request::BadRequest;
use crate::provider::anthropic::models::Claude;
use crate::provider::lossy::instructions_of_the_user;
use crate::request::content::{Block, BlockExtras, Source, ToolOutcome};
use crate::request::{Request, Role, Thinking, Tool, ToolChoice, ToolChoiceMode, Turn};

/// The body for a model of this name, always streamed.
pub fn form(
    request: &Request,
    upstream_name: &str,
    coercions: &mut Coercions,
) -> Result<Map<String, Value>, BadRequest> {
    let mut form = Map::new();
    let mut set = |name: &str, value: Value| {
        form.insert(name.to_owned(), value);
    };
    set("model", json!(upstream_name));
    set("max_tokens", json!(request.max_tokens));
    if !request.system.is_empty() {
        set("system", blocks(&request.system, "system")?);
    }
    set("messages", messages(&request.turns, upstream_name, coercions)?);
    if !request.tools.is_empty() {
        let tools = request.tools.iter().enumerate().map(|(index, one)| tool(one, index));
        set("tools", tools.collect::<Result<_, _>>()?);
    }
    if let Some(choice) = &request.tool_choice {
        set("tool_choice", tool_choice(choice));
    }
    let sampling = [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("top_k", &request.top_k),
    ];
    for (name, value) in sampling {
        if let Some(value) = value {
            set(name, value.value(name)?);
        }
    }
    if !request.stop_sequences.is_empty() {
        let sequences = request.stop_sequences.iter().map(|sequence| json!(&**sequence));
        set("stop_sequences", sequences.collect());
    }
    if let Some(asked) = &request.thinking {
        set("thinking", thinking(asked));
    }
    if let Some(output) = &request.output_config {
        let mut members = Map::new();
        if let Some(effort) = &output.effort {
            members.insert("effort".to_owned(), json!(&**effort));
        }
        if let Some(format) = &output.format {
            members.insert("format".to_owned(), format.value("output_config.format")?);
        }
        set("output_config", Value::Object(members));
    }
    if let Some(user_id) = &request.user_id {
        set("metadata", json!({"user_id": &**user_id}));
    }
    set("stream", json!(true));
    Ok(form)
}

fn messages(
    turns: &[Turn],
    upstream_name: &str,
    coercions: &mut Coercions,
) -> Result<Value, BadRequest> {
    let claude = Claude::named(upstream_name);
    let takes_instructions = claude.is_some_and(Claude::takes_instructions_midway);
    let mut messages = Vec::with_capacity(turns.len());
    for (index, turn) in turns.iter().enumerate() {
        let path = format!("messages.{index}.content");
        let (role, content) = match turn.role {
            Role::User => ("user", blocks(&turn.blocks, &path)?),
            Role::Assistant => ("assistant", blocks(&turn.blocks, &path)?),
            Role::System if takes_instructions && may_be_system(turns, index) => {
                ("system", blocks(&turn.blocks, &path)?)
            }
            Role::System => {
                coercions.add(format!("messages.{index}.role"), Change::Moved("user message"));
                ("user", said_by_the_user(turn, &path)?)
            }
        };
        messages.push(object([("role", json!(role)), ("content", content)]));
    }
    Ok(Value::Array(messages))
}

/// Instructions follow the user, and nobody but the assistant follows them. Source:
/// platform.claude.com, mid-conversation system messages, read on 2026-11-30.
fn may_be_system(turns: &[Turn], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| turns.get(before));
    before.is_some_and(|turn| turn.role == Role::User)
        && turns.get(index + 1).is_none_or(|turn| turn.role == Role::Assistant)
}

/// Each text with the mark of instructions.
fn said_by_the_user(turn: &Turn, path: &str) -> Result<Value, BadRequest> {
    let mut said = blocks(&turn.blocks, path)?;
    let texts = said.as_array_mut().into_iter().flatten();
    for text in texts.filter_map(|block| block.get_mut("text")) {
        let marked = instructions_of_the_user(text.as_str().unwrap_or_default());
        *text = marked.into();
    }
    Ok(said)
}

fn blocks(blocks: &[Block], path: &str) -> Result<Value, BadRequest> {
    blocks.iter().enumerate().map(|(index, one)| block(one, &format!("{path}.{index}"))).collect()
}

fn block(block: &Block, path: &str) -> Result<Value, BadRequest> {
    let none = &BlockExtras::default();
    let (mut said, extras) = match block {
        Block::Text { text, extras } => {
            (object([("type", json!("text")), ("text", json!(&**text))]), extras)
        }
        Block::Image { source: from, extras } => {
            (object([("type", json!("image")), ("source", source(from, path)?)]), extras)
        }
        Block::Document { source: from, title, context, extras } => {
            let mut said = object([("type", json!("document")), ("source", source(from, path)?)]);
            for (name, text) in [("title", title), ("context", context)] {
                if let Some(text) = text {
                    said[name] = json!(&**text);
                }
            }
            (said, extras)
        }
        Block::SearchResult { source, title, content, extras } => {
            let content = blocks(content, &format!("{path}.content"))?;
            let (source, title) = (json!(&**source), json!(&**title));
            let said = [("source", source), ("title", title), ("content", content)];
            (object([("type", json!("search_result"))].into_iter().chain(said)), extras)
        }
        Block::ToolUse { id, name, input, extras } => {
            let input = input.value(&format!("{path}.input"))?;
            let said = [("id", json!(&**id)), ("name", json!(&**name)), ("input", input)];
            (object([("type", json!("tool_use"))].into_iter().chain(said)), extras)
        }
        Block::ToolResult { tool_use_id, content, outcome, extras } => {
            let content = blocks(content, &format!("{path}.content"))?;
            let said = [("tool_use_id", json!(&**tool_use_id)), ("content", content)];
            let mut said = object([("type", json!("tool_result"))].into_iter().chain(said));
            if *outcome == ToolOutcome::Failed {
                said["is_error"] = json!(true);
            }
            (said, extras)
        }
        Block::Thinking { text, signature } => {
            let mut said = object([("type", json!("thinking")), ("thinking", json!(&**text))]);
            if let Some(signature) = signature {
                said["signature"] = json!(&**signature);
            }
            (said, none)
        }
        Block::RedactedThinking | Block::AnthropicOnly { .. } | Block::Unknown { .. } => {
            return Err(BadRequest::new(path, "only Anthropic's own dialect has this block"));
        }
    };
    mark(&mut said, extras.cache_control.as_ref(), path)?;
    Ok(said)
}

fn source(source: &Source, path: &str) -> Result<Value, BadRequest> {
    Ok(match source {
        Source::Base64 { media_type, data } => object([
            ("type", json!("base64")),
            ("media_type", json!(&**media_type)),
            ("data", json!(&**data)),
        ]),
        Source::Url(url) => object([("type", json!("url")), ("url", json!(&**url))]),
        Source::Text(text) => object([
            ("type", json!("text")),
            ("media_type", json!("text/plain")),
            ("data", json!(&**text)),
        ]),
        Source::AnthropicOnly => {
            let message = "only Anthropic's own dialect has this source";
            return Err(BadRequest::new(format!("{path}.source"), message));
        }
    })
}

fn tool(tool: &Tool, index: usize) -> Result<Value, BadRequest> {
    let path = format!("tools.{index}");
    let mut said = Map::new();
    for (name, text) in [("type", &tool.kind), ("name", &tool.name)] {
        if let Some(text) = text {
            said.insert(name.to_owned(), json!(&**text));
        }
    }
    if let Some(schema) = &tool.input_schema {
        said.insert("input_schema".to_owned(), schema.value(&format!("{path}.input_schema"))?);
    }
    if let Some(description) = &tool.description {
        said.insert("description".to_owned(), json!(&**description));
    }
    if let Some(strict) = tool.strict {
        said.insert("strict".to_owned(), json!(strict));
    }
    let mut said = Value::Object(said);
    mark(&mut said, tool.cache_control.as_ref(), &path)?;
    Ok(said)
}

/// Where the prompt may be cached.
fn mark(said: &mut Value, control: Option<&RawJson>, path: &str) -> Result<(), BadRequest> {
    if let Some(control) = control {
        said["cache_control"] = control.value(&format!("{path}.cache_control"))?;
    }
    Ok(())
}

fn tool_choice(choice: &ToolChoice) -> Value {
    let mut said = match &choice.mode {
        ToolChoiceMode::Auto => json!({"type": "auto"}),
        ToolChoiceMode::Any => json!({"type": "any"}),
        ToolChoiceMode::None => json!({"type": "none"}),
        ToolChoiceMode::Tool(name) => json!({"type": "tool", "name": &**name}),
    };
    if choice.disable_parallel {
        said["disable_parallel_tool_use"] = json!(true);
    }
    said
}

fn thinking(thinking: &Thinking) -> Value {
    let mut said = json!({"type": &*thinking.kind});
    if let Some(budget) = thinking.budget_tokens {
        said["budget_tokens"] = json!(budget);
    }
    if let Some(display) = &thinking.display {
        said["display"] = json!(&**display);
    }
    said
}
