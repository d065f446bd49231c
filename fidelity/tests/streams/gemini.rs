//! As Gemini says it: no names, carriage returns, whole calls, usage with every event.

use serde_json::{Value, json};

use super::said::{Said, Spoken};

pub fn bytes(spoken: &Spoken) -> Vec<u8> {
    let prompt = spoken.usage.input + spoken.usage.cache_read;
    let early = json!({"promptTokenCount": prompt, "totalTokenCount": prompt});
    let mut calls = 0;
    let mut events = Vec::new();
    for said in &spoken.said {
        match said {
            Said::Text(pieces) => {
                events.extend(pieces.iter().map(|piece| event(json!({"text": piece}), &early)))
            }
            Said::Thought(pieces) => events.extend(
                pieces.iter().map(|piece| event(json!({"text": piece, "thought": true}), &early)),
            ),
            Said::Call { name, arguments, .. } => {
                events.push(event(json!({"functionCall": {"id": Spoken::call_id(calls), "name": name, "args": arguments}}), &early));
                calls += 1;
            }
        }
    }
    let usage = json!({
        "promptTokenCount": prompt, "cachedContentTokenCount": spoken.usage.cache_read, "thoughtsTokenCount": spoken.usage.reasoning,
        "candidatesTokenCount": spoken.usage.output - spoken.usage.reasoning, "totalTokenCount": prompt + spoken.usage.output,
    });
    let mut last = event(json!({"text": ""}), &usage);
    last["candidates"][0]["finishReason"] = json!(match spoken.stop() {
        "max_tokens" => "MAX_TOKENS",
        "refusal" => "SAFETY",
        _ => "STOP",
    });
    events.push(last);
    events.iter().flat_map(|event| format!("data: {event}\r\n\r\n").into_bytes()).collect()
}

fn event(part: Value, usage: &Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], "usageMetadata": usage, "modelVersion": "their-model", "responseId": "r"})
}
