//! What OpenAI's two endpoints refuse, model by model, as its model pages and its errors say it
//! (November 2026).

use serde_json::Value;

use super::too_long_a_name;

const THINKERS: [&str; 4] = ["gpt-5", "gpt-6", "o3", "o4"];
/// Function tools of these go over the Responses endpoint only, unless the effort is `none`.
const NO_TOOLS_IN_CHAT: [&str; 7] =
    ["gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6-", "gpt-6.1", "gpt-6.2", "gpt-5.7"];
const THINKERS_REFUSE: [&str; 5] =
    ["top_p", "stop", "presence_penalty", "frequency_penalty", "logprobs"];

/// The words for an effort that a model takes. Sources: learn.microsoft.com's list for the OpenAI
/// API, and the refusals that users report (`Supported values are: …`), November 2026.
fn efforts(model: &str) -> &'static [&'static str] {
    match model {
        model if model.starts_with("gpt-6-astra") || model.starts_with("gpt-6.1-sol") => {
            &["low", "medium", "high", "xhigh", "max"]
        }
        model if ["gpt-5.6", "gpt-6"].iter().any(|series| model.starts_with(series)) => {
            &["none", "low", "medium", "high", "xhigh", "max"]
        }
        model if model.contains("-pro") => &["medium", "high", "xhigh"],
        model if model.contains("codex") => &["low", "medium", "high", "xhigh"],
        model
            if ["gpt-5.2", "gpt-5.4", "gpt-5.5"].iter().any(|series| model.starts_with(series)) =>
        {
            &["none", "low", "medium", "high", "xhigh"]
        }
        model if model.starts_with("gpt-5.1") => &["none", "low", "medium", "high"],
        model if model.starts_with("gpt-5") => &["minimal", "low", "medium", "high"],
        _ => &["low", "medium", "high"],
    }
}

fn refused_effort(body: &Value, said: &Value) -> Option<String> {
    let (model, said) = (body["model"].as_str().unwrap_or_default(), said.as_str()?);
    let words = efforts(model);
    let listed = || words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    (!words.contains(&said))
        .then(|| format!("Unsupported value: '{said}' is not supported with the '{model}' model. Supported values are: {}.", listed()))
}

/// The top of a function's schema is an object and combines nothing.
fn combined_schema(name: &Value, schema: &Value) -> Option<String> {
    let combines = ["oneOf", "anyOf", "allOf", "enum", "not"]
        .iter()
        .any(|keyword| schema.get(*keyword).is_some());
    (combines || schema["type"] != "object").then(|| {
        format!(
            "Invalid schema for function {name}: schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
        )
    })
}

/// A strict tool closes its object and requires all of its properties.
fn open_strict_schema(name: &Value, schema: &Value) -> Option<String> {
    let properties = schema["properties"].as_object();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_whole =
        properties.is_none_or(|all| all.keys().all(|name| required.contains(&name.as_str())));
    let is_closed = schema["additionalProperties"] == false;
    (!is_whole || !is_closed).then(|| {
        format!(
            "Invalid schema for function {name}: 'additionalProperties' is required to be supplied and to be false, and all to be required."
        )
    })
}

fn is_of(body: &Value, series: &[&str]) -> bool {
    body["model"]
        .as_str()
        .is_some_and(|model| series.iter().any(|prefix| model.starts_with(prefix)))
}

