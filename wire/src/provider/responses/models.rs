//! What is known of models by their names, where the dialect makes a difference between them.

use ainfera_schema::Reasoning;

use crate::effort::{EffortTable, efforts_of};

/// Does this model reason? Then it takes no sampling parameters, and its reasoning can be asked for
/// in encrypted form; others refuse to be asked.
pub fn reasoning_by_name(upstream_name: &str) -> Reasoning {
    // a gateway's name for it may stand in front
    let name = upstream_name.rsplit('/').next().unwrap_or(upstream_name);
    let is_series = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    let chats = name.contains("-chat");
    let reasons = name.contains("codex")
        || ["o1", "o3", "o4", "gpt-5", "gpt-6", "gpt-oss"].iter().any(|prefix| is_series(prefix));
    if reasons && !chats { Reasoning::Always } else { Reasoning::Never }
}

const UP_TO_HIGH: &[&str] = &["low", "medium", "high"];
const UP_TO_XHIGH: &[&str] = &["low", "medium", "high", "xhigh"];
const UP_TO_MAX: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const NONE_TO_XHIGH: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const NONE_TO_MAX: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];
const PRO: &[&str] = &["medium", "high", "xhigh"];

/// The words for an effort that OpenAI's models take. Read on 2026-11-30: the reference's list
/// (none is for 5.1 and later, xhigh for what came after 5.1-codex-max) and the refusals that users
/// report (`Supported values are: …`; minimal is refused from 5.1 on, max taken from 5.6 on;
/// 6-astra and 6.1-sol cannot do without reasoning). What the pro models take is not verified.
pub const EFFORTS: EffortTable = &[
    ("gpt-6-astra", UP_TO_MAX),
    ("gpt-6.1-sol", UP_TO_MAX),
    ("gpt-6", NONE_TO_MAX),
    ("gpt-5.6", NONE_TO_MAX),
    ("gpt-5.5-pro", PRO),
    ("gpt-5.4-pro", PRO),
    ("gpt-5.2-pro", PRO),
    ("gpt-5-pro", &["high"]),
    ("gpt-5.3-codex", UP_TO_XHIGH),
    ("gpt-5.2-codex", UP_TO_XHIGH),
    ("gpt-5.1-codex-max", UP_TO_XHIGH),
    ("gpt-5.1-codex", UP_TO_HIGH),
    ("gpt-5-codex", UP_TO_HIGH),
    ("gpt-5.5", NONE_TO_XHIGH),
    ("gpt-5.4", NONE_TO_XHIGH),
    ("gpt-5.2", NONE_TO_XHIGH),
    ("gpt-5.1", &["none", "low", "medium", "high"]),
    ("gpt-5", &["minimal", "low", "medium", "high"]),
    ("o", UP_TO_HIGH),
];

/// The words that a model takes which reasons; those that all take where its name tells nothing.
pub fn efforts(upstream_name: &str) -> &'static [&'static str] {
    efforts_of(EFFORTS, upstream_name).unwrap_or(UP_TO_HIGH)
}

/// What OpenAI's Chat Completions endpoint takes of a call for one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatCompletions {
    Taken,
    /// "Function tools with reasoning_effort are not supported": the effort that these models have
    /// by default counts too.
    WithoutTools,
    /// The model is served by the Responses endpoint alone.
    Refused,
}

/// See [`ChatCompletions`]; known by the model's name. Source: the model pages of
/// developers.openai.com and the endpoint's refusals, November 2026.
pub fn chat_completions(upstream_name: &str) -> ChatCompletions {
    let name = upstream_name.rsplit('/').next().unwrap_or(upstream_name);
    if reasoning_by_name(name) == Reasoning::Never {
        return ChatCompletions::Taken;
    }
    let words = name.split('-').skip(1);
    if words.clone().any(|word| matches!(word, "pro" | "codex"))
        || name.starts_with("codex")
        || name.contains("deep-research")
    {
        return ChatCompletions::Refused;
    }
    let version =
        name.strip_prefix("gpt-").and_then(|rest| rest.split('-').next()).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if version >= (5, 4) { ChatCompletions::WithoutTools } else { ChatCompletions::Taken }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_models_are_known_by_their_series() {
        for name in [
            "o3",
            "o4-mini",
            "gpt-5",
            "gpt-5.5-pro",
            "openai/gpt-5-nano-2025-08-07",
            "gpt-5.3-codex",
            "codex-mini-latest",
        ] {
            assert_eq!(reasoning_by_name(name), Reasoning::Always, "{name}");
        }
        for name in ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "o300", "grok-3", "their-model"]
        {
            assert_eq!(reasoning_by_name(name), Reasoning::Never, "{name}");
        }
    }
}
