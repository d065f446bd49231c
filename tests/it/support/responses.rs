//! An independent reading of a Responses stream, as strict as the strictest client: it panics on whatever one of them would choke on.

use serde_json::{Value, json};

use super::Answer;

/// What a client has after the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The response of the last event, completed or incomplete.
    Response(Value),
    /// The `error` object and the text so far.
    Failed { error: Value, text: String },
}

/// Every event in order, without comments. Each has its own name in its data, and a number one higher than the last.
pub fn events(stream: &str) -> Vec<Value> {
    assert!(stream.is_empty() || stream.ends_with("\n\n"), "the last frame is open: {stream:?}");
    let frames = stream.split_terminator("\n\n").filter(|frame| !frame.starts_with(": "));
    let event = |(number, frame): (usize, &str)| {
        let (name, data) = frame.split_once('\n').unwrap_or_else(|| panic!("no name: {frame:?}"));
        let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {frame:?}"));
        let event: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
        assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
        assert_eq!(event["sequence_number"], json!(number), "{stream}");
        event
    };
    frames.enumerate().map(event).collect()
}

#[derive(Default)]
struct Reading {
    response: Value,
    /// As the deltas have it.
    items: Vec<Value>,
    done: Vec<bool>,
}

/// Reads a stream to its end.
pub fn read(stream: &str) -> Ended {
    let mut reading = Reading::default();
    let mut events = events(stream).into_iter().peekable();
    let created = events.peek().unwrap_or_else(|| panic!("an empty stream"));
    assert_eq!(created["type"], "response.created");
    reading.response = created["response"].clone();
    assert_eq!((&reading.response["status"], &reading.response["output"]), (&json!("in_progress"), &json!([])));
    while let Some(event) = events.next() {
        match event["type"].as_str().unwrap() {
            "error" => {
                let failed = events.next().unwrap_or_else(|| panic!("`error` without `response.failed`: {stream}"));
                assert_eq!((&failed["type"], &failed["response"]["status"]), (&json!("response.failed"), &json!("failed")), "{failed}");
                assert_eq!(failed["response"]["id"], reading.response["id"], "{failed}");
                for member in ["code", "message"] {
                    assert!(event[member].is_string(), "{event}");
                    assert_eq!((&event[member], &event[member]), (&event["error"][member], &failed["response"]["error"][member]));
                }
                assert_eq!(events.next(), None, "something after the failure");
                return Ended::Failed { error: event["error"].clone(), text: reading.text() };
            }
            "response.completed" | "response.incomplete" => {
                assert_eq!(events.next(), None, "something after the end");
                return Ended::Response(reading.end(&event));
            }
            _ => reading.take(&event),
        }
    }
    panic!("the stream ended without its last event: {stream}");
}

/// The response of a stream that ended as it should.
pub fn response_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(answer.complete, "the body was cut: {}", answer.text());
    match read(&answer.text()) {
        Ended::Response(response) => response,
        Ended::Failed { error, .. } => panic!("stream failed: {error}"),
    }
}

impl Reading {
    fn text(&self) -> String {
        let parts = self.items.iter().filter_map(|item| item["content"].as_array()).flatten();
        parts.filter_map(|part| part["text"].as_str()).collect()
    }

    fn end(&self, event: &Value) -> Value {
        let response = event["response"].clone();
        assert_eq!(event["type"], format!("response.{}", response["status"].as_str().unwrap()), "{event}");
        for member in ["id", "model", "created_at", "object"] {
            assert_eq!(response[member], self.response[member], "{member} changes");
        }
        assert!(self.done.iter().all(|done| *done), "an item was never completed: {:?}", self.items);
        assert_eq!(response["output"], json!(self.items), "the last event says something else than the stream");
        response
    }

    fn take(&mut self, event: &Value) {
        let index = event["output_index"].as_u64().map(|index| usize::try_from(index).unwrap());
        let kind = event["type"].as_str().unwrap();
        if let "response.created" | "response.in_progress" = kind {
            assert!(self.items.is_empty() && event["response"] == self.response, "{event}");
            return;
        }
        let index = index.unwrap_or_else(|| panic!("whose is it? {event}"));
        if kind == "response.output_item.added" {
            assert_eq!(index, self.items.len(), "indexes are not dense: {event}");
            let id = &event["item"]["id"];
            assert!(id.is_string() && self.items.iter().all(|item| item["id"] != *id), "two items of one id: {event}");
            self.items.push(event["item"].clone());
            return self.done.push(false);
        }
        assert!(!self.done[index], "after the item's end: {event}");
        let item = &mut self.items[index];
        assert!(event.get("item_id").is_none_or(|id| *id == item["id"]), "{event}");
        let part = |member: &str| usize::try_from(event[member].as_u64().unwrap_or_else(|| panic!("no {member}: {event}"))).unwrap();
        match kind {
            "response.output_item.done" => {
                let done = &event["item"];
                for member in ["id", "type", "call_id", "name", "arguments", "input"] {
                    assert_eq!(done[member], item[member], "{member}: {event}");
                }
                for member in ["content", "summary"] {
                    let texts = |item: &Value| -> Vec<Value> {
                        item[member].as_array().into_iter().flatten().map(|part| part["text"].clone()).collect()
                    };
                    assert_eq!(texts(done), texts(item), "{member}: {event}");
                }
                *item = done.clone();
                self.done[index] = true;
            }
            "response.content_part.added" => push(&mut item["content"], part("content_index"), &event["part"]),
            "response.reasoning_summary_part.added" => push(&mut item["summary"], part("summary_index"), &event["part"]),
            "response.output_text.delta" => append(&mut item["content"][part("content_index")]["text"], &event["delta"]),
            "response.reasoning_summary_text.delta" => append(&mut item["summary"][part("summary_index")]["text"], &event["delta"]),
            "response.function_call_arguments.delta" => append(&mut item["arguments"], &event["delta"]),
            "response.custom_tool_call_input.delta" => append(&mut item["input"], &event["delta"]),
            "response.output_text.done" => assert_eq!(event["text"], item["content"][part("content_index")]["text"]),
            "response.reasoning_summary_text.done" => assert_eq!(event["text"], item["summary"][part("summary_index")]["text"]),
            "response.content_part.done" => assert_eq!(event["part"]["text"], item["content"][part("content_index")]["text"]),
            "response.reasoning_summary_part.done" => assert_eq!(event["part"]["text"], item["summary"][part("summary_index")]["text"]),
            "response.function_call_arguments.done" => assert_eq!(event["arguments"], item["arguments"]),
            "response.custom_tool_call_input.done" => assert_eq!(event["input"], item["input"]),
            other => panic!("nobody knows {other}"),
        }
    }
}

fn push(parts: &mut Value, index: usize, part: &Value) {
    let parts = parts.as_array_mut().unwrap_or_else(|| panic!("no parts"));
    assert_eq!(parts.len(), index, "indexes are not dense: {part}");
    parts.push(part.clone());
}

fn append(known: &mut Value, piece: &Value) {
    let (Some(said), Some(piece)) = (known.as_str(), piece.as_str()) else { panic!("{piece} does not go on from {known}") };
    *known = json!(said.to_owned() + piece);
}
