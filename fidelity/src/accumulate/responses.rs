//! A Responses client.

use serde_json::Value;

use super::Understood;
use super::frames::Frame;
use crate::answer::{Answer, Ending, number, text};
use crate::expectation::responses as reading;

const TERMINAL: [&str; 3] = ["response.completed", "response.incomplete", "response.failed"];

/// From the deltas; the items and the response at the end must say the same.
pub fn stream(frames: &[Frame]) -> Understood {
    let mut client = Client::default();
    for frame in frames {
        client.hear(frame);
    }
    client.end()
}

/// A whole response.
pub fn whole(body: &Value) -> Answer {
    reading::whole(body)
}

#[derive(Default)]
struct Client {
    understood: Understood,
    sequence: Option<u64>,
    created: bool,
    /// Items as their deltas made them, by output index, each with whether it is done.
    items: Vec<(Value, bool)>,
    terminal: Option<Value>,
    failed: Option<String>,
}

impl Client {
    fn hear(&mut self, frame: &Frame) {
        let event = &frame.json;
        let kind = text(event, "/type").to_owned();
        if kind != frame.name {
            self.understood.complain(format!("event `{}` has type `{kind}`", frame.name));
        }
        match (self.sequence, event["sequence_number"].as_u64()) {
            (_, None) => self.understood.complain("no sequence number"),
            (Some(last), Some(next)) if next != last + 1 => self.understood.complain(format!("sequence number {next} after {last}")),
            (_, next) => self.sequence = next,
        }
        if self.terminal.is_some() {
            self.understood.complain(format!("{kind} after the end"));
        }
        if !self.created && !matches!(kind.as_str(), "response.created" | "error") {
            self.understood.complain(format!("{kind} before response.created"));
        }
        match kind.as_str() {
            "response.created" => self.created = true,
            "response.output_item.added" => self.item_added(event),
            "response.output_item.done" => self.item_done(event),
            "error" => self.failed = Some(failure(event).to_owned()),
            kind if TERMINAL.contains(&kind) => self.terminal = Some(event["response"].clone()),
            kind if kind.ends_with(".delta") => self.delta(kind, event),
            "response.content_part.added" | "response.reasoning_summary_part.added" => self.part_added(event),
            _ => {}
        }
    }

    fn item_added(&mut self, event: &Value) {
        if number(event, "/output_index") != self.items.len() as u64 {
            self.understood.complain(format!("output index {} instead of {}", event["output_index"], self.items.len()));
        }
        if self.items.iter().any(|(_, done)| !done) {
            self.understood.complain("an item begins in an item");
        }
        self.items.push((event["item"].clone(), false));
    }

    fn part_added(&mut self, event: &Value) {
        let list = if text(event, "/type").contains("summary") { "summary" } else { "content" };
        let Some(item) = self.open(event) else { return };
        match item[list].as_array_mut() {
            Some(parts) => parts.push(event["part"].clone()),
            None => item[list] = Value::Array(vec![event["part"].clone()]),
        }
    }

    fn delta(&mut self, kind: &str, event: &Value) {
        let piece = text(event, "/delta").to_owned();
        let Some(item) = self.open(event) else { return };
        let place = match kind {
            "response.output_text.delta" | "response.reasoning_text.delta" => format!("/content/{}/text", number(event, "/content_index")),
            "response.refusal.delta" => format!("/content/{}/refusal", number(event, "/content_index")),
            "response.reasoning_summary_text.delta" => format!("/summary/{}/text", number(event, "/summary_index")),
            "response.function_call_arguments.delta" => "/arguments".to_owned(),
            "response.custom_tool_call_input.delta" => "/input".to_owned(),
            _ => return,
        };
        match item.pointer_mut(&place) {
            Some(Value::String(text)) => text.push_str(&piece),
            _ => self.understood.complain(format!("{kind} has nowhere to go")),
        }
    }

    fn open(&mut self, event: &Value) -> Option<&mut Value> {
        let at = usize::try_from(number(event, "/output_index")).unwrap_or(usize::MAX);
        match self.items.get_mut(at) {
            Some((item, false)) => Some(item),
            _ => {
                self.understood.complaints.push(format!("{} for an item that is not open", text(event, "/type")));
                None
            }
        }
    }

    fn item_done(&mut self, event: &Value) {
        let done = event["item"].clone();
        let Some(item) = self.open(event) else { return };
        let same = ["content", "summary", "arguments", "input", "call_id", "name", "id"]
            .iter()
            .all(|key| texts(&item[*key]) == texts(&done[*key]));
        let (was, is) = (item.to_string(), done.to_string());
        *item = done;
        if !same {
            self.understood.complain(format!("an item is done otherwise than it was told: {was} / {is}"));
        }
        let at = usize::try_from(number(event, "/output_index")).unwrap_or(usize::MAX);
        if let Some((_, done)) = self.items.get_mut(at) {
            *done = true;
        }
    }

    fn end(mut self) -> Understood {
        let told = Value::Array(self.items.iter().map(|(item, _)| item.clone()).collect());
        let Some(response) = self.terminal else {
            let mut answer = reading::whole(&serde_json::json!({"output": told}));
            answer.ending = self.failed.map_or(Ending::Missing, Ending::Failed);
            self.understood.answer = answer;
            return self.understood;
        };
        let failed = text(&response, "/status") == "failed";
        if !failed && self.items.iter().any(|(_, done)| !done) {
            self.understood.complain("an item that is never done");
        }
        if !failed && response["output"] != told {
            self.understood.complain(format!("the response has another output than its items: {} / {told}", response["output"]));
        }
        let answer = reading::whole(&response);
        let empty = response["output"].as_array().is_none_or(Vec::is_empty);
        if failed || empty {
            // some say it only in the items
            let mut told_response = response.clone();
            told_response["output"] = told;
            self.understood.answer = reading::whole(&told_response);
            return self.understood;
        }
        self.understood.answer = answer;
        self.understood
    }
}

fn failure(event: &Value) -> &str {
    [text(event, "/message"), text(event, "/error/message")].into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// The strings in a value that carry what was said; a null is as good as nothing.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(members) => ["text", "refusal"].iter().flat_map(|key| texts(members.get(*key).unwrap_or(&Value::Null))).collect(),
        _ => Vec::new(),
    }
}
