//! How a script sounds in the Anthropic Messages dialect.

use serde_json::{Map, Value, json};

use crate::directive::Refused;
use crate::frames::{FrameKind, Frames, Markers, Rendering};
use crate::script::{Call, Part, Reported, Script, Stop, Usage};

pub const SIGNATURE: &str = "EqQBCkYIARgCKkBtb2NrLXNpZ25hdHVyZQ==";
pub const PING: &str = "event: ping\ndata: {\"type\": \"ping\"}\n\n";

/// The stream: `message_start`, blocks one after the other, `message_delta`, `message_stop`.
pub fn frames(script: &Script, rendering: &Rendering) -> Frames {
    let content = script.frames();
    let mut stream = Stream {
        frames: Frames::with_capacity((content + 10) * (160 + rendering.pad), content + 10),
        rendering,
        index: 0,
    };
    let mut message = message(script, rendering, Value::Array(Vec::new()), 1);
    message["stop_reason"] = Value::Null;
    message["stop_sequence"] = Value::Null;
    stream.event(
        "message_start",
        &json!({"type": "message_start", "message": message}),
        FrameKind::Start,
    );
    for part in &script.parts {
        stream.part(part);
    }
    let (stop_reason, stop_sequence) = stop(script);
    let mut delta = json!({"type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": stop_sequence}});
    if script.usage.reported == Reported::Yes {
        delta["usage"] = usage(&script.usage, script.usage.output);
    }
    stream.event("message_delta", &delta, FrameKind::Frame);
    stream.event("message_stop", &json!({"type": "message_stop"}), FrameKind::Terminator);
    stream.frames
}

/// The whole answer, for `stream: false`.
pub fn body(script: &Script, rendering: &Rendering) -> Value {
    let content = script.parts.iter().map(block).collect();
    let (stop_reason, stop_sequence) = stop(script);
    let mut message = message(script, rendering, Value::Array(content), script.usage.output);
    message["stop_reason"] = stop_reason;
    message["stop_sequence"] = stop_sequence;
    message
}

/// The error envelope, of HTTP errors and of `event: error`.
pub fn error(refused: &Refused, message: &str, request_id: &str) -> Value {
    let kind = match refused.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    };
    let mut error = json!({"type": kind, "message": message});
    if let Some(code) = &refused.code {
        error["details"] = json!({"error_code": code});
    }
    json!({"type": "error", "error": error, "request_id": request_id})
}

pub fn error_event(error: &Value) -> String {
    format!("event: error\ndata: {error}\n\n")
}

struct Stream<'a> {
    frames: Frames,
    rendering: &'a Rendering<'a>,
    index: usize,
}

impl Stream<'_> {
    fn event(&mut self, name: &str, data: &Value, kind: FrameKind) {
        let data = data.to_string();
        // The vendor pads with spaces before the last brace, so that lengths do not tell the text.
        let open = data.strip_suffix('}').unwrap_or(&data);
        self.frames
            .raw("event: ")
            .raw(name)
            .raw("\ndata: ")
            .raw(open)
            .spaces(self.rendering.pad)
            .raw("}\n\n")
            .end(kind);
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Thinking(pieces) => {
                self.start(&json!({"type": "thinking", "thinking": "", "signature": ""}));
                for piece in pieces {
                    self.delta("thinking_delta", "thinking", piece, Markers::Off);
                }
                self.delta("signature_delta", "signature", SIGNATURE, Markers::Off);
            }
            Part::Text(pieces) => {
                self.start(&json!({"type": "text", "text": ""}));
                for piece in pieces {
                    self.delta("text_delta", "text", piece, self.rendering.markers);
                }
            }
            Part::Call(call) => {
                let block =
                    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
                self.start(&block);
                self.delta("input_json_delta", "partial_json", "", Markers::Off);
                for piece in &call.pieces {
                    self.delta("input_json_delta", "partial_json", piece, Markers::Off);
                }
            }
        }
        self.stop();
    }

    fn start(&mut self, block: &Value) {
        let data =
            json!({"type": "content_block_start", "index": self.index, "content_block": block});
        self.event("content_block_start", &data, FrameKind::Frame);
        if self.index == 0 {
            self.frames.raw(PING).end(FrameKind::Frame);
        }
    }

    fn delta(&mut self, kind: &str, field: &str, piece: &str, markers: Markers) {
        let index = self.index.to_string();
        let frames = self
            .frames
            .raw("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":")
            .raw(&index);
        frames
            .raw(",\"delta\":{\"type\":\"")
            .raw(kind)
            .raw("\",\"")
            .raw(field)
            .raw("\":")
            .marked_string(markers, piece);
        frames.raw("}").spaces(self.rendering.pad).raw("}\n\n").end(FrameKind::Content);
    }

    fn stop(&mut self) {
        self.event(
            "content_block_stop",
            &json!({"type": "content_block_stop", "index": self.index}),
            FrameKind::Frame,
        );
        self.index += 1;
    }
}

