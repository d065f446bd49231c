//! What Gemini's compatibility endpoint refuses: members and keywords that it does not know.
//! Source: ai.google.dev/gemini-api/docs/openai and its errors.

use serde_json::Value;

const BODY: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stream",
    "stream_options",
    "stop",
    "seed",
    "n",
    "response_format",
    "tools",
    "tool_choice",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "extra_body",
];
const SCHEMA: [&str; 6] =
    ["$schema", "additionalProperties", "const", "exclusiveMinimum", "patternProperties", "oneOf"];

/// The words for a level of thought. Sources: ai.google.dev/gemini-api/docs/thinking, and that
/// `minimal` is gone since 3.7: "What's new" of the newer models.
fn levels(model: &str) -> &'static [&'static str] {
    match model {
        model if model.starts_with("gemini-3-pro") => &["low", "high"],
        model if model.starts_with("gemini-3.1-pro") => &["low", "medium", "high"],
        model
            if ["gemini-3.7", "gemini-3.8", "gemini-4"]
                .iter()
                .any(|series| model.starts_with(series)) =>
        {
            &["low", "medium", "high"]
        }
        model if model.starts_with("gemini-3") => &["minimal", "low", "medium", "high"],
        model if model.starts_with("gemini-2.5-flash") => &["none", "low", "medium", "high"],
        _ => &["low", "medium", "high"],
    }
}

/// Models since 3.6 (and 3.5 Flash-Lite) end with the user and are not steered by sampling.
fn is_newer(model: &str) -> bool {
    ["gemini-3.5-flash-lite", "gemini-3.6", "gemini-3.7", "gemini-3.8", "gemini-4"]
        .iter()
        .any(|series| model.starts_with(series))
}

const ENDS_WITH_MODEL: &str = "Requests ending with a model turn are not supported.";

/// Of `generateContent`.
pub(super) fn native_refusal(model: &str, body: &Value) -> Option<String> {
    let config = &body["generationConfig"];
    let thinking = &config["thinkingConfig"];
    if let Some(level) = thinking["thinkingLevel"].as_str()
        && !levels(model).contains(&level.to_ascii_lowercase().as_str())
    {
        return Some(format!("Thinking level {level} is not supported for this model."));
    }
    if thinking["thinkingBudget"].is_number() && model.starts_with("gemini-4") {
        return Some("Thinking budget is not supported for this model.".to_owned());
    }
    if is_newer(model)
        && let Some(member) =
            ["temperature", "topP", "topK"].iter().find(|name| config.get(**name).is_some())
    {
        return Some(format!("{member} is not supported for this model."));
    }
    let last = body["contents"].as_array().and_then(|all| all.last());
    let ends_with_model = last.is_some_and(|last| last["role"] == "model");
    (ends_with_model && is_newer(model)).then(|| ENDS_WITH_MODEL.to_owned())
}

/// Of the compatible endpoint.
pub(super) fn refusal(body: &Value) -> Option<String> {
    let model = body["model"].as_str().unwrap_or_default();
    if super::unknown_effort(body, levels(model)).is_some() {
        return Some("reasoning_effort is not supported for this model.".to_owned());
    }
    let last = super::messages(body).last();
    if is_newer(model) && last.is_some_and(|last| last["role"] == "assistant") {
        return Some(ENDS_WITH_MODEL.to_owned());
    }
    if is_newer(model)
        && let Some(member) =
            ["temperature", "top_p"].iter().find(|name| body.get(**name).is_some())
    {
        return Some(format!("{member} is not supported for this model."));
    }
    if let Some(extra) = body.as_object()?.keys().find(|key| !BODY.contains(&key.as_str())) {
        return Some(format!(
            "Invalid JSON payload received. Unknown name \"{extra}\": Cannot find field."
        ));
    }
    let keyword = super::schemas(body)
        .find_map(|schema| SCHEMA.iter().find(|keyword| schema.get(**keyword).is_some()));
    keyword.map(|keyword| {
        format!("Invalid JSON payload received. Unknown name \"{keyword}\" at 'tools[0].function_declarations[0].parameters'")
    })
}
