//! What Together refuses. Kimi thinks always and wants its thoughts back with the calls that came
//! of them: platform.kimi.ai's guide to thinking models.

use serde_json::Value;

pub fn refusal(body: &Value) -> Option<String> {
    let wants_thoughts = body["model"].as_str().is_some_and(|model| model.contains("Kimi-K"));
    let without = super::calling(body)
        .find(|(_, message)| !message["reasoning_content"].is_string())
        .filter(|_| wants_thoughts);
    if let Some((position, _)) = without {
        return Some(format!(
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index {position}"
        ));
    }
    super::too_long_a_name(body)
}
