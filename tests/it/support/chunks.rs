//! An independent reading of a Chat Completions stream, as strict as the strictest SDK: it panics on whatever a client would choke on.

use serde_json::{Value, json};

use super::Answer;

/// What a client has after the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunks {
    /// As a `chat.completion` would say it.
    Completion(Value),
    /// The `error` object of the last chunk, and the text so far.
    Failed { error: Value, text: String },
}

/// Every chunk in order, without comments; the last word is `null`.
pub fn chunks(stream: &str) -> Vec<Value> {
    assert!(stream.is_empty() || stream.ends_with("\n\n"), "the last frame is open: {stream:?}");
    let frames = stream.split_terminator("\n\n").filter(|frame| !frame.starts_with(": "));
    frames
        .map(|frame| {
            let data = frame.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {frame:?}"));
            assert!(!data.contains('\n'), "more than one line: {frame:?}");
            if data == "[DONE]" { Value::Null } else { serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")) }
        })
        .collect()
}

/// Reads a stream to its end.
pub fn read(stream: &str) -> Chunks {
    let chunks = chunks(stream);
    let mut answer = json!({});
    let mut message = json!({"role": null, "content": null});
    let mut finish = Value::Null;
    for (at, chunk) in chunks.iter().enumerate() {
        if chunk.is_null() {
            assert_eq!(at + 1, chunks.len(), "something after [DONE]");
            assert!(!finish.is_null(), "[DONE] before a finish reason: {stream}");
            answer["message"] = message;
            answer["finish_reason"] = finish;
            return Chunks::Completion(answer);
        }
        if let Some(error) = chunk.get("error") {
            assert_eq!(at + 1, chunks.len(), "something after the error");
            return Chunks::Failed { error: error.clone(), text: message["content"].as_str().unwrap_or_default().to_owned() };
        }
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert!(chunk["id"].is_string() && chunk["created"].is_u64(), "{chunk}");
        for member in ["id", "model"] {
            assert!(answer.get(member).is_none_or(|known| *known == chunk[member]), "{member} changes: {chunk}");
            answer[member] = chunk[member].clone();
        }
        for member in ["usage", "ainfera"] {
            if chunk.get(member).is_some_and(|value| !value.is_null()) {
                assert!(answer.get(member).is_none(), "{member} twice: {chunk}");
                answer[member] = chunk[member].clone();
            }
        }
        let choices = chunk["choices"].as_array().unwrap_or_else(|| panic!("no choices: {chunk}"));
        if choices.is_empty() {
            assert!(chunk["usage"].is_object(), "an empty chunk: {chunk}");
            continue;
        }
        assert!(finish.is_null(), "a choice after the finish: {chunk}");
        assert_eq!((choices.len(), &choices[0]["index"]), (1, &json!(0)));
        take(&mut message, &choices[0]["delta"]);
        assert_eq!(message["role"], "assistant", "the first chunk names no role: {chunk}");
        finish = choices[0]["finish_reason"].clone();
    }
    panic!("the stream ended without [DONE] or an error: {stream}");
}

/// The completion of a stream that succeeded.
pub fn completion_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(answer.complete, "the body was cut: {}", answer.text());
    match read(&answer.text()) {
        Chunks::Completion(completion) => completion,
        Chunks::Failed { error, .. } => panic!("stream failed: {error}"),
    }
}

fn take(message: &mut Value, delta: &Value) {
    for (name, value) in delta.as_object().unwrap_or_else(|| panic!("no delta: {delta}")) {
        match name.as_str() {
            "tool_calls" => value.as_array().unwrap().iter().for_each(|call| take_call(message, call)),
            "role" => message["role"] = value.clone(),
            _ if value.is_null() => {}
            _ => append(&mut message[name], value),
        }
    }
}

fn take_call(message: &mut Value, call: &Value) {
    let index = usize::try_from(call["index"].as_u64().unwrap_or_else(|| panic!("a call without an index: {call}"))).unwrap();
    if message.get("tool_calls").is_none() {
        message["tool_calls"] = json!([]);
    }
    let calls = message["tool_calls"].as_array_mut().unwrap();
    if index == calls.len() {
        assert!(call["id"].as_str().is_some_and(|id| !id.is_empty()), "a call begins without an id: {call}");
        assert_eq!(call["type"], "function");
        assert!(call["function"]["name"].as_str().is_some_and(|name| !name.is_empty()), "a call begins without a name: {call}");
        assert!(calls.iter().all(|known| known["id"] != call["id"]), "two calls of one id: {call}");
        calls.push(json!({"id": call["id"], "type": "function", "function": {"name": call["function"]["name"], "arguments": ""}}));
    } else {
        // official clients add up what is said twice
        assert!(index < calls.len(), "indexes are not dense: {call}");
        assert!(call.get("id").is_none() && call.get("type").is_none() && call["function"].get("name").is_none(), "said twice: {call}");
    }
    append(&mut calls[index]["function"]["arguments"], &call["function"]["arguments"]);
}

fn append(known: &mut Value, piece: &Value) {
    let piece = piece.as_str().unwrap_or_else(|| panic!("not a string: {piece}"));
    *known = json!(known.as_str().unwrap_or_default().to_owned() + piece);
}
