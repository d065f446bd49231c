//! How a script sounds in the Responses dialect.

pub mod reading;

use serde_json::{Value, json};

use crate::directive::Refused;
use crate::frames::{FrameKind, Frames, Markers, Rendering};
use crate::script::{Call, Part, Reported, Run, Script, Stop, Usage};

/// Vendors of this dialect keep a connection alive with comments.
pub const PING: &str = ": ping\n\n";

/// Whether reasoning comes encrypted, to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    Shown,
    AlsoEncrypted,
}

/// The stream: `response.created`, items one after the other, the response's end.
pub fn frames(script: &Script, rendering: &Rendering, reasoning: Reasoning) -> Frames {
    let mut stream = Stream { frames: Frames::default(), rendering, number: 0, index: 0 };
    let in_progress = response(script, rendering, "in_progress", json!([]));
    stream.event("response.created", json!({"response": in_progress}), FrameKind::Start);
    stream.event("response.in_progress", json!({"response": in_progress}), FrameKind::Frame);
    let output = output(script, rendering, reasoning);
    for run in script.runs() {
        match run {
            Run::Thinking(pieces) => stream.reasoning(pieces, &output[stream.index]),
            Run::Text(pieces) => stream.message(pieces, &output[stream.index]),
            Run::Calls(calls) => stream.calls(script, &calls, &output[stream.index..]),
        }
    }
    let (name, status) = ending(script);
    let response = response(script, rendering, status, Value::Array(output));
    stream.event(name, json!({"response": response}), FrameKind::Terminator);
    stream.frames
}

/// The whole answer, for `stream: false`.
pub fn body(script: &Script, rendering: &Rendering, reasoning: Reasoning) -> Value {
    response(
        script,
        rendering,
        ending(script).1,
        Value::Array(output(script, rendering, reasoning)),
    )
}

/// The event that says the error inside a stream; the vendor nests it, and says it again in
/// `response.failed`.
pub fn error_event(error: &Value) -> String {
    let mut event = json!({"type": "error", "sequence_number": 2});
    event["error"] = error["error"].clone();
    let failed = json!({"type": "response.failed", "sequence_number": 3,
        "response": {"id": "resp_mockfailed", "object": "response", "status": "failed", "output": [],
            "error": {"code": error["error"]["code"].as_str().unwrap_or("server_error"), "message": error["error"]["message"]}}});
    format!("event: error\ndata: {event}\n\nevent: response.failed\ndata: {failed}\n\n")
}

/// As of Chat Completions, but for the code of an overload.
pub fn error(refused: &Refused, message: &str) -> Value {
    let mut error = crate::chat::error(refused, message);
    if refused.status == 529 && refused.code.is_none() {
        error["error"]["code"] = json!("server_is_overloaded");
    }
    error
}

fn ending(script: &Script) -> (&'static str, &'static str) {
    match script.stop {
        Stop::MaxTokens | Stop::Refusal => ("response.incomplete", "incomplete"),
        Stop::EndTurn | Stop::StopSequence(_) | Stop::ToolUse => {
            ("response.completed", "completed")
        }
    }
}

fn response(script: &Script, rendering: &Rendering, status: &str, output: Value) -> Value {
    let mut response = json!({"id": format!("resp_mock{}", rendering.tag), "object": "response", "created_at": rendering.created_s, "status": status,
        "error": null, "incomplete_details": null, "model": rendering.model, "output": output, "usage": null});
    if status == "incomplete" {
        let reason =
            if script.stop == Stop::Refusal { "content_filter" } else { "max_output_tokens" };
        response["incomplete_details"] = json!({"reason": reason});
    }
    if status != "in_progress" && script.usage.reported == Reported::Yes {
        response["usage"] = usage(&script.usage);
    }
    response
}

fn output(script: &Script, rendering: &Rendering, reasoning: Reasoning) -> Vec<Value> {
    let item = |(index, part)| item(part, index, rendering.tag, reasoning);
    script.parts.iter().enumerate().map(item).collect()
}

fn item(part: &Part, index: usize, tag: &str, reasoning: Reasoning) -> Value {
    match part {
        Part::Thinking(pieces) => {
            let mut item = json!({"id": format!("rs_mock{tag}_{index}"), "type": "reasoning",
                "summary": [{"type": "summary_text", "text": pieces.concat()}]});
            if reasoning == Reasoning::AlsoEncrypted {
                item["encrypted_content"] = json!(format!("{}{tag}", reading::ENCRYPTED));
            }
            item
        }
        Part::Text(pieces) => {
            let content = json!([{"type": "output_text", "text": pieces.concat(),
                "annotations": [], "logprobs": []}]);
            json!({"id": format!("msg_mock{tag}_{index}"), "type": "message",
                "status": "completed", "role": "assistant", "content": content})
        }
        Part::Call(call) => {
            json!({"id": format!("fc_mock{tag}_{index}"), "type": "function_call",
                "status": "completed", "call_id": call.id, "name": call.name,
                "arguments": call.arguments()})
        }
    }
}

fn usage(usage: &Usage) -> Value {
    json!({"input_tokens": usage.prompt(), "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_creation},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": usage.reasoning}, "total_tokens": usage.prompt() + usage.output})
}

