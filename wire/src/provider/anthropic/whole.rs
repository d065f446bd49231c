//! A message that came whole, as the events that would have streamed it: then one reader reads
//! both, and a native client misses nothing.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::codec::well_formed::value;
use crate::error::provider_error::says_something;
use crate::error::stream_fault::StreamFault;

/// Members of a message that a stream says at its end.
const SAID_AT_THE_END: [&str; 4] = ["stop_reason", "stop_sequence", "stop_details", "container"];

/// The data of each event, in order. An error in the place of a message is the one event that says
/// it.
pub(crate) fn events(body: &Bytes) -> Result<Vec<Bytes>, StreamFault> {
    let said = value(body)
        .map_err(|error| StreamFault::malformed(format!("answer is not JSON: {error}")))?;
    if said["type"] == "error" {
        return Ok(vec![body.clone()]);
    }
    if said.get("error").is_some_and(says_something) {
        let error = json!({"type": "error", "error": said["error"]});
        return Ok(vec![Bytes::from(error.to_string())]);
    }
    let Value::Object(mut message) = said else {
        return Err(StreamFault::malformed("answer is no message"));
    };
    let mut content = match message.insert("content".to_owned(), json!([])) {
        Some(Value::Array(content)) => content,
        Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
        Some(block @ Value::Object(_)) => vec![block],
        _ => Vec::new(),
    };
    content.retain(Value::is_object);
    let mut end = Map::new();
    for member in SAID_AT_THE_END {
        if let Some(value) = message.get(member) {
            end.insert(member.to_owned(), value.clone());
        }
    }
    // a whole message says by its content why it ends
    if content.is_empty() && end.get("stop_reason").is_none_or(Value::is_null) {
        return Err(StreamFault::malformed("message without a stop reason"));
    }
    let mut delta = json!({"type": "message_delta", "delta": end});
    for member in ["usage", "context_management"] {
        if let Some(value) = message.get(member) {
            delta[member] = value.clone();
        }
    }
    message.shift_remove("context_management");
    message.insert("stop_reason".to_owned(), Value::Null);
    message.insert("stop_sequence".to_owned(), Value::Null);
    let mut events = vec![json!({"type": "message_start", "message": message})];
    for (index, block) in content.into_iter().enumerate() {
        say_block(index, block, &mut events);
    }
    events.push(delta);
    events.push(json!({"type": "message_stop"}));
    Ok(events.iter().map(|event| Bytes::from(event.to_string())).collect())
}

/// One delta for what is said in deltas; everything else of a block stands in its start.
fn say_block(index: usize, mut block: Value, events: &mut Vec<Value>) {
    let kind = block["type"].as_str().unwrap_or_default().to_owned();
    let mut deltas = Vec::new();
    match kind.as_str() {
        "text" => {
            if let Some(citations) = block.get_mut("citations").and_then(Value::as_array_mut) {
                deltas.extend(
                    std::mem::take(citations)
                        .into_iter()
                        .map(|citation| json!({"type": "citations_delta", "citation": citation})),
                );
            }
            deltas.push(json!({"type": "text_delta", "text": emptied(&mut block, "text")}));
        }
        "thinking" => {
            deltas.push(
                json!({"type": "thinking_delta", "thinking": emptied(&mut block, "thinking")}),
            );
            deltas.push(
                json!({"type": "signature_delta", "signature": emptied(&mut block, "signature")}),
            );
        }
        _ if kind.ends_with("tool_use") && block["input"].is_object() => {
            let input = std::mem::replace(&mut block["input"], json!({}));
            deltas.push(json!({"type": "input_json_delta", "partial_json": input.to_string()}));
        }
        _ => {}
    }
    events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
    let said = deltas.into_iter().filter(|delta| {
        !["text", "thinking", "signature"].iter().any(|member| delta[*member] == "")
    });
    events.extend(
        said.map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
    );
    events.push(json!({"type": "content_block_stop", "index": index}));
}

fn emptied(block: &mut Value, member: &str) -> Value {
    let said = std::mem::replace(&mut block[member], json!(""));
    if said.is_string() { said } else { json!("") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: Value) -> Result<Vec<String>, StreamFault> {
        let events = events(&Bytes::from(body.to_string()))?;
        Ok(events.into_iter().map(|event| String::from_utf8(event.to_vec()).unwrap()).collect())
    }

    #[test]
    fn each_block_has_one_delta_and_nothing_is_lost() {
        let events = said(json!({"id": "msg_1", "type": "message", "model": "m", "new": 1,
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "text", "text": "hi", "citations": [{"type": "page_location"}]},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
                {"type": "web_search_tool_result", "tool_use_id": "t", "content": []},
            ],
            "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 5}}))
        .unwrap();
        let expected = [
            r#"{"type":"message_start","message":{"id":"msg_1","type":"message","model":"m","new":1,"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":5}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":[]}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"page_location"}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hi"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{},"caller":{"type":"direct"}}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"content_block_start","index":3,"content_block":{"type":"web_search_tool_result","tool_use_id":"t","content":[]}}"#,
            r#"{"type":"content_block_stop","index":3}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":3,"output_tokens":5}}"#,
            r#"{"type":"message_stop"}"#,
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn what_is_no_message_is_no_answer() {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "m"}});
        assert_eq!(said(error.clone()).unwrap(), [error.to_string()]);
        for body in [
            json!({"ok": true}),
            json!([]),
            json!({"content": [], "stop_reason": null}),
            json!("text"),
        ] {
            assert!(matches!(said(body.clone()), Err(StreamFault::Malformed(_))), "{body}");
        }
        assert!(events(&Bytes::from_static(b"<html>")).is_err());
    }
}
