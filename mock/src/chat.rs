//! How a script sounds in the Chat Completions dialect.

pub mod habits;

use serde_json::{Map, Value, json};

use crate::directive::Refused;
use crate::frames::{FrameKind, Frames, Markers, Rendering};
use crate::request::StreamUsage;
use crate::script::{Call, Reported, Run, Script, Stop, Usage};
use habits::{CallIdentity, CallIndex, CallOpening, Comments, Habits, StreamEnding, UsagePlace};

/// Vendors of this dialect keep a connection alive with comments.
pub const PING: &str = ": ping\n\n";
pub const DONE: &str = "data: [DONE]\n\n";

/// The stream: a role chunk, content, tool calls, the finish reason, usage if asked for, `[DONE]`.
pub fn frames(
    script: &Script,
    rendering: &Rendering,
    stream_usage: StreamUsage,
    habits: Habits,
) -> Frames {
    let content = script.frames();
    let frames = Frames::with_capacity((content + 4) * (260 + rendering.pad), content + 4);
    let head = format!(
        "data: {{\"id\":\"chatcmpl-mock{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\"system_fingerprint\":\"fp_mock\",",
        rendering.tag,
        rendering.created_s,
        json!(rendering.model)
    );
    let reported = script.usage.reported == Reported::Yes;
    let usage = (reported && stream_usage == StreamUsage::Included).then(|| usage(&script.usage));
    let mut tail = String::new();
    if usage.is_some() && habits.usage == UsagePlace::OwnChunk {
        tail.push_str(",\"usage\":null");
    }
    if rendering.pad > 0 {
        tail.push_str(&format!(",\"obfuscation\":\"{}\"", "x".repeat(rendering.pad)));
    }
    let mut stream = Stream { frames, head, tail: format!("{tail}}}\n\n"), habits };
    stream.delta(&json!({"role": "assistant", "content": "", "refusal": null}), FrameKind::Start);
    let mut position = 0;
    for run in script.runs() {
        match run {
            Run::Thinking(pieces) => {
                for piece in pieces {
                    stream.text("reasoning_content", piece, Markers::Off);
                }
            }
            Run::Text(pieces) => {
                for piece in pieces {
                    stream.text("content", piece, rendering.markers);
                }
            }
            Run::Calls(calls) => {
                stream.calls(script, &calls, position);
                position += calls.len();
            }
        }
    }
    stream.finish(script, usage.as_ref());
    stream.frames
}

/// The whole answer, for `stream: false`.
pub fn body(script: &Script, rendering: &Rendering) -> Value {
    let (text, thinking) = (script.text(), script.thinking());
    let content = if text.is_empty() { Value::Null } else { json!(text.concat()) };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !thinking.is_empty() {
        message["reasoning_content"] = json!(thinking.concat());
    }
    if script.calls().next().is_some() {
        let calls = script.calls().map(|call| {
            let function = json!({"name": call.name, "arguments": call.arguments()});
            json!({"id": call.id, "type": "function", "function": function})
        });
        message["tool_calls"] = calls.collect();
    }
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(script)});
    let mut body = json!({"id": format!("chatcmpl-mock{}", rendering.tag), "object": "chat.completion", "created": rendering.created_s,
        "model": rendering.model, "choices": [choice], "system_fingerprint": "fp_mock"});
    if script.usage.reported == Reported::Yes {
        body["usage"] = usage(&script.usage);
    }
    body
}

/// The error envelope, of HTTP errors and of error chunks.
pub fn error(refused: &Refused, message: &str) -> Value {
    let (kind, code) = match refused.status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", None),
        _ => ("server_error", None),
    };
    let code = refused.code.as_deref().or(code);
    let kind = if code == Some("insufficient_quota") { "insufficient_quota" } else { kind };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

pub fn error_chunk(error: &Value) -> String {
    format!("data: {error}\n\n")
}

struct Stream {
    frames: Frames,
    head: String,
    tail: String,
    habits: Habits,
}

impl Stream {
    fn chunk(&mut self, inside: &str, kind: FrameKind) {
        self.begin();
        self.frames.raw(inside).raw(&self.tail).end(kind);
    }

    /// What every chunk begins with.
    fn begin(&mut self) {
        if self.habits.comments == Comments::BeforeEveryChunk {
            self.frames.raw(PING);
        }
        self.frames.raw(&self.head);
    }

    /// Calls that follow each other; the first of them is the answer's `first`.
    fn calls(&mut self, script: &Script, calls: &[&Call], first: usize) {
        let opening = match self.habits.call_opening {
            CallOpening::WithoutArguments => 1,
            CallOpening::WithArguments => 0,
        };
        let frames: Vec<usize> =
            calls.iter().map(|call| call.argument_frames() + opening).collect();
        for (position, frame) in script.call_order.of(&frames) {
            let call = calls[position];
            let arguments = match frame.checked_sub(opening) {
                Some(piece) => call.piece(piece),
                None => "",
            };
            let delta = call_delta(call, first + position, frame == 0, arguments, self.habits);
            self.delta(&json!({"tool_calls": [delta]}), FrameKind::Content);
        }
    }

