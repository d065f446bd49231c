//! What the response object repeats of the request. Every answer has every member, also of what the
//! request left out. Sources: OpenAI API reference, the response object; the schema of Open
//! Responses (openresponses.org), read on 2026-12-01.

use serde_json::{Map, Value, json};

/// Members that come back as they were sent, and what they are where the request leaves them out
/// or says null.
const ECHO: [(&str, &str); 21] = [
    ("background", "false"),
    ("frequency_penalty", "0"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("presence_penalty", "0"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", "{}"),
    ("safety_identifier", "null"),
    ("service_tier", "\"default\""),
    ("temperature", "1"),
    ("text", "{}"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

pub(super) fn of(request: &Map<String, Value>) -> Map<String, Value> {
    let mut echo: Map<String, Value> = ECHO
        .iter()
        .map(|(name, default)| {
            let said = request.get(*name).filter(|said| !said.is_null()).cloned();
            let value = said.unwrap_or_else(|| serde_json::from_str(default).unwrap_or_default());
            ((*name).to_owned(), value)
        })
        .collect();
    for (name, value) in &mut echo {
        match name.as_str() {
            "reasoning" => fill(value, &[("effort", Value::Null), ("summary", Value::Null)]),
            "text" => text(value),
            "tools" => value.as_array_mut().into_iter().flatten().for_each(tool),
            "tool_choice" if value["type"] == "allowed_tools" => {
                fill(value, &[("mode", json!("auto"))])
            }
            // the answer names a tier that served it
            "service_tier" if value == "auto" => *value = json!("default"),
            _ => {}
        }
    }
    echo
}

/// Puts in the members that an object lacks.
fn fill(value: &mut Value, members: &[(&str, Value)]) {
    let Value::Object(object) = value else { return };
    for (name, default) in members {
        if !object.contains_key(*name) {
            object.insert((*name).to_owned(), default.clone());
        }
    }
}

fn text(value: &mut Value) {
    fill(value, &[("format", json!({"type": "text"}))]);
    if value["format"].is_null() {
        value["format"] = json!({"type": "text"});
    }
    if value["format"]["type"] == "json_schema" {
        fill(
            &mut value["format"],
            &[("description", Value::Null), ("strict", json!(false)), ("schema", Value::Null)],
        );
    }
}

/// A function has all of its members, also those that were left out.
fn tool(tool: &mut Value) {
    match tool["type"].as_str() {
        Some("function") => fill(
            tool,
            &[("description", Value::Null), ("parameters", Value::Null), ("strict", Value::Null)],
        ),
        Some("namespace") => {
            if let Some(tools) = tool.get_mut("tools").and_then(Value::as_array_mut) {
                tools.iter_mut().for_each(self::tool);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(request: Value) -> Value {
        Value::Object(of(request.as_object().unwrap()))
    }

    #[test]
    fn what_the_request_leaves_out_or_nulls_is_there_with_its_default() {
        let silent = echo(json!({}));
        let names: Vec<&str> = ECHO.iter().map(|(name, _)| *name).collect();
        let nulled: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        assert_eq!(echo(Value::Object(nulled)), silent);
        for (name, expected) in [
            ("temperature", json!(1)),
            ("top_p", json!(1)),
            ("presence_penalty", json!(0)),
            ("top_logprobs", json!(0)),
            ("service_tier", json!("default")),
            ("background", json!(false)),
            ("reasoning", json!({"effort": null, "summary": null})),
            ("text", json!({"format": {"type": "text"}})),
            ("truncation", json!("disabled")),
            ("metadata", json!({})),
        ] {
            assert_eq!(silent[name], expected, "{name}");
        }
    }

    #[test]
    fn what_the_request_says_comes_back_with_the_members_that_it_lacks() {
        let said = echo(json!({
            "temperature": 0.2, "service_tier": "auto", "max_tool_calls": 3, "user": "u",
            "reasoning": {"effort": "high"}, "text": {"verbosity": "low"},
            "prompt_cache_key": "k", "safety_identifier": "s", "metadata": {"a": "b"},
            "tool_choice": {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]},
            "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
        }));
        for (name, expected) in [
            ("temperature", json!(0.2)),
            ("service_tier", json!("default")),
            ("max_tool_calls", json!(3)),
            ("user", json!("u")),
            ("reasoning", json!({"effort": "high", "summary": null})),
            ("text", json!({"verbosity": "low", "format": {"type": "text"}})),
            ("prompt_cache_key", json!("k")),
            ("safety_identifier", json!("s")),
            ("metadata", json!({"a": "b"})),
        ] {
            assert_eq!(said[name], expected, "{name}");
        }
        assert_eq!(said["tool_choice"]["mode"], "auto");
        let function = json!({"type": "function", "name": "f", "description": null, "parameters": null, "strict": null});
        assert_eq!(said["tools"], json!([function, {"type": "custom", "name": "c"}]));
        let format =
            echo(json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}));
        let full = json!({"type": "json_schema", "name": "n", "schema": {}, "description": null, "strict": false});
        assert_eq!(format["text"]["format"], full);
    }
}
