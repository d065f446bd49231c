//! What Moonshot's API refuses of Kimi K3: sampling is fixed, and thinking cannot be turned off.
//! Sources: platform.kimi.ai/docs/api/models-overview and /docs/guide/use-thinking-effort, and what
//! users who migrated met (invalid temperature: only 1 is allowed for this model), November 2026.

use serde_json::Value;

/// The values that are the only ones allowed.
const FIXED: [(&str, f64); 4] =
    [("temperature", 1.0), ("top_p", 0.95), ("presence_penalty", 0.0), ("frequency_penalty", 0.0)];

pub(super) fn refusal(body: &Value) -> Option<String> {
    if !body["model"].as_str()?.contains("kimi-k3") {
        return None;
    }
    for (member, value) in FIXED {
        if body.get(member).is_some_and(|said| said.as_f64() != Some(value)) {
            return Some(format!("invalid {member}: only {value} is allowed for this model"));
        }
    }
    if super::unknown_effort(body, &["low", "high", "max"]).is_some() {
        return Some("invalid reasoning_effort for this model".to_owned());
    }
    if body.get("thinking").is_some() {
        return Some("thinking is not supported by this model".to_owned());
    }
    super::too_long_a_name(body)
}