    fn finish(&mut self, script: &Script, usage: Option<&Value>) {
        let mut inside = format!(
            "\"choices\":[{{\"index\":0,\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"{}\"}}]",
            finish_reason(script)
        );
        match (usage, self.habits.usage) {
            (Some(usage), UsagePlace::WithFinishReason) => {
                inside.push_str(&format!(",\"usage\":{usage}"));
            }
            (Some(usage), UsagePlace::InXGroq) => {
                let extra = json!({"id": "req_mock", "usage": usage});
                inside.push_str(&format!(",\"x_groq\":{extra}"));
            }
            (Some(_), UsagePlace::OwnChunk) | (None, _) => {}
        }
        self.chunk(&inside, FrameKind::Frame);
        if let (Some(usage), UsagePlace::OwnChunk) = (usage, self.habits.usage) {
            let usage = usage.to_string();
            self.begin();
            let frames = self.frames.raw("\"choices\":[],\"usage\":");
            frames.raw(&usage).raw("}\n\n").end(FrameKind::Frame);
        }
        if self.habits.ending == StreamEnding::Done {
            self.frames.raw(DONE).end(FrameKind::Terminator);
        }
    }

    fn delta(&mut self, delta: &Value, kind: FrameKind) {
        let inside = format!(
            "\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null}}]"
        );
        self.chunk(&inside, kind);
    }

    fn text(&mut self, field: &str, piece: &str, markers: Markers) {
        self.begin();
        let frames =
            self.frames.raw("\"choices\":[{\"index\":0,\"delta\":{\"").raw(field).raw("\":");
        frames
            .marked_string(markers, piece)
            .raw("},\"logprobs\":null,\"finish_reason\":null}]")
            .raw(&self.tail)
            .end(FrameKind::Content);
    }
}

/// One piece of a call, the answer's call number `position`.
fn call_delta(
    call: &Call,
    position: usize,
    is_first: bool,
    arguments: &str,
    habits: Habits,
) -> Value {
    let mut delta = Map::new();
    match habits.call_index {
        CallIndex::FromZero => delta.insert("index".to_owned(), json!(position)),
        CallIndex::FromOne => delta.insert("index".to_owned(), json!(position + 1)),
        CallIndex::Missing => None,
    };
    let is_named = is_first || habits.call_identity == CallIdentity::InEveryPiece;
    if is_named || habits.call_index == CallIndex::Missing {
        delta.insert("id".to_owned(), json!(call.id));
    }
    let mut function = Map::new();
    if is_named {
        delta.insert("type".to_owned(), json!("function"));
        function.insert("name".to_owned(), json!(call.name));
    }
    function.insert("arguments".to_owned(), json!(arguments));
    delta.insert("function".to_owned(), Value::Object(function));
    Value::Object(delta)
}

fn finish_reason(script: &Script) -> &'static str {
    match script.stop {
        Stop::EndTurn | Stop::StopSequence(_) => "stop",
        Stop::MaxTokens => "length",
        Stop::ToolUse => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}

