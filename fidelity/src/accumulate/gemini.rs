//! A client of Gemini's dialect.

use serde_json::{Map, Value, json};

use super::Understood;
use super::frames::Frame;
use crate::answer::{Ending, text};
use crate::expectation::gemini::whole;

/// As the official SDKs do it: each response is read for itself, and the parts of all of them are
/// the answer.
pub fn stream(frames: &[Frame]) -> Understood {
    let mut client = Client::default();
    for frame in frames {
        client.hear(frame);
    }
    client.end()
}

#[derive(Default)]
struct Client {
    understood: Understood,
    parts: Vec<Value>,
    /// Members of the candidate but its content, and of the response but its candidates.
    candidate: Map<String, Value>,
    response: Map<String, Value>,
    /// `modelVersion` and `responseId` of the first response.
    head: Option<[Value; 2]>,
    is_finished: bool,
}

impl Client {
    fn hear(&mut self, frame: &Frame) {
        if self.is_finished || !self.understood.error.is_null() {
            self.understood.complain("words after the end");
        }
        if !frame.name.is_empty() {
            self.understood.complain(format!("an event name: {}", frame.name));
        }
        if frame.json["error"].is_object() {
            self.fail(&frame.json["error"]);
            return;
        }
        let Some(response) = frame.json.as_object() else {
            self.understood.complain(format!("no response: {}", frame.data));
            return;
        };
        let head = [frame.json["modelVersion"].clone(), frame.json["responseId"].clone()];
        let known = self.head.get_or_insert_with(|| head.clone());
        let is_other = |(known, said): (&Value, &Value)| !said.is_null() && known != said;
        if known.iter().zip(&head).any(is_other) {
            self.understood.complain("another id or another model");
        }
        for (name, value) in response.iter().filter(|(name, _)| *name != "candidates") {
            self.response.insert(name.clone(), value.clone());
        }
        self.is_finished = !text(&frame.json, "/promptFeedback/blockReason").is_empty();
        for candidate in frame.json["candidates"].as_array().into_iter().flatten() {
            self.hear_candidate(candidate);
        }
    }

    fn hear_candidate(&mut self, candidate: &Value) {
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
        for part in parts.into_iter().flatten() {
            let call = part.get("functionCall");
            if call.is_some_and(|call| text(call, "/name").is_empty() || !call["args"].is_object())
            {
                self.understood.complain(format!("a call that is not whole: {part}"));
            }
            if part.as_object().is_none_or(Map::is_empty) {
                self.understood.complain("a part that says nothing");
            }
            self.parts.push(part.clone());
        }
        for (name, value) in candidate.as_object().into_iter().flatten() {
            if name != "content" {
                self.candidate.insert(name.clone(), value.clone());
            }
        }
        self.is_finished |= candidate["finishReason"].is_string();
    }

    fn fail(&mut self, error: &Value) {
        let is_whole = error["code"].is_u64() && error["status"].is_string();
        if !is_whole || !error["details"].is_array() {
            self.understood.complain(format!("an error that is not whole: {error}"));
        }
        self.understood.error = error.clone();
    }

    fn end(mut self) -> Understood {
        let mut parts = self.parts.into_iter().fold(Vec::new(), joined);
        if parts.is_empty() {
            parts.push(json!({"text": ""}));
        }
        let mut candidate = json!({"content": {"role": "model", "parts": parts}});
        for (name, value) in self.candidate {
            candidate[name] = value;
        }
        let mut body = json!({"candidates": [candidate]});
        for (name, value) in self.response {
            body[name] = value;
        }
        let mut answer = whole(&body);
        if !self.understood.error.is_null() {
            answer.ending = Ending::Failed(text(&self.understood.error, "/message").to_owned());
        }
        self.understood.answer = answer;
        self.understood.body = body;
        self.understood
    }
}

/// Texts of one kind that follow one another are one text.
fn joined(mut parts: Vec<Value>, part: Value) -> Vec<Value> {
    let is_text = |part: &Value| {
        part["text"].is_string()
            && part.as_object().is_some_and(|members| {
                members
                    .keys()
                    .all(|name| ["text", "thought", "thoughtSignature"].contains(&&**name))
            })
    };
    if !is_text(&part) {
        parts.push(part);
        return parts;
    }
    match parts.last_mut().filter(|before| {
        is_text(before)
            && before["thoughtSignature"].is_null()
            && before.get("thought") == part.get("thought")
    }) {
        Some(before) => {
            before["text"] = json!(format!("{}{}", text(before, "/text"), text(&part, "/text")));
            if let Some(signature) = part.get("thoughtSignature") {
                before["thoughtSignature"] = signature.clone();
            }
        }
        None if text(&part, "/text").is_empty() && part["thoughtSignature"].is_null() => {}
        None => parts.push(part),
    }
    parts
}
