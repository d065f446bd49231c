//! The native path, Anthropic on both sides: everything goes through as it came, but for the model's name and the members meant for the router.

use bytes::Bytes;

use super::request::ROUTING_MEMBERS;
use crate::bad_request::BadRequest;
use crate::json::{Edit, Members, quoted};
use crate::upstream::StreamFault;

/// The body for an Anthropic provider: the caller's own, with the provider's name for the model, always streamed,
/// without the members that the router reads itself.
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

/// A `message_start` under our name for the model; callers never see the provider's.
pub fn renamed_start(data: &[u8], model: &str) -> Result<Bytes, StreamFault> {
    let malformed = |error: serde_json::Error| StreamFault::malformed(error.to_string());
    let frame = Members::parse(data).map_err(malformed)?;
    let Some((_, message)) = frame.0.iter().find(|(key, _)| &**key == "message") else {
        return Err(StreamFault::malformed("message_start without a message"));
    };
    let message = Members::parse(message.get().as_bytes()).map_err(malformed)?;
    let renamed = message.write(|key| if key == "model" { Edit::Replace(quoted(model)) } else { Edit::Keep }, &[]);
    let renamed = String::from_utf8_lossy(&renamed).into_owned();
    let edited = frame.write(|key| if key == "message" { Edit::Replace(renamed.clone()) } else { Edit::Keep }, &[]);
    Ok(Bytes::from(edited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_model_and_our_own_members_change() {
        let body =
            br#"{"model":"ainfera-inference","new_field":{"a": 1.0},"max_tokens":5,"task_type":"code","stream":false,"messages":[]}"#;
        let sent = request_body(body, "claude-x").unwrap();
        assert_eq!(&sent[..], br#"{"model":"claude-x","new_field":{"a": 1.0},"max_tokens":5,"messages":[],"stream":true}"#);
    }
}