fn usage(usage: &Usage) -> Value {
    json!({"prompt_tokens": usage.prompt(), "completion_tokens": usage.output, "total_tokens": usage.prompt() + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_creation},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{CallOrder, Part};

    fn script(call_order: CallOrder) -> Script {
        let call = |n: usize| Call {
            id: format!("call_mock7_{n}"),
            name: "f".to_owned(),
            pieces: vec!["{\"a\"".to_owned(), ":1}".to_owned()],
        };
        Script {
            parts: vec![
                Part::Text(vec!["Hel".to_owned(), "lo".to_owned()]),
                Part::Call(call(0)),
                Part::Call(call(1)),
            ],
            call_order,
            stop: Stop::ToolUse,
            usage: Usage {
                input: 3,
                cache_read: 2,
                cache_creation: 1,
                output: 6,
                reasoning: 0,
                reported: Reported::Yes,
            },
        }
    }

    fn rendering() -> Rendering<'static> {
        Rendering { tag: "7", model: "m", created_s: 5, pad: 0, markers: Markers::Off }
    }

    fn written(script: &Script, rendering: &Rendering, stream_usage: StreamUsage) -> Frames {
        frames(script, rendering, stream_usage, Habits::OPENAI)
    }

    fn data_of(frames: &Frames) -> Vec<Value> {
        let lines = frames.iter().map(|frame| String::from_utf8(frame.bytes.to_vec()).unwrap());
        let data = lines.map(|line| {
            line.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap().to_owned()
        });
        data.map(|data| {
            if data == "[DONE]" { json!("[DONE]") } else { serde_json::from_str(&data).unwrap() }
        })
        .collect()
    }

    #[test]
    fn the_stream_is_this_one() {
        let data =
            data_of(&written(&script(CallOrder::OneByOne), &rendering(), StreamUsage::Included));
        let deltas: Vec<String> =
            data.iter().map(|chunk| chunk["choices"][0]["delta"].to_string()).collect();
        let expected = [
            r#"{"role":"assistant","content":"","refusal":null}"#,
            r#"{"content":"Hel"}"#,
            r#"{"content":"lo"}"#,
            r#"{"tool_calls":[{"index":0,"id":"call_mock7_0","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"call_mock7_1","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":1,"function":{"arguments":"{\"a\""}}]}"#,
            r#"{"tool_calls":[{"index":1,"function":{"arguments":":1}"}}]}"#,
            "{}",
            "null",
            "null",
        ];
        assert_eq!(deltas, expected);
        assert_eq!(data[9]["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(
            (&data[10]["choices"], &data[10]["usage"]["prompt_tokens"]),
            (&json!([]), &json!(6))
        );
        assert_eq!(data[11], "[DONE]");
        assert_eq!((&data[0]["id"], &data[0]["created"]), (&json!("chatcmpl-mock7"), &json!(5)));
    }

    #[test]
    fn usage_comes_only_when_asked_for() {
        let data =
            data_of(&written(&script(CallOrder::OneByOne), &rendering(), StreamUsage::Omitted));
        assert!(data.iter().all(|chunk| chunk.get("usage").is_none()));
    }

    #[test]
    fn parallel_calls_can_be_interleaved() {
        let data =
            data_of(&written(&script(CallOrder::Interleaved), &rendering(), StreamUsage::Omitted));
        let indexes: Vec<u64> = data
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64())
            .collect();
        assert_eq!(indexes, [0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn a_call_without_arguments_says_an_empty_object() {
        let mut script = script(CallOrder::OneByOne);
        script.parts.truncate(1);
        let call = Call { id: "call_1".to_owned(), name: "f".to_owned(), pieces: Vec::new() };
        script.parts.push(Part::Call(call));
        let data = data_of(&written(&script, &rendering(), StreamUsage::Omitted));
        assert_eq!(data[4]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"], "{}");
        assert_eq!(
            body(&script, &rendering())["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
            "{}"
        );
    }

    #[test]
    fn a_vendor_has_its_own_habits() {
        let habits = Habits {
            call_index: CallIndex::Missing,
            call_identity: CallIdentity::InFirstPiece,
            call_opening: CallOpening::WithArguments,
            usage: UsagePlace::InXGroq,
            ending: StreamEnding::Silent,
            comments: Comments::BeforeEveryChunk,
        };
        let script = script(CallOrder::Interleaved);
        let frames = frames(&script, &rendering(), StreamUsage::Included, habits);
        let text: String =
            frames.iter().map(|frame| String::from_utf8_lossy(frame.bytes).into_owned()).collect();
        let mut chunks = Vec::new();
        for block in text.trim_end().split("\n\n") {
            match block.strip_prefix("data: ") {
                Some(data) => chunks.push(serde_json::from_str::<Value>(data).unwrap()),
                None => assert_eq!(block, ": ping"),
            }
        }
        let deltas: Vec<String> = chunks[3..7]
            .iter()
            .map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].to_string())
            .collect();
        let expected = [
            r#"{"id":"call_mock7_0","type":"function","function":{"name":"f","arguments":"{\"a\""}}"#,
            r#"{"id":"call_mock7_1","type":"function","function":{"name":"f","arguments":"{\"a\""}}"#,
            r#"{"id":"call_mock7_0","function":{"arguments":":1}"}}"#,
            r#"{"id":"call_mock7_1","function":{"arguments":":1}"}}"#,
        ];
        assert_eq!(deltas, expected);
        assert_eq!(chunks.len(), 8);
        assert_eq!(chunks[7]["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(chunks[7]["x_groq"]["usage"]["prompt_tokens"], 6);
        assert_eq!(text.matches(": ping").count(), 8);
    }

    #[test]
    fn padding_goes_into_its_own_field() {
        let data = data_of(&written(
            &script(CallOrder::OneByOne),
            &Rendering { pad: 4, ..rendering() },
            StreamUsage::Omitted,
        ));
        assert_eq!(data[1]["obfuscation"], "xxxx");
    }

    #[test]
    fn errors_have_the_vendors_codes() {
        let refused = |status, code: Option<&str>| Refused {
            status,
            retry_after_s: None,
            code: code.map(str::to_owned),
        };
        assert_eq!(error(&refused(429, None), "m")["error"]["code"], "rate_limit_exceeded");
        assert_eq!(
            error(&refused(429, Some("insufficient_quota")), "m")["error"]["type"],
            "insufficient_quota"
        );
        assert_eq!(error(&refused(500, None), "m")["error"]["type"], "server_error");
    }
}
