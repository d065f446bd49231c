//! The whole answer, as the last event of its stream has it: what a client gets that did not ask for a stream.

use serde_json::{Value, json};

/// Collects events into one response.
#[derive(Debug, Default)]
pub struct ResponseObject {
    response: Value,
    /// Items as they were completed: some providers leave them out of the last event.
    items: Vec<Value>,
}

impl ResponseObject {
    /// Takes one event.
    pub fn add(&mut self, name: &str, data: &[u8]) {
        match name {
            "response.output_item.done" => {
                if let Some(item) = parsed(data).and_then(|mut event| event.get_mut("item").map(Value::take)) {
                    self.items.push(item);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                if let Some(response) = parsed(data).and_then(|mut event| event.get_mut("response").map(Value::take)) {
                    self.response = response;
                }
            }
            _ => {}
        }
    }

    /// The body of the answer.
    pub fn into_value(mut self) -> Value {
        let told = self.response.get("output").and_then(Value::as_array).is_some_and(|output| !output.is_empty());
        if !told && self.response.is_object() {
            self.response["output"] = json!(self.items);
        }
        self.response
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
        assert_eq!(whole(&[("response.created", json!({})), ("response.completed", json!({"response": response}))]), response);
    }

    #[test]
    fn items_that_the_last_event_leaves_out_are_put_in() {
        let events = [
            ("response.output_item.done", json!({"item": {"type": "reasoning"}})),
            ("response.output_item.done", json!({"item": {"type": "message"}})),
            ("response.completed", json!({"response": {"id": "r", "output": []}})),
        ];
        assert_eq!(whole(&events), json!({"id": "r", "output": [{"type": "reasoning"}, {"type": "message"}]}));
    }
}
