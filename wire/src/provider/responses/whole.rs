//! A response that came whole, as the events that would have streamed it: then one reader reads
//! both, and a native client misses nothing.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::codec::well_formed::value;
use crate::error::provider_error::says_something;
use crate::error::stream_fault::StreamFault;

/// The data of each event, in order. A response that failed, or an error in its place, is the one
/// event that says it.
pub(crate) fn events(body: &Bytes) -> Result<Vec<Bytes>, StreamFault> {
    let said = value(body)
        .map_err(|error| StreamFault::malformed(format!("answer is not JSON: {error}")))?;
    let mut events = Events::default();
    let ending = match said.get("status").and_then(Value::as_str) {
        Some("completed") => "response.completed",
        Some("incomplete") => "response.incomplete",
        Some(status @ ("failed" | "cancelled")) => {
            events.say(&format!("response.{status}"), json!({"response": said}));
            return Ok(events.said);
        }
        None if said.get("error").is_some_and(says_something) => {
            events.say("error", json!({"error": said["error"]}));
            return Ok(events.said);
        }
        // whole as it came, only without the word for it
        None if said["output"].as_array().is_some_and(|output| !output.is_empty()) => {
            "response.completed"
        }
        _ => return Err(StreamFault::malformed("answer is no response")),
    };
    let mut begun = said.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    for member in ["usage", "incomplete_details"] {
        if begun.get(member).is_some() {
            begun[member] = Value::Null;
        }
    }
    events.say("response.created", json!({"response": begun}));
    for (place, item) in said["output"].as_array().into_iter().flatten().enumerate() {
        events.item(place, item);
    }
    events.say(ending, json!({"response": said}));
    Ok(events.said)
}

#[derive(Default)]
struct Events {
    said: Vec<Bytes>,
}

impl Events {
    fn say(&mut self, name: &str, members: Value) {
        let mut event = json!({"type": name, "sequence_number": self.said.len()});
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        self.said.push(Bytes::from(event.to_string()));
    }

    /// One delta for what is said in deltas; an item that is not said so stands whole at its
    /// beginning and at its end.
    fn item(&mut self, place: usize, item: &Value) {
        let mut begun = item.clone();
        if begun.get("status").is_some() {
            begun["status"] = json!("in_progress");
        }
        let said_in_deltas = match item["type"].as_str() {
            Some("message") => Some(("content", json!([]))),
            Some("reasoning") => Some(("summary", json!([]))),
            Some("function_call") => Some(("arguments", json!(""))),
            Some("custom_tool_call") => Some(("input", json!(""))),
            _ => None,
        };
        if let Some((member, empty)) = said_in_deltas {
            begun[member] = empty;
        }
        self.say("response.output_item.added", json!({"output_index": place, "item": begun}));
        let id = &item["id"];
        match item["type"].as_str() {
            Some("message") => self.parts(place, item, "content"),
            Some("reasoning") => self.parts(place, item, "summary"),
            Some("function_call") => {
                let arguments = &item["arguments"];
                self.say(
                    "response.function_call_arguments.delta",
                    json!({"item_id": id, "output_index": place, "delta": arguments}),
                );
                let done = json!({"item_id": id, "output_index": place, "name": item["name"], "arguments": arguments});
                self.say("response.function_call_arguments.done", done);
            }
            Some("custom_tool_call") => {
                self.say(
                    "response.custom_tool_call_input.delta",
                    json!({"item_id": id, "output_index": place, "delta": item["input"]}),
                );
                self.say(
                    "response.custom_tool_call_input.done",
                    json!({"item_id": id, "output_index": place, "input": item["input"]}),
                );
            }
            _ => {}
        }
        self.say("response.output_item.done", json!({"output_index": place, "item": item}));
    }

    fn parts(&mut self, place: usize, item: &Value, member: &str) {
        for (index, part) in item[member].as_array().into_iter().flatten().enumerate() {
            let (kind, part_kind, text) = match part["type"].as_str() {
                Some("output_text") => ("output_text", "content_part", "text"),
                Some("refusal") => ("refusal", "content_part", "refusal"),
                Some("summary_text") => {
                    ("reasoning_summary_text", "reasoning_summary_part", "text")
                }
                _ => continue,
            };
            let at = |mut more: Value| {
                more["item_id"] = item["id"].clone();
                more["output_index"] = json!(place);
                more[if member == "summary" { "summary_index" } else { "content_index" }] =
                    json!(index);
                more
            };
            let mut begun = part.clone();
            begun[text] = json!("");
            if begun.get("annotations").is_some() {
                begun["annotations"] = json!([]);
            }
            self.say(&format!("response.{part_kind}.added"), at(json!({"part": begun})));
            self.say(&format!("response.{kind}.delta"), at(json!({"delta": part[text]})));
            for (number, annotation) in
                part["annotations"].as_array().into_iter().flatten().enumerate()
            {
                let added = json!({"annotation_index": number, "annotation": annotation});
                self.say("response.output_text.annotation.added", at(added));
            }
            self.say(&format!("response.{kind}.done"), at(json!({text: part[text]})));
            self.say(&format!("response.{part_kind}.done"), at(json!({"part": part})));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(body: &Value) -> Result<Vec<String>, StreamFault> {
        let events = events(&Bytes::from(body.to_string()))?;
        let parsed = events.iter().map(|event| serde_json::from_slice::<Value>(event).unwrap());
        Ok(parsed.map(|event| event["type"].as_str().unwrap().replace("response.", "")).collect())
    }

    #[test]
    fn each_item_has_one_delta_and_what_is_new_stands_whole() {
        let body = json!({"id": "r", "status": "completed", "model": "m", "usage": {"input_tokens": 1}, "output": [
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAAA"},
            {"type": "message", "id": "msg", "status": "completed", "content": [{"type": "output_text", "text": "hi", "annotations": [{"type": "url_citation"}]}]},
            {"type": "hologram", "beam": 2},
            {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}"},
        ]});
        let expected = [
            "created",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.annotation.added",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ];
        assert_eq!(names(&body).unwrap(), expected);
        let events = events(&Bytes::from(body.to_string())).unwrap();
        let parsed = |at: usize| serde_json::from_slice::<Value>(&events[at]).unwrap();
        assert_eq!(parsed(0)["response"]["usage"], Value::Null);
        assert_eq!(
            parsed(8),
            json!({"type": "response.content_part.added", "sequence_number": 8, "part": {"type": "output_text", "text": "",
            "annotations": []}, "item_id": "msg", "output_index": 1, "content_index": 0})
        );
        assert_eq!(
            (&parsed(14)["item"], &parsed(15)["item"]),
            (&body["output"][2], &body["output"][2])
        );
        assert_eq!(parsed(20)["response"], body);
    }

    #[test]
    fn what_is_no_response_is_no_answer() {
        assert_eq!(
            names(&json!({"status": "failed", "error": {"message": "m"}})).unwrap(),
            ["failed"]
        );
        assert_eq!(names(&json!({"error": {"message": "m"}})).unwrap(), ["error"]);
        for body in [
            json!({}),
            json!([]),
            json!({"status": "in_progress"}),
            json!("text"),
            json!({"error": null}),
        ] {
            assert!(matches!(names(&body), Err(StreamFault::Malformed(_))), "{body}");
        }
        assert!(events(&Bytes::from_static(b"<html>")).is_err());
    }
}
