//! As Anthropic says it.

use serde_json::{Value, json};

use super::said::{Said, Spoken, pieces};

pub fn bytes(spoken: &Spoken) -> Vec<u8> {
    let usage = json!({
        "input_tokens": spoken.usage.input, "cache_read_input_tokens": spoken.usage.cache_read, "cache_creation_input_tokens": spoken.usage.cache_write,
        "output_tokens": spoken.usage.output, "output_tokens_details": {"thinking_tokens": spoken.usage.reasoning},
    });
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "their-model", "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": spoken.usage.input, "output_tokens": 1}}}),
        json!({"type": "ping"}),
    ];
    let mut calls = 0;
    for (index, said) in spoken.said.iter().enumerate() {
        let (block, deltas): (Value, Vec<Value>) = match said {
            Said::Text(pieces) => (
                json!({"type": "text", "text": ""}),
                pieces.iter().map(|piece| json!({"type": "text_delta", "text": piece})).collect(),
            ),
            Said::Thought(pieces) => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                pieces
                    .iter()
                    .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
                    .chain([json!({"type": "signature_delta", "signature": "c2ln"})])
                    .collect(),
            ),
            Said::Call { name, arguments, piece_bytes } => {
                calls += 1;
                let block = json!({"type": "tool_use", "id": Spoken::call_id(calls - 1), "name": name, "input": {}});
                (
                    block,
                    pieces(arguments, *piece_bytes)
                        .iter()
                        .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
                        .collect(),
                )
            }
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        events.extend(
            deltas.into_iter().map(
                |delta| json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": spoken.stop(), "stop_sequence": null}, "usage": usage}));
    events.push(json!({"type": "message_stop"}));
    events
        .iter()
        .flat_map(|event| {
            format!("event: {}\r\ndata: {event}\r\n\r\n", event["type"].as_str().unwrap())
                .into_bytes()
        })
        .collect()
}
