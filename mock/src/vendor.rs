//! Vendors that are stricter than their dialect: `/mistral/v1/chat/completions` refuses what
//! Mistral refuses, in its words.

mod claude;
mod deepseek;
mod gemini;
mod groq;
mod mistral;
mod moonshot;
mod openai;
mod together;
mod xai;
mod zai;

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::directive::Refused;
use crate::request::Dialect;

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
    Moonshot,
    Zai,
}

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
            "moonshot" => Some(Vendor::Moonshot),
            "zai" => Some(Vendor::Zai),
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
                // The vendor reports usage without being asked to.
                said["stream_options"] = json!({"include_usage": true});
                Cow::Owned(said)
            }
            // The vendor accepts this field and ignores it.
            (Vendor::Together, Some("none")) => {
                let mut body = body.clone();
                body["tool_choice"] = json!("required");
                Cow::Owned(body)
            }
            _ => Cow::Borrowed(body),
        }
    }

    /// Status and body of the refusal, if this vendor refuses the request. `path` names the model
    /// where the body does not.
    pub fn refusal(self, dialect: Dialect, path: &str, body: &Value) -> Option<(u16, Value)> {
        let plain = Refused { status: 400, retry_after_s: None, code: None };
        let (status, message) = match (self, dialect) {
            (Vendor::Anthropic, Dialect::Anthropic) => {
                let message = claude::refusal(body)?;
                return Some((400, crate::anthropic::error(&plain, &message, "req_mockrefused")));
            }
            (Vendor::Openai, Dialect::Responses) => (400, openai::responses_refusal(body)?),
            (Vendor::Gemini, Dialect::Gemini) => {
                let model = path.rsplit('/').next()?.split(':').next()?;
                (400, gemini::native_refusal(model, body)?)
            }
            (vendor, Dialect::Chat) => vendor.chat_refusal(body)?,
            _ => return None,
        };
        let error = match self {
            Vendor::Mistral => {
                json!({"object": "error", "message": message, "type": "invalid_request_error", "param": null, "code": null})
            }
            Vendor::Xai => {
                json!({"code": "Client specified an invalid argument", "error": message})
            }
            Vendor::Gemini => {
                json!([{"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}])
            }
            _ => {
                json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}})
            }
        };
        Some((status, error))
    }

    fn chat_refusal(self, body: &Value) -> Option<(u16, String)> {
        Some(match self {
            Vendor::Anthropic => return None,
            Vendor::Openai => (400, openai::chat_refusal(body)?),
            Vendor::Mistral => mistral::refusal(body)?,
            Vendor::Together => (400, together::refusal(body)?),
            Vendor::Xai => (400, xai::refusal(body)?),
            Vendor::Groq => (400, groq::refusal(body)?),
            Vendor::Deepseek => (400, deepseek::refusal(body)?),
            Vendor::Gemini => (400, gemini::refusal(body)?),
            Vendor::Moonshot => (400, moonshot::refusal(body)?),
            Vendor::Zai => (400, zai::refusal(body)?),
        })
    }
}

/// Every tool's schema, and those of its properties.
fn schemas(body: &Value) -> impl Iterator<Item = &Value> {
    let tools =
        body["tools"].as_array().into_iter().flatten().map(|tool| &tool["function"]["parameters"]);
    tools.flat_map(|schema| {
        std::iter::once(schema)
            .chain(schema["properties"].as_object().into_iter().flat_map(|all| all.values()))
    })
}

fn messages(body: &Value) -> &[Value] {
    body["messages"].as_array().map_or(&[], Vec::as_slice)
}

/// Assistant messages that called tools, with their places.
fn calling(body: &Value) -> impl Iterator<Item = (usize, &Value)> {
    let calls =
        |message: &Value| message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
    messages(body).iter().enumerate().filter(move |(_, message)| calls(message))
}

/// Whether at least one call, or one of a certain tool, is demanded.
fn is_forced(body: &Value) -> bool {
    body["tool_choice"].is_object()
        || matches!(body["tool_choice"].as_str(), Some("required" | "any"))
}

/// The refusal of an effort for which the model has no word.
fn unknown_effort<'w>(body: &Value, words: &'w [&'w str]) -> Option<&'w [&'w str]> {
    let said = body.get("reasoning_effort")?.as_str()?;
    (!words.contains(&said)).then_some(words)
}

fn call_ids(body: &Value) -> impl Iterator<Item = &str> {
    body["messages"].as_array().into_iter().flatten().flat_map(|message| {
        let calls = message["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|call| call["id"].as_str());
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
        Vendor::of_path(&format!("/{vendor}/v1/chat/completions"))
            .unwrap()
            .refusal(Dialect::Chat, "", &body)
            .map(|(status, _)| status)
    }

    #[test]
    fn each_vendor_refuses_its_own() {
        let hi = json!([{"role": "user", "content": "hi"}]);
        let tool = |schema: Value| json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
        for (vendor, body) in [
            ("mistral", json!({"model": "m", "messages": hi, "stream_options": {}})),
            (
                "mistral",
                json!({"model": "m", "messages": [{"role": "tool", "tool_call_id": "call_1"}]}),
            ),
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
            (
                "xai",
                json!({"model": "grok-2", "messages": hi, "tools": tool(json!({"additionalProperties": false}))}),
            ),
            (
                "groq",
                json!({"model": "m", "messages": [{"role": "user", "content": "x", "name": "n"}]}),
            ),
            (
                "deepseek",
                json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
            ),
            ("gemini", json!({"model": "m", "messages": hi, "user": "u"})),
            (
                "gemini",
                json!({"model": "m", "messages": hi, "tools": tool(json!({"properties": {"a": {"const": 1}}}))}),
            ),
        ] {
            assert!(refused(vendor, body.clone()).is_some(), "{vendor} {body}");
        }
        for vendor in ["openai", "mistral", "together", "xai", "groq", "deepseek", "gemini"] {
            let plain = json!({"model": "m", "messages": hi, "temperature": 0.5, "stream": true, "tools": tool(json!({"type": "object"}))});
            assert_eq!(refused(vendor, plain), None, "{vendor}");
        }
    }
}
