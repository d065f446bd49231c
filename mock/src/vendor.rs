//! Vendors that are stricter than their dialect: `/mistral/v1/chat/completions` refuses what Mistral refuses, in its words.

mod claude;
mod openai;

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::ask::Dialect;
use crate::directive::Refused;

/// Whose rules count, by the first segment of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    Anthropic,
    Openai,
    Mistral,
    Together,
    Xai,
    Groq,
    Deepseek,
    Gemini,
}

const MISTRAL_BODY: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "temperature",
    "top_p",
    "stream",
    "stop",
    "random_seed",
    "response_format",
    "tools",
    "tool_choice",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "prediction",
    "parallel_tool_calls",
    "safe_prompt",
    "metadata",
];
const MISTRAL_MESSAGE: [&str; 6] = ["role", "content", "tool_calls", "prefix", "tool_call_id", "name"];
const GEMINI_BODY: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stream",
    "stream_options",
    "stop",
    "seed",
    "n",
    "response_format",
    "tools",
    "tool_choice",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "extra_body",
];
const GEMINI_SCHEMA: [&str; 6] = ["$schema", "additionalProperties", "const", "exclusiveMinimum", "patternProperties", "oneOf"];

impl Vendor {
    pub fn of_path(path: &str) -> Option<Self> {
        match path.split('/').nth(1)? {
            "anthropic" => Some(Vendor::Anthropic),
            "openai" => Some(Vendor::Openai),
            "mistral" => Some(Vendor::Mistral),
            "together" => Some(Vendor::Together),
            "xai" => Some(Vendor::Xai),
            "groq" => Some(Vendor::Groq),
            "deepseek" => Some(Vendor::Deepseek),
            "gemini" => Some(Vendor::Gemini),
            _ => None,
        }
    }

    /// The body as the dialect says it, where this vendor has a word of its own.
    pub fn understood(self, body: &Value) -> Cow<'_, Value> {
        match (self, body["tool_choice"].as_str()) {
            (Vendor::Mistral, choice) => {
                let mut said = body.clone();
                if choice == Some("any") {
                    said["tool_choice"] = json!("required");
                }
                // it tells its usage unasked
                said["stream_options"] = json!({"include_usage": true});
                Cow::Owned(said)
            }
            // heard, and not honoured
            (Vendor::Together, Some("none")) => {
                let mut body = body.clone();
                body["tool_choice"] = json!("required");
                Cow::Owned(body)
            }
            _ => Cow::Borrowed(body),
        }
    }

    /// Status and body of the refusal, if this vendor refuses the request.
    pub fn refusal(self, dialect: Dialect, body: &Value) -> Option<(u16, Value)> {
        let plain = Refused { status: 400, retry_after_s: None, code: None };
        let (status, message) = match (self, dialect) {
            (Vendor::Anthropic, Dialect::Anthropic) => {
                let message = claude::refusal(body)?;
                return Some((400, crate::anthropic::error(&plain, &message, "req_mockrefused")));
            }
            (Vendor::Openai, Dialect::Responses) => (400, openai::responses_refusal(body)?),
            (vendor, Dialect::Chat) => vendor.chat_refusal(body)?,
            _ => return None,
        };
        let error = match self {
            Vendor::Mistral => json!({"object": "error", "message": message, "type": "invalid_request_error", "param": null, "code": null}),
            Vendor::Xai => json!({"code": "Client specified an invalid argument", "error": message}),
            Vendor::Gemini => json!([{"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}]),
            _ => json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}}),
        };
        Some((status, error))
    }

    fn chat_refusal(self, body: &Value) -> Option<(u16, String)> {
        Some(match self {
            Vendor::Anthropic => return None,
            Vendor::Openai => (400, openai::chat_refusal(body)?),
            Vendor::Mistral => mistral(body)?,
            Vendor::Together => (400, too_long_a_name(body)?),
            Vendor::Xai => (400, xai(body)?),
            Vendor::Groq => (400, groq(body)?),
            Vendor::Deepseek => (400, deepseek(body)?),
            Vendor::Gemini => (400, gemini(body)?),
        })
    }
}

fn mistral(body: &Value) -> Option<(u16, String)> {
    let members = body.as_object()?;
    let forbidden = |place: String| Some((422, json!({"detail": [{"type": "extra_forbidden", "loc": ["body", place]}]}).to_string()));
    if let Some(extra) = members.keys().find(|key| !MISTRAL_BODY.contains(&key.as_str())) {
        return forbidden(extra.clone());
    }
    if body["tools"].as_array().is_some_and(Vec::is_empty) || body["temperature"].as_f64().is_some_and(|temperature| temperature > 1.5) {
        return forbidden("tools, temperature".to_owned());
    }
    if call_ids(body).any(|id| id.len() != 9 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Some((
            400,
            "Tool call id has to be defined in the following format: a-z, A-Z, 0-9, with a length of 9. code 3280".to_owned(),
        ));
    }
    let mut previous = "";
    for message in body["messages"].as_array()? {
        let role = message["role"].as_str().unwrap_or_default();
        let extra = message.as_object().and_then(|message| message.keys().find(|key| !MISTRAL_MESSAGE.contains(&key.as_str())));
        if let Some(extra) = extra {
            return forbidden(format!("messages.{role}.{extra}"));
        }
        let misplaced = (role == "user" && previous == "tool") || (role == "system" && !matches!(previous, "" | "system"));
        if misplaced || (role == "user" && message.get("name").is_some()) {
            return Some((400, format!("Unexpected role '{role}' after role '{previous}'")));
        }
        previous = role;
    }
    let last = body["messages"].as_array()?.last()?;
    if previous == "assistant" && last["prefix"] != true {
        return Some((400, "Expected last role User or Tool (or Assistant with prefix True) for serving".to_owned()));
    }
    Some((400, too_long_a_name(body)?))
}

