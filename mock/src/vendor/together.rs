//! What Together refuses. Kimi thinks always and wants its thoughts back with the calls that came
//! of them: platform.kimi.ai's guide to thinking models.

use serde_json::Value;

/// Sources: docs.together.ai/docs/glm-5.3-quickstart and the makers' own lists.
fn efforts(model: &str) -> &'static [&'static str] {
    match model {
        model if model.contains("gpt-oss") => &["low", "medium", "high"],
        model if model.contains("GLM-5.3") => &["low", "medium", "high", "max"],
        model if model.contains("Kimi-K3") => &["low", "high", "max"],
        _ => &[],
    }
}

pub(super) fn refusal(body: &Value) -> Option<String> {
    let wants_thoughts = body["model"].as_str().is_some_and(|model| model.contains("Kimi-K"));
    let without = super::calling(body)
        .find(|(_, message)| !message["reasoning_content"].is_string())
        .filter(|_| wants_thoughts);
    if let Some((position, _)) = without {
        return Some(format!(
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index {position}"
        ));
    }
    if super::unknown_effort(body, efforts(body["model"].as_str().unwrap_or_default())).is_some() {
        return Some("reasoning_effort is not supported for this model".to_owned());
    }
    super::too_long_a_name(body)
}
