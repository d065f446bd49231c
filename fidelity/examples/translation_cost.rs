//! One answer of a provider through one client dialect, many times over: what `make
//! translation-cost` counts the instructions of.
//!
//! `translation_cost CLIENT PROVIDER text|tool ROUNDS`; prints how many events one answer has. Each
//! event comes in a read of its own.

use std::error::Error;
use std::hint::black_box;
use std::io::Write;

use ainfera_fidelity::caller;
use ainfera_fidelity::provider::Upstream;
use ainfera_schema::ProviderKind;
use ainfera_wire::client::ClientFrames;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

const PIECES: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [client, provider, content, rounds] = arguments.as_slice() else {
        return Err("usage: translation_cost CLIENT PROVIDER text|tool ROUNDS".into());
    };
    let dialect = caller::DIALECTS
        .into_iter()
        .find(|dialect| caller::name(*dialect) == client)
        .ok_or("no such client dialect")?;
    let (kind, events) = match provider.as_str() {
        "anthropic" => (ProviderKind::Anthropic, anthropic(content)),
        "chat" => (ProviderKind::Openai, chat(content)),
        "responses" => (ProviderKind::OpenaiResponses, responses(content)),
        "gemini" => (ProviderKind::Gemini, gemini(content)),
        _ => return Err("no such provider dialect".into()),
    };
    let upstream = Upstream::of(kind);
    let call = caller::call(dialect)?;
    let request = upstream.request(&call)?;
    let reads: Vec<Bytes> = events.iter().map(|event| Bytes::from(framed(event))).collect();
    let mut written = 0;
    for _ in 0..rounds.parse::<usize>()? {
        let mut reader = upstream.dialect.reader(&call, &request, caller::MODEL, "seed".to_owned());
        let mut frames = ClientFrames::new(&call.client, caller::names(&call));
        let mut heard = Vec::new();
        for read in &reads {
            reader.feed(read.clone(), &mut heard)?;
            let mut out = BytesMut::new();
            for heard in heard.drain(..) {
                frames.write(&heard, &mut out);
            }
            written += black_box(out).len();
        }
    }
    black_box(written);
    writeln!(std::io::stdout(), "{}", reads.len())?;
    Ok(())
}

fn framed(event: &Value) -> String {
    match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    }
}

fn words() -> impl Iterator<Item = String> {
    (0..PIECES).map(|nth| format!("word{nth} \"quoted\" "))
}

/// One object in fifty pieces.
fn arguments() -> Vec<String> {
    let mut pieces: Vec<String> =
        (0..PIECES).map(|nth| format!("\"member{nth}\":{nth},")).collect();
    pieces[0].insert(0, '{');
    pieces[PIECES - 1] = format!("\"member{}\":0}}", PIECES - 1);
    pieces
}

fn anthropic(content: &str) -> Vec<Value> {
    let (block, deltas): (Value, Vec<Value>) = if content == "text" {
        (
            json!({"type": "text", "text": ""}),
            words().map(|text| json!({"type": "text_delta", "text": text})).collect(),
        )
    } else {
        let deltas = arguments()
            .into_iter()
            .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
            .collect();
        (json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}), deltas)
    };
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "their-model", "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": {"input_tokens": 9, "output_tokens": 1}});
    let mut events = vec![
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ];
    events.extend(
        deltas
            .into_iter()
            .map(|delta| json!({"type": "content_block_delta", "index": 0, "delta": delta})),
    );
    events.push(json!({"type": "content_block_stop", "index": 0}));
    let reason = if content == "text" { "end_turn" } else { "tool_use" };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 50}}));
    events.push(json!({"type": "message_stop"}));
    events
}

fn chat(content: &str) -> Vec<Value> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "their-model",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}], "usage": null})
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    if content == "text" {
        events.extend(words().map(|text| chunk(json!({"content": text}), Value::Null)));
    } else {
        let head = json!([{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}]);
        events.push(chunk(json!({"tool_calls": head}), Value::Null));
        let piece =
            |piece: String| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
        events.extend(arguments().into_iter().map(|text| chunk(piece(text), Value::Null)));
    }
    events.push(chunk(json!({}), json!(if content == "text" { "stop" } else { "tool_calls" })));
    let mut usage = chunk(json!({}), Value::Null);
    usage["choices"] = json!([]);
    usage["usage"] = json!({"prompt_tokens": 9, "completion_tokens": 50, "total_tokens": 59});
    events.push(usage);
    events
}

fn responses(content: &str) -> Vec<Value> {
    let response = |status: &str, output: Value| json!({"id": "resp_1", "object": "response", "status": status, "model": "their-model", "output": output});
    let mut events =
        vec![json!({"type": "response.created", "response": response("in_progress", json!([]))})];
    let item = if content == "text" {
        let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
        let item = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []});
        events.push(json!({"type": "response.output_item.added", "output_index": 0, "item": item}));
        events.push(
            json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part("")}),
        );
        events.extend(words().map(
            |text| json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text}),
        ));
        let whole: String = words().collect();
        json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part(&whole)]})
    } else {
        let item = |arguments: &str| json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": arguments});
        events.push(
            json!({"type": "response.output_item.added", "output_index": 0, "item": item("")}),
        );
        events.extend(
            arguments().into_iter().map(
                |piece| json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": piece}),
            ),
        );
        item(&arguments().concat())
    };
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
    let mut last = response("completed", json!([item]));
    last["usage"] = json!({"input_tokens": 9, "output_tokens": 50, "total_tokens": 59});
    events.push(json!({"type": "response.completed", "response": last}));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

/// Calls come whole here, so the one of `tool` is a single long event among fifty.
fn gemini(content: &str) -> Vec<Value> {
    let event = |part: Value| {
        json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
            "modelVersion": "their-model", "responseId": "r"})
    };
    let mut events: Vec<Value> = words().map(|text| event(json!({"text": text}))).collect();
    if content == "tool" {
        let arguments: Value = serde_json::from_str(&arguments().concat()).unwrap_or_default();
        events.push(event(json!({"functionCall": {"name": "look", "args": arguments}})));
    }
    let mut last = event(json!({"text": ""}));
    last["candidates"][0]["finishReason"] = json!("STOP");
    events.push(last);
    events
}
