//! What is known of models by their names, where the dialect makes a difference between them.

use ainfera_schema::Reasoning;

/// Does this model reason? Then it takes no sampling parameters, and its reasoning can be asked for in encrypted form; others refuse to be asked.
pub fn reasoning_by_name(upstream_name: &str) -> Reasoning {
    // a gateway's name for it may stand in front
    let name = upstream_name.rsplit('/').next().unwrap_or(upstream_name);
    let is_series = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']));
    let chats = name.contains("-chat");
    let reasons = name.contains("codex") || ["o1", "o3", "o4", "gpt-5", "gpt-6", "gpt-oss"].iter().any(|prefix| is_series(prefix));
    if reasons && !chats { Reasoning::Always } else { Reasoning::Never }
}

/// What OpenAI's Chat Completions endpoint takes of a call for one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatCompletions {
    Taken,
    /// "Function tools with reasoning_effort are not supported": the effort that these models have by default counts too.
    WithoutTools,
    /// The model is served by the Responses endpoint alone.
    Refused,
}

/// See [`ChatCompletions`]; known by the model's name. Source: the model pages of developers.openai.com and the endpoint's refusals, November 2026.
pub fn chat_completions(upstream_name: &str) -> ChatCompletions {
    let name = upstream_name.rsplit('/').next().unwrap_or(upstream_name);
    if reasoning_by_name(name) == Reasoning::Never {
        return ChatCompletions::Taken;
    }
    let words = name.split('-').skip(1);
    if words.clone().any(|word| matches!(word, "pro" | "codex")) || name.starts_with("codex") || name.contains("deep-research") {
        return ChatCompletions::Refused;
    }
    let version = name.strip_prefix("gpt-").and_then(|rest| rest.split('-').next()).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if version >= (5, 4) { ChatCompletions::WithoutTools } else { ChatCompletions::Taken }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_models_are_known_by_their_series() {
        for name in ["o3", "o4-mini", "gpt-5", "gpt-5.5-pro", "openai/gpt-5-nano-2025-08-07", "gpt-5.3-codex", "codex-mini-latest"] {
            assert_eq!(reasoning_by_name(name), Reasoning::Always, "{name}");
        }
        for name in ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "o300", "grok-3", "their-model"] {
            assert_eq!(reasoning_by_name(name), Reasoning::Never, "{name}");
        }
    }
}
