//! As a Responses provider says it.

use serde_json::{Value, json};

use super::said::{Said, Spoken, pieces};

pub fn bytes(spoken: &Spoken) -> Vec<u8> {
    let response = |status: &str, output: &[Value]| json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "their-model", "output": output});
    let mut events =
        vec![json!({"type": "response.created", "response": response("in_progress", &[])})];
    let mut output = Vec::new();
    let mut calls = 0;
    for (index, said) in spoken.said.iter().enumerate() {
        let (added, middle, done) = match said {
            Said::Text(pieces) => message(index, pieces),
            Said::Thought(pieces) => reasoning(index, pieces),
            Said::Call { name, arguments, piece_bytes } => {
                calls += 1;
                call(index, calls - 1, name, arguments, *piece_bytes)
            }
        };
        events.push(
            json!({"type": "response.output_item.added", "output_index": index, "item": added}),
        );
        events.extend(middle);
        events.push(
            json!({"type": "response.output_item.done", "output_index": index, "item": done}),
        );
        output.push(done);
    }
    let (kind, status, why) = match spoken.stop() {
        "max_tokens" => {
            ("response.incomplete", "incomplete", json!({"reason": "max_output_tokens"}))
        }
        "refusal" => ("response.incomplete", "incomplete", json!({"reason": "content_filter"})),
        _ => ("response.completed", "completed", Value::Null),
    };
    let mut last = response(status, &output);
    last["incomplete_details"] = why;
    last["usage"] = json!({
        "input_tokens": spoken.usage.input + spoken.usage.cache_read, "input_tokens_details": {"cached_tokens": spoken.usage.cache_read},
        "output_tokens": spoken.usage.output, "output_tokens_details": {"reasoning_tokens": spoken.usage.reasoning},
    });
    events.push(json!({"type": kind, "response": last}));
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = json!(number);
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
    });
    numbered.collect::<String>().into_bytes()
}

fn message(index: usize, pieces: &[String]) -> (Value, Vec<Value>, Value) {
    let item = |status: &str, content: Value| json!({"type": "message", "id": format!("msg_{index}"), "role": "assistant", "status": status, "content": content});
    let part = |text: String| json!({"type": "output_text", "text": text, "annotations": []});
    let at = json!({"item_id": format!("msg_{index}"), "output_index": index, "content_index": 0});
    let mut middle = vec![with(
        &at,
        json!({"type": "response.content_part.added", "part": part(String::new())}),
    )];
    middle.extend(
        pieces
            .iter()
            .map(|piece| with(&at, json!({"type": "response.output_text.delta", "delta": piece}))),
    );
    middle.push(with(&at, json!({"type": "response.output_text.done", "text": pieces.concat()})));
    middle.push(with(
        &at,
        json!({"type": "response.content_part.done", "part": part(pieces.concat())}),
    ));
    (item("in_progress", json!([])), middle, item("completed", json!([part(pieces.concat())])))
}

fn reasoning(index: usize, pieces: &[String]) -> (Value, Vec<Value>, Value) {
    let item = |summary: Value| json!({"type": "reasoning", "id": format!("rs_{index}"), "summary": summary});
    let part = |text: String| json!({"type": "summary_text", "text": text});
    let at = json!({"item_id": format!("rs_{index}"), "output_index": index, "summary_index": 0});
    let mut middle = vec![with(
        &at,
        json!({"type": "response.reasoning_summary_part.added", "part": part(String::new())}),
    )];
    middle.extend(pieces.iter().map(|piece| {
        with(&at, json!({"type": "response.reasoning_summary_text.delta", "delta": piece}))
    }));
    middle.push(with(
        &at,
        json!({"type": "response.reasoning_summary_text.done", "text": pieces.concat()}),
    ));
    middle.push(with(
        &at,
        json!({"type": "response.reasoning_summary_part.done", "part": part(pieces.concat())}),
    ));
    (item(json!([])), middle, item(json!([part(pieces.concat())])))
}

fn call(
    index: usize,
    nth: usize,
    name: &str,
    arguments: &Value,
    piece_bytes: usize,
) -> (Value, Vec<Value>, Value) {
    let item = |status: &str, arguments: &str| json!({"type": "function_call", "id": format!("fc_{index}"), "call_id": Spoken::call_id(nth), "name": name, "status": status, "arguments": arguments});
    let at = json!({"item_id": format!("fc_{index}"), "output_index": index});
    let mut middle: Vec<Value> = pieces(arguments, piece_bytes)
        .iter()
        .map(|piece| {
            with(&at, json!({"type": "response.function_call_arguments.delta", "delta": piece}))
        })
        .collect();
    middle.push(with(&at, json!({"type": "response.function_call_arguments.done", "arguments": arguments.to_string()})));
    (item("in_progress", ""), middle, item("completed", &arguments.to_string()))
}

fn with(at: &Value, event: Value) -> Value {
    let mut event = event;
    for (key, value) in at.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}
