//! A body of the dialect made fit for one vendor and one of its models. Whatever changes is named,
//! by its path in the body as it came.
//!
//! Both ways lead here: a Chat client's own body ([`crate::provider::chat::passthrough`]) and one
//! that was translated ([`crate::provider::chat::request`]).

pub(crate) mod messages;
mod reasoning;
mod tools;

use ainfera_schema::{Reasoning, Sampling};
use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::effort::nearest;
use crate::error::bad_request::BadRequest;
use crate::provider::chat::profile::{AnswerSchema, StreamUsage, ThinkingSwitch};
use crate::provider::chat::target::Target;
use crate::tool_names::ToolNames;

/// `user` may have so many characters. Some agents put a whole object into it.
const LONGEST_USER: usize = 64;

/// Makes a body fit: the vendor's name for the model, always streamed, and what the vendor wants
/// otherwise. Members that nobody knows stay.
pub(crate) fn adjust(
    chat: &mut Map<String, Value>,
    target: &Target<'_>,
) -> Result<(Coercions, ToolNames), BadRequest> {
    let mut coercions = Coercions::default();
    chat.insert("model".to_owned(), json!(target.upstream_name));
    stream(chat, target, &mut coercions);
    token_limit(chat, target, &mut coercions);
    members(chat, target, &mut coercions);
    effort(chat, target, &mut coercions);
    model_members(chat, target, &mut coercions);
    sampling(chat, target, &mut coercions);
    let tool_names = tools::adjust(chat, target, &mut coercions);
    if let Some(format) = chat
        .get_mut("response_format")
        .and_then(|format| format.get_mut("json_schema")?.get_mut("schema"))
    {
        crate::provider::chat::schema::sanitise(
            format,
            target.profile.schema_rules,
            "response_format.json_schema.schema",
            &mut coercions,
        );
    }
    messages::adjust(chat, target, &mut coercions)?;
    // last: a message more moves the places of all others
    if target.profile.answer_schema == AnswerSchema::AsInstructions {
        say_answer_schema(chat, &mut coercions);
    }
    Ok((coercions, tool_names))
}

/// The schema of the answer as the last of the instructions.
fn say_answer_schema(chat: &mut Map<String, Value>, coercions: &mut Coercions) {
    let Some(schema) =
        chat.get("response_format").and_then(|format| format.get("json_schema")?.get("schema"))
    else {
        return;
    };
    let text = format!("Answer with one JSON object that fits this JSON schema: {schema}");
    let Some(messages) = chat.get_mut("messages").and_then(Value::as_array_mut) else { return };
    say_first(messages, &text);
    chat.insert("response_format".to_owned(), json!({"type": "json_object"}));
    coercions.add("response_format", Change::Moved("instructions"));
}

/// One instruction more, after those that are there.
fn say_first(messages: &mut Vec<Value>, text: &str) {
    match messages.first_mut() {
        Some(first) if first["role"] == "system" && first["content"].is_string() => {
            let said = first["content"].as_str().unwrap_or_default();
            first["content"] = json!(format!("{said}\n\n{text}"));
        }
        _ => messages.insert(0, json!({"role": "system", "content": text})),
    }
}

fn stream(chat: &mut Map<String, Value>, target: &Target<'_>, coercions: &mut Coercions) {
    chat.insert("stream".to_owned(), json!(true));
    match target.profile.stream_usage {
        StreamUsage::AskFor => {
            let options = chat.entry("stream_options").or_insert_with(|| json!({}));
            if !options.is_object() {
                *options = json!({});
            }
            options["include_usage"] = json!(true);
        }
        // whether usage was asked for is between the client and us
        StreamUsage::AlwaysSent => {
            let options = chat.shift_remove("stream_options");
            for name in options
                .iter()
                .filter_map(Value::as_object)
                .flat_map(Map::keys)
                .filter(|name| *name != "include_usage")
            {
                coercions.add(format!("stream_options.{name}"), Change::Dropped(Reason::Vendor));
            }
        }
    }
}

