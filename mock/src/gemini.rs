//! How a script sounds in Gemini's dialect: each event is a whole response, lines end as the vendor
//! ends them.

pub mod habits;
pub mod reading;

use serde_json::{Value, json};

use crate::directive::Refused;
use crate::frames::{FrameKind, Frames, Markers, Rendering};
use crate::script::{Call, CallOrder, Part, Reported, Run, Script, Stop, Usage};
use habits::{CallIds, Habits, UsagePlace};

/// The vendor sends none; a comment is what every reader must skip.
pub const PING: &str = ": ping\r\n\r\n";

/// The stream: responses, the last of which says why it ends.
pub fn frames(script: &Script, rendering: &Rendering, habits: Habits) -> Frames {
    let mut stream = Stream { frames: Frames::default(), script, rendering, habits };
    stream.parts(&json!([{"text": ""}]), FrameKind::Start);
    let mut position = 0;
    for run in script.runs() {
        match run {
            Run::Thinking(pieces) => {
                for piece in pieces {
                    stream.text(piece, Markers::Off, ",\"thought\":true");
                }
            }
            Run::Text(pieces) => {
                for piece in pieces {
                    stream.text(piece, rendering.markers, "");
                }
            }
            Run::Calls(calls) => {
                stream.calls(&calls, position);
                position += calls.len();
            }
        }
    }
    stream.event(
        &last(script, rendering, json!([last_part(script, rendering)])),
        FrameKind::Terminator,
    );
    stream.frames
}

/// The whole answer, of `generateContent`.
pub fn body(script: &Script, rendering: &Rendering) -> Value {
    let mut position = 0;
    let mut parts = Vec::new();
    for part in &script.parts {
        parts.push(match part {
            Part::Thinking(pieces) => json!({"text": pieces.concat(), "thought": true}),
            Part::Text(pieces) => json!({"text": pieces.concat()}),
            Part::Call(call) => {
                position += 1;
                call_part(call, position - 1, rendering, CallIds::Omitted)
            }
        });
    }
    last(script, rendering, Value::Array(parts))
}

/// The response that says why the answer ends. A prompt that is blocked has no candidate.
fn last(script: &Script, rendering: &Rendering, parts: Value) -> Value {
    let mut last = response(script, rendering, &parts, Some(finish_reason(script)));
    if script.stop == Stop::Refusal && script.parts.is_empty() {
        last["promptFeedback"] = json!({"blockReason": "PROHIBITED_CONTENT"});
        if let Some(members) = last.as_object_mut() {
            members.remove("candidates");
        }
    }
    last
}

/// The error envelope of HTTP errors. A pause is asked for in it, for there is no header.
pub fn error(refused: &Refused, message: &str) -> Value {
    let status = match refused.status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    let mut details = Vec::new();
    if let Some(seconds) = refused.retry_after_s {
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}));
    }
    let mut message = message.to_owned();
    if refused.code.as_deref() == Some("invalid_api_key") {
        message = "API key not valid. Please pass a valid API key.".to_owned();
        details.push(json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}));
    }
    json!({"error": {"code": refused.status, "message": message, "status": status, "details": details}})
}

/// Inside a stream errors are elements of a list.
pub fn error_event(error: &Value) -> String {
    format!("data: [{error}]\r\n\r\n")
}

fn finish_reason(script: &Script) -> &'static str {
    match script.stop {
        Stop::MaxTokens => "MAX_TOKENS",
        Stop::Refusal => "SAFETY",
        // A refusal ends the answer also where it has tool calls.
        Stop::EndTurn | Stop::StopSequence(_) | Stop::ToolUse => "STOP",
    }
}

/// Parallel calls are signed on the first.
fn call_part(call: &Call, position: usize, rendering: &Rendering, ids: CallIds) -> Value {
    let args: Value = serde_json::from_str(&call.arguments()).unwrap_or_else(|_| json!({}));
    let mut part = json!({"functionCall": {"name": call.name, "args": args}});
    if ids == CallIds::Written {
        part["functionCall"]["id"] = json!(call.id);
    }
    if position == 0 && reading::signs(rendering.model) {
        part["thoughtSignature"] = json!(format!("{}{}", reading::SIGNATURE, rendering.tag));
    }
    part
}

fn last_part(script: &Script, rendering: &Rendering) -> Value {
    let mut part = json!({"text": ""});
    if script.calls().next().is_none() && reading::signs(rendering.model) {
        part["thoughtSignature"] = json!(format!("{}{}", reading::SIGNATURE, rendering.tag));
    }
    part
}

fn response(script: &Script, rendering: &Rendering, parts: &Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = finish {
        candidate["finishReason"] = json!(reason);
    }
    let mut response = json!({"candidates": [candidate], "modelVersion": rendering.model, "responseId": format!("mock{}", rendering.tag)});
    if finish.is_some() && script.usage.reported == Reported::Yes {
        response["usageMetadata"] = usage(&script.usage);
    }
    response
}

fn usage(usage: &Usage) -> Value {
    let thoughts = usage.reasoning.min(usage.output);
    let mut metadata = json!({"promptTokenCount": usage.prompt(), "candidatesTokenCount": usage.output - thoughts,
        "totalTokenCount": usage.prompt() + usage.output});
    if thoughts > 0 {
        metadata["thoughtsTokenCount"] = json!(thoughts);
    }
    if usage.cache_read > 0 {
        metadata["cachedContentTokenCount"] = json!(usage.cache_read);
    }
    metadata
}

