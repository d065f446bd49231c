//! The native path, Responses on both sides: everything goes through as it came, but for the model's name and the members meant for the router.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::anthropic::request::ROUTING_MEMBERS;
use crate::bad_request::BadRequest;
use crate::chat::call::DEFAULT_MAX_TOKENS;
use crate::coercion::{Change, Coercions, Reason};
use crate::json::{Edit, Members, quoted};
use crate::upstream::StreamFault;

/// What marked signatures begin with.
const MARKED: &str = "ainfera.";

/// The body for a Responses provider: the caller's own, with the provider's name for the model, always streamed, without the members that the router reads
/// itself and without reasoning that others made. A call without a limit gets one: without it, it would have no highest price.
pub fn request_body(body: &[u8], upstream_name: &str, max_output_tokens: Option<u64>) -> Result<(Bytes, Coercions), BadRequest> {
    let bad = |error: serde_json::Error| BadRequest::new("body", error.to_string());
    let members = Members::parse(body).map_err(bad)?;
    let find = |name: &str| members.0.iter().find(|(key, _)| &**key == name).map(|(_, value)| value.get()).filter(|value| *value != "null");
    let mut coercions = Coercions::default();
    let own = find("input").map(|input| without_foreign_reasoning(input, &mut coercions)).transpose().map_err(bad)?.flatten();
    let mut added = vec![("stream", "true".to_owned())];
    if find("max_output_tokens").is_none() {
        added.push(("max_output_tokens", DEFAULT_MAX_TOKENS.min(max_output_tokens.unwrap_or(u64::MAX)).to_string()));
    }
    let edited = members.write(
        |key| match key {
            "model" => Edit::Replace(quoted(upstream_name)),
            "input" => own.clone().map_or(Edit::Keep, Edit::Replace),
            "stream" | "agent_id" => Edit::Remove,
            "max_output_tokens" if added.len() > 1 => Edit::Remove,
            key if ROUTING_MEMBERS.contains(&key) => Edit::Remove,
            _ => Edit::Keep,
        },
        &added,
    );
    Ok((Bytes::from(edited), coercions))
}

/// The items without what another vendor encrypted; `None` if there is nothing of that kind.
fn without_foreign_reasoning(input: &str, coercions: &mut Coercions) -> Result<Option<String>, serde_json::Error> {
    if !input.starts_with('[') || !input.contains(MARKED) {
        return Ok(None);
    }
    let items: Vec<&RawValue> = serde_json::from_str(input)?;
    let mut kept = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let parsed: Value = serde_json::from_str(item.get())?;
        let foreign = parsed["type"] == "reasoning" && parsed["encrypted_content"].as_str().is_some_and(|text| text.starts_with(MARKED));
        if foreign {
            coercions.add(format!("input.{index}"), Change::Dropped(Reason::Issuer));
        } else {
            kept.push(item);
        }
    }
    serde_json::to_string(&kept).map(Some)
}

/// An event that carries a response, under our name for the model; callers never see the provider's. Other events are as they came.
pub fn renamed(data: &Bytes, model: &str) -> Result<Bytes, StreamFault> {
    let frame = parse(data)?;
    let response = frame.0.iter().find(|(key, _)| &**key == "response").map(|(_, response)| *response);
    let Some(response) = response.filter(|response| response.get().starts_with('{')) else { return Ok(data.clone()) };
    let renamed = renamed_response(response, model)?;
    Ok(Bytes::from(frame.write(|key| if key == "response" { Edit::Replace(renamed.clone()) } else { Edit::Keep }, &[])))
}

fn renamed_response(response: &RawValue, model: &str) -> Result<String, StreamFault> {
    let written =
        parse(response.get().as_bytes())?.write(|key| if key == "model" { Edit::Replace(quoted(model)) } else { Edit::Keep }, &[]);
    Ok(String::from_utf8_lossy(&written).into_owned())
}

fn parse(data: &[u8]) -> Result<Members<'_>, StreamFault> {
    Members::parse(data).map_err(|error| StreamFault::malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_model_and_our_own_members_change() {
        let body = br#"{"model":"ainfera-inference","new_field":{"a": 1.0},"task_type":"code","stream":false,"input":"hi"}"#;
        let (sent, _) = request_body(body, "gpt-x", Some(900)).unwrap();
        assert_eq!(&sent[..], br#"{"model":"gpt-x","new_field":{"a": 1.0},"input":"hi","stream":true,"max_output_tokens":900}"#);
        let limited = br#"{"model":"m","max_output_tokens":7,"input":"hi"}"#;
        let (sent, _) = request_body(limited, "gpt-x", None).unwrap();
        assert_eq!(&sent[..], br#"{"model":"gpt-x","max_output_tokens":7,"input":"hi","stream":true}"#);
    }

    #[test]
    fn p075_reasoning_goes_back_to_its_issuer_alone() {
        let body = br#"{"model":"m","max_output_tokens":7,"input":[{"type":"reasoning","encrypted_content":"ainfera.anthropic.x"},{"type":"reasoning","encrypted_content":"theirs","n": 1.0}]}"#;
        let (sent, coercions) = request_body(body, "m", None).unwrap();
        assert_eq!(
            &sent[..],
            br#"{"model":"m","max_output_tokens":7,"input":[{"type":"reasoning","encrypted_content":"theirs","n": 1.0}],"stream":true}"#
        );
        assert_eq!(coercions.texts(), ["input.0=dropped:other_issuer"]);
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
