//! A Messages client.

use serde_json::{Map, Value};

use super::Understood;
use super::frames::Frame;
use crate::answer::{Answer, Ending, number, text};
use crate::expectation::anthropic::accumulated;

/// As the official SDKs accumulate, with the order of events checked.
pub fn stream(frames: &[Frame]) -> Understood {
    let mut client = Client::default();
    for frame in frames {
        client.hear(frame);
    }
    client.end()
}

/// A whole message.
pub fn whole(body: &Value) -> Answer {
    let mut body = body.clone();
    body["blocks"] = body["content"].take();
    accumulated(&body)
}

#[derive(Default)]
struct Client {
    understood: Understood,
    /// `Null` before the start.
    message: Value,
    blocks: Vec<Map<String, Value>>,
    /// Text of the open tool call's arguments.
    input: String,
    open: bool,
    failed: Option<String>,
    stopped: bool,
}

impl Client {
    fn hear(&mut self, frame: &Frame) {
        let event = &frame.json;
        let kind = text(event, "/type");
        if kind != frame.name || kind.is_empty() {
            self.understood.complain(format!("event `{}` has type `{kind}`", frame.name));
        }
        if self.stopped || self.failed.is_some() {
            self.understood.complain(format!("{kind} after the end"));
        }
        if self.message.is_null() && !matches!(kind, "message_start" | "ping" | "error") {
            self.understood.complain(format!("{kind} before message_start"));
        }
        match kind {
            "message_start" => self.start(event),
            "content_block_start" => self.open(event),
            "content_block_delta" => self.delta(event),
            "content_block_stop" => self.close(event),
            "message_delta" => self.message_delta(event),
            "message_stop" => {
                if self.message["stop_reason"].is_null() {
                    self.understood.complain("message_stop without a stop reason");
                }
                if self.open {
                    self.understood.complain("message_stop in a block");
                }
                self.stopped = true;
            }
            "error" => {
                self.understood.error = event["error"].clone();
                self.failed = Some(text(event, "/error/message").to_owned());
            }
            "ping" => {}
            _ => self.understood.complain(format!("unknown event {kind}")),
        }
    }

    fn start(&mut self, event: &Value) {
        if !self.message.is_null() {
            self.understood.complain("a second message_start");
        }
        self.message = event["message"].clone();
        let said = self.message["content"].as_array();
        self.blocks
            .extend(said.into_iter().flatten().filter_map(|block| block.as_object().cloned()));
        if !self.blocks.is_empty() {
            self.understood.complain("content in message_start");
        }
        if number(&self.message, "/usage/input_tokens") == 0 {
            self.understood.complain("message_start without input tokens");
        }
    }

    fn open(&mut self, event: &Value) {
        if self.open {
            self.understood.complain("a block begins in a block");
        }
        self.check_index(event, self.blocks.len());
        self.open = true;
        self.input.clear();
        self.blocks.push(event["content_block"].as_object().cloned().unwrap_or_default());
    }

    fn delta(&mut self, event: &Value) {
        if !self.open {
            self.understood.complain("a delta outside of a block");
        }
        self.check_index(event, self.blocks.len().wrapping_sub(1));
        let Some(block) = self.blocks.last_mut() else { return };
        let delta = &event["delta"];
        match text(delta, "/type") {
            "text_delta" => append(block, "text", text(delta, "/text")),
            "thinking_delta" => append(block, "thinking", text(delta, "/thinking")),
            "input_json_delta" => self.input.push_str(text(delta, "/partial_json")),
            "signature_delta" => {
                block.insert("signature".to_owned(), delta["signature"].clone());
            }
            "citations_delta" => match block.get_mut("citations").and_then(Value::as_array_mut) {
                Some(citations) => citations.push(delta["citation"].clone()),
                None => {
                    block.insert(
                        "citations".to_owned(),
                        Value::Array(vec![delta["citation"].clone()]),
                    );
                }
            },
            // newer than this: strings grow, the rest replaces
            kind => {
                self.understood.complaints.push(format!("unknown delta {kind}"));
                for (key, value) in
                    delta.as_object().into_iter().flatten().filter(|(key, _)| *key != "type")
                {
                    match value.as_str() {
                        Some(piece) => append(block, key, piece),
                        None => {
                            block.insert(key.clone(), value.clone());
                        }
                    }
                }
            }
        }
    }

    fn close(&mut self, event: &Value) {
        if !self.open {
            self.understood.complain("content_block_stop without a block");
        }
        self.check_index(event, self.blocks.len().wrapping_sub(1));
        self.settle_input();
        self.open = false;
    }

    fn settle_input(&mut self) {
        let Some(block) = self.blocks.last_mut().filter(|_| self.open && !self.input.is_empty())
        else {
            return;
        };
        let input =
            serde_json::from_str(&self.input).unwrap_or_else(|_| Value::String(self.input.clone()));
        block.insert("input".to_owned(), input);
    }

    fn message_delta(&mut self, event: &Value) {
        // an answer cut by its limit leaves the block open
        self.settle_input();
        let usage = event["usage"].as_object();
        if usage.is_none_or(|usage| usage.get("output_tokens").and_then(Value::as_u64).is_none()) {
            self.understood.complain("message_delta without usage");
        }
        if event["delta"]["stop_reason"].is_null() {
            self.understood.complain("message_delta without a stop reason");
        }
        for (key, value) in event["delta"].as_object().into_iter().flatten() {
            self.message[key] = value.clone();
        }
        for (key, value) in usage.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            self.message["usage"][key] = value.clone();
        }
        if let Some(management) = event.get("context_management") {
            self.message["context_management"] = management.clone();
        }
    }

    fn check_index(&mut self, event: &Value, expected: usize) {
        if event["index"].as_u64() != Some(expected as u64) {
            self.understood.complain(format!("index {} instead of {expected}", event["index"]));
        }
    }

    fn end(mut self) -> Understood {
        let has_calls = self
            .blocks
            .iter()
            .any(|block| block.get("type").and_then(Value::as_str) == Some("tool_use"));
        let blocks: Value = self.blocks.into_iter().map(Value::Object).collect();
        self.message["blocks"] = blocks.clone();
        let mut answer = accumulated(&self.message);
        if let Some(members) = self.message.as_object_mut() {
            members.remove("blocks");
            members.insert("content".to_owned(), blocks);
        }
        self.understood.body = self.message;
        if !self.stopped {
            answer.ending = Ending::Missing;
        }
        if let Some(message) = self.failed {
            answer.ending = Ending::Failed(message);
        }
        if let Ending::Stopped(word) = &answer.ending
            // a limit and a filter may end it after a call
            && !["max_tokens", "refusal"].contains(&word.as_str())
            && (word == "tool_use") != has_calls
        {
            self.understood.complaints.push(format!(
                "{} tool call, but the stop reason is {word}",
                if has_calls { "a" } else { "no" }
            ));
        }
        self.understood.answer = answer;
        self.understood
    }
}

fn append(block: &mut Map<String, Value>, key: &str, piece: &str) {
    let grown = format!("{}{piece}", block.get(key).and_then(Value::as_str).unwrap_or_default());
    block.insert(key.to_owned(), Value::String(grown));
}
