//! A completion that came whole, as the chunks that would have streamed it: then one reader reads
//! both.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::codec::well_formed::value;
use crate::error::provider_error::says_something;
use crate::error::stream_fault::StreamFault;

/// The data of each chunk, in order: content, finish reason, usage, end. An error in the place of a
/// completion is the one chunk that says it.
pub(crate) fn chunks(body: &Bytes) -> Result<Vec<Bytes>, StreamFault> {
    let mut said = value(body)
        .map_err(|error| StreamFault::malformed(format!("answer is not JSON: {error}")))?;
    if said.is_array() || said.get("error").is_some_and(says_something) {
        return Ok(vec![body.clone()]);
    }
    let mut choices = match said.get_mut("choices").map(Value::take) {
        Some(Value::Array(choices)) => choices,
        Some(choice @ Value::Object(_)) => vec![choice],
        _ => Vec::new(),
    };
    choices.retain(Value::is_object);
    if choices.is_empty() {
        return Err(StreamFault::malformed("answer is no completion"));
    }
    said["choices"] = json!([]);
    said["object"] = json!("chat.completion.chunk");
    let usage = said
        .as_object_mut()
        .and_then(|said| said.shift_remove("usage"))
        .filter(|usage| !usage.is_null());
    let (mut content, mut finish) = (said.clone(), said.clone());
    content["choices"] = choices.iter().map(first).collect();
    finish["choices"] = choices.iter().map(last).collect();
    let mut chunks = vec![content, finish];
    if let Some(usage) = usage {
        said["usage"] = usage;
        chunks.push(said);
    }
    let mut chunks: Vec<Bytes> =
        chunks.iter().map(|chunk| Bytes::from(chunk.to_string())).collect();
    chunks.push(Bytes::from_static(b"[DONE]"));
    Ok(chunks)
}

fn first(choice: &Value) -> Value {
    let mut first = choice.clone();
    let messages = ["message", "delta"].into_iter().filter_map(|name| choice.get(name));
    let mut delta = messages.into_iter().find(|message| message.is_object()).cloned();
    let delta = delta.get_or_insert_with(|| json!({"content": choice.get("text")}));
    for (index, call) in
        delta.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten().enumerate()
    {
        if call.is_object() && !call["index"].is_number() {
            call["index"] = json!(index);
        }
    }
    // of a whole answer it says that there were thoughts, of a piece that it is one
    if let Some(google) = delta.pointer_mut("/extra_content/google").and_then(Value::as_object_mut)
    {
        google.shift_remove("thought");
    }
    if let Some(members) = first.as_object_mut() {
        members.shift_remove("message");
    }
    first["delta"] = delta.take();
    first["finish_reason"] = Value::Null;
    first
}

fn last(choice: &Value) -> Value {
    json!({"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_then_finish_then_usage() {
        let body = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": {
            "role": "assistant", "content": "hi", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            "logprobs": null, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 1}});
        let chunks = chunks(&Bytes::from(body.to_string())).unwrap();
        let texts: Vec<&str> =
            chunks.iter().map(|chunk| std::str::from_utf8(chunk).unwrap()).collect();
        let head = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m""#;
        let call =
            r#"{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"index":0}"#;
        let first = format!(
            r#"{head},"choices":[{{"index":0,"logprobs":null,"finish_reason":null,"delta":{{"role":"assistant","content":"hi","tool_calls":[{call}]}}}}]}}"#
        );
        let finish = format!(
            r#"{head},"choices":[{{"index":0,"delta":{{}},"finish_reason":"tool_calls"}}]}}"#
        );
        let usage = format!(r#"{head},"choices":[],"usage":{{"prompt_tokens":1}}}}"#);
        assert_eq!(texts, [first.as_str(), &finish, &usage, "[DONE]"]);
    }

    #[test]
    fn an_answer_after_thoughts_is_no_thought() {
        let body = json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "noon",
            "extra_content": {"google": {"thought": true, "thought_signature": "s"}}}}]});
        let chunks = chunks(&Bytes::from(body.to_string())).unwrap();
        let first: Value = serde_json::from_slice(&chunks[0]).unwrap();
        assert_eq!(
            first["choices"][0]["delta"]["extra_content"],
            json!({"google": {"thought_signature": "s"}})
        );
    }

    #[test]
    fn what_is_no_completion_is_no_answer() {
        let error = Bytes::from_static(br#"{"error":{"message":"no"}}"#);
        assert_eq!(chunks(&error).unwrap(), std::slice::from_ref(&error));
        for body in [r#"{"ok":true}"#, r#"{"choices":[]}"#, "3", "<html>"] {
            assert!(
                matches!(
                    chunks(&Bytes::from_static(body.as_bytes())),
                    Err(StreamFault::Malformed(_))
                ),
                "{body}"
            );
        }
    }
}
