//! An Anthropic request said in Chat Completions. What cannot be said is named as a coercion.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::profile::{ChatProfile, StreamUsage};
use crate::anthropic::content::{Block, BlockExtras, Source, ToolOutcome};
use crate::anthropic::request::{MessagesRequest, ROUTING_MEMBERS, Role, ToolChoiceMode, Turn};
use crate::bad_request::BadRequest;
use crate::coercion::{Change, Coercions, Reason};
use crate::json::Members;

/// Members that this translation reads; any other member of the body is named as dropped.
const TRANSLATED: [&str; 14] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "tools",
    "tool_choice",
    "stop_sequences",
    "temperature",
    "top_p",
    "thinking",
    "output_config",
    "metadata",
    "cache_control",
];

/// The body for a Chat Completions provider, and what was lost on the way.
pub fn request_body(body: &[u8], upstream_name: &str, profile: &ChatProfile) -> Result<(Bytes, Coercions), BadRequest> {
    let request = MessagesRequest::parse(body)?;
    let mut coercions = Coercions::default();
    name_untranslated(body, &mut coercions)?;
    let mut chat = Map::new();
    chat.insert("model".to_owned(), json!(upstream_name));
    chat.insert("messages".to_owned(), Value::Array(messages(&request, &mut coercions)?));
    chat.insert(profile.token_limit_field.to_owned(), json!(request.max_tokens));
    if profile.token_limit_field != "max_tokens" {
        coercions.add("max_tokens", Change::Renamed(profile.token_limit_field.to_owned()));
    }
    chat.insert("stream".to_owned(), json!(true));
    if profile.stream_usage == StreamUsage::AskFor {
        chat.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    for (name, value) in [("temperature", request.temperature), ("top_p", request.top_p)] {
        if let Some(value) = value {
            chat.insert(name.to_owned(), parsed(value.get(), name)?);
        }
    }
    stop(&request, profile, &mut chat, &mut coercions);
    tools(&request, profile, &mut chat, &mut coercions)?;
    reasoning(&request, &mut chat, &mut coercions)?;
    if let Some(user_id) = &request.user_id {
        chat.insert("user".to_owned(), json!(&**user_id));
        coercions.add("metadata.user_id", Change::Renamed("user".to_owned()));
    }
    let body = serde_json::to_vec(&Value::Object(chat)).map_err(|error| BadRequest::new("body", error.to_string()))?;
    Ok((Bytes::from(body), coercions))
}

fn name_untranslated(body: &[u8], coercions: &mut Coercions) -> Result<(), BadRequest> {
    let members = Members::parse(body).map_err(|error| BadRequest::new("body", error.to_string()))?;
    for (key, _) in &members.0 {
        let key: &str = key;
        if key == "cache_control" || !(TRANSLATED.contains(&key) || ROUTING_MEMBERS.contains(&key)) {
            coercions.add(key, Change::Dropped(Reason::NoEquivalent));
        }
    }
    Ok(())
}

fn parsed(json: &str, field: &str) -> Result<Value, BadRequest> {
    serde_json::from_str(json).map_err(|error| BadRequest::new(field, error.to_string()))
}

fn messages(request: &MessagesRequest<'_>, coercions: &mut Coercions) -> Result<Vec<Value>, BadRequest> {
    let mut messages = Vec::with_capacity(request.turns.len() + 1);
    let system = joined_text(&request.system, "system", coercions);
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    for (index, turn) in request.turns.iter().enumerate() {
        let path = format!("messages.{index}.content");
        match turn.role {
            Role::System => messages.push(json!({"role": "system", "content": joined_text(&turn.blocks, &path, coercions)})),
            Role::Assistant => messages.push(assistant(turn, &path, coercions)?),
            Role::User => user(turn, &path, coercions, &mut messages),
        }
    }
    Ok(messages)
}

/// Text blocks of a place that takes nothing else.
fn joined_text(blocks: &[Block<'_>], path: &str, coercions: &mut Coercions) -> String {
    let mut texts = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.iter().enumerate() {
        match block {
            Block::Text { text, extras } => {
                name_extras(*extras, &format!("{path}.{index}"), coercions);
                texts.push(&**text);
            }
            _ => coercions.add(format!("{path}.{index}"), Change::Dropped(Reason::NoEquivalent)),
        }
    }
    texts.join("\n\n")
}

fn name_extras(extras: BlockExtras, path: &str, coercions: &mut Coercions) {
    if extras.cache_control {
        coercions.add(format!("{path}.cache_control"), Change::Dropped(Reason::NoEquivalent));
    }
    if extras.citations {
        coercions.add(format!("{path}.citations"), Change::Dropped(Reason::NoEquivalent));
    }
}

/// One message: its text, or null, and its calls in order.
fn assistant(turn: &Turn<'_>, path: &str, coercions: &mut Coercions) -> Result<Value, BadRequest> {
    let mut text = String::new();
    let mut calls = Vec::new();
    for (index, block) in turn.blocks.iter().enumerate() {
        let path = format!("{path}.{index}");
        match block {
            Block::Text { text: piece, extras } => {
                name_extras(*extras, &path, coercions);
                text.push_str(piece);
            }
            Block::ToolUse { id, name, input, extras } => {
                name_extras(*extras, &path, coercions);
                // compact: the same value, whatever spaces the client wrote
                let arguments = parsed(input.get(), &format!("{path}.input"))?.to_string();
                calls.push(json!({"id": &**id, "type": "function", "function": {"name": &**name, "arguments": arguments}}));
            }
            _ => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
        }
    }
    let content = if text.is_empty() { Value::Null } else { Value::String(text) };
    let mut message = json!({"role": "assistant", "content": content});
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    Ok(message)
}

/// Tool results first, each a message of its own; then what the user said, with images that a tool message cannot carry.
fn user(turn: &Turn<'_>, path: &str, coercions: &mut Coercions, messages: &mut Vec<Value>) {
    let mut parts = Vec::new();
    for (index, block) in turn.blocks.iter().enumerate() {
        let path = format!("{path}.{index}");
        match block {
            Block::ToolResult { tool_use_id, content, outcome, extras } => {
                name_extras(*extras, &path, coercions);
                let mut texts = Vec::new();
                for (inner, block) in content.iter().enumerate() {
                    let path = format!("{path}.content.{inner}");
                    match block {
                        Block::Text { text, .. } => texts.push(text.to_string()),
                        _ => match part(block, &path, coercions) {
                            Some(moved) => {
                                coercions.add(path, Change::Moved("user message"));
                                parts.push(json!({"type": "text", "text": format!("Attachment of tool result {}:", &**tool_use_id)}));
                                parts.push(moved);
                            }
                            None => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
                        },
                    }
                }
                let mut text = texts.join("\n");
                if *outcome == ToolOutcome::Failed {
                    coercions.add(format!("{path}.is_error"), Change::Moved("text"));
                    text.insert_str(0, "Error: ");
                }
                messages.push(json!({"role": "tool", "tool_call_id": &**tool_use_id, "content": text}));
            }
            block => match part(block, &path, coercions) {
                Some(part) => parts.push(part),
                None => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
            },
        }
    }
    match parts.as_slice() {
        [] => {}
        // plain text is what every vendor takes
        [only] if only["type"] == "text" => messages.push(json!({"role": "user", "content": only["text"]})),
        _ => messages.push(json!({"role": "user", "content": parts})),
    }
}

fn part(block: &Block<'_>, path: &str, coercions: &mut Coercions) -> Option<Value> {
    match block {
        Block::Text { text, extras } => {
            name_extras(*extras, path, coercions);
            (!text.is_empty()).then(|| json!({"type": "text", "text": &**text}))
        }
        Block::Image { source, extras } => {
            name_extras(*extras, path, coercions);
            let url = match source {
                Source::Base64 { media_type, data } => format!("data:{};base64,{}", &**media_type, &**data),
                Source::Url(url) => url.to_string(),
                Source::Text(_) | Source::AnthropicOnly => return None,
            };
            Some(json!({"type": "image_url", "image_url": {"url": url}}))
        }
        Block::Document { source, title, context, extras } => {
            name_extras(*extras, path, coercions);
            if context.is_some() {
                coercions.add(format!("{path}.context"), Change::Dropped(Reason::NoEquivalent));
            }
            let title = title.as_deref().unwrap_or("document");
            match source {
                Source::Text(text) => {
                    coercions.add(path, Change::Moved("text"));
                    Some(json!({"type": "text", "text": format!("{title}:\n{}", &**text)}))
                }
                Source::Base64 { media_type, data } => {
                    let file_data = format!("data:{};base64,{}", &**media_type, &**data);
                    Some(json!({"type": "file", "file": {"filename": title, "file_data": file_data}}))
                }
                Source::Url(_) | Source::AnthropicOnly => None,
            }
        }
        Block::SearchResult { source, title, content, extras } => {
            name_extras(*extras, path, coercions);
            coercions.add(path, Change::Moved("text"));
            let body = joined_text(content, path, coercions);
            Some(json!({"type": "text", "text": format!("{} ({})\n{body}", &**title, &**source)}))
        }
        _ => None,
    }
}

fn stop(request: &MessagesRequest<'_>, profile: &ChatProfile, chat: &mut Map<String, Value>, coercions: &mut Coercions) {
    let sequences: Vec<&str> = request.stop_sequences.iter().map(|sequence| &**sequence).collect();
    if sequences.is_empty() {
        return;
    }
    let taken = sequences.len().min(profile.max_stop_sequences);
    if taken < sequences.len() {
        coercions.add("stop_sequences", Change::Clamped(format!("first {taken}")));
    }
    chat.insert("stop".to_owned(), json!(sequences[..taken]));
    coercions.add("stop_sequences", Change::Renamed("stop".to_owned()));
}

fn tools(
    request: &MessagesRequest<'_>,
    profile: &ChatProfile,
    chat: &mut Map<String, Value>,
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    if request.tools.is_empty() {
        return Ok(());
    }
    let mut functions = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        let (Some(name), Some(schema)) = (&tool.name, tool.input_schema) else {
            return Err(BadRequest::new(format!("tools.{index}.type"), "only Anthropic's own API has this tool"));
        };
        let mut function = json!({"name": &**name, "parameters": parsed(schema.get(), &format!("tools.{index}.input_schema"))?});
        if let Some(description) = &tool.description {
            function["description"] = json!(&**description);
        }
        if let Some(strict) = tool.strict {
            function["strict"] = json!(strict);
        }
        if tool.cache_control.is_some() {
            coercions.add(format!("tools.{index}.cache_control"), Change::Dropped(Reason::NoEquivalent));
        }
        functions.push(json!({"type": "function", "function": function}));
    }
    chat.insert("tools".to_owned(), Value::Array(functions));
    if let Some(choice) = &request.tool_choice {
        let word = match &choice.mode {
            ToolChoiceMode::Auto => json!("auto"),
            ToolChoiceMode::Any => json!(profile.any_tool),
            ToolChoiceMode::None => json!("none"),
            ToolChoiceMode::Tool(name) => json!({"type": "function", "function": {"name": &**name}}),
        };
        chat.insert("tool_choice".to_owned(), word);
        if choice.disable_parallel {
            chat.insert("parallel_tool_calls".to_owned(), json!(false));
        }
    }
    Ok(())
}

/// `thinking` and `output_config` become an effort and a response format, as near as they come.
fn reasoning(request: &MessagesRequest<'_>, chat: &mut Map<String, Value>, coercions: &mut Coercions) -> Result<(), BadRequest> {
    if request.thinking.is_some() {
        coercions.add("thinking", Change::Dropped(Reason::NoEquivalent));
    }
    let Some(output) = &request.output_config else { return Ok(()) };
    if let Some(effort) = &output.effort {
        let word = if matches!(&**effort, "xhigh" | "max") { "high" } else { effort };
        chat.insert("reasoning_effort".to_owned(), json!(word));
        coercions.add("output_config.effort", Change::Renamed("reasoning_effort".to_owned()));
    }
    if let Some(format) = output.format {
        let format = parsed(format.get(), "output_config.format")?;
        let schema = format.get("schema").cloned().unwrap_or_else(|| json!({}));
        chat.insert(
            "response_format".to_owned(),
            json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}}),
        );
        coercions.add("output_config.format", Change::Renamed("response_format".to_owned()));
    }
    Ok(())
}