/// The limit under the vendor's name for it, and no more than the model gives.
fn token_limit(chat: &mut Map<String, Value>, target: &Target<'_>, coercions: &mut Coercions) {
    let name = target.token_limit_field();
    for said in ["max_completion_tokens", "max_tokens"] {
        if said == name {
            continue;
        }
        let Some(value) = chat.shift_remove(said) else { continue };
        if chat.contains_key(name) {
            coercions.add(said, Change::Dropped(Reason::Vendor));
        } else {
            chat.insert(name.to_owned(), value);
            coercions.add(said, Change::Renamed(name.to_owned()));
        }
    }
    let most = target
        .abilities
        .max_output_tokens()
        .filter(|most| chat.get(name).and_then(Value::as_u64).is_some_and(|asked| asked > *most));
    if let Some(most) = most {
        chat.insert(name.to_owned(), json!(most));
        // under the name that the caller used
        let said =
            coercions.iter().find(|coercion| coercion.change == Change::Renamed(name.to_owned()));
        let said = said.map_or(name, |coercion| coercion.field.as_str()).to_owned();
        coercions.add(said, Change::Clamped(most.to_string()));
    }
}

fn members(chat: &mut Map<String, Value>, target: &Target<'_>, coercions: &mut Coercions) {
    let profile = target.profile;
    for name in profile.refused_members {
        if chat.shift_remove(*name).is_some() {
            coercions.add(*name, Change::Dropped(Reason::Vendor));
        }
    }
    for (name, theirs) in profile.renamed_members {
        if let Some(value) = chat.shift_remove(*name) {
            chat.insert((*theirs).to_owned(), value);
            coercions.add(*name, Change::Renamed((*theirs).to_owned()));
        }
    }
    if chat.get("user").and_then(Value::as_str).is_some_and(|user| user.len() > LONGEST_USER) {
        chat.shift_remove("user");
        coercions.add("user", Change::Dropped(Reason::Vendor));
    }
}

/// What this model refuses, or refuses while it reasons.
fn model_members(chat: &mut Map<String, Value>, target: &Target<'_>, coercions: &mut Coercions) {
    let reasons = target.abilities.reasoning == Reasoning::Always
        && chat.get("reasoning_effort").is_none_or(|effort| effort != "none")
        && !is_told_not_to_think(chat);
    let mut refused: Vec<&str> = target.abilities.refuses(reasons).collect();
    match target.abilities.sampling() {
        Sampling::None => refused.extend(["temperature", "top_p", "top_k"]),
        Sampling::OneOfTwo if chat.contains_key("temperature") => refused.push("top_p"),
        Sampling::OneOfTwo | Sampling::All => {}
    }
    for name in refused {
        if chat.shift_remove(name).is_some_and(|value| !value.is_null()) {
            coercions.add(name, Change::Dropped(Reason::Model));
        }
    }
}

pub(super) fn is_told_not_to_think(chat: &Map<String, Value>) -> bool {
    chat.get("thinking").is_some_and(|thinking| thinking["type"] == "disabled")
}

/// An effort that the model has no word for becomes the nearest one that it has.
fn effort(chat: &mut Map<String, Value>, target: &Target<'_>, coercions: &mut Coercions) {
    let Some(said) = chat.get("reasoning_effort").and_then(Value::as_str) else { return };
    let words = target.efforts();
    match nearest(said, words) {
        Some(nearest) => {
            chat.insert("reasoning_effort".to_owned(), json!(nearest));
            coercions.add("reasoning_effort", Change::Clamped(nearest.to_owned()));
        }
        None if words.is_empty() => {
            chat.shift_remove("reasoning_effort");
            coercions.add("reasoning_effort", Change::Dropped(Reason::Model));
        }
        None => {}
    }
    let (member, off) = match target.profile.thinking_switch {
        ThinkingSwitch::None => return,
        ThinkingSwitch::Member => ("thinking", json!({"type": "disabled"})),
        ThinkingSwitch::EnableThinking => ("enable_thinking", json!(false)),
    };
    if chat.get("reasoning_effort").is_some_and(|effort| effort == "none") {
        chat.shift_remove("reasoning_effort");
        chat.insert(member.to_owned(), off);
        coercions.add("reasoning_effort", Change::Moved(member));
    }
}

