//! A request, read: what all dialects can ask for, in one shape.

use serde_json::Value;

use crate::pairing;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Gemini's `generateContent`.
    Gemini,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Whole,
    Stream,
}

/// Whether a Chat Completions stream was asked for its usage chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    Omitted,
    Included,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    Forbidden,
    Auto,
    /// At least one call, of any tool.
    Any,
    Named(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: String,
    pub schema: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    pub dialect: Dialect,
    pub model: String,
    pub delivery: Delivery,
    pub stream_usage: StreamUsage,
    pub max_tokens: Option<u64>,
    pub stop_sequences: Vec<String>,
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    /// How many calls one answer may hold.
    pub most_calls: usize,
    pub system_text: String,
    /// The last text that the user wrote.
    pub user_text: String,
    /// What came back from tools since the last assistant turn.
    pub tool_results: Vec<String>,
    /// Whether reasoning is wanted in encrypted form.
    pub encrypted_reasoning: bool,
    /// Characters of system prompt, messages and tools.
    pub input_chars: u64,
}

const READ_BY_THE_MODEL: [&str; 7] =
    ["system", "messages", "tools", "instructions", "input", "systemInstruction", "contents"];

/// The vendor's `invalid_request_error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRequest(pub String);

pub fn read(dialect: Dialect, body: &Value) -> Result<ModelRequest, BadRequest> {
    let delivery = if body["stream"] == true { Delivery::Stream } else { Delivery::Whole };
    read_for(dialect, body["model"].as_str().unwrap_or_default(), delivery, body)
}

/// Where model and delivery are known otherwise than from the body.
pub fn read_for(
    dialect: Dialect,
    model: &str,
    delivery: Delivery,
    body: &Value,
) -> Result<ModelRequest, BadRequest> {
    if model.is_empty() {
        return Err(bad("model: Field required"));
    }
    let mut request = ModelRequest::blank(dialect, model, delivery, body);
    match dialect {
        Dialect::Anthropic => read_anthropic(body, messages(body)?, &mut request)?,
        Dialect::Chat => read_chat(body, messages(body)?, &mut request)?,
        Dialect::Responses => crate::responses::reading::read(body, &mut request)?,
        Dialect::Gemini => crate::gemini::reading::read(body, &mut request)?,
    }
    crate::tool_names::check(&request, body)?;
    if let ToolChoice::Named(name) = &request.tool_choice
        && !request.tools.iter().any(|tool| tool.name == *name)
    {
        return Err(bad(&format!("tool_choice: tool `{name}` not found in `tools`")));
    }
    if matches!(request.tool_choice, ToolChoice::Any) && request.tools.is_empty() {
        return Err(bad("tool_choice: may only be specified while providing tools"));
    }
    Ok(request)
}

impl ModelRequest {
    pub fn blank(dialect: Dialect, model: &str, delivery: Delivery, body: &Value) -> Self {
        Self {
            dialect,
            model: model.to_owned(),
            delivery,
            stream_usage: if body["stream_options"]["include_usage"] == true {
                StreamUsage::Included
            } else {
                StreamUsage::Omitted
            },
            max_tokens: None,
            stop_sequences: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            most_calls: usize::MAX,
            system_text: content_text(&body["system"]),
            user_text: String::new(),
            tool_results: Vec::new(),
            encrypted_reasoning: false,
            input_chars: READ_BY_THE_MODEL.iter().map(|field| chars_in(&body[field])).sum(),
        }
    }
}

fn messages(body: &Value) -> Result<&[Value], BadRequest> {
    let messages = body["messages"].as_array().ok_or_else(|| bad("messages: Field required"))?;
    if messages.is_empty() {
        Err(bad("messages: at least one message is required"))
    } else {
        Ok(messages)
    }
}

/// The text of a `content`: a string, or the text blocks of an array.
pub fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts: Vec<&str> = blocks
                .iter()
                .filter(|block| block["type"] == "text")
                .filter_map(|block| block["text"].as_str())
                .collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn read_anthropic(
    body: &Value,
    messages: &[Value],
    request: &mut ModelRequest,
) -> Result<(), BadRequest> {
    request.max_tokens =
        Some(body["max_tokens"].as_u64().ok_or_else(|| bad("max_tokens: Field required"))?);
    request.stop_sequences = strings(&body["stop_sequences"]);
    for (position, tool) in array(&body["tools"]).iter().enumerate() {
        let name = tool["name"]
            .as_str()
            .ok_or_else(|| bad(&format!("tools.{position}.name: Field required")))?;
        request.tools.push(Tool { name: name.to_owned(), schema: tool["input_schema"].clone() });
    }
    let choice = &body["tool_choice"];
    request.tool_choice = match choice["type"].as_str() {
        None | Some("auto") => ToolChoice::Auto,
        Some("none") => ToolChoice::Forbidden,
        Some("any") => ToolChoice::Any,
        Some("tool") => ToolChoice::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
        Some(other) => return Err(bad(&format!("tool_choice: unexpected type `{other}`"))),
    };
    if choice["disable_parallel_tool_use"] == true {
        request.most_calls = 1;
    }
    pairing::check_anthropic(messages)?;
    for (position, message) in messages.iter().enumerate() {
        let content = &message["content"];
        match message["role"].as_str() {
            Some("assistant") => request.tool_results.clear(),
            Some("user") => {
                let results = array(content).iter().filter(|block| block["type"] == "tool_result");
                request.tool_results.extend(results.map(|block| content_text(&block["content"])));
                remember_user_text(request, content);
            }
            Some("system") => add_system_text(request, content),
            _ => {
                return Err(bad(&format!(
                    "messages.{position}.role: Input should be 'user' or 'assistant'"
                )));
            }
        }
        if array(content).iter().any(|block| {
            block["type"] == "text" && block["text"].as_str().is_none_or(str::is_empty)
        }) {
            return Err(bad("messages: text content blocks must be non-empty"));
        }
    }
    Ok(())
}

