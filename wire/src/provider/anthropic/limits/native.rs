//! A native call to a Claude model, without what that model refuses. Clients keep sending what
//! earlier models took; whatever the model takes goes on byte for byte as it came.

use ainfera_schema::Taken;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::codec::json::{Edit, Members, Text};
use crate::disclosure::coercion::{Change, Coercions};
use crate::model_table::{AnswerSchema, ModelAbilities};
use crate::provider::anthropic::limits::{Origin, clamp_max_tokens, model, schema, tools};
use crate::provider::instructions::CONTINUE;
use crate::tool_schema::may_need_change;

/// What a model's rules are about, beside the last message and the tools.
const RULED: [&str; 7] =
    ["temperature", "top_p", "top_k", "thinking", "output_config", "tool_choice", "max_tokens"];

/// The call with what must be otherwise; `None` if nothing must, and for a model whose name tells
/// nothing.
pub(crate) fn within_limits(
    body: &[u8],
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> Option<Vec<u8>> {
    if !abilities.is_known {
        return None;
    }
    let members = Members::parse(body).ok()?;
    let ruled_tools = abilities.row.combined_tool_schemas == Taken::No
        && find(&members, "tools").is_some_and(|tools| {
            may_need_change(tools.get()) || tools.get().contains("\"strict\"")
        });
    let is_ruled = |name: &str| RULED.contains(&name) || (name == "tools" && ruled_tools);
    let ruled = members.0.iter().filter(|(name, _)| is_ruled(name));
    let before: Map<String, Value> = ruled
        .map(|(name, value)| Some((name.to_string(), parsed(value)?)))
        .collect::<Option<_>>()?;
    let mut after = before.clone();
    let limited = clamp_max_tokens(&mut after, abilities.max_output_tokens(), coercions);
    let fitted = model::fit(&mut after, abilities, Origin::Native, coercions);
    let closed = abilities.row.answer_schema == AnswerSchema::ClosedAndUnbounded
        && schema::fit(&mut after, coercions);
    let plain = tools::fit(&mut after, abilities, coercions);
    let ended = ended_by_the_user(&members, abilities, coercions);
    if !(limited || fitted || closed || plain || ended.is_some()) {
        return None;
    }
    let instruction = after.shift_remove("system");
    let system =
        instruction.map(|instruction| with_instruction(find(&members, "system"), &instruction));
    let is_new = |name: &str| !members.0.iter().any(|(known, _)| &**known == name);
    let mut added: Vec<(&str, String)> = after
        .iter()
        .filter(|(name, _)| is_new(name))
        .map(|(name, value)| (name.as_str(), value.to_string()))
        .collect();
    added.extend(system.clone().filter(|_| is_new("system")).map(|system| ("system", system)));
    Some(members.write(
        |name| match name {
            "messages" => ended.clone().map_or(Edit::Keep, Edit::Replace),
            "system" => system.clone().map_or(Edit::Keep, Edit::Replace),
            name => match (before.get(name), after.get(name)) {
                (Some(_), None) => Edit::Remove,
                (Some(before), Some(after)) if before != after => Edit::Replace(after.to_string()),
                _ => Edit::Keep,
            },
        },
        &added,
    ))
}

fn parsed(value: &RawValue) -> Option<Value> {
    serde_json::from_str(value.get()).ok()
}

fn find<'m>(members: &Members<'m>, name: &str) -> Option<&'m RawValue> {
    members.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| *value)
}

#[derive(Deserialize)]
struct Speaker<'a> {
    #[serde(borrow)]
    role: Text<'a>,
}

/// The messages and one that asks to go on, where an answer was begun for a model that does not go
/// on by itself.
fn ended_by_the_user(
    members: &Members<'_>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> Option<String> {
    if abilities.prefill() == Taken::Yes {
        return None;
    }
    let messages = find(members, "messages")?.get();
    let each: Vec<&RawValue> = serde_json::from_str(messages).ok()?;
    let last: Speaker<'_> = serde_json::from_str(each.last()?.get()).ok()?;
    if &*last.role != "assistant" {
        return None;
    }
    coercions.add(
        format!("messages.{}", each.len() - 1),
        Change::Moved("an instruction to continue it"),
    );
    let more = json!({"role": "user", "content": [{"type": "text", "text": CONTINUE}]});
    Some(format!("{},{more}]", messages.trim_end().strip_suffix(']')?))
}

