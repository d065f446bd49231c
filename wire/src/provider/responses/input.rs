//! The turns of an Anthropic request as input items. Order survives: what the dialect of chat
//! messages has to take apart stands here in one list.

use serde_json::{Value, json};

use crate::codec::json::object;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::provider::lossy::{joined_text, report_extras};
use crate::provider::tool_names::ToolNames;
use crate::request::content::{Block, Source, ToolOutcome};
use crate::request::{Request, Role, Turn};
use crate::signature::{self, Issuer};

/// A longer one is refused.
pub const LONGEST_TOOL_NAME: usize = 64;

/// Every turn, one item after the other.
pub fn items(
    request: &Request,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Result<Vec<Value>, BadRequest> {
    let mut items = Vec::with_capacity(request.turns.len() + 1);
    for (index, turn) in request.turns.iter().enumerate() {
        let path = format!("messages.{index}.content");
        match turn.role {
            Role::System => {
                let text = joined_text(&turn.blocks, &path, coercions);
                items.push(json!({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]}));
            }
            Role::Assistant => assistant(turn, &path, tool_names, coercions, &mut items)?,
            Role::User => user(turn, &path, coercions, &mut items),
        }
    }
    Ok(items)
}

fn assistant(
    turn: &Turn,
    path: &str,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
    items: &mut Vec<Value>,
) -> Result<(), BadRequest> {
    for (index, block) in turn.blocks.iter().enumerate() {
        let path = format!("{path}.{index}");
        match block {
            Block::Text { text, extras } => {
                report_extras(extras, &path, coercions);
                if text.is_empty() {
                    coercions.add(path, Change::Dropped(Reason::Empty));
                } else {
                    say(items, "assistant", json!({"type": "output_text", "text": &**text}));
                }
            }
            Block::ToolUse { id, name, input, extras } => {
                report_extras(extras, &path, coercions);
                // compact: the same value, whatever spaces the client wrote
                let arguments = input.compact(&format!("{path}.input"))?;
                let name = tool_names.sent(name, LONGEST_TOOL_NAME);
                items.push(object([
                    ("type", json!("function_call")),
                    ("call_id", json!(&**id)),
                    ("name", name.into()),
                    ("arguments", arguments.into()),
                ]));
            }
            Block::Thinking { text, signature } => match signature.as_deref().and_then(encrypted) {
                Some(encrypted) => items.push(reasoning(text, encrypted)),
                None => coercions.add(path, Change::Dropped(Reason::Issuer)),
            },
            Block::RedactedThinking => coercions.add(path, Change::Dropped(Reason::Issuer)),
            _ => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
        }
    }
    Ok(())
}

/// The encrypted content of a reasoning item that this dialect made.
fn encrypted(signature: &str) -> Option<&str> {
    match signature::read(signature) {
        (Issuer::Responses, encrypted) => Some(encrypted),
        (
            Issuer::Anthropic
            | Issuer::Gemini
            | Issuer::Deepseek
            | Issuer::Xai
            | Issuer::Together
            | Issuer::Chat,
            _,
        ) => None,
    }
}

/// Without its id: where nothing is stored it stands for nothing.
fn reasoning(text: &str, encrypted: &str) -> Value {
    let summary =
        if text.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": text}]) };
    json!({"type": "reasoning", "summary": summary, "encrypted_content": encrypted})
}

fn user(turn: &Turn, path: &str, coercions: &mut Coercions, items: &mut Vec<Value>) {
    for (index, block) in turn.blocks.iter().enumerate() {
        let path = format!("{path}.{index}");
        match block {
            Block::ToolResult { tool_use_id, content, outcome, extras } => {
                report_extras(extras, &path, coercions);
                let output = output(content, *outcome, &path, coercions);
                items.push(object([
                    ("type", json!("function_call_output")),
                    ("call_id", json!(&**tool_use_id)),
                    ("output", output),
                ]));
            }
            Block::Text { text, .. } if text.is_empty() => {
                coercions.add(path, Change::Dropped(Reason::Empty))
            }
            block => match part(block, &path, coercions) {
                Some(part) => say(items, "user", part),
                None => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
            },
        }
    }
}

/// Adds to the message that is being said, or begins one.
fn say(items: &mut Vec<Value>, role: &str, part: Value) {
    if let Some(last) = items.last_mut().filter(|item| item["role"] == role)
        && let Some(content) = last["content"].as_array_mut()
    {
        content.push(part);
        return;
    }
    items.push(object([
        ("type", json!("message")),
        ("role", json!(role)),
        ("content", Value::Array(vec![part])),
    ]));
}

/// What a tool returned: text where it is nothing else, for that is what everybody who copied the
/// dialect takes.
fn output(content: &[Block], outcome: ToolOutcome, path: &str, coercions: &mut Coercions) -> Value {
    let mut parts = Vec::with_capacity(content.len());
    for (inner, block) in content.iter().enumerate() {
        let path = format!("{path}.content.{inner}");
        match part(block, &path, coercions) {
            Some(part) => parts.push(part),
            None => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
        }
    }
    if outcome == ToolOutcome::Failed {
        coercions.add(format!("{path}.is_error"), Change::Moved("text"));
    }
    let prefix = if outcome == ToolOutcome::Failed { "Error: " } else { "" };
    if parts.iter().all(|part| part["type"] == "input_text") {
        let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        return Value::String(format!("{prefix}{}", texts.join("\n")));
    }
    if !prefix.is_empty() {
        parts.insert(0, json!({"type": "input_text", "text": prefix.trim_end()}));
    }
    Value::Array(parts)
}

fn part(block: &Block, path: &str, coercions: &mut Coercions) -> Option<Value> {
    match block {
        Block::Text { text, extras } => {
            report_extras(extras, path, coercions);
            Some(json!({"type": "input_text", "text": &**text}))
        }
        Block::Image { source, extras } => {
            report_extras(extras, path, coercions);
            let url = match source {
                Source::Base64 { media_type, data } => {
                    format!("data:{};base64,{}", &**media_type, &**data)
                }
                Source::Url(url) => url.to_string(),
                Source::Text(_) | Source::AnthropicOnly => return None,
            };
            Some(json!({"type": "input_image", "image_url": url, "detail": "auto"}))
        }
        Block::Document { source, title, context, extras } => {
            report_extras(extras, path, coercions);
            if context.is_some() {
                coercions.add(format!("{path}.context"), Change::Dropped(Reason::NoEquivalent));
            }
            let title = title.as_deref().unwrap_or("document");
            match source {
                Source::Text(text) => {
                    coercions.add(path, Change::Moved("text"));
                    Some(json!({"type": "input_text", "text": format!("{title}:\n{}", &**text)}))
                }
                Source::Base64 { media_type, data } => {
                    let file_data = format!("data:{};base64,{}", &**media_type, &**data);
                    Some(json!({"type": "input_file", "filename": title, "file_data": file_data}))
                }
                Source::Url(url) => Some(json!({"type": "input_file", "file_url": &**url})),
                Source::AnthropicOnly => None,
            }
        }
        Block::SearchResult { source, title, content, extras } => {
            report_extras(extras, path, coercions);
            coercions.add(path, Change::Moved("text"));
            let body = joined_text(content, path, coercions);
            Some(
                json!({"type": "input_text", "text": format!("{} ({})\n{body}", &**title, &**source)}),
            )
        }
        _ => None,
    }
}
