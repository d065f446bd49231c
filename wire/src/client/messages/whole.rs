//! The whole answer, put together from its events: what a client gets that did not ask for a
//! stream.
//!
//! It reads the very frames that a streaming client would get, so the two modes agree by
//! construction.

use serde_json::{Map, Value, json};

/// Collects events into one `message` object.
#[derive(Debug, Default)]
pub struct AnthropicMessage {
    message: Map<String, Value>,
    blocks: Vec<Collected>,
}

#[derive(Debug)]
struct Collected {
    block: Map<String, Value>,
    /// Arguments of a tool call come as pieces of JSON text.
    input_json: String,
}

impl AnthropicMessage {
    /// Takes one event. Data that is no JSON object is left out; readers checked it before.
    pub fn add(&mut self, name: &str, data: &[u8]) {
        let Ok(Value::Object(mut event)) = serde_json::from_slice(data) else { return };
        match name {
            "message_start" => {
                if let Some(Value::Object(message)) = event.remove("message") {
                    self.message = message;
                }
            }
            "content_block_start" => {
                if let Some(Value::Object(block)) = event.remove("content_block") {
                    self.blocks.push(Collected { block, input_json: String::new() });
                }
            }
            "content_block_delta" => {
                if let (Some(Value::Object(delta)), Some(open)) =
                    (event.remove("delta"), self.blocks.last_mut())
                {
                    open.add(delta);
                }
            }
            "message_delta" => self.add_message_delta(event),
            _ => {}
        }
    }

    fn add_message_delta(&mut self, mut event: Map<String, Value>) {
        if let Some(Value::Object(delta)) = event.remove("delta") {
            self.message.extend(delta);
        }
        if let Some(Value::Object(said)) = event.remove("usage") {
            let usage = self.message.entry("usage").or_insert_with(|| json!({}));
            if let Value::Object(usage) = usage {
                // a null says nothing; a figure replaces, because all are cumulative
                usage.extend(said.into_iter().filter(|(_, value)| !value.is_null()));
            }
        }
        event.remove("type");
        self.message.extend(event);
    }

    /// The body of the answer.
    pub fn into_json(mut self) -> Vec<u8> {
        let content: Vec<Value> = self.blocks.into_iter().map(Collected::into_value).collect();
        self.message.insert("content".to_owned(), Value::Array(content));
        serde_json::to_vec(&Value::Object(self.message)).unwrap_or_default()
    }
}

impl Collected {
    fn add(&mut self, mut delta: Map<String, Value>) {
        let kind = delta.remove("type");
        match kind.as_ref().and_then(Value::as_str) {
            Some("input_json_delta") => {
                if let Some(Value::String(piece)) = delta.get("partial_json") {
                    self.input_json.push_str(piece);
                }
            }
            Some("citations_delta") => {
                let citation = delta.remove("citation").unwrap_or_default();
                match self.block.get_mut("citations") {
                    Some(Value::Array(citations)) => citations.push(citation),
                    _ => {
                        self.block.insert("citations".to_owned(), json!([citation]));
                    }
                }
            }
            Some("signature_delta") => self.block.extend(delta),
            // text, thinking, and whatever is newer: strings grow, anything else replaces
            _ => {
                for (key, value) in delta {
                    match (self.block.get_mut(&key), value) {
                        (Some(Value::String(text)), Value::String(piece)) => text.push_str(&piece),
                        (_, value) => {
                            self.block.insert(key, value);
                        }
                    }
                }
            }
        }
    }

    fn into_value(mut self) -> Value {
        if !self.input_json.is_empty() {
            // cut by max_tokens, the text is no JSON: it is given as it came rather than lost
            let input =
                serde_json::from_str(&self.input_json).unwrap_or(Value::String(self.input_json));
            self.block.insert("input".to_owned(), input);
        }
        Value::Object(self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_the_sum_of_its_events() {
        let mut message = AnthropicMessage::default();
        for (name, data) in [
            (
                "message_start",
                r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":5,"output_tokens":1}}}"#,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            ),
            ("ping", r#"{"type":"ping"}"#),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"[1]}"}}"#,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"u","name":"g","input":{}}}"#,
            ),
            (
                "message_delta",
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9,"input_tokens":null}}"#,
            ),
            ("message_stop", r#"{"type":"message_stop"}"#),
        ] {
            message.add(name, data.as_bytes());
        }
        let whole: Value = serde_json::from_slice(&message.into_json()).unwrap();
        assert_eq!(
            whole,
            json!({
                "id": "m",
                "content": [
                    {"type": "text", "text": "ab"},
                    {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}},
                    {"type": "tool_use", "id": "u", "name": "g", "input": {}},
                ],
                "stop_reason": "tool_use",
                "stop_sequence": null,
                "usage": {"input_tokens": 5, "output_tokens": 9},
            })
        );
    }
}
