//! What Groq refuses. Source: console.groq.com/docs/openai, console.groq.com/docs/reasoning and its
//! errors, November 2026.

use serde_json::Value;

/// Members of messages that no model there takes.
const REFUSED_OF_MESSAGES: [&str; 2] = ["name", "reasoning_content"];

fn efforts(model: &str) -> &'static [&'static str] {
    match model {
        model if model.starts_with("openai/gpt-oss") => &["low", "medium", "high"],
        model if model.starts_with("qwen/") => &["none", "default"],
        _ => &[],
    }
}

pub(super) fn refusal(body: &Value) -> Option<String> {
    if let Some(member) = ["logprobs", "logit_bias", "top_logprobs"]
        .iter()
        .find(|member| body.get(**member).is_some())
    {
        return Some(format!("property '{member}' is unsupported"));
    }
    if super::unknown_effort(body, efforts(body["model"].as_str().unwrap_or_default())).is_some() {
        return Some("`reasoning_effort` is not supported with this model".to_owned());
    }
    for (position, message) in super::messages(body).iter().enumerate() {
        if let Some(member) =
            REFUSED_OF_MESSAGES.iter().find(|member| message.get(**member).is_some())
        {
            let role = message["role"].as_str().unwrap_or_default();
            return Some(format!(
                "'messages.{position}' : for 'role:{role}' property '{member}' is unsupported"
            ));
        }
    }
    super::too_long_a_name(body)
}
