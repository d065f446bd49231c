//! What is asked of thinking, as one Claude model takes it.

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::effort::nearest;
use crate::provider::anthropic::limits::Origin;
use crate::provider::anthropic::limits::model::forces_a_tool;
use crate::provider::anthropic::models::{Claude, EffortRule, NoThinking, ThinkingForm};

/// No budget may be smaller.
const LEAST_BUDGET_TOKENS: u64 = 1_024;
/// Thinking budgets become efforts: below this many tokens a low one,
const MEDIUM_FROM_TOKENS: u64 = 4_096;
/// and from this many on a high one.
const HIGH_FROM_TOKENS: u64 = 16_384;

/// True if anything of the form was changed.
pub fn fit(
    form: &mut Map<String, Value>,
    claude: Claude,
    origin: Origin,
    coercions: &mut Coercions,
) -> bool {
    let unknown = say_off_plainly(form, claude, coercions);
    let kind =
        form.get("thinking").and_then(|thinking| thinking["type"].as_str()).map(str::to_owned);
    let thought = match (kind.as_deref(), claude.thinking_form()) {
        (Some("disabled"), _) => turn_off(form, claude, coercions),
        (Some("enabled"), ThinkingForm::Adaptive) => make_adaptive(form, claude, coercions),
        (Some("adaptive"), ThinkingForm::Budget) => make_budgeted(form, coercions),
        _ => false,
    };
    let effort = fit_effort(form, claude, coercions);
    // who calls natively asks for thinking apart from the effort, or does not want it; a tool
    // cannot be forced while the model thinks
    let steers = claude.effort() == EffortRule::WithAdaptiveThinking && effort_of(form).is_some();
    let adaptive = origin == Origin::Translated && kind.is_none() && steers && !forces_a_tool(form);
    if adaptive {
        form.insert("thinking".to_owned(), json!({"type": "adaptive"}));
    }
    unknown || thought || effort || adaptive
}

/// Only one series knows thinking between calls of tools alone; elsewhere the nearest is none.
fn say_off_plainly(
    form: &mut Map<String, Value>,
    claude: Claude,
    coercions: &mut Coercions,
) -> bool {
    let said = form.get("thinking").is_some_and(|thinking| thinking["type"] == "between_tools");
    if !said || claude.no_thinking() == NoThinking::BetweenTools {
        return false;
    }
    form.insert("thinking".to_owned(), json!({"type": "disabled"}));
    coercions.add("thinking", Change::Clamped("disabled".to_owned()));
    true
}

fn turn_off(form: &mut Map<String, Value>, claude: Claude, coercions: &mut Coercions) -> bool {
    match claude.no_thinking() {
        NoThinking::Disabled => return false,
        NoThinking::BetweenTools => {
            form.insert("thinking".to_owned(), json!({"type": "between_tools"}));
            coercions.add("thinking", Change::Clamped("between_tools".to_owned()));
        }
        NoThinking::LowestEffort => {
            form.shift_remove("thinking");
            set_effort(form, "low");
            coercions.add("thinking", Change::Clamped("low".to_owned()));
        }
    }
    true
}

/// A budget becomes an effort, unless one is said.
fn make_adaptive(form: &mut Map<String, Value>, claude: Claude, coercions: &mut Coercions) -> bool {
    let Some(thinking) = form.get_mut("thinking").and_then(Value::as_object_mut) else {
        return false;
    };
    thinking.insert("type".to_owned(), json!("adaptive"));
    coercions.add("thinking", Change::Clamped("adaptive".to_owned()));
    let Some(budget) = thinking.shift_remove("budget_tokens") else { return true };
    if claude.effort() == EffortRule::Refused || effort_of(form).is_some() {
        coercions.add("thinking.budget_tokens", Change::Dropped(Reason::Model));
        return true;
    }
    let effort = match budget.as_u64() {
        Some(budget) if budget < MEDIUM_FROM_TOKENS => "low",
        Some(budget) if budget >= HIGH_FROM_TOKENS => "high",
        Some(_) | None => "medium",
    };
    set_effort(form, effort);
    coercions.add("thinking.budget_tokens", Change::Moved("output_config.effort"));
    true
}

/// An effort becomes a budget that leaves room for the answer. Where there is no room, and where a
/// tool is forced, the model does not think.
fn make_budgeted(form: &mut Map<String, Value>, coercions: &mut Coercions) -> bool {
    let wanted = match effort_of(form) {
        Some("low") => 2_048,
        Some("medium") | None => 8_192,
        Some(_) => HIGH_FROM_TOKENS,
    };
    let limit = form.get("max_tokens").and_then(Value::as_u64).unwrap_or_default();
    let budget = wanted.min(limit / 2);
    if budget < LEAST_BUDGET_TOKENS || forces_a_tool(form) {
        form.shift_remove("thinking");
        coercions.add("thinking", Change::Dropped(Reason::Model));
        return true;
    }
    if let Some(thinking) = form.get_mut("thinking").and_then(Value::as_object_mut) {
        thinking.insert("type".to_owned(), json!("enabled"));
        thinking.insert("budget_tokens".to_owned(), json!(budget));
    }
    coercions.add("thinking", Change::Clamped(format!("a budget of {budget}")));
    true
}

