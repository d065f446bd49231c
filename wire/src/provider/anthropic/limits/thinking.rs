//! What is asked of thinking, as one Claude model takes it.

use ainfera_schema::Reasoning;
use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::effort::{nearest, rank};
use crate::model_table::{ModelAbilities, NoThinking, ThinkingForm};
use crate::provider::anthropic::limits::Origin;
use crate::provider::anthropic::limits::model::forces_a_tool;

/// No budget may be smaller.
const LEAST_BUDGET_TOKENS: u64 = 1_024;
/// Thinking budgets become efforts: below this many tokens a low one,
const MEDIUM_FROM_TOKENS: u64 = 4_096;
/// and from this many on a high one.
const HIGH_FROM_TOKENS: u64 = 16_384;

/// True if anything of the form was changed.
pub(super) fn fit(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    origin: Origin,
    coercions: &mut Coercions,
) -> bool {
    if !abilities.is_known {
        return false;
    }
    let unknown = say_off_plainly(form, abilities, coercions);
    let kind = kind_of(form).map(str::to_owned);
    let thought = match (kind.as_deref(), abilities.row.thinking) {
        (Some("disabled"), ThinkingForm::Never) => form.shift_remove("thinking").is_some(),
        (Some(_), ThinkingForm::Never) => leave_out(form, coercions),
        (Some("disabled"), _) => turn_off(form, abilities, coercions),
        (Some("enabled"), ThinkingForm::Adaptive) => make_adaptive(form, abilities, coercions),
        (Some("adaptive"), ThinkingForm::Budget) => make_budgeted(form, coercions),
        (Some("enabled"), _) => leave_room(form, coercions),
        _ => false,
    };
    let effort = fit_effort(form, abilities, coercions);
    let limited = limit_effort(form, abilities, coercions);
    // who calls natively asks for thinking apart from the effort, or does not want it; a tool
    // cannot be forced while the model thinks
    let steers = matches!(abilities.row.thinking, ThinkingForm::Either | ThinkingForm::Adaptive)
        && !abilities.row.series.is_empty()
        && effort_of(form).is_some();
    let adaptive = origin == Origin::Translated && kind.is_none() && steers && !forces_a_tool(form);
    if adaptive {
        form.insert("thinking".to_owned(), json!({"type": "adaptive"}));
    }
    let forced = call_without_thinking(form, abilities, coercions);
    unknown || thought || effort || limited || adaptive || forced
}

fn kind_of(form: &Map<String, Value>) -> Option<&str> {
    form.get("thinking").and_then(|thinking| thinking["type"].as_str())
}

fn leave_out(form: &mut Map<String, Value>, coercions: &mut Coercions) -> bool {
    form.shift_remove("thinking");
    coercions.add("thinking", Change::Dropped(Reason::Model));
    true
}

/// Only one series knows thinking between calls of tools alone; elsewhere the nearest is none.
fn say_off_plainly(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    let said = kind_of(form) == Some("between_tools");
    if !said || abilities.row.no_thinking == NoThinking::BetweenTools {
        return false;
    }
    form.insert("thinking".to_owned(), json!({"type": "disabled"}));
    coercions.add("thinking", Change::Clamped("disabled".to_owned()));
    true
}

