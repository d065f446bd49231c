//! What xAI's Chat Completions refuse. Source: docs.x.ai/docs/guides/reasoning and
//! docs.x.ai/developers/model-capabilities/text/reasoning, November 2026.

use serde_json::Value;

const THINKERS: [&str; 2] = ["grok-4", "grok-build"];
/// Refused by models that reason.
const REFUSED: [&str; 4] = ["stop", "presence_penalty", "frequency_penalty", "presencePenalty"];

/// The words for an effort; most models decide for themselves and refuse to be asked.
fn efforts(model: &str) -> &'static [&'static str] {
    match model {
        model if model.starts_with("grok-3-mini") => &["low", "high"],
        model if model.starts_with("grok-4.3") => &["none", "low", "medium", "high"],
        model if model.starts_with("grok-4.5") => &["low", "medium", "high"],
        model if model.starts_with("grok-4.6") || model.starts_with("grok-4.7") => {
            &["low", "medium", "high", "xhigh"]
        }
        _ => &[],
    }
}

pub(super) fn refusal(body: &Value) -> Option<String> {
    let model = body["model"].as_str().unwrap_or_default();
    let thinks = THINKERS.iter().any(|series| model.starts_with(series));
    if let Some(member) = REFUSED.iter().find(|member| thinks && body.get(**member).is_some()) {
        return Some(format!("Argument not supported on this model: {member}"));
    }
    if super::unknown_effort(body, efforts(model)).is_some() {
        return Some(format!("Model {model} does not support parameter reasoningEffort."));
    }
    let closed = super::schemas(body).any(|schema| schema["additionalProperties"] == false);
    closed
        .then(|| "Invalid request content: additionalProperties".to_owned())
        .or_else(|| super::too_long_a_name(body))
}