fn fit_effort(form: &mut Map<String, Value>, claude: Claude, coercions: &mut Coercions) -> bool {
    let Some(effort) = effort_of(form).map(str::to_owned) else { return false };
    if claude.effort() == EffortRule::Refused {
        let output = form.get_mut("output_config").and_then(Value::as_object_mut);
        let is_empty = output
            .is_some_and(|output| output.shift_remove("effort").is_some() && output.is_empty());
        if is_empty {
            form.shift_remove("output_config");
        }
        coercions.add("output_config.effort", Change::Dropped(Reason::Model));
        return true;
    }
    let Some(nearest) = nearest(&effort, claude.efforts()) else { return false };
    set_effort(form, nearest);
    coercions.add("output_config.effort", Change::Clamped(nearest.to_owned()));
    true
}

fn effort_of(form: &Map<String, Value>) -> Option<&str> {
    form.get("output_config").and_then(|output| output["effort"].as_str())
}

fn set_effort(form: &mut Map<String, Value>, effort: &str) {
    let output = form.entry("output_config").or_insert_with(|| json!({}));
    if !output.is_object() {
        *output = json!({});
    }
    output["effort"] = json!(effort);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within_limits(model: &str, origin: Origin, mut form: Value) -> (Value, Vec<String>) {
        let mut coercions = Coercions::default();
        fit(form.as_object_mut().unwrap(), Claude::named(model).unwrap(), origin, &mut coercions);
        (form, coercions.texts())
    }

    #[test]
    fn an_effort_is_said_as_the_model_takes_it() {
        let effort = |word: &str| json!({"output_config": {"effort": word}});
        let none = json!({"thinking": {"type": "disabled"}});
        for (model, form, expected, named) in [
            (
                "claude-haiku-4-5",
                effort("high"),
                json!({}),
                Some("output_config.effort=dropped:model_refuses"),
            ),
            (
                "claude-opus-4-7",
                effort("high"),
                json!({"output_config": {"effort": "high"}, "thinking": {"type": "adaptive"}}),
                None,
            ),
            (
                "claude-opus-4-5",
                effort("max"),
                json!({"output_config": {"effort": "high"}}),
                Some("output_config.effort=clamped:high"),
            ),
            (
                "claude-opus-5-5",
                none.clone(),
                json!({"output_config": {"effort": "low"}}),
                Some("thinking=clamped:low"),
            ),
            (
                "claude-sonnet-5-5",
                none.clone(),
                json!({"thinking": {"type": "between_tools"}}),
                Some("thinking=clamped:between_tools"),
            ),
            ("claude-opus-4-7", none.clone(), none.clone(), None),
        ] {
            let named = named.map(str::to_owned).into_iter().collect();
            assert_eq!(
                within_limits(model, Origin::Translated, form),
                (expected, named),
                "{model}"
            );
        }
        assert_eq!(
            within_limits("claude-opus-4-7", Origin::Native, effort("max")),
            (effort("max"), Vec::new())
        );
    }

    #[test]
    fn a_budget_and_adaptive_thinking_stand_for_each_other() {
        let enabled =
            json!({"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}});
        let adaptive = json!({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}});
        let named =
            ["thinking=clamped:adaptive", "thinking.budget_tokens=moved:output_config.effort"]
                .map(str::to_owned)
                .to_vec();
        assert_eq!(
            within_limits("claude-opus-4-7", Origin::Native, enabled.clone()),
            (adaptive, named)
        );
        assert_eq!(
            within_limits("claude-sonnet-4-6", Origin::Native, enabled.clone()),
            (enabled, Vec::new())
        );

        let asked =
            |max_tokens: u64| json!({"max_tokens": max_tokens, "thinking": {"type": "adaptive"}});
        let (roomy, named) = within_limits("claude-haiku-4-5", Origin::Native, asked(20_000));
        assert_eq!(roomy["thinking"], json!({"type": "enabled", "budget_tokens": 8192}));
        assert_eq!(named, ["thinking=clamped:a budget of 8192"]);
        let (narrow, named) = within_limits("claude-haiku-4-5", Origin::Native, asked(2_000));
        assert_eq!(
            (narrow.get("thinking"), named),
            (None, vec!["thinking=dropped:model_refuses".to_owned()])
        );
    }
}
