//! The flat `POST /v1/inference`: a conversation as in Chat Completions, an answer without nesting.
//! It is never streamed.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Client;
use crate::client::call::{Call, ClientHeaders};
use crate::error::bad_request::BadRequest;

impl Call {
    /// Parses a flat body: model and messages, and whatever else a Chat Completions body may have.
    pub fn from_inference(
        body: Bytes,
        headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        let said = crate::client::chat::request::translated(&body)?;
        Call::of_request(
            Client::Inference,
            body,
            (said.request, said.costs),
            Some(said.translation),
            headers,
            estimate,
        )
    }
}

/// A `chat.completion` as the flat answer, as far as it tells: who answered, and for how much, is
/// known to whoever sends it.
pub(crate) fn flat(completion: &Value) -> Value {
    let choice = &completion["choices"][0];
    let message = &choice["message"];
    let text = message["content"].as_str().unwrap_or_default();
    let mut blocks = Vec::new();
    if let Some(thinking) =
        message["reasoning_content"].as_str().filter(|thinking| !thinking.is_empty())
    {
        blocks.push(json!({"type": "thinking", "thinking": thinking}));
    }
    if !text.is_empty() {
        blocks.push(json!({"type": "text", "text": text}));
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        // cut by the limit, it is no JSON: given as it came rather than lost
        let input = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        blocks.push(json!({"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": input}));
    }
    let is_plain = blocks.iter().all(|block| block["type"] == "text");
    let ainfera = &completion["ainfera"];
    json!({
        "agent_id": ainfera["agent_id"], "inference_id": ainfera["inference_id"], "receipt_id": ainfera["receipt_id"],
        "content": text, "content_blocks": if is_plain { Value::Null } else { Value::Array(blocks) },
        "finish_reason": choice["finish_reason"], "finish_reason_native": ainfera["finish_reason_native"],
        "input_tokens": completion["usage"]["prompt_tokens"], "output_tokens": completion["usage"]["completion_tokens"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_flat() {
        let completion = json!({
            "ainfera": {"agent_id": "a", "inference_id": "i", "receipt_id": "r", "finish_reason_native": "end_turn"}, "usage": {"prompt_tokens": 5, "completion_tokens": 2},
            "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        });
        assert_eq!(
            flat(&completion),
            json!({"agent_id": "a", "inference_id": "i", "receipt_id": "r", "content": "hi", "content_blocks": null, "finish_reason": "stop", "finish_reason_native": "end_turn",
                   "input_tokens": 5, "output_tokens": 2})
        );
        let call = json!({"id": "t", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}});
        let completion = json!({"choices": [{"message": {"content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"}]});
        let answer = flat(&completion);
        assert_eq!(answer["content"], "");
        let thought = json!({"choices": [{"message": {"content": "hi", "reasoning_content": "hm"}, "finish_reason": "stop"}]});
        let thought = flat(&thought);
        let blocks =
            json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}]);
        assert_eq!((&thought["content"], &thought["content_blocks"]), (&json!("hi"), &blocks));
        assert_eq!(
            answer["content_blocks"],
            json!([{"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}}])
        );
    }
}