fn sampling(chat: &mut Map<String, Value>, target: &Target<'_>, coercions: &mut Coercions) {
    let hottest = f64::from(target.profile.hottest_tenths) / 10.0;
    if chat
        .get("temperature")
        .and_then(Value::as_f64)
        .is_some_and(|temperature| temperature > hottest)
    {
        chat.insert("temperature".to_owned(), json!(hottest));
        coercions.add("temperature", Change::Clamped(hottest.to_string()));
    }
    if let (Some(most), Some(sequences)) =
        (target.profile.most_stop_sequences, chat.get_mut("stop").and_then(Value::as_array_mut))
        && sequences.len() > most
    {
        sequences.truncate(most);
        coercions.add("stop", Change::Clamped(format!("first {most}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_table::ModelAbilities;
    use crate::provider::chat::profile::{ChatProfile, profile_of};
    use ainfera_schema::ProviderKind;

    fn adjusted(kind: ProviderKind, upstream_name: &str, body: Value) -> (Value, Vec<String>) {
        let profile: &'static ChatProfile = profile_of(kind).unwrap();
        let reasoning = (upstream_name == "thinker").then_some(Reasoning::Always);
        let abilities = ModelAbilities::named(kind, upstream_name, reasoning)
            .with_max_output_tokens(Some(1000));
        let target = Target { profile, upstream_name, maker: "maker", abilities };
        let encoded = crate::provider::chat::passthrough::encoded(
            &serde_json::to_vec(&body).unwrap(),
            &target,
            16_384,
        )
        .unwrap();
        (Value::Object(encoded.body), encoded.coercions.texts())
    }

    #[test]
    fn p095_a_body_is_shaped_anew_for_each_target() {
        let body = json!({"model": "x", "max_tokens": 5000, "seed": 7, "user": "u", "temperature": 1.9, "stop": ["a", "b", "c", "d", "e"],
            "reasoning_effort": "xhigh", "own_member": {"a": 1}, "messages": [{"role": "user", "content": "hi", "name": "bob"}]});
        let (sent, coercions) = adjusted(ProviderKind::Mistral, "m", body.clone());
        let expected = json!({"model": "m", "max_tokens": 1000, "temperature": 1.5, "stop": ["a", "b", "c", "d", "e"], "own_member": {"a": 1},
            "messages": [{"role": "user", "content": "hi"}], "stream": true, "random_seed": 7});
        assert_eq!(sent, expected);
        let expected = [
            "max_tokens=clamped:1000",
            "user=dropped:vendor_refuses",
            "seed=renamed:random_seed",
            "reasoning_effort=dropped:model_refuses",
            "temperature=clamped:1.5",
            "messages.0.name=dropped:vendor_refuses",
        ];
        assert_eq!(coercions, expected);

        let (sent, coercions) = adjusted(ProviderKind::Openai, "thinker", body);
        let expected = json!({"model": "thinker", "max_completion_tokens": 1000, "seed": 7, "user": "u", "reasoning_effort": "high",
            "own_member": {"a": 1}, "messages": [{"role": "user", "content": "hi", "name": "bob"}], "stream": true,
            "stream_options": {"include_usage": true}});
        assert_eq!(sent, expected);
        let expected = [
            "max_tokens=renamed:max_completion_tokens",
            "max_tokens=clamped:1000",
            "reasoning_effort=clamped:high",
            "stop=dropped:model_refuses",
            "temperature=dropped:model_refuses",
        ];
        assert_eq!(coercions, expected);
    }

    #[test]
    fn what_a_vendor_takes_stays_as_it_is() {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}], "x": 1}], "top_p": 0.5,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"$schema": "s", "type": "object"}}}], "stream": true,
            "stream_options": {"include_usage": true, "include_obfuscation": false}, "max_completion_tokens": 900});
        assert_eq!(adjusted(ProviderKind::Openai, "m", body.clone()), (body, Vec::new()));
    }
}
