//! How a script sounds in the Chat Completions dialect.

use serde_json::{Value, json};

use crate::directive::Refused;
use crate::frames::{FrameKind, Frames, Markers, Rendering};
use crate::request::StreamUsage;
use crate::script::{CallOrder, Reported, Script, Stop, Usage};

/// Vendors of this dialect keep a connection alive with comments.
pub const PING: &str = ": ping\n\n";
pub const DONE: &str = "data: [DONE]\n\n";

/// The stream: a role chunk, content, tool calls, the finish reason, usage if asked for, `[DONE]`.
pub fn frames(script: &Script, rendering: &Rendering, stream_usage: StreamUsage) -> Frames {
    let content = script.thinking.len()
        + script.text.len()
        + script.calls.iter().map(|call| call.pieces.len() + 1).sum::<usize>();
    let frames = Frames::with_capacity((content + 4) * (260 + rendering.pad), content + 4);
    let head = format!(
        "data: {{\"id\":\"chatcmpl-mock{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\"system_fingerprint\":\"fp_mock\",",
        rendering.tag,
        rendering.created_s,
        json!(rendering.model)
    );
    let include_usage =
        script.usage.reported == Reported::Yes && stream_usage == StreamUsage::Included;
    let mut tail = String::new();
    if include_usage {
        tail.push_str(",\"usage\":null");
    }
    if rendering.pad > 0 {
        tail.push_str(&format!(",\"obfuscation\":\"{}\"", "x".repeat(rendering.pad)));
    }
    let mut stream = Stream { frames, head, tail: format!("{tail}}}\n\n") };
    stream.delta(&json!({"role": "assistant", "content": "", "refusal": null}), FrameKind::Start);
    for piece in &script.thinking {
        stream.text("reasoning_content", piece, Markers::Off);
    }
    for piece in &script.text {
        stream.text("content", piece, rendering.markers);
    }
    for (index, piece) in call_frames(script) {
        stream
            .delta(&json!({"tool_calls": [call_delta(script, index, piece)]}), FrameKind::Content);
    }
    let finish = format!(
        "\"choices\":[{{\"index\":0,\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"{}\"}}]",
        finish_reason(script)
    );
    stream.chunk(&finish, FrameKind::Frame);
    if include_usage {
        let head = stream.head.clone();
        let usage = usage(&script.usage).to_string();
        stream
            .frames
            .raw(&head)
            .raw("\"choices\":[],\"usage\":")
            .raw(&usage)
            .raw("}\n\n")
            .end(FrameKind::Frame);
    }
    stream.frames.raw(DONE).end(FrameKind::Terminator);
    stream.frames
}

/// The whole answer, for `stream: false`.
pub fn body(script: &Script, rendering: &Rendering) -> Value {
    let content = if script.text.is_empty() { Value::Null } else { json!(script.text.concat()) };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !script.thinking.is_empty() {
        message["reasoning_content"] = json!(script.thinking.concat());
    }
    if !script.calls.is_empty() {
        let calls = script
            .calls
            .iter()
            .map(|call| json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments()}}));
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
}

impl Stream {
    fn chunk(&mut self, inside: &str, kind: FrameKind) {
        self.frames.raw(&self.head).raw(inside).raw(&self.tail).end(kind);
    }

    fn delta(&mut self, delta: &Value, kind: FrameKind) {
        let inside = format!(
            "\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null}}]"
        );
        self.chunk(&inside, kind);
    }

    fn text(&mut self, field: &str, piece: &str, markers: Markers) {
        let frames = self
            .frames
            .raw(&self.head)
            .raw("\"choices\":[{\"index\":0,\"delta\":{\"")
            .raw(field)
            .raw("\":");
        frames
            .marked_string(markers, piece)
            .raw("},\"logprobs\":null,\"finish_reason\":null}]")
            .raw(&self.tail)
            .end(FrameKind::Content);
    }
}

/// Which piece of which call comes when; `None` opens the call.
fn call_frames(script: &Script) -> Vec<(usize, Option<usize>)> {
    let calls = || script.calls.iter().enumerate();
    let longest = script.calls.iter().map(|call| call.argument_frames()).max().unwrap_or(0);
    match script.call_order {
        CallOrder::OneByOne => calls()
            .flat_map(|(index, call)| {
                std::iter::once((index, None))
                    .chain((0..call.argument_frames()).map(move |n| (index, Some(n))))
            })
            .collect(),
        CallOrder::Interleaved => {
            let opened = calls().map(|(index, _)| (index, None));
            let pieces = (0..longest).flat_map(|piece| {
                calls()
                    .filter(move |(_, call)| piece < call.argument_frames())
                    .map(move |(index, _)| (index, Some(piece)))
            });
            opened.chain(pieces).collect()
        }
    }
}

fn call_delta(script: &Script, index: usize, piece: Option<usize>) -> Value {
    let call = &script.calls[index];
    match piece {
        None => {
            json!({"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}})
        }
        Some(piece) => {
            let arguments = call.pieces.get(piece).map_or("{}", String::as_str);
            json!({"index": index, "function": {"arguments": arguments}})
        }
    }
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
        "completion_tokens_details": {"reasoning_tokens": 0}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Call;

    fn script(call_order: CallOrder) -> Script {
        let call = |n: usize| Call {
            id: format!("call_mock7_{n}"),
            name: "f".to_owned(),
            pieces: vec!["{\"a\"".to_owned(), ":1}".to_owned()],
        };
        Script {
            thinking: Vec::new(),
            text: vec!["Hel".to_owned(), "lo".to_owned()],
            calls: vec![call(0), call(1)],
            call_order,
            stop: Stop::ToolUse,
            usage: Usage {
                input: 3,
                cache_read: 2,
                cache_creation: 1,
                output: 6,
                reported: Reported::Yes,
            },
        }
    }

    fn rendering() -> Rendering<'static> {
        Rendering { tag: "7", model: "m", created_s: 5, pad: 0, markers: Markers::Off }
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
            data_of(&frames(&script(CallOrder::OneByOne), &rendering(), StreamUsage::Included));
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
            data_of(&frames(&script(CallOrder::OneByOne), &rendering(), StreamUsage::Omitted));
        assert!(data.iter().all(|chunk| chunk.get("usage").is_none()));
    }

    #[test]
    fn parallel_calls_can_be_interleaved() {
        let data =
            data_of(&frames(&script(CallOrder::Interleaved), &rendering(), StreamUsage::Omitted));
        let indexes: Vec<u64> = data
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64())
            .collect();
        assert_eq!(indexes, [0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn a_call_without_arguments_says_an_empty_object() {
        let mut script = script(CallOrder::OneByOne);
        script.calls.truncate(1);
        script.calls[0].pieces.clear();
        let data = data_of(&frames(&script, &rendering(), StreamUsage::Omitted));
        assert_eq!(data[4]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"], "{}");
        assert_eq!(
            body(&script, &rendering())["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
            "{}"
        );
    }

    #[test]
    fn padding_goes_into_its_own_field() {
        let data = data_of(&frames(
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
