//! Gemini's own dialect.

use serde_json::{Map, Value};

use crate::answer::{Answer, Ending, ToolCall, Usage, number, text};

/// From an accumulated stream.
pub fn accumulated(expected: &Value) -> Answer {
    let calls = calls(expected["tool_calls"].as_array().into_iter().flatten());
    Answer {
        blocks: None,
        text: text(expected, "/text").to_owned(),
        reasoning: text(expected, "/thought").to_owned(),
        ending: ending(text(expected, "/finish_reason"), !calls.is_empty()),
        calls,
        usage: expected["usage"].is_object().then(|| usage(&expected["usage"])),
    }
}

/// From a body that was not streamed.
pub fn whole(body: &Value) -> Answer {
    let candidate = &body["candidates"][0];
    let parts = || candidate["content"]["parts"].as_array().into_iter().flatten();
    let is_thought = |part: &&Value| part["thought"].as_bool() == Some(true);
    let calls = calls(parts().filter_map(|part| part.get("functionCall")));
    Answer {
        blocks: None,
        text: parts().filter(|part| !is_thought(part)).map(|part| text(part, "/text")).collect(),
        reasoning: parts().filter(is_thought).map(|part| text(part, "/text")).collect(),
        ending: if text(body, "/promptFeedback/blockReason").is_empty() {
            ending(text(candidate, "/finishReason"), !calls.is_empty())
        } else {
            Ending::Stopped("refusal".to_owned())
        },
        calls,
        usage: body["usageMetadata"].is_object().then(|| usage(&body["usageMetadata"])),
    }
}

/// A call is whole in one part, or begins with its name and goes on with pieces of its arguments
/// until a part that is empty.
fn calls<'a>(parts: impl Iterator<Item = &'a Value>) -> Vec<ToolCall> {
    let mut calls: Vec<ToolCall> = Vec::new();
    for part in parts {
        if let Some(name) = part["name"].as_str() {
            let arguments = part.get("args").cloned().unwrap_or_else(|| Value::Object(Map::new()));
            calls.push(ToolCall {
                id: text(part, "/id").to_owned(),
                name: name.to_owned(),
                arguments,
            });
        }
        let Some(call) = calls.last_mut() else { continue };
        for piece in part["partialArgs"].as_array().into_iter().flatten() {
            let member = text(piece, "/jsonPath").trim_start_matches("$.");
            let grown = format!(
                "{}{}",
                text(&call.arguments, &format!("/{member}")),
                text(piece, "/stringValue")
            );
            call.arguments[member] = Value::String(grown);
        }
    }
    calls
}

fn ending(word: &str, has_calls: bool) -> Ending {
    match word {
        "" => Ending::Missing,
        "STOP" if has_calls => Ending::Stopped("tool_use".to_owned()),
        "STOP" => Ending::Stopped("end_turn".to_owned()),
        "MAX_TOKENS" => Ending::Stopped("max_tokens".to_owned()),
        "SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "SPII" | "RECITATION" => {
            Ending::Stopped("refusal".to_owned())
        }
        other => Ending::Failed(other.to_owned()),
    }
}

/// The prompt includes what the cache had, the candidates exclude thoughts.
pub fn usage(usage: &Value) -> Usage {
    let cache_read = number(usage, "/cachedContentTokenCount");
    let reasoning = number(usage, "/thoughtsTokenCount");
    Usage {
        input: (number(usage, "/promptTokenCount") + number(usage, "/toolUsePromptTokenCount"))
            .saturating_sub(cache_read),
        cache_read,
        cache_write: 0,
        output: number(usage, "/candidatesTokenCount") + reasoning,
        reasoning,
    }
}
