//! What one Claude model refuses, left out of a call or said in another way.

use std::borrow::Cow;

use ainfera_schema::{Sampling, Taken};
use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::model_table::{ForcedTools, ModelAbilities};
use crate::provider::anthropic::block::SaidBlock;
use crate::provider::anthropic::form::Form;
use crate::provider::anthropic::limits::{Origin, thinking};
use crate::provider::anthropic::messages::Message;
use crate::provider::instructions::{CONTINUE, must_call};
use crate::provider::written::Joined;

/// Changes what the model refuses of a form that was made from another dialect.
pub(super) fn fit_form(
    form: &mut Form<'_>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) {
    fit(&mut form.members, abilities, Origin::Translated, coercions);
    if let Some(Value::Array(instructions)) = form.members.shift_remove("system") {
        let texts = instructions.into_iter().filter_map(|mut block| match block["text"].take() {
            Value::String(text) => Some(Joined::of(vec![Cow::Owned(text)], "")),
            _ => None,
        });
        form.system.extend(texts.map(SaidBlock::text));
    }
    end_with_the_user(&mut form.messages, abilities, coercions);
}

/// Changes what the model refuses of the short members; an instruction in place of one stands under
/// `system`. True if anything was changed.
pub(super) fn fit(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    origin: Origin,
    coercions: &mut Coercions,
) -> bool {
    let unforced = unforce_tools(form, abilities, coercions);
    let thought = thinking::fit(form, abilities, origin, coercions);
    let sampled = fit_sampling(form, abilities, coercions);
    unforced || thought || sampled
}

pub(super) fn forces_a_tool(form: &Map<String, Value>) -> bool {
    form.get("tool_choice")
        .and_then(|choice| choice["type"].as_str())
        .is_some_and(|kind| matches!(kind, "any" | "tool"))
}

/// A forced choice becomes an instruction.
fn unforce_tools(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    if abilities.forced_tools() != ForcedTools::Refused || !forces_a_tool(form) {
        return false;
    }
    let Some(choice) = form.get_mut("tool_choice").and_then(Value::as_object_mut) else {
        return false;
    };
    let instruction = must_call(choice.shift_remove("name").as_ref().and_then(Value::as_str));
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

fn fit_sampling(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    // a model that thinks takes none of them, whatever its version
    let thinks = form.get("thinking").is_some_and(|thinking| thinking["type"] != "disabled");
    let refused: &[&str] = match abilities.sampling() {
        Sampling::None => &["temperature", "top_p", "top_k"],
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
fn end_with_the_user(
    messages: &mut Vec<Message<'_>>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) {
    let Some(begun) = messages.last().filter(|last| last.role == "assistant") else { return };
    if abilities.prefill() == Taken::Yes {
        return;
    }
    let turn = begun.turn;
    coercions.add(format!("messages.{turn}"), Change::Moved("an instruction to continue it"));
    let content = vec![SaidBlock::text(Joined::one(CONTINUE))];
    messages.push(Message { role: "user", content, turn });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::anthropic::form::form;
    use crate::request::Request;
    use ainfera_schema::ProviderKind;
    use bytes::Bytes;

    /// What a request loses on its way to this model, and its form.
    fn within_limits(model: &str, members: Value) -> (Value, Vec<String>) {
        let mut body =
            json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let (request, _) = Request::parse(&Bytes::from(body.to_string())).unwrap();
        let mut coercions = Coercions::default();
        let abilities = ModelAbilities::named(ProviderKind::Anthropic, model, None);
        let mut form = form(&request, model, &abilities, &mut coercions).unwrap();
        fit_form(&mut form, &abilities, &mut coercions);
        (serde_json::to_value(&form).unwrap(), coercions.texts())
    }

    #[test]
    fn sampling_is_left_out_where_the_model_refuses_it() {
        let both = ["temperature=dropped:model_refuses", "top_p=dropped:model_refuses"];
        let sent = |model: &str| {
            let (form, named) = within_limits(model, json!({"temperature": 0.2, "top_p": 0.9}));
            (form.get("temperature").is_some(), form.get("top_p").is_some(), named)
        };
        let owned = |named: &[&str]| named.iter().map(|named| (*named).to_owned()).collect();
        for model in ["claude-opus-4-7", "claude-sonnet-5", "claude-opus-5-5"] {
            assert_eq!(sent(model), (false, false, owned(&both)), "{model}");
        }
        assert_eq!(sent("claude-haiku-4-5"), (true, false, owned(&both[1..])));
        assert_eq!(sent("claude-sonnet-4-20250514"), (true, true, Vec::new()));
    }

    #[test]
    fn what_cannot_be_forced_is_asked_for() {
        let forced = json!({"system": "be brief", "tools": [{"name": "f", "input_schema": {}}],
            "tool_choice": {"type": "tool", "name": "f"}, "messages": [{"role": "assistant", "content": "{"}]});
        let (form, named) = within_limits("claude-opus-5-5", forced.clone());
        assert_eq!(form["tool_choice"], json!({"type": "auto"}));
        assert_eq!(form["system"][1]["text"], "You must answer by calling the tool `f`.");
        assert_eq!(form["messages"][1]["role"], "user");
        assert_eq!(
            named,
            ["tool_choice=moved:an instruction", "messages.0=moved:an instruction to continue it"]
        );
        let (form, named) = within_limits("claude-haiku-4-5", forced.clone());
        assert_eq!((&form["tool_choice"], named.len()), (&forced["tool_choice"], 0));
        assert_eq!(form["messages"].as_array().unwrap().len(), 1);
    }
}
