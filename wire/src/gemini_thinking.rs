//! What is asked of thinking, as a Gemini model takes it: older ones a budget of tokens, newer ones
//! a level.

use ainfera_schema::Reasoning;
use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::effort::nearest;
use crate::model_table::{ModelAbilities, NoThinking, ThinkingForm};
use crate::request::Request;

/// Every model that thinks within a budget takes this one.
const LARGEST_BUDGET_TOKENS: u64 = 24_576;
/// Models that cannot stop thinking want at least so many.
const LEAST_BUDGET_TOKENS: u64 = 128;
/// Budgets become levels: below this many tokens a low one,
const MEDIUM_FROM_TOKENS: u64 = 4_096;
/// and from this many on a high one.
const HIGH_FROM_TOKENS: u64 = 16_384;

/// `thinking` and `output_config.effort` become a level or a budget, whichever the model takes:
/// never both.
pub(crate) fn write(
    request: &Request,
    asked: &ModelAbilities<'_>,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    let effort = request.effort();
    if asked.reasoning == Reasoning::Never {
        let unsaid =
            [("thinking", request.thinking.is_some()), ("output_config.effort", effort.is_some())];
        unsaid
            .iter()
            .filter(|(_, said)| *said)
            .for_each(|(field, _)| coercions.add(*field, Change::Dropped(Reason::Model)));
        return;
    }
    let mut thinking_config = Map::new();
    if let Some(thinking) = &request.thinking {
        if &*thinking.kind == "disabled" {
            think_least(asked, &mut thinking_config, coercions);
        } else {
            thinking_config.insert(
                "includeThoughts".to_owned(),
                json!(thinking.display.as_deref() != Some("omitted")),
            );
            coercions
                .add("thinking", Change::Renamed("generationConfig.thinkingConfig".to_owned()));
            think_within(thinking.budget_tokens, effort, asked, &mut thinking_config, coercions);
        }
    }
    let is_said = ["thinkingBudget", "thinkingLevel"]
        .iter()
        .any(|member| thinking_config.contains_key(*member));
    match effort {
        Some(effort) if !is_said => {
            think_as_hard_as(effort, asked, &mut thinking_config, coercions);
            coercions.add(
                "output_config.effort",
                Change::Renamed("generationConfig.thinkingConfig".to_owned()),
            );
        }
        Some(_) => coercions.add("output_config.effort", Change::Dropped(Reason::NoEquivalent)),
        None => {}
    }
    if !thinking_config.is_empty() {
        config.insert("thinkingConfig".to_owned(), Value::Object(thinking_config));
    }
}

/// As near as the model comes to no thinking.
fn think_least(
    asked: &ModelAbilities<'_>,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    let change = if asked.row.thinking == ThinkingForm::Level {
        let least = asked.efforts().first().copied().unwrap_or("low");
        config.insert("thinkingLevel".to_owned(), json!(least.to_ascii_uppercase()));
        Change::Clamped(least.to_owned())
    } else if asked.row.no_thinking == NoThinking::Disabled {
        config.insert("thinkingBudget".to_owned(), json!(0));
        Change::Moved("generationConfig.thinkingConfig")
    } else {
        config.insert("thinkingBudget".to_owned(), json!(LEAST_BUDGET_TOKENS));
        Change::Clamped(LEAST_BUDGET_TOKENS.to_string())
    };
    coercions.add("thinking", change);
}

/// A budget where the model takes one; an effort beside it counts more.
fn think_within(
    budget_tokens: Option<u64>,
    effort: Option<&str>,
    asked: &ModelAbilities<'_>,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    match (budget_tokens, effort) {
        (Some(_), Some(_)) => {
            coercions.add("thinking.budget_tokens", Change::Moved("output_config.effort"))
        }
        (Some(budget), None) if asked.row.thinking == ThinkingForm::Level => {
            let level = match budget {
                0..MEDIUM_FROM_TOKENS => "low",
                MEDIUM_FROM_TOKENS..HIGH_FROM_TOKENS => "medium",
                _ => "high",
            };
            let level = nearest(level, asked.efforts()).unwrap_or(level);
            config.insert("thinkingLevel".to_owned(), json!(level.to_ascii_uppercase()));
            coercions.add("thinking.budget_tokens", Change::Clamped(level.to_owned()));
        }
        (Some(budget), None) => {
            let taken = budget.min(LARGEST_BUDGET_TOKENS);
            if taken < budget {
                coercions.add("thinking.budget_tokens", Change::Clamped(taken.to_string()));
            }
            config.insert("thinkingBudget".to_owned(), json!(taken));
        }
        (None, _) => {}
    }
}

fn think_as_hard_as(
    effort: &str,
    asked: &ModelAbilities<'_>,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    if asked.row.thinking == ThinkingForm::Level {
        let taken = nearest(effort, asked.efforts());
        if let Some(taken) = taken {
            coercions.add("output_config.effort", Change::Clamped(taken.to_owned()));
        }
        let level = taken.unwrap_or(effort).to_ascii_uppercase();
        config.insert("thinkingLevel".to_owned(), json!(level));
        return;
    }
    let budget_tokens = match effort {
        "minimal" | "low" => 1_024,
        "medium" => 8_192,
        _ => LARGEST_BUDGET_TOKENS,
    };
    config.insert("thinkingBudget".to_owned(), json!(budget_tokens));
    if matches!(effort, "xhigh" | "max") {
        coercions.add("output_config.effort", Change::Clamped("high".to_owned()));
    }
}