struct Stream<'a> {
    frames: Frames,
    rendering: &'a Rendering<'a>,
    number: u64,
    index: usize,
}

impl Stream<'_> {
    fn head(&mut self, name: &str) -> &mut Frames {
        let number = self.number.to_string();
        self.number += 1;
        self.frames
            .raw("event: ")
            .raw(name)
            .raw("\ndata: {\"type\":\"")
            .raw(name)
            .raw("\",\"sequence_number\":")
            .raw(&number)
    }

    fn event(&mut self, name: &str, members: Value, kind: FrameKind) {
        let members = members.to_string();
        let members = members.strip_prefix('{').unwrap_or(&members);
        self.head(name).raw(",").raw(members).raw("\n\n").end(kind);
    }

    /// `part` says which part of the item it belongs to, where items have parts.
    fn delta(
        &mut self,
        name: &str,
        index: usize,
        item: &Value,
        part: &str,
        piece: &str,
        markers: Markers,
    ) {
        let (index, pad) = (index.to_string(), self.rendering.pad);
        let frames =
            self.head(name).raw(",\"item_id\":").string(item["id"].as_str().unwrap_or_default());
        let frames = frames
            .raw(",\"output_index\":")
            .raw(&index)
            .raw(part)
            .raw(",\"delta\":")
            .marked_string(markers, piece);
        if pad > 0 {
            frames.raw(",\"obfuscation\":").string(&"x".repeat(pad));
        }
        frames.raw("}\n\n").end(FrameKind::Content);
    }

    fn added(&mut self, index: usize, item: &Value, emptied: &[&str]) {
        let mut item = item.clone();
        for member in emptied {
            item[*member] = if item[*member].is_string() { json!("") } else { json!([]) };
        }
        if item.get("status").is_some() {
            item["status"] = json!("in_progress");
        }
        self.event(
            "response.output_item.added",
            json!({"output_index": index, "item": item}),
            FrameKind::Frame,
        );
    }

    fn done(&mut self, index: usize, item: &Value) {
        self.event(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
            FrameKind::Frame,
        );
    }

    fn reasoning(&mut self, pieces: &[String], item: &Value) {
        let index = self.index;
        self.added(index, item, &["summary"]);
        let part = |text: &str| json!({"item_id": item["id"], "output_index": index, "summary_index": 0, "part": {"type": "summary_text", "text": text}});
        self.event("response.reasoning_summary_part.added", part(""), FrameKind::Frame);
        for piece in pieces {
            self.delta(
                "response.reasoning_summary_text.delta",
                index,
                item,
                ",\"summary_index\":0",
                piece,
                Markers::Off,
            );
        }
        let whole = json!({"item_id": item["id"], "output_index": index, "summary_index": 0, "text": pieces.concat()});
        self.event("response.reasoning_summary_text.done", whole, FrameKind::Frame);
        self.event(
            "response.reasoning_summary_part.done",
            part(&pieces.concat()),
            FrameKind::Frame,
        );
        self.done(index, item);
        self.index += 1;
    }

    fn message(&mut self, pieces: &[String], item: &Value) {
        let index = self.index;
        self.added(index, item, &["content"]);
        let part = |text: &str| json!({"item_id": item["id"], "output_index": index, "content_index": 0, "part": {"type": "output_text", "text": text, "annotations": []}});
        self.event("response.content_part.added", part(""), FrameKind::Frame);
        let markers = self.rendering.markers;
        for piece in pieces {
            self.delta(
                "response.output_text.delta",
                index,
                item,
                ",\"content_index\":0",
                piece,
                markers,
            );
        }
        let whole = json!({"item_id": item["id"], "output_index": index, "content_index": 0, "text": pieces.concat()});
        self.event("response.output_text.done", whole, FrameKind::Frame);
        self.event("response.content_part.done", part(&pieces.concat()), FrameKind::Frame);
        self.done(index, item);
        self.index += 1;
    }

    /// Calls that follow each other: each is added, gets its arguments and is done.
    fn calls(&mut self, script: &Script, calls: &[&Call], items: &[Value]) {
        let first = self.index;
        let frames: Vec<usize> = calls.iter().map(|call| call.argument_frames() + 2).collect();
        for (position, frame) in script.call_order.of(&frames) {
            let (index, item, call) = (first + position, &items[position], calls[position]);
            if frame == 0 {
                self.added(index, item, &["arguments"]);
            } else if frame + 1 < frames[position] {
                self.arguments(index, item, call.piece(frame - 1));
            } else {
                self.call_done(index, item);
            }
        }
        self.index += calls.len();
    }

    fn arguments(&mut self, index: usize, item: &Value, piece: &str) {
        self.delta("response.function_call_arguments.delta", index, item, "", piece, Markers::Off);
    }

    fn call_done(&mut self, index: usize, item: &Value) {
        let whole = json!({"item_id": item["id"], "output_index": index, "name": item["name"], "arguments": item["arguments"]});
        self.event("response.function_call_arguments.done", whole, FrameKind::Frame);
        self.done(index, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Dialect, read};
    use crate::script::CallOrder;

    fn script(call_order: CallOrder) -> Script {
        let call = |n: usize| Call {
            id: format!("call_mock7_{n}"),
            name: "f".to_owned(),
            pieces: vec!["{\"a\"".to_owned(), ":1}".to_owned()],
        };
        Script {
            parts: vec![
                Part::Thinking(vec!["hm".to_owned()]),
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
                reasoning: 1,
                reported: Reported::Yes,
            },
        }
    }

    fn rendering() -> Rendering<'static> {
        Rendering { tag: "7", model: "m", created_s: 5, pad: 0, markers: Markers::Off }
    }

    fn events(call_order: CallOrder) -> Vec<Value> {
        let frames = frames(&script(call_order), &rendering(), Reasoning::AlsoEncrypted);
        let texts = frames.iter().map(|frame| String::from_utf8(frame.bytes.to_vec()).unwrap());
        let events = texts.map(|text| {
            let (name, data) = text
                .strip_prefix("event: ")
                .unwrap()
                .strip_suffix("\n\n")
                .unwrap()
                .split_once("\ndata: ")
                .unwrap();
            let data: Value = serde_json::from_str(data).unwrap();
            assert_eq!(data["type"], name);
            data
        });
        events.collect()
    }

    #[test]
    fn the_stream_is_this_one() {
        let events = events(CallOrder::OneByOne);
        let numbers: Vec<u64> =
            events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
        let short: Vec<String> = events
            .iter()
            .map(|event| {
                format!(
                    "{} {}",
                    event["type"].as_str().unwrap().strip_prefix("response.").unwrap(),
                    event["output_index"]
                )
            })
            .collect();
        let call = |n: u64| {
            [
                format!("output_item.added {n}"),
                format!("function_call_arguments.delta {n}"),
                format!("function_call_arguments.delta {n}"),
                format!("function_call_arguments.done {n}"),
                format!("output_item.done {n}"),
            ]
        };
        let mut expected: Vec<String> = [
            "created null",
            "in_progress null",
            "output_item.added 0",
            "reasoning_summary_part.added 0",
            "reasoning_summary_text.delta 0",
            "reasoning_summary_text.done 0",
            "reasoning_summary_part.done 0",
            "output_item.done 0",
            "output_item.added 1",
            "content_part.added 1",
            "output_text.delta 1",
            "output_text.delta 1",
            "output_text.done 1",
            "content_part.done 1",
            "output_item.done 1",
        ]
        .map(str::to_owned)
        .to_vec();
        expected.extend(call(2));
        expected.extend(call(3));
        expected.push("completed null".to_owned());
        assert_eq!(short, expected);
        let response = &events.last().unwrap()["response"];
        assert_eq!(
            *response,
            body(&script(CallOrder::OneByOne), &rendering(), Reasoning::AlsoEncrypted)
        );
        assert_eq!(
            (&response["usage"]["input_tokens"], &response["output"][3]["arguments"]),
            (&json!(6), &json!("{\"a\":1}"))
        );
        assert!(
            response["output"][0]["encrypted_content"]
                .as_str()
                .unwrap()
                .starts_with(reading::ENCRYPTED)
        );
    }

    #[test]
    fn parallel_calls_can_be_interleaved() {
        let deltas = events(CallOrder::Interleaved)
            .into_iter()
            .filter(|event| event["type"] == "response.function_call_arguments.delta");
        assert_eq!(
            deltas.map(|event| event["output_index"].as_u64().unwrap()).collect::<Vec<_>>(),
            [2, 3, 2, 3]
        );
    }

    #[test]
    fn what_the_vendor_refuses_is_refused() {
        let output = json!({"type": "function_call_output", "call_id": "a", "output": "1"});
        let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
        let foreign = json!({"type": "reasoning", "summary": [], "encrypted_content": "EqQB"});
        assert!(read(Dialect::Responses, &json!({"model": "m", "input": [call, output]})).is_ok());
        for (body, says) in [
            (json!({"model": "m", "input": [output]}), "No tool call found"),
            (json!({"model": "m", "input": [call]}), "No tool output found"),
            (json!({"model": "m", "input": [foreign]}), "could not be verified"),
            (json!({"model": "m", "input": "x", "stop": ["a"]}), "Unknown parameter: 'stop'"),
            (json!({"model": "m", "input": "x", "max_output_tokens": 1}), "below minimum"),
            (json!({"model": "gpt-5", "input": "x", "temperature": 1}), "Unsupported parameter"),
            (json!({"model": "m", "input": "x", "previous_response_id": "resp_1"}), "not found"),
            (
                json!({"model": "m", "input": "x", "tools": [{"type": "function", "function": {"name": "f"}}]}),
                "tools[0].name",
            ),
            (
                json!({"model": "m", "input": "x", "tools": [{"type": "function", "name": "f", "parameters": {}}]}),
                "additionalProperties",
            ),
            (
                json!({"model": "m", "input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
                "Invalid value: 'text'",
            ),
        ] {
            let refusal = read(Dialect::Responses, &body).unwrap_err().0;
            assert!(refusal.contains(says), "{body}: {refusal}");
        }
    }
}
