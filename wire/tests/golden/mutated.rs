//! Any member of a stream that its reader does not need may have any type: the text and the
//! arguments of the call arrive at clients of every dialect.

use ainfera_wire::client::ClientHeaders;
use ainfera_wire::event::{Delta, StreamEvent};
use ainfera_wire::provider::Dialect;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{PROVIDERS, call, model, provider};

/// What is put in the place of a member.
fn other_values() -> [Value; 11] {
    [
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(12.5),
        json!(1e300),
        json!("12"),
        json!([]),
        json!([1, "x"]),
        json!({}),
        json!({"a": [null]}),
    ]
}

/// Streams that say `hello` and call `look` with `{"a":1}`, and the members that say so, by their
/// names. A type is needed where nothing else tells what an event is.
fn streams(provider: &str) -> Needs {
    match provider {
        "anthropic" => anthropic(),
        "chat" => chat(),
        "responses" => responses(),
        _ => gemini(),
    }
}

type Needs = (Vec<Value>, &'static [&'static str]);

fn anthropic() -> Needs {
    (
        vec![
            json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": [], "stop_reason": null, "usage": {"input_tokens": 9, "cache_read_input_tokens": 1, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "toolu_123456", "name": "look", "input": {}}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":1}"}}),
            json!({"type": "content_block_stop", "index": 1}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ],
        &[
            "type",
            "delta",
            "content_block",
            "text",
            "partial_json",
            "name",
            "input",
            "stop_reason",
            "content",
            "message",
            "index",
        ],
    )
}

fn chat() -> Needs {
    (
        vec![
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hello", "refusal": null, "tool_calls": null}, "logprobs": null, "finish_reason": null}], "usage": null}),
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "call_123456", "type": "function", "function": {"name": "look", "arguments": "{\"a\":1}"}}]}, "finish_reason": null}], "service_tier": "default"}),
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 1}}}),
        ],
        &[
            "choices",
            "delta",
            "content",
            "tool_calls",
            "function",
            "name",
            "arguments",
            "finish_reason",
            "refusal",
            "index",
        ],
    )
}

fn responses() -> Needs {
    (
        vec![
            json!({"type": "response.created", "sequence_number": 0, "response": {"id": "r", "status": "in_progress", "model": "x", "output": [], "error": null, "usage": null}}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "i", "role": "assistant", "status": "in_progress", "content": []}}),
            json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "i", "delta": "hello", "logprobs": []}),
            json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": "i", "role": "assistant", "status": "completed", "content": []}}),
            json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "id": "f", "call_id": "call_123456", "name": "look", "arguments": "{\"a\":1}"}}),
            json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "model": "x", "output": [], "error": null, "incomplete_details": null, "usage": {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14, "input_tokens_details": {"cached_tokens": 1}}}}),
        ],
        &[
            "type",
            "delta",
            "item",
            "name",
            "arguments",
            "response",
            "error",
            "status",
            "output_index",
            "content",
            "output",
        ],
    )
}

fn gemini() -> Needs {
    (
        vec![
            json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "hello"}]}}], "responseId": "r", "modelVersion": "x"}),
            json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"functionCall": {"id": "call_123456", "name": "look", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]}, "finishReason": "STOP", "safetyRatings": []}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}}),
        ],
        &[
            "candidates",
            "content",
            "parts",
            "text",
            "functionCall",
            "name",
            "args",
            "finishReason",
            "a",
            "index",
        ],
    )
}

/// The places of all members, as JSON pointers.
fn places(value: &Value, place: &str, all: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in members {
        let place = format!("{place}/{key}");
        places(value, &place, all);
        if key.parse::<usize>().is_err() {
            all.push(place);
        }
    }
}

fn read(
    kind: ainfera_schema::ProviderKind,
    client: &str,
    datas: &[String],
) -> Result<String, String> {
    let body = match client {
        "responses" => r#"{"model":"m","input":"hi","stream":true}"#,
        _ => {
            r#"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}],"stream":true}"#
        }
    };
    let call = call(client, Bytes::from(body), ClientHeaders::default()).unwrap();
    let dialect = Dialect::of(kind);
    let request = dialect.request(&call, &provider(kind), &model("their-model", None)).unwrap();
    let mut reader = dialect.reader(&call, &request, "slug", "seed".to_owned());
    let mut events = Vec::new();
    for data in datas {
        reader
            .feed(Bytes::from(format!("data: {data}\n\n")), &mut events)
            .map_err(|fault| fault.to_string())?;
    }
    reader.finish(&mut events).map_err(|fault| fault.to_string())?;
    let heard = events.iter().filter_map(|event| match &event.event {
        StreamEvent::Delta(Delta::Text(text) | Delta::ToolInput(text)) => Some(text.to_string()),
        _ => None,
    });
    Ok(heard.collect())
}

#[test]
fn a_member_that_is_not_needed_may_have_any_type() {
    let mut tried = 0;
    for (name, kind) in PROVIDERS {
        let (stream, needed) = streams(name);
        let mut all = Vec::new();
        places(&json!(stream), "", &mut all);
        all.retain(|place| {
            let key = place.rsplit('/').next().unwrap();
            !needed.contains(&key)
        });
        for place in &all {
            for other in other_values() {
                let mut mutated = json!(stream);
                *mutated.pointer_mut(place).unwrap() = other.clone();
                let datas: Vec<String> =
                    mutated.as_array().unwrap().iter().map(Value::to_string).collect();
                for client in ["messages", "chat", "responses"] {
                    let heard = read(kind, client, &datas);
                    assert_eq!(
                        heard.as_deref(),
                        Ok("hello{\"a\":1}"),
                        "{name} to {client}: {place} = {other}"
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}
