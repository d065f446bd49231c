//! Reasoning in a message: what a model needs with its calls and nobody kept, and what belongs to
//! others.

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::model_table::ThinkingForm;
use crate::provider::chat::own_reasoning::{GivenBack, ReasoningMember};
use crate::provider::chat::profile::CallSignature;
use crate::provider::chat::target::Target;
use crate::signature::MARK;
use crate::thought_signatures::UNSIGNED;

/// What stands for reasoning that is not known any more. An empty text counts as none at Moonshot:
/// github.com/theopenco/llmgateway, pull request 2093 (2026-04-26), tried against its API.
const UNKNOWN_REASONING: &str = " ";

/// Members in which a message says what was thought.
const TEXTS: [&str; 2] = ["reasoning_content", "reasoning"];

/// A message that calls tools gets what its model refuses it without.
pub(super) fn give_needed(
    message: &mut Map<String, Value>,
    target: &Target<'_>,
    path: &str,
    coercions: &mut Coercions,
) {
    if let Some(member) = target.needed_reasoning() {
        let says = |message: &Map<String, Value>, name: &str| {
            message.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
        };
        let has_details = message
            .get(ReasoningMember::Details.as_str())
            .and_then(Value::as_array)
            .is_some_and(|parts| !parts.is_empty());
        if !TEXTS.iter().any(|name| says(message, name)) && !has_details {
            message.insert(member.to_owned(), json!(UNKNOWN_REASONING));
            coercions.add(format!("{path}.{member}"), Change::Added("a placeholder".to_owned()));
        }
    }
    let needs_signature = target.profile.call_signature == CallSignature::GoogleExtraContent
        && target.abilities.row.thinking == ThinkingForm::Level;
    let first = message.get_mut("tool_calls").and_then(|calls| calls.get_mut(0));
    if let Some(call) = first.filter(|_| needs_signature)
        && call.pointer("/extra_content/google/thought_signature").is_none()
    {
        call["extra_content"] = json!({"google": {"thought_signature": UNSIGNED}});
        let field = format!("{path}.tool_calls.0.extra_content");
        coercions.add(field, Change::Added(UNSIGNED.to_owned()));
    }
}

/// What others thought and signed stays away from who cannot read it.
pub(super) fn drop_foreign(
    message: &mut Map<String, Value>,
    target: &Target<'_>,
    path: &str,
    coercions: &mut Coercions,
) {
    give_back_marked(message, target, path, coercions);
    if target.profile.keeps_signatures() {
        return;
    }
    let foreign = Change::Dropped(Reason::Issuer);
    let texts: &[&str] = match (target.profile.reasoning_back, target.profile.vendor) {
        (Some(_), _) => &[],
        // it takes the other one
        (None, "groq") => &["reasoning_content"],
        (None, _) => &["reasoning_content", "reasoning"],
    };
    for name in texts.iter().chain(&["reasoning_details"]) {
        if message.shift_remove(*name).is_some_and(|value| !value.is_null()) {
            coercions.add(format!("{path}.{name}"), foreign.clone());
        }
    }
    if message.shift_remove("extra_content").is_some() {
        coercions.add(format!("{path}.extra_content"), foreign.clone());
    }
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    for (at, call) in calls.into_iter().flatten().enumerate() {
        let removed = call.as_object_mut().and_then(|call| call.shift_remove("extra_content"));
        if removed.is_some() {
            coercions.add(format!("{path}.tool_calls.{at}.extra_content"), foreign.clone());
        }
    }
}

/// Parts with a mark of ours go back as what they were made of.
fn give_back_marked(
    message: &mut Map<String, Value>,
    target: &Target<'_>,
    path: &str,
    coercions: &mut Coercions,
) {
    let member = ReasoningMember::Details.as_str();
    let Some(Value::Array(parts)) = message.get_mut(member) else { return };
    let mark = |part: &Value| {
        let signature = part.get("signature").or_else(|| part.get("data"))?.as_str()?;
        signature.starts_with(MARK).then(|| signature.to_owned())
    };
    if !parts.iter().any(|part| mark(part).is_some()) {
        return;
    }
    let owner = target.owner();
    let mut kept = Vec::with_capacity(parts.len());
    for (at, part) in std::mem::take(parts).into_iter().enumerate() {
        match mark(&part) {
            None => kept.push(part),
            Some(signature) => match owner.given_back(&signature) {
                Some(GivenBack::Details(details)) => {
                    kept.extend(serde_json::from_str::<Vec<Value>>(details).unwrap_or_default());
                }
                // its text stands in the message already
                Some(GivenBack::Text(_)) => {}
                None => {
                    coercions.add(format!("{path}.{member}.{at}"), Change::Dropped(Reason::Issuer))
                }
            },
        }
    }
    if kept.is_empty() {
        message.shift_remove(member);
    } else {
        message.insert(member.to_owned(), Value::Array(kept));
    }
}
