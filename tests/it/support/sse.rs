//! An independent reading of Anthropic's stream, as strict as the strictest SDK: it panics on whatever a client would choke on.

use serde_json::{Map, Value, json};

/// What a client has after the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    Message(Value),
    /// The `error` event's `error` object, and the message so far.
    Failed {
        error: Value,
        partial: Value,
    },
}

/// Event names in order, each checked against the `type` inside.
pub fn events(stream: &str) -> Vec<(String, Value)> {
    stream
        .split("\n\n")
        .filter(|frame| !frame.is_empty())
        .map(|frame| {
            let (name_line, data_line) = frame.split_once('\n').unwrap_or_else(|| panic!("frame of one line: {frame:?}"));
            let name = name_line.strip_prefix("event: ").unwrap_or_else(|| panic!("no event name: {frame:?}"));
            let data = data_line.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {frame:?}"));
            assert!(!data.contains('\n'), "data of several lines: {frame:?}");
            let data: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
            assert_eq!(data["type"], name, "name and type differ");
            (name.to_owned(), data)
        })
        .collect()
}

/// Reads a stream to its end.
pub fn accumulate(stream: &str) -> Read {
    let mut message = Value::Null;
    let mut blocks: Vec<Map<String, Value>> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    let mut open: Option<usize> = None;
    let mut finished = false;
    for (name, data) in events(stream) {
        assert!(!finished, "{name} after the end");
        match name.as_str() {
            "message_start" => {
                assert!(message.is_null(), "a second message_start");
                message = data["message"].clone();
                assert!(message["usage"]["input_tokens"].as_u64().unwrap() > 0, "no input tokens at the start");
                assert_eq!(message["content"], json!([]));
            }
            "content_block_start" => {
                assert!(open.is_none(), "two blocks open");
                let index = usize::try_from(data["index"].as_u64().unwrap()).unwrap();
                assert_eq!(index, blocks.len(), "indexes are not dense");
                blocks.push(data["content_block"].as_object().unwrap().clone());
                inputs.push(String::new());
                open = Some(index);
            }
            "content_block_delta" => {
                let index = usize::try_from(data["index"].as_u64().unwrap()).unwrap();
                assert_eq!(open, Some(index), "a delta for a block that is not open");
                let delta = &data["delta"];
                match delta["type"].as_str().unwrap() {
                    "text_delta" => append(&mut blocks[index], "text", delta["text"].as_str().unwrap()),
                    "thinking_delta" => append(&mut blocks[index], "thinking", delta["thinking"].as_str().unwrap()),
                    "signature_delta" => append(&mut blocks[index], "signature", delta["signature"].as_str().unwrap()),
                    "input_json_delta" => inputs[index].push_str(delta["partial_json"].as_str().unwrap()),
                    other => panic!("delta {other}"),
                }
            }
            "content_block_stop" => {
                let index = usize::try_from(data["index"].as_u64().unwrap()).unwrap();
                assert_eq!(open.take(), Some(index), "a stop for a block that is not open");
            }
            "message_delta" => {
                assert!(!data["delta"]["stop_reason"].is_null(), "no stop reason");
                message["stop_reason"] = data["delta"]["stop_reason"].clone();
                message["stop_sequence"] = data["delta"]["stop_sequence"].clone();
                for (key, value) in data["usage"].as_object().unwrap() {
                    message["usage"][key] = value.clone();
                }
            }
            "message_stop" => {
                assert!(open.is_none() && !message["stop_reason"].is_null(), "stopped too early");
                finished = true;
            }
            "ping" => {}
            "error" => {
                message["content"] = json!(blocks);
                return Read::Failed { error: data["error"].clone(), partial: message };
            }
            other => panic!("unknown event {other}"),
        }
    }
    assert!(finished, "the stream ended without message_stop or error: {stream}");
    for (block, input) in blocks.iter_mut().zip(inputs) {
        if !input.is_empty() {
            block.insert("input".to_owned(), serde_json::from_str(&input).unwrap_or_else(|error| panic!("{error}: {input}")));
        }
    }
    let calls = blocks.iter().any(|block| block["type"] == "tool_use");
    if message["stop_reason"] != "max_tokens" {
        assert_eq!(message["stop_reason"] == "tool_use", calls, "tool_use if and only if there are calls");
    }
    message["content"] = json!(blocks);
    Read::Message(message)
}

fn append(block: &mut Map<String, Value>, key: &str, piece: &str) {
    let text = block.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    block.insert(key.to_owned(), Value::String(text + piece));
}
