//! The whole answer, as the last event of its stream has it: what a client gets that did not ask
//! for a stream.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Collects events into one response.
#[derive(Debug, Default)]
pub struct ResponseObject {
    response: Value,
    /// Items by their place: some providers leave them out of the last event.
    items: BTreeMap<u64, Item>,
}

#[derive(Debug, Default)]
struct Item {
    value: Value,
    /// Some providers never say that an item is complete; until then its pieces are added up.
    is_complete: bool,
}

impl ResponseObject {
    /// Takes one event.
    pub fn add(&mut self, name: &str, data: &[u8]) {
        match name {
            "response.output_item.added" => self.item(data, false),
            "response.output_item.done" => self.item(data, true),
            "response.completed" | "response.incomplete" | "response.failed" => {
                if let Some(response) =
                    parsed(data).and_then(|mut event| event.get_mut("response").map(Value::take))
                {
                    self.response = response;
                }
            }
            _ => self.piece(name, data),
        }
    }

    /// The body of the answer.
    pub fn into_value(mut self) -> Value {
        let told = self
            .response
            .get("output")
            .and_then(Value::as_array)
            .is_some_and(|output| !output.is_empty());
        if !told && self.response.is_object() {
            self.response["output"] = self.items.into_values().map(|item| item.value).collect();
        }
        self.response
    }

    fn item(&mut self, data: &[u8], is_complete: bool) {
        let Some(mut event) = parsed(data) else { return };
        let next = self.items.last_key_value().map_or(0, |(last, _)| last + 1);
        let place = event["output_index"].as_u64().unwrap_or(next);
        if let Some(value) = event.get_mut("item").map(Value::take) {
            self.items.insert(place, Item { value, is_complete });
        }
    }

    /// A piece of an item, or all of a part of one.
    fn piece(&mut self, name: &str, data: &[u8]) {
        let Some((what, is_whole)) = what_comes(name) else { return };
        let Some(event) = parsed(data) else { return };
        let item = event["output_index"].as_u64().and_then(|place| self.items.get_mut(&place));
        let Some(item) = item.filter(|item| !item.is_complete && item.value.is_object()) else {
            return;
        };
        let member = match what {
            Piece::Part(kind, member) => {
                let at = event["content_index"]
                    .as_u64()
                    .and_then(|at| usize::try_from(at).ok())
                    .unwrap_or_default();
                let Some(content) = item.value["content"].as_array_mut() else { return };
                if at == content.len() {
                    content.push(json!({"type": kind, member: ""}));
                }
                let Some(part) = content.get_mut(at) else { return };
                &mut part[member]
            }
            Piece::Member(member) => &mut item.value[member],
        };
        let said = if is_whole { &event[what.member()] } else { &event["delta"] };
        match (said.as_str(), member) {
            (Some(said), Value::String(before)) if !is_whole => before.push_str(said),
            (Some(said), member) => *member = json!(said),
            (None, _) => {}
        }
    }
}

/// Where a piece belongs.
#[derive(Debug, Clone, Copy)]
enum Piece {
    /// A part of the item's content: its type, and the member that has the text.
    Part(&'static str, &'static str),
    /// A member of the item.
    Member(&'static str),
}

impl Piece {
    fn member(self) -> &'static str {
        match self {
            Piece::Part(_, member) | Piece::Member(member) => member,
        }
    }
}

/// What an event brings, and whether it is all of it.
fn what_comes(name: &str) -> Option<(Piece, bool)> {
    let (what, end) = name.strip_prefix("response.")?.rsplit_once('.')?;
    let piece = match what {
        "output_text" => Piece::Part("output_text", "text"),
        "refusal" => Piece::Part("refusal", "refusal"),
        "function_call_arguments" => Piece::Member("arguments"),
        "custom_tool_call_input" => Piece::Member("input"),
        _ => return None,
    };
    match end {
        "delta" => Some((piece, false)),
        "done" => Some((piece, true)),
        _ => None,
    }
}

fn parsed(data: &[u8]) -> Option<Value> {
    serde_json::from_slice(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(events: &[(&str, Value)]) -> Value {
        let mut whole = ResponseObject::default();
        for (name, data) in events {
            whole.add(name, data.to_string().as_bytes());
        }
        whole.into_value()
    }

    #[test]
    fn the_last_event_is_the_answer() {
        let response = json!({"id": "r", "status": "completed", "output": [{"type": "message"}]});
        assert_eq!(
            whole(&[
                ("response.created", json!({})),
                ("response.completed", json!({"response": response}))
            ]),
            response
        );
    }

    #[test]
    fn items_that_the_last_event_leaves_out_are_put_in() {
        let events = [
            ("response.output_item.done", json!({"item": {"type": "reasoning"}})),
            ("response.output_item.done", json!({"item": {"type": "message"}})),
            ("response.completed", json!({"response": {"id": "r", "output": []}})),
        ];
        assert_eq!(
            whole(&events),
            json!({"id": "r", "output": [{"type": "reasoning"}, {"type": "message"}]})
        );
    }

    #[test]
    fn items_stand_in_their_places_whichever_was_complete_first() {
        let events = [
            ("response.output_item.done", json!({"output_index": 1, "item": {"type": "message"}})),
            (
                "response.output_item.done",
                json!({"output_index": 0, "item": {"type": "reasoning"}}),
            ),
            ("response.completed", json!({"response": {"id": "r"}})),
        ];
        assert_eq!(whole(&events)["output"], json!([{"type": "reasoning"}, {"type": "message"}]));
    }

    #[test]
    fn pieces_of_items_that_are_never_complete_are_added_up() {
        let events = [
            (
                "response.output_item.added",
                json!({"output_index": 0, "item": {"type": "message", "content": []}}),
            ),
            (
                "response.output_text.delta",
                json!({"output_index": 0, "content_index": 0, "delta": "He"}),
            ),
            (
                "response.output_text.delta",
                json!({"output_index": 0, "content_index": 0, "delta": "llo"}),
            ),
            (
                "response.refusal.delta",
                json!({"output_index": 0, "content_index": 1, "delta": "I wi"}),
            ),
            (
                "response.refusal.done",
                json!({"output_index": 0, "content_index": 1, "refusal": "I will not."}),
            ),
            (
                "response.output_item.added",
                json!({"output_index": 1, "item": {"type": "function_call", "arguments": ""}}),
            ),
            (
                "response.function_call_arguments.delta",
                json!({"output_index": 1, "delta": "{\"a\""}),
            ),
            ("response.function_call_arguments.delta", json!({"output_index": 1, "delta": ":1}"})),
            ("response.completed", json!({"response": {"id": "r"}})),
        ];
        let content = json!([{"type": "output_text", "text": "Hello"}, {"type": "refusal", "refusal": "I will not."}]);
        let items = json!([{"type": "message", "content": content}, {"type": "function_call", "arguments": "{\"a\":1}"}]);
        assert_eq!(whole(&events)["output"], items);
    }
}
