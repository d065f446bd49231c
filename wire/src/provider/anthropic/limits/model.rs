//! What one Claude model refuses, left out of a call or said in another way.

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::provider::anthropic::limits::Origin;
use crate::provider::anthropic::limits::thinking;
use crate::provider::anthropic::models::{Claude, Sampling};

pub(super) const CONTINUE: &str =
    "Continue your last message exactly where it ends. Do not repeat any of it.";

/// Changes what the model refuses.
pub fn fit(form: &mut Map<String, Value>, claude: Claude, coercions: &mut Coercions) {
    unforce_tools(form, claude, coercions);
    thinking::fit(form, claude, Origin::Translated, coercions);
    fit_sampling(form, claude, coercions);
    end_with_the_user(form, claude, coercions);
}

pub(super) fn forces_a_tool(form: &Map<String, Value>) -> bool {
    form.get("tool_choice")
        .and_then(|choice| choice["type"].as_str())
        .is_some_and(|kind| matches!(kind, "any" | "tool"))
}

/// A forced choice becomes an instruction.
pub(super) fn unforce_tools(
    form: &mut Map<String, Value>,
    claude: Claude,
    coercions: &mut Coercions,
) -> bool {
    if claude.takes_forced_tools() || !forces_a_tool(form) {
        return false;
    }
    let Some(choice) = form.get_mut("tool_choice").and_then(Value::as_object_mut) else {
        return false;
    };
    let instruction = match choice.shift_remove("name").as_ref().and_then(Value::as_str) {
        Some(name) => format!("You must answer by calling the tool `{name}`."),
        None => "You must answer by calling one of the tools.".to_owned(),
    };
    choice.insert("type".to_owned(), json!("auto"));
    coercions.add("tool_choice", Change::Moved("an instruction"));
    let mut system = match form.shift_remove("system") {
        Some(Value::Array(blocks)) => blocks,
        Some(text @ Value::String(_)) => vec![json!({"type": "text", "text": text})],
        _ => Vec::new(),
    };
    system.push(json!({"type": "text", "text": instruction}));
    form.insert("system".to_owned(), Value::Array(system));
    true
}

pub(super) fn fit_sampling(
    form: &mut Map<String, Value>,
    claude: Claude,
    coercions: &mut Coercions,
) -> bool {
    // a model that thinks takes none of them, whatever its version
    let thinks = form.get("thinking").is_some_and(|thinking| thinking["type"] != "disabled");
    let refused: &[&str] = match claude.sampling() {
        Sampling::Refused => &["temperature", "top_p", "top_k"],
        _ if thinks => &["temperature", "top_p", "top_k"],
        Sampling::OneOfTwo if form.contains_key("temperature") => &["top_p"],
        Sampling::OneOfTwo | Sampling::All => &[],
    };
    let mut changed = false;
    for name in refused {
        if form.shift_remove(*name).is_some() {
            coercions.add(*name, Change::Dropped(Reason::Model));
            changed = true;
        }
    }
    changed
}

/// An answer that the caller began is asked for in words.
fn end_with_the_user(form: &mut Map<String, Value>, claude: Claude, coercions: &mut Coercions) {
    let Some(messages) = form.get_mut("messages").and_then(Value::as_array_mut) else { return };
    let begun = messages.last().is_some_and(|message| message["role"] == "assistant");
    if claude.takes_prefill() || !begun {
        return;
    }
    coercions.add(
        format!("messages.{}", messages.len() - 1),
        Change::Moved("an instruction to continue it"),
    );
    messages.push(json!({"role": "user", "content": [{"type": "text", "text": CONTINUE}]}));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within_limits(model: &str, mut form: Value) -> (Value, Vec<String>) {
        let mut coercions = Coercions::default();
        fit(form.as_object_mut().unwrap(), Claude::named(model).unwrap(), &mut coercions);
        (form, coercions.texts())
    }

    #[test]
    fn sampling_is_left_out_where_the_model_refuses_it() {
        let sampling = || json!({"temperature": 0.2, "top_p": 0.9});
        let both = ["temperature=dropped:model_refuses", "top_p=dropped:model_refuses"]
            .map(str::to_owned)
            .to_vec();
        for model in ["claude-opus-4-7", "claude-sonnet-5", "claude-opus-5-5"] {
            assert_eq!(within_limits(model, sampling()), (json!({}), both.clone()), "{model}");
        }
        assert_eq!(
            within_limits("claude-haiku-4-5", sampling()),
            (json!({"temperature": 0.2}), both[1..].to_vec())
        );
        assert_eq!(within_limits("claude-sonnet-4-20250514", sampling()), (sampling(), Vec::new()));
    }

    #[test]
    fn what_cannot_be_forced_is_asked_for() {
        let forced = json!({"system": "be brief", "tool_choice": {"type": "tool", "name": "f"}, "messages": [{"role": "assistant", "content": "{"}]});
        let (form, named) = within_limits("claude-opus-5-5", forced.clone());
        assert_eq!(form["tool_choice"], json!({"type": "auto"}));
        assert_eq!(form["system"][1]["text"], "You must answer by calling the tool `f`.");
        assert_eq!(form["messages"][1]["role"], "user");
        assert_eq!(
            named,
            ["tool_choice=moved:an instruction", "messages.0=moved:an instruction to continue it"]
        );
        assert_eq!(within_limits("claude-haiku-4-5", forced.clone()), (forced, Vec::new()));
    }
}
