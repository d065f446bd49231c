//! Responses.

use serde_json::Value;

use crate::answer::{Answer, Ending, ToolCall, Usage, number, text};

/// From an accumulated stream.
pub fn accumulated(expected: &Value) -> Answer {
    let calls: Vec<ToolCall> =
        expected["tool_calls"].as_array().into_iter().flatten().map(call).collect();
    Answer {
        blocks: None,
        text: text(expected, "/text").to_owned(),
        reasoning: text(expected, "/reasoning_summary").to_owned(),
        ending: ending(
            text(expected, "/status"),
            &expected["incomplete"],
            &expected["error"],
            !calls.is_empty(),
        ),
        calls,
        usage: expected["usage"].is_object().then(|| usage(&expected["usage"])),
    }
}

/// From a body that was not streamed.
pub fn whole(body: &Value) -> Answer {
    let items = || body["output"].as_array().into_iter().flatten();
    let of_type = |kind: &'static str| items().filter(move |item| text(item, "/type") == kind);
    let parts = |item: &Value, list: &str| -> String {
        item[list]
            .as_array()
            .into_iter()
            .flatten()
            .map(|part| format!("{}{}", text(part, "/text"), text(part, "/refusal")))
            .collect()
    };
    let calls: Vec<ToolCall> =
        items().filter(|item| text(item, "/type").ends_with("_call")).map(call).collect();
    Answer {
        blocks: None,
        text: of_type("message").map(|item| parts(item, "content")).collect(),
        reasoning: of_type("reasoning")
            .map(|item| format!("{}{}", parts(item, "summary"), parts(item, "content")))
            .collect(),
        ending: ending(
            text(body, "/status"),
            &body["incomplete_details"],
            &body["error"],
            !calls.is_empty(),
        ),
        calls,
        usage: body["usage"].is_object().then(|| usage(&body["usage"])),
    }
}

/// A custom tool takes text: in other dialects, where arguments are an object, it is a member of
/// one.
fn call(item: &Value) -> ToolCall {
    let (id, name) = (text(item, "/call_id"), text(item, "/name"));
    let said = ["/arguments", "/arguments_done", "/input"]
        .into_iter()
        .map(|place| text(item, place))
        .find(|text| !text.is_empty());
    let said = said.unwrap_or_default();
    if text(item, "/type") == "custom_tool_call" {
        return ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: serde_json::json!({"input": said}),
        };
    }
    ToolCall::new(id, name, said)
}

fn ending(status: &str, incomplete: &Value, error: &Value, has_calls: bool) -> Ending {
    let reason = incomplete.as_str().unwrap_or_else(|| text(incomplete, "/reason"));
    match status {
        _ if !error.is_null() => Ending::Failed(text(error, "/message").to_owned()),
        "completed" if has_calls => Ending::Stopped("tool_use".to_owned()),
        "completed" => Ending::Stopped("end_turn".to_owned()),
        "incomplete" if reason == "content_filter" => Ending::Stopped("refusal".to_owned()),
        "incomplete" => Ending::Stopped("max_tokens".to_owned()),
        _ => Ending::Missing,
    }
}

/// The input includes what the cache had, the output includes reasoning.
pub fn usage(usage: &Value) -> Usage {
    let cache_read = number(usage, "/input_tokens_details/cached_tokens");
    let cache_write = number(usage, "/input_tokens_details/cache_write_tokens");
    Usage {
        input: number(usage, "/input_tokens").saturating_sub(cache_read + cache_write),
        cache_read,
        cache_write,
        output: number(usage, "/output_tokens"),
        reasoning: number(usage, "/output_tokens_details/reasoning_tokens"),
    }
}
