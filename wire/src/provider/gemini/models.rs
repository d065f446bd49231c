//! What is known of models by their names, where the dialect makes a difference between them.

use ainfera_schema::Reasoning;
use serde_json::{Value, json};

/// Models that cannot stop thinking want at least so many.
const LEAST_BUDGET_TOKENS: u64 = 128;

/// One generation of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// They do not think.
    BeforeThinking,
    /// They think, within a budget of tokens.
    Budgeted,
    /// They think at a level, want the signatures of their calls back, and see images in what a
    /// tool returns.
    Signed,
}

/// `models/gemini-2.5-flash` and the like; a name that says nothing is taken for one of the second
/// kind.
pub fn generation(upstream_name: &str) -> Generation {
    let name = upstream_name.rsplit('/').next().unwrap_or(upstream_name);
    let Some(version) = name.strip_prefix("gemini-") else { return Generation::Budgeted };
    let digits: String = version
        .chars()
        .take_while(|character| character.is_ascii_digit() || *character == '.')
        .collect();
    let mut numbers = digits.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    match (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) {
        (0, _) => Generation::Budgeted,
        (1, _) | (2, 0..5) => Generation::BeforeThinking,
        (2, _) => Generation::Budgeted,
        _ => Generation::Signed,
    }
}

/// Does this model think, as far as its name tells?
pub fn reasoning_by_name(upstream_name: &str) -> Reasoning {
    if generation(upstream_name) == Generation::BeforeThinking {
        Reasoning::Never
    } else {
        Reasoning::Always
    }
}

/// As near as a model comes to no thinking: the member that says so, and what it says.
pub fn least_thinking(upstream_name: &str) -> (&'static str, Value) {
    let is_quick = upstream_name.contains("flash");
    match (generation(upstream_name), is_quick) {
        (Generation::Signed, true) => ("thinkingLevel", json!("MINIMAL")),
        (Generation::Signed, false) => ("thinkingLevel", json!("LOW")),
        (Generation::Budgeted | Generation::BeforeThinking, true) => ("thinkingBudget", json!(0)),
        (Generation::Budgeted | Generation::BeforeThinking, false) => {
            ("thinkingBudget", json!(LEAST_BUDGET_TOKENS))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_known_by_the_version() {
        for (name, expected) in [
            ("gemini-1.5-pro", Generation::BeforeThinking),
            ("gemini-2.0-flash", Generation::BeforeThinking),
            ("models/gemini-2.5-flash", Generation::Budgeted),
            ("gemini-3-pro-preview", Generation::Signed),
            ("gemini-3.1-pro", Generation::Signed),
            ("gemini-flash-latest", Generation::Budgeted),
            ("gemma-3-27b", Generation::Budgeted),
        ] {
            assert_eq!(generation(name), expected, "{name}");
        }
        for (name, member, least) in [
            ("gemini-2.5-flash", "thinkingBudget", json!(0)),
            ("gemini-2.5-pro", "thinkingBudget", json!(128)),
            ("gemini-3.5-flash-lite", "thinkingLevel", json!("MINIMAL")),
            ("gemini-3-pro-preview", "thinkingLevel", json!("LOW")),
        ] {
            assert_eq!(least_thinking(name), (member, least), "{name}");
        }
    }
}