fn read_chat(
    body: &Value,
    messages: &[Value],
    request: &mut ModelRequest,
) -> Result<(), BadRequest> {
    request.max_tokens =
        body["max_completion_tokens"].as_u64().or_else(|| body["max_tokens"].as_u64());
    request.stop_sequences = match &body["stop"] {
        Value::String(stop) => vec![stop.clone()],
        stops => strings(stops),
    };
    for (position, tool) in array(&body["tools"]).iter().enumerate() {
        let function = &tool["function"];
        let name = function["name"].as_str().ok_or_else(|| {
            bad(&format!("Missing required parameter: 'tools[{position}].function.name'."))
        })?;
        request.tools.push(Tool { name: name.to_owned(), schema: function["parameters"].clone() });
    }
    let choice = &body["tool_choice"];
    request.tool_choice = match (choice.as_str(), choice["function"]["name"].as_str()) {
        (_, Some(name)) => ToolChoice::Named(name.to_owned()),
        (Some("none"), _) => ToolChoice::Forbidden,
        (Some("required"), _) => ToolChoice::Any,
        (None | Some("auto"), _) => ToolChoice::Auto,
        (Some(other), _) => {
            return Err(bad(&format!(
                "Invalid value: '{other}'. Supported values are: 'none', 'auto', and 'required'."
            )));
        }
    };
    if body["parallel_tool_calls"] == false {
        request.most_calls = 1;
    }
    pairing::check_chat(messages)?;
    for (position, message) in messages.iter().enumerate() {
        let content = &message["content"];
        match message["role"].as_str() {
            Some("assistant") => request.tool_results.clear(),
            Some("tool") => request.tool_results.push(content_text(content)),
            Some("user") => remember_user_text(request, content),
            Some("system" | "developer") => add_system_text(request, content),
            _ => return Err(bad(&format!("Invalid value for 'messages[{position}].role'."))),
        }
    }
    Ok(())
}

pub fn remember_user_text(request: &mut ModelRequest, content: &Value) {
    let text = content_text(content);
    if !text.is_empty() {
        request.user_text = text;
    }
}

fn add_system_text(request: &mut ModelRequest, content: &Value) {
    request.system_text.push('\n');
    request.system_text.push_str(&content_text(content));
}

pub(crate) fn chars_in(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.chars().count() as u64,
        Value::Array(items) => items.iter().map(chars_in).sum(),
        Value::Object(fields) => fields.values().map(chars_in).sum(),
        _ => 0,
    }
}

pub fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn strings(value: &Value) -> Vec<String> {
    array(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub fn bad(message: &str) -> BadRequest {
    BadRequest(message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_dialects_read_the_same() {
        let anthropic = json!({"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "be kind"}], "stop_sequences": ["X"],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "tool", "name": "f"},
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "42"}]}]}]});
        let chat = json!({"model": "m", "max_tokens": 9, "stop": "X",
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "t1", "content": "42"}]});
        let (left, right) =
            (read(Dialect::Anthropic, &anthropic).unwrap(), read(Dialect::Chat, &chat).unwrap());
        assert_eq!(
            (&left.user_text, &left.tool_results, &left.tools),
            (&right.user_text, &right.tool_results, &right.tools)
        );
        assert_eq!(left.tool_choice, right.tool_choice);
        assert_eq!(left.stop_sequences, right.stop_sequences);
        assert_eq!(left.system_text.trim(), right.system_text.trim());
        assert_eq!(left.tool_results, ["42"]);
    }

    #[test]
    fn results_before_the_last_assistant_turn_are_history() {
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [{"id": "t"}]}, {"role": "tool", "tool_call_id": "t", "content": "1"},
            {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]});
        let request = read(Dialect::Chat, &chat).unwrap();
        assert!(request.tool_results.is_empty());
        assert_eq!(request.user_text, "c");
    }

    #[test]
    fn what_the_vendors_refuse_is_refused() {
        let user = json!([{"role": "user", "content": "x"}]);
        for body in [
            json!({"max_tokens": 1, "messages": user}),
            json!({"model": "m", "messages": user}),
            json!({"model": "m", "max_tokens": 1, "messages": []}),
            json!({"model": "m", "max_tokens": 1, "messages": user, "tool_choice": {"type": "tool", "name": "absent"}}),
            json!({"model": "m", "max_tokens": 1, "messages": user, "tool_choice": {"type": "any"}}),
            json!({"model": "m", "max_tokens": 1, "messages": [{"role": "robot", "content": "x"}]}),
            json!({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}),
        ] {
            assert!(read(Dialect::Anthropic, &body).is_err(), "{body}");
        }
    }
}
