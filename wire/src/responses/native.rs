//! The native path, Responses on both sides: everything goes through as it came, but for the model's name and the members meant for the router.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::anthropic::request::ROUTING_MEMBERS;
use crate::bad_request::BadRequest;
use crate::json::{Edit, Members, quoted};
use crate::upstream::StreamFault;

/// The body for a Responses provider: the caller's own, with the provider's name for the model, always streamed, without the members that the router reads itself.
pub fn request_body(body: &[u8], upstream_name: &str) -> Result<Bytes, BadRequest> {
    let members = Members::parse(body).map_err(|error| BadRequest::new("body", error.to_string()))?;
    let edited = members.write(
        |key| match key {
            "model" => Edit::Replace(quoted(upstream_name)),
            "stream" => Edit::Remove,
            key if ROUTING_MEMBERS.contains(&key) => Edit::Remove,
            _ => Edit::Keep,
        },
        &[("stream", "true".to_owned())],
    );
    Ok(Bytes::from(edited))
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
        let sent = request_body(body, "gpt-x").unwrap();
        assert_eq!(&sent[..], br#"{"model":"gpt-x","new_field":{"a": 1.0},"input":"hi","stream":true}"#);
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