fn turn_off(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    match abilities.row.no_thinking {
        NoThinking::Disabled | NoThinking::DisabledUpToHigh => return false,
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
fn make_adaptive(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    let Some(thinking) = form.get_mut("thinking").and_then(Value::as_object_mut) else {
        return false;
    };
    thinking.insert("type".to_owned(), json!("adaptive"));
    coercions.add("thinking", Change::Clamped("adaptive".to_owned()));
    let Some(budget) = thinking.shift_remove("budget_tokens") else { return true };
    if abilities.efforts().is_empty() || effort_of(form).is_some() {
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
        return leave_out(form, coercions);
    }
    if let Some(thinking) = form.get_mut("thinking").and_then(Value::as_object_mut) {
        thinking.insert("type".to_owned(), json!("enabled"));
        thinking.insert("budget_tokens".to_owned(), json!(budget));
    }
    coercions.add("thinking", Change::Clamped(format!("a budget of {budget}")));
    true
}

/// A budget that leaves nothing of the limit for the answer becomes half of the limit.
fn leave_room(form: &mut Map<String, Value>, coercions: &mut Coercions) -> bool {
    let limit = form.get("max_tokens").and_then(Value::as_u64);
    let budget = form.get("thinking").and_then(|thinking| thinking["budget_tokens"].as_u64());
    let (Some(limit), Some(budget)) = (limit, budget) else { return false };
    if budget < limit {
        return false;
    }
    if limit / 2 < LEAST_BUDGET_TOKENS {
        return leave_out(form, coercions);
    }
    form["thinking"]["budget_tokens"] = json!(limit / 2);
    coercions.add("thinking.budget_tokens", Change::Clamped((limit / 2).to_string()));
    true
}

/// A tool cannot be forced on a model that is asked to think; the demand goes before the thought.
fn call_without_thinking(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    if !forces_a_tool(form) || !matches!(kind_of(form), Some("enabled" | "adaptive")) {
        return false;
    }
    let may_be_off =
        matches!(abilities.row.no_thinking, NoThinking::Disabled | NoThinking::DisabledUpToHigh);
    if may_be_off && abilities.reasoning == Reasoning::Always {
        form.insert("thinking".to_owned(), json!({"type": "disabled"}));
        coercions.add("thinking", Change::Clamped("disabled".to_owned()));
        limit_effort(form, abilities, coercions);
        return true;
    }
    leave_out(form, coercions)
}

fn fit_effort(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    let Some(effort) = effort_of(form).map(str::to_owned) else { return false };
    if abilities.efforts().is_empty() {
        let output = form.get_mut("output_config").and_then(Value::as_object_mut);
        let is_empty = output
            .is_some_and(|output| output.shift_remove("effort").is_some() && output.is_empty());
        if is_empty {
            form.shift_remove("output_config");
        }
        coercions.add("output_config.effort", Change::Dropped(Reason::Model));
        return true;
    }
    let Some(nearest) = nearest(&effort, abilities.efforts()) else { return false };
    set_effort(form, nearest);
    coercions.add("output_config.effort", Change::Clamped(nearest.to_owned()));
    true
}

/// Some models cannot do without thinking at the highest efforts.
fn limit_effort(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    let is_limited = match abilities.row.no_thinking {
        NoThinking::DisabledUpToHigh => kind_of(form) == Some("disabled"),
        NoThinking::BetweenTools => kind_of(form) == Some("between_tools"),
        NoThinking::Disabled | NoThinking::LowestEffort => false,
    };
    if !is_limited || effort_of(form).is_none_or(|effort| rank(effort) <= rank("high")) {
        return false;
    }
    set_effort(form, "high");
    coercions.add("output_config.effort", Change::Clamped("high".to_owned()));
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
    use ainfera_schema::ProviderKind;

    fn within_limits(model: &str, origin: Origin, mut form: Value) -> (Value, Vec<String>) {
        let mut coercions = Coercions::default();
        let abilities = ModelAbilities::named(ProviderKind::Anthropic, model, None);
        fit(form.as_object_mut().unwrap(), &abilities, origin, &mut coercions);
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

    #[test]
    fn what_cannot_be_asked_together_is_not() {
        let off_at = |effort: &str| json!({"thinking": {"type": "disabled"}, "output_config": {"effort": effort}});
        let (form, named) = within_limits("claude-opus-5", Origin::Native, off_at("max"));
        assert_eq!(
            (form, named),
            (off_at("high"), vec!["output_config.effort=clamped:high".to_owned()])
        );
        assert_eq!(
            within_limits("claude-opus-5", Origin::Native, off_at("high")),
            (off_at("high"), Vec::new())
        );
        let (form, _) = within_limits("claude-sonnet-5-5", Origin::Native, off_at("xhigh"));
        assert_eq!(
            (&form["thinking"]["type"], &form["output_config"]["effort"]),
            (&json!("between_tools"), &json!("high"))
        );

        let forced = |thinking: Value| json!({"thinking": thinking, "tool_choice": {"type": "any"}, "max_tokens": 9_000});
        let budget = json!({"type": "enabled", "budget_tokens": 2_048});
        let (form, named) =
            within_limits("claude-haiku-4-5", Origin::Native, forced(budget.clone()));
        assert_eq!(
            (form.get("thinking"), named),
            (None, vec!["thinking=dropped:model_refuses".to_owned()])
        );
        let (form, _) = within_limits("claude-opus-5", Origin::Native, forced(budget));
        assert_eq!(form["thinking"], json!({"type": "disabled"}));

        let too_much =
            json!({"max_tokens": 4_000, "thinking": {"type": "enabled", "budget_tokens": 4_000}});
        let (form, named) = within_limits("claude-haiku-4-5", Origin::Translated, too_much);
        assert_eq!(form["thinking"]["budget_tokens"], 2_000);
        assert_eq!(named, ["thinking.budget_tokens=clamped:2000"]);
        let never = json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}});
        let (form, named) = within_limits("claude-3-5-haiku-20241022", Origin::Native, never);
        assert_eq!((form, named), (json!({}), vec!["thinking=dropped:model_refuses".to_owned()]));
    }
}
