//! What Mistral's Chat Completions refuse: whatever its schema does not have is a 422. Sources:
//! docs.mistral.ai/api and its pages on reasoning
//! (docs.mistral.ai/inference/conversations/reasoning), November 2026; the rule on ids is from its
//! errors (code 3280).

use serde_json::{Value, json};

const BODY: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "temperature",
    "top_p",
    "stream",
    "stop",
    "random_seed",
    "response_format",
    "tools",
    "tool_choice",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "prediction",
    "parallel_tool_calls",
    "safe_prompt",
    "metadata",
];
const MESSAGE: [&str; 6] = ["role", "content", "tool_calls", "prefix", "tool_call_id", "name"];

/// The words for an effort of the models whose reasoning can be adjusted. Those of Mistral Large 4
/// beyond `low` and `medium` are not verified.
fn efforts(model: &str) -> &'static [&'static str] {
    match model {
        "mistral-small-2603" | "mistral-small-latest" | "mistral-medium-3-5" => &["none", "high"],
        "mistral-large-4" | "mistral-large-4-0" => &["none", "low", "medium", "high"],
        _ => &[],
    }
}

pub(super) fn refusal(body: &Value) -> Option<(u16, String)> {
    let members = body.as_object()?;
    let forbidden = |place: String| {
        Some((
            422,
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", place]}]}).to_string(),
        ))
    };
    let efforts = efforts(body["model"].as_str().unwrap_or_default());
    let is_known =
        |key: &str| BODY.contains(&key) || (key == "reasoning_effort" && !efforts.is_empty());
    if let Some(extra) = members.keys().find(|key| !is_known(key)) {
        return forbidden(extra.clone());
    }
    if super::unknown_effort(body, efforts).is_some() {
        return forbidden("reasoning_effort".to_owned());
    }
    if body["tools"].as_array().is_some_and(Vec::is_empty)
        || body["temperature"].as_f64().is_some_and(|temperature| temperature > 1.5)
    {
        return forbidden("tools, temperature".to_owned());
    }
    if super::call_ids(body)
        .any(|id| id.len() != 9 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    {
        return Some((
            400,
            "Tool call id has to be defined in the following format: a-z, A-Z, 0-9, with a length of 9. code 3280".to_owned(),
        ));
    }
    let mut previous = "";
    for message in body["messages"].as_array()? {
        let role = message["role"].as_str().unwrap_or_default();
        if !matches!(role, "system" | "user" | "assistant" | "tool") {
            return Some((422, json!({"detail": [{"type": "union_tag_invalid", "loc": ["body", "messages"], "input": role}]}).to_string()));
        }
        let extra = message
            .as_object()
            .and_then(|message| message.keys().find(|key| !MESSAGE.contains(&key.as_str())));
        if let Some(extra) = extra {
            return forbidden(format!("messages.{role}.{extra}"));
        }
        let misplaced = (role == "user" && previous == "tool")
            || (role == "system" && !matches!(previous, "" | "system"));
        if misplaced || (role == "user" && message.get("name").is_some()) {
            return Some((400, format!("Unexpected role '{role}' after role '{previous}'")));
        }
        previous = role;
    }
    let last = body["messages"].as_array()?.last()?;
    if previous == "assistant" && last["prefix"] != true {
        return Some((
            400,
            "Expected last role User or Tool (or Assistant with prefix True) for serving"
                .to_owned(),
        ));
    }
    Some((400, super::too_long_a_name(body)?))
}
