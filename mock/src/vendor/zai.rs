//! What Z.ai's API refuses of GLM-5.3, whose thinking cannot be turned off. Source: docs.z.ai's
//! guides to GLM-5.3, November 2026; that images are refused is from the model's card (text only).

use serde_json::Value;

pub(super) fn refusal(body: &Value) -> Option<String> {
    if !body["model"].as_str()?.starts_with("glm-5.3") {
        return None;
    }
    if body["thinking"]["type"] == "disabled" {
        return Some("thinking.type: only enabled is supported by this model".to_owned());
    }
    if super::unknown_effort(body, &["low", "high", "max"]).is_some() {
        return Some("reasoning_effort: only low, high and max are supported".to_owned());
    }
    if body["max_tokens"].as_u64().is_some_and(|most| most > 131_072) {
        return Some("max_tokens: must be in [1, 131072]".to_owned());
    }
    super::too_long_a_name(body)
}
