//! A call that came in another dialect, made fit for Anthropic's own API, which takes less heat and
//! fewer characters in ids than others do, and for the one model that is asked.

mod model;
pub(crate) mod native;
mod schema;
mod thinking;
mod tools;

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions};
use crate::model_table::{AnswerSchema, ModelAbilities};
use crate::provider::anthropic::form::Form;

/// Who wrote the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Its caller, in Anthropic's dialect.
    Native,
    /// We, from another dialect.
    Translated,
}

/// Changes of a form what must be otherwise. Coercions are under the form's own names.
pub(crate) fn fit(form: &mut Form<'_>, abilities: &ModelAbilities<'_>, coercions: &mut Coercions) {
    clamp_max_tokens(&mut form.members, abilities.max_output_tokens(), coercions);
    model::fit_form(form, abilities, coercions);
    tools::fit_form(&mut form.tools, abilities, coercions);
    let members = &mut form.members;
    if abilities.row.answer_schema == AnswerSchema::ClosedAndUnbounded {
        schema::fit(members, coercions);
    }
    clamp_temperature(members, coercions);
}

/// Temperatures go up to 2 elsewhere, and up to 1 here.
fn clamp_temperature(form: &mut Map<String, Value>, coercions: &mut Coercions) {
    let too_hot = form
        .get("temperature")
        .and_then(Value::as_f64)
        .is_some_and(|temperature| temperature > 1.0);
    if too_hot {
        form.insert("temperature".to_owned(), json!(1));
        coercions.add("temperature", Change::Clamped("1".to_owned()));
    }
}

/// A limit that the caller left to us may be more than the model has; Anthropic refuses such a
/// call.
fn clamp_max_tokens(
    form: &mut Map<String, Value>,
    max_output_tokens: Option<u64>,
    coercions: &mut Coercions,
) -> bool {
    let asked = form.get("max_tokens").and_then(Value::as_u64);
    let Some(most) = max_output_tokens.filter(|most| asked.is_some_and(|asked| asked > *most))
    else {
        return false;
    };
    form.insert("max_tokens".to_owned(), json!(most));
    coercions.add("max_tokens", Change::Clamped(most.to_string()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::anthropic::form::form;
    use crate::request::Request;
    use ainfera_schema::ProviderKind;
    use bytes::Bytes;

    /// The form of a request that came in another dialect, within the limits of a model.
    fn fitted(members: Value, max_output_tokens: Option<u64>) -> (Value, Vec<String>) {
        let mut body = json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let (request, _) = Request::parse(&Bytes::from(body.to_string())).unwrap();
        let mut coercions = Coercions::default();
        let abilities = ModelAbilities::named(ProviderKind::Anthropic, "m", None)
            .with_max_output_tokens(max_output_tokens);
        let mut form = form(&request, "m", &abilities, &mut coercions).unwrap();
        fit(&mut form, &abilities, &mut coercions);
        (serde_json::to_value(&form).unwrap(), coercions.texts())
    }

    #[test]
    fn p012_ids_become_legal_on_both_sides_and_heat_is_taken_off() {
        let (form, coercions) = fitted(
            json!({"temperature": 1.7, "messages": [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "functions.f:0", "name": "f", "input": {"id": "a.b"}},
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "functions.f:0"}, {"type": "tool_result", "tool_use_id": "call_1"}]}]}),
            None,
        );
        let id = form["messages"][0]["content"][0]["id"].as_str().unwrap();
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{id}");
        assert_eq!(form["messages"][1]["content"][0]["tool_use_id"], id);
        assert_eq!(
            (
                &form["messages"][0]["content"][1]["id"],
                &form["messages"][0]["content"][0]["input"]["id"]
            ),
            (&json!("call_1"), &json!("a.b"))
        );
        assert_eq!(form["temperature"], 1);
        assert_eq!(
            coercions,
            ["messages.*.tool_use.id=renamed:ids of this vendor's form", "temperature=clamped:1"]
        );
    }

    #[test]
    fn what_fits_is_left_alone() {
        let messages = json!([{"role": "assistant", "content": [{"type": "tool_use", "id": "call_1-a", "name": "f", "input": {}}]}]);
        let (form, coercions) = fitted(json!({"temperature": 1, "messages": messages}), Some(9));
        assert_eq!((&form["messages"], &form["temperature"]), (&messages, &json!(1)));
        assert_eq!(coercions, Vec::<String>::new());
    }

    #[test]
    fn a_limit_is_at_most_what_the_model_has() {
        let limited = |most| {
            let (form, coercions) = fitted(json!({"max_tokens": 16384}), Some(most));
            (form["max_tokens"].clone(), coercions)
        };
        assert_eq!(limited(16_384), (json!(16_384), Vec::new()));
        assert_eq!(limited(4096), (json!(4096), vec!["max_tokens=clamped:4096".to_owned()]));
    }
}
