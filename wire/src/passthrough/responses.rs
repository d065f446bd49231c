//! The native path, Responses on both sides: everything goes through as it came, but for the
//! model's name and the members meant for the router.

use ainfera_schema::{Reasoning, Taken};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::codec::json::{Edit, Members, Text, quoted};
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::effort::nearest;
use crate::error::bad_request::BadRequest;
use crate::error::stream_fault::StreamFault;
use crate::model_table::ModelAbilities;
use crate::request::ROUTING_MEMBERS;
use crate::tool_schema::{make_plain_object, may_need_change};

/// What marked signatures begin with.
const MARKED: &str = "ainfera.";
/// What the ids of reasoning begin with, ours and OpenAI's.
const MINTED: &str = "rs_";

/// A caller's own body, and what must be otherwise in it.
struct OwnBody<'b> {
    members: Members<'b>,
    /// Without reasoning that others made, where there is some.
    input: Option<String>,
    /// With schemas that the model takes, where one of theirs is none.
    tools: Option<String>,
    refused: Refused,
}

impl<'b> OwnBody<'b> {
    fn read(
        body: &'b [u8],
        abilities: &ModelAbilities<'_>,
        coercions: &mut Coercions,
    ) -> Result<Self, BadRequest> {
        let bad = |error: serde_json::Error| BadRequest::new("body", error.to_string());
        let members = Members::parse(body).map_err(bad)?;
        let find = |name: &str| said(&members, name);
        let input = find("input")
            .map(|input| without_foreign_reasoning(input, coercions))
            .transpose()
            .map_err(bad)?
            .flatten();
        let refused = refused_by(abilities, find("reasoning"), &find, coercions);
        let tools = find("tools").and_then(|tools| plain_tools(tools, abilities, coercions));
        Ok(Self { members, input, tools, refused })
    }
}

fn said<'b>(members: &Members<'b>, name: &str) -> Option<&'b str> {
    let found = members.0.iter().find(|(key, _)| &**key == name);
    found.map(|(_, value)| value.get()).filter(|value| *value != "null")
}

/// What of a call a provider of this dialect does not get as it came.
pub(crate) fn losses(body: &[u8], abilities: &ModelAbilities<'_>) -> Result<Coercions, BadRequest> {
    let mut coercions = Coercions::default();
    OwnBody::read(body, abilities, &mut coercions)?;
    Ok(coercions)
}

/// The body for a Responses provider: the caller's own, with the provider's name for the model,
/// always streamed, without the members that the router reads itself and without reasoning that
/// others made. A call without a limit gets `unless_said`: without one, it would have no highest
/// price.
pub(crate) fn request_body(
    body: &[u8],
    upstream_name: &str,
    abilities: &ModelAbilities<'_>,
    unless_said: u64,
) -> Result<(Bytes, Coercions), BadRequest> {
    let mut coercions = Coercions::default();
    let OwnBody { members, input, tools, refused } =
        OwnBody::read(body, abilities, &mut coercions)?;
    let mut added = vec![("stream", "true".to_owned())];
    if said(&members, "max_output_tokens").is_none() {
        added.push((
            "max_output_tokens",
            unless_said.min(abilities.max_output_tokens().unwrap_or(u64::MAX)).to_string(),
        ));
    }
    let edited = members.write(
        |key| match key {
            "model" => Edit::Replace(quoted(upstream_name)),
            "input" => input.clone().map_or(Edit::Keep, Edit::Replace),
            "tools" => tools.clone().map_or(Edit::Keep, Edit::Replace),
            "stream" => Edit::Remove,
            "reasoning" => refused.reasoning.clone().map_or(Edit::Keep, Edit::Replace),
            key if refused.sampling.contains(&key) => Edit::Remove,
            "max_output_tokens" if added.len() > 1 => Edit::Remove,
            key if ROUTING_MEMBERS.contains(&key) => Edit::Remove,
            _ => Edit::Keep,
        },
        &added,
    );
    Ok((Bytes::from(edited), coercions))
}

/// What one model of OpenAI's refuses of a call, by its name.
struct Refused {
    /// With an effort that the model takes.
    reasoning: Option<String>,
    sampling: Vec<&'static str>,
}