fn xai(body: &Value) -> Option<String> {
    let thinks = body["model"].as_str().is_some_and(|model| model.starts_with("grok-4"));
    let refused = ["stop", "presence_penalty", "frequency_penalty", "reasoning_effort"];
    if let Some(member) = refused.iter().find(|member| thinks && body.get(**member).is_some()) {
        return Some(format!("Argument not supported on this model: {member}"));
    }
    let closed = schemas(body).any(|schema| schema["additionalProperties"] == false);
    closed.then(|| "Invalid request content: additionalProperties".to_owned()).or_else(|| too_long_a_name(body))
}

fn groq(body: &Value) -> Option<String> {
    if let Some(member) = ["logprobs", "logit_bias", "top_logprobs"].iter().find(|member| body.get(**member).is_some()) {
        return Some(format!("property '{member}' is unsupported"));
    }
    let named = body["messages"].as_array()?.iter().any(|message| message.get("name").is_some());
    named.then(|| "'messages.0' : for 'role:user' property 'name' is unsupported".to_owned()).or_else(|| too_long_a_name(body))
}

fn deepseek(body: &Value) -> Option<String> {
    let parts = body["messages"].as_array()?.iter().flat_map(|message| message["content"].as_array().into_iter().flatten());
    let unknown = parts.filter_map(|part| part["type"].as_str()).find(|kind| *kind != "text")?;
    Some(format!("Failed to deserialize the JSON body into the target type: messages[0]: unknown variant `{unknown}`, expected `text`"))
}

fn gemini(body: &Value) -> Option<String> {
    if let Some(extra) = body.as_object()?.keys().find(|key| !GEMINI_BODY.contains(&key.as_str())) {
        return Some(format!("Invalid JSON payload received. Unknown name \"{extra}\": Cannot find field."));
    }
    let keyword = schemas(body).find_map(|schema| GEMINI_SCHEMA.iter().find(|keyword| schema.get(**keyword).is_some()));
    keyword.map(|keyword| {
        format!("Invalid JSON payload received. Unknown name \"{keyword}\" at 'tools[0].function_declarations[0].parameters'")
    })
}

/// Every tool's schema, and those of its properties.
fn schemas(body: &Value) -> impl Iterator<Item = &Value> {
    let tools = body["tools"].as_array().into_iter().flatten().map(|tool| &tool["function"]["parameters"]);
    tools.flat_map(|schema| std::iter::once(schema).chain(schema["properties"].as_object().into_iter().flat_map(|all| all.values())))
}

fn call_ids(body: &Value) -> impl Iterator<Item = &str> {
    body["messages"].as_array().into_iter().flatten().flat_map(|message| {
        let calls = message["tool_calls"].as_array().into_iter().flatten().filter_map(|call| call["id"].as_str());
        calls.chain(message["tool_call_id"].as_str())
    })
}

fn too_long_a_name(body: &Value) -> Option<String> {
    let name = |tool: &Value| tool["function"]["name"].as_str().map(str::len);
    let longest = body["tools"].as_array().into_iter().flatten().filter_map(name).max()?;
    (longest > 64).then(|| "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(vendor: &str, body: Value) -> Option<u16> {
        Vendor::of_path(&format!("/{vendor}/v1/chat/completions")).unwrap().refusal(Dialect::Chat, &body).map(|(status, _)| status)
    }

    #[test]
    fn each_vendor_refuses_its_own() {
        let hi = json!([{"role": "user", "content": "hi"}]);
        let tool = |schema: Value| json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
        for (vendor, body) in [
            ("mistral", json!({"model": "m", "messages": hi, "stream_options": {}})),
            ("mistral", json!({"model": "m", "messages": [{"role": "tool", "tool_call_id": "call_1"}]})),
            (
                "mistral",
                json!({"model": "m", "messages": [{"role": "tool", "tool_call_id": "aaaaaaaaa"}, {"role": "user", "content": "x"}]}),
            ),
            ("mistral", json!({"model": "m", "messages": [{"role": "assistant", "content": "x"}]})),
            ("openai", json!({"model": "gpt-5", "messages": hi, "temperature": 0.2})),
            ("openai", json!({"model": "gpt-4", "messages": hi, "reasoning_effort": "low"})),
            ("openai", json!({"model": "gpt-5.6-sol", "messages": hi, "tools": tool(json!({}))})),
            ("openai", json!({"model": "gpt-4", "messages": hi, "parallel_tool_calls": false})),
            ("xai", json!({"model": "grok-4", "messages": hi, "stop": ["a"]})),
            ("xai", json!({"model": "grok-2", "messages": hi, "tools": tool(json!({"additionalProperties": false}))})),
            ("groq", json!({"model": "m", "messages": [{"role": "user", "content": "x", "name": "n"}]})),
            ("deepseek", json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]})),
            ("gemini", json!({"model": "m", "messages": hi, "user": "u"})),
            ("gemini", json!({"model": "m", "messages": hi, "tools": tool(json!({"properties": {"a": {"const": 1}}}))})),
        ] {
            assert!(refused(vendor, body.clone()).is_some(), "{vendor} {body}");
        }
        for vendor in ["openai", "mistral", "together", "xai", "groq", "deepseek", "gemini"] {
            let plain = json!({"model": "m", "messages": hi, "temperature": 0.5, "stream": true, "tools": tool(json!({"type": "object"}))});
            assert_eq!(refused(vendor, plain), None, "{vendor}");
        }
    }
}
