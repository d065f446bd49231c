//! What DeepSeek refuses. Its models think unless the request switches it off. Sources:
//! api-docs.deepseek.com/guides/thinking_mode, and for the choice of tools its errors as users
//! report them (deepseek-ai/DeepSeek-V3#1376), November 2026.

use serde_json::Value;

pub(super) fn refusal(body: &Value) -> Option<String> {
    let parts = super::messages(body)
        .iter()
        .flat_map(|message| message["content"].as_array().into_iter().flatten());
    if let Some(unknown) =
        parts.filter_map(|part| part["type"].as_str()).find(|kind| *kind != "text")
    {
        return Some(format!(
            "Failed to deserialize the JSON body into the target type: messages[0]: unknown variant `{unknown}`, expected `text`"
        ));
    }
    if let Some(role) = super::messages(body)
        .iter()
        .filter_map(|message| message["role"].as_str())
        .find(|role| *role == "developer")
    {
        return Some(format!(
            "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant `{role}`"
        ));
    }
    if body["response_format"]["type"] == "json_schema" {
        return Some("This response_format type is unavailable now".to_owned());
    }
    let efforts = ["low", "high", "max"];
    if super::unknown_effort(body, &efforts).is_some() {
        return Some(
            "unknown variant of reasoning_effort, expected one of low, high, max".to_owned(),
        );
    }
    thinking_refusal(body).or_else(|| super::too_long_a_name(body))
}

fn thinking_refusal(body: &Value) -> Option<String> {
    if body["thinking"]["type"] == "disabled"
        || !["deepseek-v4", "deepseek-flash"]
            .iter()
            .any(|series| body["model"].as_str().is_some_and(|model| model.starts_with(series)))
    {
        return None;
    }
    if super::is_forced(body) {
        return Some("Thinking mode does not support this tool_choice".to_owned());
    }
    // An empty content counts as content.
    let without =
        super::calling(body).any(|(_, message)| !message["reasoning_content"].is_string());
    without.then(|| {
        "The `reasoning_content` in the thinking mode must be passed back to the API.".to_owned()
    })
}