/// A part as a content block of a whole answer.
fn block(part: &Part) -> Value {
    match part {
        Part::Thinking(pieces) => {
            json!({"type": "thinking", "thinking": pieces.concat(), "signature": SIGNATURE})
        }
        Part::Text(pieces) => json!({"type": "text", "text": pieces.concat()}),
        Part::Call(call) => {
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input(call)})
        }
    }
}

fn message(script: &Script, rendering: &Rendering, content: Value, output_tokens: u64) -> Value {
    let mut message = json!({"id": format!("msg_mock{}", rendering.tag), "type": "message", "role": "assistant",
        "model": rendering.model, "content": content, "stop_reason": null, "stop_sequence": null});
    if script.usage.reported == Reported::Yes {
        message["usage"] = usage(&script.usage, output_tokens.min(script.usage.output));
    }
    message
}

fn usage(usage: &Usage, output_tokens: u64) -> Value {
    let mut written = json!({"input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_creation,
        "cache_read_input_tokens": usage.cache_read, "output_tokens": output_tokens});
    if usage.reasoning > 0 && output_tokens == usage.output {
        written["output_tokens_details"] = json!({"thinking_tokens": usage.reasoning});
    }
    written
}

fn stop(script: &Script) -> (Value, Value) {
    match &script.stop {
        Stop::EndTurn => (json!("end_turn"), Value::Null),
        Stop::MaxTokens => (json!("max_tokens"), Value::Null),
        Stop::StopSequence(sequence) => (json!("stop_sequence"), json!(sequence)),
        Stop::ToolUse => (json!("tool_use"), Value::Null),
        Stop::Refusal => (json!("refusal"), Value::Null),
    }
}

/// Arguments that `max_tokens` cut are not JSON; the vendor's whole answers then carry what there
/// is as an empty object.
fn input(call: &Call) -> Value {
    serde_json::from_str(&call.arguments()).unwrap_or_else(|_| Value::Object(Map::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::CallOrder;

    fn script() -> Script {
        let call = Call {
            id: "toolu_mock7_0".to_owned(),
            name: "f".to_owned(),
            pieces: vec!["{\"a\"".to_owned(), ":1}".to_owned()],
        };
        Script {
            parts: vec![
                Part::Thinking(vec!["hm".to_owned()]),
                Part::Text(vec!["Hel".to_owned(), "lo \"é\"".to_owned()]),
                Part::Call(call),
            ],
            call_order: CallOrder::OneByOne,
            stop: Stop::ToolUse,
            usage: Usage {
                input: 3,
                cache_read: 0,
                cache_creation: 0,
                output: 6,
                reasoning: 1,
                reported: Reported::Yes,
            },
        }
    }

    fn rendering() -> Rendering<'static> {
        Rendering { tag: "7", model: "m", created_s: 0, pad: 0, markers: Markers::Off }
    }

    fn text_of(frames: &Frames) -> String {
        frames.iter().map(|frame| String::from_utf8(frame.bytes.to_vec()).unwrap()).collect()
    }

    #[test]
    fn the_stream_is_this_one() {
        let expected = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_mock7","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCkYIARgCKkBtb2NrLXNpZ25hdHVyZQ=="}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hel"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo \"é\""}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_mock7_0","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":6,"output_tokens_details":{"thinking_tokens":1}}}

event: message_stop
data: {"type":"message_stop"}

"#;
        assert_eq!(text_of(&frames(&script(), &rendering())), expected);
    }

    #[test]
    fn the_whole_answer_says_the_same() {
        let body = body(&script(), &rendering());
        assert_eq!(body["content"][1]["text"], "Hello \"é\"");
        assert_eq!(
            body["content"][2],
            json!({"type": "tool_use", "id": "toolu_mock7_0", "name": "f", "input": {"a": 1}})
        );
        assert_eq!(
            (&body["stop_reason"], &body["usage"]["output_tokens"]),
            (&json!("tool_use"), &json!(6))
        );
    }

    #[test]
    fn padding_and_silence_about_usage() {
        let mut script = script();
        script.usage.reported = Reported::No;
        let padded = frames(&script, &Rendering { pad: 7, ..rendering() });
        let text = text_of(&padded);
        assert!(!text.contains("usage"));
        assert!(text.contains("\"text\":\"Hel\"}       }\n\n"));
    }

    #[test]
    fn errors_have_the_vendors_types() {
        let refused = |status| Refused { status, retry_after_s: None, code: None };
        assert_eq!(error(&refused(529), "m", "req_1")["error"]["type"], "overloaded_error");
        assert_eq!(error(&refused(422), "m", "req_1")["error"]["type"], "invalid_request_error");
        assert_eq!(error(&refused(503), "m", "req_1")["error"]["type"], "api_error");
    }
}