/// The instructions as they came, and one block more.
fn with_instruction(system: Option<&RawValue>, instruction: &Value) -> String {
    let more = instruction.to_string();
    match system.map(|system| system.get().trim()) {
        Some(text) if text.starts_with('"') => {
            format!("[{{\"type\":\"text\",\"text\":{text}}},{}", more.trim_start_matches('['))
        }
        Some(list) if list.starts_with('[') && !list[1..list.len() - 1].trim().is_empty() => {
            format!("{},{}", &list[..list.len() - 1], more.trim_start_matches('['))
        }
        _ => more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainfera_schema::ProviderKind;

    fn sent(name: &str, body: &str) -> (Option<String>, Vec<String>) {
        let mut coercions = Coercions::default();
        let abilities = ModelAbilities::named(ProviderKind::Anthropic, name, None);
        let within_limits = within_limits(body.as_bytes(), &abilities, &mut coercions);
        (within_limits.map(|body| String::from_utf8(body).unwrap()), coercions.texts())
    }

    #[test]
    fn what_a_newer_model_refuses_is_left_out_and_the_rest_keeps_its_bytes() {
        let body = r#"{"model":"m", "temperature":0.2,"new":{"a": 1.0},"messages":[{"role":"user","content":"h\u0069"}],"top_p":1}"#;
        let (sent_body, named) = sent("claude-opus-4-7", body);
        assert_eq!(
            sent_body.unwrap(),
            r#"{"model":"m","new":{"a": 1.0},"messages":[{"role":"user","content":"h\u0069"}]}"#
        );
        assert_eq!(named, ["temperature=dropped:model_refuses", "top_p=dropped:model_refuses"]);
        let (sent_body, named) = sent("claude-haiku-4-5", body);
        assert_eq!(named, ["top_p=dropped:model_refuses"]);
        assert!(sent_body.unwrap().contains(r#""temperature":0.2"#));
        assert_eq!(sent("claude-sonnet-4-20250514", body), (None, Vec::new()));
        assert_eq!(sent("our-own-model", body), (None, Vec::new()));
    }

    #[test]
    fn an_answer_that_was_begun_and_a_forced_tool_become_instructions() {
        let body = r#"{"max_tokens":190000,"system":"be kind","tool_choice":{"type":"any"},"messages":[{"role":"assistant","content":"{"}]}"#;
        let (sent_body, named) = sent("claude-opus-5-5", body);
        let sent_body: Value = serde_json::from_str(&sent_body.unwrap()).unwrap();
        assert_eq!(sent_body["messages"][1]["role"], "user");
        assert_eq!(
            (&sent_body["system"][0]["text"], &sent_body["tool_choice"]["type"]),
            (&json!("be kind"), &json!("auto"))
        );
        assert!(
            sent_body["system"][1]["text"].as_str().unwrap().contains("must answer by calling")
        );
        assert_eq!(sent_body["max_tokens"], 128_000);
        assert_eq!(
            named,
            [
                "max_tokens=clamped:128000",
                "tool_choice=moved:an instruction",
                "messages.0=moved:an instruction to continue it"
            ]
        );
        for system in [r#""system":[{"type":"text","text":"a"}],"#, r#""system":[],"#, ""] {
            let body =
                format!(r#"{{{system}"tool_choice":{{"type":"tool","name":"f"}},"messages":[]}}"#);
            let sent_body: Value =
                serde_json::from_str(&sent("claude-opus-5-5", &body).0.unwrap()).unwrap();
            assert!(
                sent_body["system"].as_array().unwrap().last().unwrap()["text"]
                    .as_str()
                    .unwrap()
                    .contains("`f`"),
                "{sent_body}"
            );
        }
    }
}
