//! What a recording says: its `expected.json`, or a body that was not streamed, in neutral words.

pub mod anthropic;
pub mod chat;
pub mod gemini;
pub mod responses;

use ainfera_wire::client::ClientDialect;
use serde_json::Value;

use crate::accumulate;
use crate::answer::{Answer, Ending, text};
use crate::recording::{Form, Recording};

/// What each of its bodies says; nothing where nobody knows. A file of several answers has one
/// `expected.json` for all: there each body is understood by itself, as a client of its own vendor
/// would, and all of them together must be what is expected.
pub fn of_each_body(recording: &Recording) -> Vec<Answer> {
    let Some(all) = expected(recording) else { return Vec::new() };
    if recording.bodies.len() == 1 {
        return vec![all];
    }
    let dialect =
        if all.blocks.is_some() { ClientDialect::Messages } else { ClientDialect::Responses };
    let each: Vec<Answer> =
        recording.bodies.iter().map(|body| accumulate::stream(dialect, body).answer).collect();
    if adds_up(&each, &all) { each } else { vec![all] }
}

/// Are they together what is expected? There a block replaces the one with its index, and a call
/// the one with its item's.
fn adds_up(each: &[Answer], all: &Answer) -> bool {
    let mut blocks: Vec<Value> = Vec::new();
    for answer in each {
        let later = answer.blocks.clone().unwrap_or_default();
        blocks.splice(..later.len().min(blocks.len()), later);
    }
    let text: String = each.iter().map(|answer| answer.text.as_str()).collect();
    let calls = || each.iter().flat_map(|answer| &answer.calls);
    let same_content = match &all.blocks {
        Some(expected) => *expected == blocks,
        None => all.text == text && all.calls.iter().all(|call| calls().any(|other| other == call)),
    };
    // of all answers together it cannot be told whether the last one called a tool
    let same_ending = each.last().is_some_and(|last| {
        last.ending == all.ending
            || all.blocks.is_none() && matches!(last.ending, Ending::Stopped(_))
    });
    same_content && same_ending
}

/// `None` where nobody knows what it says.
fn expected(recording: &Recording) -> Option<Answer> {
    match (&recording.expected, recording.form) {
        (Some(expected), _) => {
            if expected.get("reference_accumulator_failed").is_some() {
                return Some(Answer {
                    ending: Ending::Failed("malformed".to_owned()),
                    ..Answer::default()
                });
            }
            Some(match text(expected, "/kind") {
                "anthropic_messages" => anthropic::accumulated(expected),
                "openai_chat" => chat::accumulated(expected),
                "openai_responses" => responses::accumulated(expected),
                "gemini_generateContent" => gemini::accumulated(expected),
                _ => return None,
            })
        }
        (None, Form::Whole) => {
            let body: Value = serde_json::from_slice(recording.bodies.first()?).ok()?;
            Some(match () {
                () if text(&body, "/type") == "message" => anthropic::accumulated(&renamed(&body)),
                () if body.get("choices").is_some() => chat::whole(&body),
                () if body.get("output").is_some() => responses::whole(&body),
                () if body.get("candidates").is_some() => gemini::whole(&body),
                () => return None,
            })
        }
        (None, Form::Streamed | Form::Refusal(_)) => None,
    }
}

/// A whole message has its blocks under another name than an accumulated one.
fn renamed(body: &Value) -> Value {
    let mut body = body.clone();
    body["blocks"] = body["content"].take();
    body
}