struct Stream<'a> {
    frames: Frames,
    script: &'a Script,
    rendering: &'a Rendering<'a>,
    habits: Habits,
}

impl Stream<'_> {
    fn event(&mut self, response: &Value, kind: FrameKind) {
        self.frames.raw("data: ").raw(&response.to_string()).raw("\r\n\r\n").end(kind);
    }

    fn parts(&mut self, parts: &Value, kind: FrameKind) {
        let mut response = response(self.script, self.rendering, parts, None);
        if let Some(usage) = self.early_usage() {
            response["usageMetadata"] = usage;
        }
        self.event(&response, kind);
    }

    /// Calls that follow each other, each in an event of its own or all in one; the first of them
    /// is the answer's `first`.
    fn calls(&mut self, calls: &[&Call], first: usize) {
        let (rendering, ids) = (self.rendering, self.habits.call_ids);
        let numbered = calls.iter().enumerate();
        let parts = numbered.map(|(at, call)| call_part(call, first + at, rendering, ids));
        match self.script.call_order {
            CallOrder::OneByOne => {
                for part in parts {
                    self.parts(&json!([part]), FrameKind::Content);
                }
            }
            CallOrder::Interleaved => self.parts(&parts.collect(), FrameKind::Content),
        }
    }

    /// The prompt's tokens, where events before the last have usage.
    fn early_usage(&self) -> Option<Value> {
        let usage = &self.script.usage;
        let has_usage =
            self.habits.usage == UsagePlace::EveryEvent && usage.reported == Reported::Yes;
        let prompt = usage.prompt();
        has_usage.then(|| json!({"promptTokenCount": prompt, "totalTokenCount": prompt}))
    }

    fn text(&mut self, piece: &str, markers: Markers, more: &str) {
        let usage = self.early_usage().map(|usage| format!(",\"usageMetadata\":{usage}"));
        let head = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":";
        let frames = self
            .frames
            .raw(head)
            .marked_string(markers, piece)
            .raw(more)
            .raw("}],\"role\":\"model\"},\"index\":0}],\"modelVersion\":");
        frames
            .string(self.rendering.model)
            .raw(usage.as_deref().unwrap_or_default())
            .raw("}")
            .spaces(self.rendering.pad)
            .raw("\r\n\r\n")
            .end(FrameKind::Content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        let call = |n: usize| Call {
            id: format!("call_{n}"),
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
            call_order: CallOrder::OneByOne,
            stop: Stop::ToolUse,
            usage: Usage {
                input: 3,
                cache_read: 2,
                cache_creation: 0,
                output: 6,
                reasoning: 1,
                reported: Reported::Yes,
            },
        }
    }

    fn rendering(model: &'static str) -> Rendering<'static> {
        Rendering { tag: "7", model, created_s: 5, pad: 0, markers: Markers::Off }
    }

    fn events(model: &'static str) -> Vec<Value> {
        events_with(model, Habits::PLAIN)
    }

    fn events_with(model: &'static str, habits: Habits) -> Vec<Value> {
        let frames = frames(&script(), &rendering(model), habits);
        let texts = frames.iter().map(|frame| String::from_utf8(frame.bytes.to_vec()).unwrap());
        texts
            .map(|text| {
                serde_json::from_str(
                    text.strip_prefix("data: ").unwrap().strip_suffix("\r\n\r\n").unwrap(),
                )
                .unwrap()
            })
            .collect()
    }

    #[test]
    fn the_stream_is_this_one() {
        let events = events("gemini-3-pro");
        let parts: Vec<String> = events
            .iter()
            .map(|event| event["candidates"][0]["content"]["parts"].to_string())
            .collect();
        let expected = [
            r#"[{"text":""}]"#,
            r#"[{"text":"hm","thought":true}]"#,
            r#"[{"text":"Hel"}]"#,
            r#"[{"text":"lo"}]"#,
            r#"[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"bW9ja3NpZ25lZA7"}]"#,
            r#"[{"functionCall":{"name":"f","args":{"a":1}}}]"#,
            r#"[{"text":""}]"#,
        ];
        assert_eq!(parts, expected);
        let last = &events[6];
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        let usage = json!({"promptTokenCount": 5, "candidatesTokenCount": 5, "totalTokenCount": 11, "thoughtsTokenCount": 1,
            "cachedContentTokenCount": 2});
        assert_eq!(last["usageMetadata"], usage);
    }

    #[test]
    fn calls_may_have_ids_and_every_event_usage() {
        let habits = Habits { call_ids: CallIds::Written, usage: UsagePlace::EveryEvent };
        let events = events_with("m", habits);
        let call = &events[5]["candidates"][0]["content"]["parts"][0]["functionCall"];
        assert_eq!(call["id"], "call_1");
        assert!(events[..6].iter().all(|event| event["usageMetadata"]["promptTokenCount"] == 5));
        assert_eq!(events[6]["usageMetadata"]["candidatesTokenCount"], 5);
    }

    #[test]
    fn only_the_third_generation_signs() {
        assert!(
            !events("gemini-2.5-pro")
                .iter()
                .any(|event| event.to_string().contains("thoughtSignature"))
        );
    }

    #[test]
    fn errors_are_the_vendors() {
        let refused = Refused { status: 429, retry_after_s: Some(34), code: None };
        let error = error(&refused, "m");
        assert_eq!(
            (&error["error"]["status"], &error["error"]["details"][0]["retryDelay"]),
            (&json!("RESOURCE_EXHAUSTED"), &json!("34s"))
        );
        assert!(error_event(&error).starts_with("data: [{\"error\""));
    }
}
