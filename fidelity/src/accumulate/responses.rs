//! A Responses client.

use serde_json::{Value, json};

use super::Understood;
use super::frames::Frame;
use crate::answer::{Answer, Ending, number, text};
use crate::expectation::responses as reading;

/// What some official clients stumble over, though the dialect allows it: a vendor's own parallel
/// calls may come so.
pub const ITEM_IN_ITEM: &str = "an item begins in an item";

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
    /// The response of `response.created`.
    created: Option<Value>,
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
            (None, Some(first)) if first != 0 => {
                self.understood.complain(format!("the first sequence number is {first}"));
                self.sequence = Some(first);
            }
            (Some(last), Some(next)) if next != last + 1 => {
                self.understood.complain(format!("sequence number {next} after {last}"))
            }
            (_, next) => self.sequence = next,
        }
        if self.terminal.is_some() {
            self.understood.complain(format!("{kind} after the end"));
        }
        if self.created.is_none() && kind != "response.created" {
            self.understood.complain(format!("{kind} before response.created"));
        }
        if self.failed.is_some() && kind != "response.failed" {
            self.understood.complain(format!("{kind} after the error"));
        }
        match kind.as_str() {
            "response.created" => self.created(event),
            "response.in_progress" => {
                if !self.items.is_empty() || self.created.as_ref() != Some(&event["response"]) {
                    self.understood
                        .complain("response.in_progress is another than response.created");
                }
            }
            "response.output_item.added" => self.item_added(event),
            "response.output_item.done" => self.item_done(event),
            "error" => {
                self.understood.error = event["error"].clone();
                self.failed = Some(failure(event).to_owned());
                for member in ["code", "message"] {
                    if !event[member].is_string() || event[member] != event["error"][member] {
                        self.understood.complain(format!("the error's {member} is not said twice"));
                    }
                }
            }
            kind if TERMINAL.contains(&kind) => self.terminal(kind, &event["response"]),
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                self.part_added(event)
            }
            kind => match place(kind, event) {
                Some((place, member)) => self.piece(kind, event, &place, member),
                None => self.understood.complain(format!("unknown event {kind}")),
            },
        }
    }

    fn created(&mut self, event: &Value) {
        let response = event["response"].clone();
        if self.created.is_some()
            || text(&response, "/status") != "in_progress"
            || response["output"] != json!([])
        {
            self.understood.complain("response.created is not the beginning");
        }
        self.created = Some(response);
    }

    fn terminal(&mut self, kind: &str, response: &Value) {
        if kind.strip_prefix("response.") != response["status"].as_str() {
            self.understood.complain(format!("{kind} has another status"));
        }
        let created = self.created.clone().unwrap_or_default();
        let same: &[&str] = if kind == "response.failed" {
            &["id"]
        } else {
            &["id", "model", "created_at", "object"]
        };
        for member in same.iter().filter(|member| created[**member] != response[**member]) {
            self.understood.complain(format!("the response's {member} changes"));
        }
        if kind == "response.failed" {
            let said = &self.understood.error;
            if self.failed.is_none()
                || ["code", "message"]
                    .iter()
                    .any(|member| said[*member] != response["error"][*member])
            {
                self.understood.complain("response.failed without an error that says the same");
            }
        }
        self.terminal = Some(response.clone());
    }

    fn item_added(&mut self, event: &Value) {
        if number(event, "/output_index") != self.items.len() as u64 {
            self.understood.complain(format!(
                "output index {} instead of {}",
                event["output_index"],
                self.items.len()
            ));
        }
        if self.items.iter().any(|(_, done)| !done) {
            self.understood.complain(ITEM_IN_ITEM);
        }
        let id = &event["item"]["id"];
        if !id.is_string() || self.items.iter().any(|(item, _)| item["id"] == *id) {
            self.understood.complain("an item without an id of its own");
        }
        self.items.push((event["item"].clone(), false));
    }

    fn part_added(&mut self, event: &Value) {
        let list = if text(event, "/type").contains("summary") { "summary" } else { "content" };
        let Some(item) = self.open(event) else { return };
        let parts = item[list].as_array().map_or(0, Vec::len) as u64;
        match item[list].as_array_mut() {
            Some(parts) => parts.push(event["part"].clone()),
            None => item[list] = Value::Array(vec![event["part"].clone()]),
        }
        if event[format!("{list}_index")].as_u64() != Some(parts) {
            self.understood.complain(format!("part {parts} has another index"));
        }
    }

    /// A piece of a text that stands at `place` in its item, or the whole of it.
    fn piece(&mut self, kind: &str, event: &Value, place: &str, member: &str) {
        let said = event.pointer(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(item) = self.open(event) else { return };
        match item.pointer_mut(place) {
            Some(Value::String(text)) if kind.ends_with(".delta") => text.push_str(&said),
            Some(Value::String(text)) if *text == said => {}
            Some(Value::String(_)) => {
                self.understood.complain(format!("{kind} says something else than its pieces"))
            }
            _ => self.understood.complain(format!("{kind} has nowhere to go")),
        }
    }

    fn open(&mut self, event: &Value) -> Option<&mut Value> {
        let at = usize::try_from(number(event, "/output_index")).unwrap_or(usize::MAX);
        match self.items.get_mut(at) {
            Some((item, false)) => {
                if event.get("item_id").is_some_and(|id| *id != item["id"]) {
                    self.understood
                        .complaints
                        .push(format!("{} names another item", text(event, "/type")));
                }
                Some(item)
            }
            _ => {
                self.understood
                    .complaints
                    .push(format!("{} for an item that is not open", text(event, "/type")));
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
        let same = same && item["type"] == done["type"];
        let (was, is) = (item.to_string(), done.to_string());
        *item = done;
        if !same {
            self.understood
                .complain(format!("an item is done otherwise than it was told: {was} / {is}"));
        }
        let at = usize::try_from(number(event, "/output_index")).unwrap_or(usize::MAX);
        if let Some((_, done)) = self.items.get_mut(at) {
            *done = true;
        }
    }

    fn end(mut self) -> Understood {
        let told = Value::Array(self.items.iter().map(|(item, _)| item.clone()).collect());
        let Some(response) = self.terminal else {
            if self.failed.is_some() {
                self.understood.complain("an error without response.failed");
            }
            let mut answer = reading::whole(&json!({"output": told}));
            answer.ending = self.failed.map_or(Ending::Missing, Ending::Failed);
            self.understood.answer = answer;
            return self.understood;
        };
        let failed = text(&response, "/status") == "failed";
        self.understood.body = response.clone();
        if !failed && self.items.iter().any(|(_, done)| !done) {
            self.understood.complain("an item that is never done");
        }
        if !failed && response["output"] != told {
            self.understood.complain(format!(
                "the response has another output than its items: {} / {told}",
                response["output"]
            ));
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

/// Where in its item the text of such an event stands, and where in the event; `None` of an event
/// that nobody knows.
fn place(kind: &str, event: &Value) -> Option<(String, &'static str)> {
    let part = |list: &str, member: &str| {
        format!("/{list}/{}/{member}", number(event, &format!("/{list}_index")))
    };
    let whole_or_piece =
        |member: &'static str| if kind.ends_with(".delta") { "/delta" } else { member };
    Some(match kind.strip_suffix(".delta").or_else(|| kind.strip_suffix(".done"))? {
        "response.output_text" | "response.reasoning_text" => {
            (part("content", "text"), whole_or_piece("/text"))
        }
        "response.refusal" => (part("content", "refusal"), whole_or_piece("/refusal")),
        "response.reasoning_summary_text" => (part("summary", "text"), whole_or_piece("/text")),
        "response.content_part" if text(event, "/part/type") == "refusal" => {
            (part("content", "refusal"), "/part/refusal")
        }
        "response.content_part" => (part("content", "text"), "/part/text"),
        "response.reasoning_summary_part" => (part("summary", "text"), "/part/text"),
        "response.function_call_arguments" => {
            ("/arguments".to_owned(), whole_or_piece("/arguments"))
        }
        "response.custom_tool_call_input" => ("/input".to_owned(), whole_or_piece("/input")),
        _ => return None,
    })
}

fn failure(event: &Value) -> &str {
    [text(event, "/message"), text(event, "/error/message")]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// The strings in a value that carry what was said; a null is as good as nothing.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(members) => ["text", "refusal"]
            .iter()
            .flat_map(|key| texts(members.get(*key).unwrap_or(&Value::Null)))
            .collect(),
        _ => Vec::new(),
    }
}