fn refused_by<'v>(
    abilities: &ModelAbilities<'_>,
    reasoning: Option<&str>,
    find: &impl Fn(&str) -> Option<&'v str>,
    coercions: &mut Coercions,
) -> Refused {
    if !abilities.is_known || abilities.reasoning == Reasoning::Never {
        return Refused { reasoning: None, sampling: Vec::new() };
    }
    let words = abilities.efforts();
    let mut said: Option<Value> = reasoning.and_then(|text| serde_json::from_str(text).ok());
    let effort = said.as_ref().and_then(|said| said["effort"].as_str()).map(str::to_owned);
    let taken = effort.as_deref().and_then(|effort| nearest(effort, words));
    if let (Some(said), Some(taken)) = (&mut said, taken) {
        said["effort"] = json!(taken);
        coercions.add("reasoning.effort", Change::Clamped(taken.to_owned()));
    }
    // who does not reason samples
    let reasons = taken.or(effort.as_deref()) != Some("none");
    let sampling = abilities.refuses(reasons).filter(|name| find(name).is_some());
    let sampling: Vec<&str> =
        sampling.inspect(|name| coercions.add(*name, Change::Dropped(Reason::Model))).collect();
    Refused { reasoning: taken.and(said).map(|said| said.to_string()), sampling }
}

/// The tools with schemas that the model takes; `None` if all of them are.
fn plain_tools(
    tools: &str,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> Option<String> {
    if abilities.row.combined_tool_schemas == Taken::Yes || !may_need_change(tools) {
        return None;
    }
    let mut tools: Vec<Value> = serde_json::from_str(tools).ok()?;
    let mut changed = false;
    for (index, tool) in tools.iter_mut().enumerate().filter(|(_, tool)| tool["type"] == "function")
    {
        let Some(schema) = tool.get_mut("parameters") else { continue };
        changed |= make_plain_object(schema, &format!("tools.{index}.parameters"), coercions);
    }
    changed.then(|| Value::Array(tools).to_string())
}

/// What decides whether an item is of use to its reader.
#[derive(Deserialize)]
struct Reasoned<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    encrypted_content: Option<Text<'a>>,
}

impl Reasoned<'_> {
    /// Another vendor encrypted it, or another vendor thought it and it is not encrypted: then only
    /// its name says that it comes from us.
    fn is_foreign(&self) -> bool {
        let ours = || self.id.as_ref().is_some_and(|id| is_minted_here(id));
        *self.kind == *"reasoning"
            && self.encrypted_content.as_ref().map_or_else(ours, |text| text.starts_with(MARKED))
    }
}

/// `rs_`, the digits of a call, and the item's place.
fn is_minted_here(id: &str) -> bool {
    let parts = id.strip_prefix(MINTED).and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(digits, place)| {
        digits.len() == 24
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            && place.parse::<usize>().is_ok()
    })
}

/// The items without what another vendor thought; `None` if there is nothing of that kind.
fn without_foreign_reasoning(
    input: &str,
    coercions: &mut Coercions,
) -> Result<Option<String>, serde_json::Error> {
    if !input.starts_with('[') || !(input.contains(MARKED) || input.contains(MINTED)) {
        return Ok(None);
    }
    let items: Vec<&RawValue> = serde_json::from_str(input)?;
    let all = items.len();
    let mut kept = Vec::with_capacity(all);
    for (index, item) in items.into_iter().enumerate() {
        // an item that says it otherwise is the provider's to judge
        if serde_json::from_str(item.get()).is_ok_and(|item: Reasoned<'_>| item.is_foreign()) {
            coercions.add(format!("input.{index}"), Change::Dropped(Reason::Issuer));
        } else {
            kept.push(item);
        }
    }
    if kept.len() == all {
        return Ok(None);
    }
    serde_json::to_string(&kept).map(Some)
}

/// An event that carries a response, under our name for the model; callers never see the
/// provider's. Other events are as they came.
pub(crate) fn renamed(data: &Bytes, model: &str) -> Result<Bytes, StreamFault> {
    let frame = parse(data)?;
    let response =
        frame.0.iter().find(|(key, _)| &**key == "response").map(|(_, response)| *response);
    let Some(response) = response.filter(|response| response.get().starts_with('{')) else {
        return Ok(data.clone());
    };
    let renamed = renamed_response(response, model)?;
    Ok(Bytes::from(frame.write(
        |key| if key == "response" { Edit::Replace(renamed.clone()) } else { Edit::Keep },
        &[],
    )))
}