/// Of `/v1/responses`.
pub(super) fn responses_refusal(body: &Value) -> Option<String> {
    let thinks = is_of(body, &THINKERS);
    let reasons = body["reasoning"]["effort"] != "none";
    if let Some(member) = ["temperature", "top_p"]
        .iter()
        .find(|member| thinks && reasons && body.get(**member).is_some())
    {
        return Some(format!(
            "Unsupported parameter: '{member}' is not supported with this model."
        ));
    }
    let includes_reasoning = body["include"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one == "reasoning.encrypted_content"));
    if !thinks && (body.get("reasoning").is_some() || includes_reasoning) {
        return Some("Encrypted content is not supported with this model.".to_owned());
    }
    if let Some(message) = refused_effort(body, &body["reasoning"]["effort"]) {
        return Some(message);
    }
    let mut functions =
        body["tools"].as_array().into_iter().flatten().filter(|tool| tool["type"] == "function");
    if let Some(message) =
        functions.find_map(|tool| combined_schema(&tool["name"], tool.get("parameters")?))
    {
        return Some(message);
    }
    let format = &body["text"]["format"];
    if format["strict"] == true
        && let Some(message) = open_strict_schema(&format["name"], &format["schema"])
    {
        return Some(message);
    }
    let mut strict =
        body["tools"].as_array().into_iter().flatten().filter(|tool| tool["strict"] == true);
    if let Some(message) =
        strict.find_map(|tool| open_strict_schema(&tool["name"], &tool["parameters"]))
    {
        return Some(message);
    }
    ["messages", "max_tokens", "max_completion_tokens", "stop"]
        .iter()
        .find(|member| body.get(**member).is_some())
        .map(|member| format!("Unknown parameter: '{member}'."))
}

/// Of `/v1/chat/completions`.
pub(super) fn chat_refusal(body: &Value) -> Option<String> {
    let model = body["model"].as_str().unwrap_or_default();
    let thinks = is_of(body, &THINKERS);
    if model.contains("codex") || model.contains("-pro") {
        return Some(
            "This model is only supported in v1/responses and not in v1/chat/completions."
                .to_owned(),
        );
    }
    let has_tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    if has_tools && is_of(body, &NO_TOOLS_IN_CHAT) && body["reasoning_effort"] != "none" {
        return Some(format!(
            "Function tools with reasoning_effort are not supported for {model} in /v1/chat/completions. To use function tools, use \
             /v1/responses or set reasoning_effort to 'none'."
        ));
    }
    if thinks && body.get("max_tokens").is_some() {
        return Some(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.".to_owned(),
        );
    }
    let reasons = body["reasoning_effort"] != "none";
    if thinks
        && reasons
        && body
            .get("temperature")
            .is_some_and(|temperature| *temperature != 1 && *temperature != 1.0)
    {
        return Some(
            "Unsupported value: 'temperature' does not support 0.2 with this model.".to_owned(),
        );
    }
    if let Some(member) = THINKERS_REFUSE.iter().find(|member| {
        let may_be_steered = !reasons && matches!(**member, "top_p" | "logprobs");
        thinks && !may_be_steered && body.get(**member).is_some()
    }) {
        return Some(format!(
            "Unsupported parameter: '{member}' is not supported with this model."
        ));
    }
    if !thinks && body.get("reasoning_effort").is_some() {
        return Some("Unrecognized request argument supplied: reasoning_effort".to_owned());
    }
    if let Some(message) = refused_effort(body, &body["reasoning_effort"]) {
        return Some(message);
    }
    if let Some(message) = chat_schema(body) {
        return Some(message);
    }
    if body["stop"].as_array().is_some_and(|stops| stops.len() > 4) {
        return Some(
            "Invalid 'stop': array too long. Expected an array with maximum length 4.".to_owned(),
        );
    }
    if body.get("tools").is_none() && body.get("parallel_tool_calls").is_some() {
        return Some(
            "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.".to_owned(),
        );
    }
    if super::call_ids(body).any(|id| id.len() > 40) {
        return Some("Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40.".to_owned());
    }
    too_long_a_name(body)
}

/// The schemas of functions and of the answer.
fn chat_schema(body: &Value) -> Option<String> {
    let functions = body["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| &tool["function"])
        .filter(|function| function["strict"] == true);
    if let Some(message) = functions
        .into_iter()
        .find_map(|function| open_strict_schema(&function["name"], &function["parameters"]))
    {
        return Some(message);
    }
    let mut all = body["tools"].as_array().into_iter().flatten().map(|tool| &tool["function"]);
    if let Some(message) =
        all.find_map(|function| combined_schema(&function["name"], function.get("parameters")?))
    {
        return Some(message);
    }
    let format = &body["response_format"]["json_schema"];
    if format["strict"] == true
        && let Some(message) = open_strict_schema(&format["name"], &format["schema"])
    {
        return Some(message);
    }
    None
}