/// The last event of a response that ended without it. What it said stands in the events before.
pub(crate) fn invented_end(id: &str, model: &str) -> Bytes {
    let response = json!({"id": id, "object": "response", "status": "completed", "model": model, "output": []});
    Bytes::from(json!({"type": "response.completed", "response": response}).to_string())
}

fn renamed_response(response: &RawValue, model: &str) -> Result<String, StreamFault> {
    let written = parse(response.get().as_bytes())?
        .write(|key| if key == "model" { Edit::Replace(quoted(model)) } else { Edit::Keep }, &[]);
    Ok(String::from_utf8_lossy(&written).into_owned())
}

fn parse(data: &[u8]) -> Result<Members<'_>, StreamFault> {
    Members::parse(data).map_err(|error| StreamFault::malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainfera_schema::ProviderKind;

    fn adjusted(
        body: &[u8],
        name: &str,
        max_output_tokens: Option<u64>,
    ) -> Result<(Bytes, Coercions), BadRequest> {
        let abilities = ModelAbilities::named(ProviderKind::OpenaiResponses, name, None)
            .with_max_output_tokens(max_output_tokens);
        request_body(body, name, &abilities, 16_384)
    }

    #[test]
    fn only_the_model_and_our_own_members_change() {
        let body = br#"{"model":"ainfera-inference","new_field":{"a": 1.0},"task_type":"code","stream":false,"input":"hi"}"#;
        let (sent, _) = adjusted(body, "gpt-x", Some(900)).unwrap();
        assert_eq!(&sent[..], br#"{"model":"gpt-x","new_field":{"a": 1.0},"input":"hi","stream":true,"max_output_tokens":900}"#);
        let limited = br#"{"model":"m","max_output_tokens":7,"input":"hi"}"#;
        let (sent, _) = adjusted(limited, "gpt-x", None).unwrap();
        assert_eq!(
            &sent[..],
            br#"{"model":"gpt-x","max_output_tokens":7,"input":"hi","stream":true}"#
        );
    }

    #[test]
    fn p075_reasoning_goes_back_to_its_issuer_alone() {
        let body = br#"{"model":"m","max_output_tokens":7,"input":[{"type":"reasoning","encrypted_content":"ainfera.anthropic.x"},{"type":"reasoning","encrypted_content":"theirs","n": 1.0}]}"#;
        let (sent, coercions) = adjusted(body, "m", None).unwrap();
        assert_eq!(
            &sent[..],
            br#"{"model":"m","max_output_tokens":7,"input":[{"type":"reasoning","encrypted_content":"theirs","n": 1.0}],"stream":true}"#
        );
        assert_eq!(coercions.texts(), ["input.0=dropped:other_issuer"]);
    }

    #[test]
    fn p075_reasoning_that_is_not_encrypted_is_known_by_its_id() {
        let item = |id: &str| {
            format!(
                r#"{{"model":"m","max_output_tokens":7,"input":[{{"type":"reasoning","id":"{id}"}}]}}"#
            )
        };
        let dropped =
            |id: &str| !adjusted(item(id).as_bytes(), "m", None).unwrap().1.texts().is_empty();
        assert!(dropped("rs_44e476308a1450e73abdd0ca_0"));
        for theirs in [
            "rs_0123456789abcdef0123456789abcdef0123456789abcdef",
            "rs_44e476308a1450e73abdd0ca",
            "msg_44e476308a1450e73abdd0ca_0",
        ] {
            assert!(!dropped(theirs), "{theirs} may be kept at the provider");
        }
        let untouched = r#""input":[ {"type": "reasoning","id":"rs_of_theirs"} ]"#;
        let (sent, _) =
            adjusted(format!(r#"{{"model":"m",{untouched}}}"#).as_bytes(), "m", None).unwrap();
        assert!(String::from_utf8_lossy(&sent).contains(untouched), "not even a space is lost");
    }

    #[test]
    fn the_model_inside_a_response_is_ours() {
        let data = Bytes::from_static(br#"{"type":"response.created","x":1,"response":{"id":"r","model":"theirs","y":[ 2 ]}}"#);
        assert_eq!(
            &renamed(&data, "ours").unwrap()[..],
            br#"{"type":"response.created","x":1,"response":{"id":"r","model":"ours","y":[ 2 ]}}"#
        );
        let delta = Bytes::from_static(br#"{"type":"response.output_text.delta","delta":"hi"}"#);
        assert_eq!(renamed(&delta, "ours").unwrap(), delta);
    }
}
