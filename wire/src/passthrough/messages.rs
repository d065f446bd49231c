//! The native path, Anthropic on both sides: everything goes through as it came, but for the
//! model's name and the members meant for the router.

use ainfera_schema::TokenUsage;
use bytes::Bytes;

use crate::client::messages::stream::usage_json;
use crate::codec::json::{Edit, Members, quoted};
use crate::error::bad_request::BadRequest;
use crate::error::stream_fault::StreamFault;
use crate::request::ROUTING_MEMBERS;

/// The body for an Anthropic provider: the caller's own, with the provider's name for the model,
/// always streamed, without the members that the router reads itself.
pub(crate) fn request_body(body: &[u8], upstream_name: &str) -> Result<Bytes, BadRequest> {
    let members =
        Members::parse(body).map_err(|error| BadRequest::new("body", error.to_string()))?;
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

/// A `message_start` under our name for the model; callers never see the provider's. Where the
/// provider has not counted its input yet, the estimate stands in: official clients fail without
/// usage here, and agents that see 0 never compact their context.
pub(crate) fn renamed_start(
    data: &[u8],
    model: &str,
    usage_if_uncounted: Option<&TokenUsage>,
) -> Result<Bytes, StreamFault> {
    let frame = parse(data)?;
    let Some((_, message)) = frame.0.iter().find(|(key, _)| &**key == "message") else {
        return Err(StreamFault::malformed("message_start without a message"));
    };
    let message = parse(message.get().as_bytes())?;
    let added: Vec<(&str, String)> =
        usage_if_uncounted.map(|usage| ("usage", usage_json(usage))).into_iter().collect();
    let renamed = message.write(
        |key| match key {
            "model" => Edit::Replace(quoted(model)),
            "usage" if usage_if_uncounted.is_some() => Edit::Remove,
            _ => Edit::Keep,
        },
        &added,
    );
    let renamed = String::from_utf8_lossy(&renamed).into_owned();
    Ok(Bytes::from(frame.write(
        |key| if key == "message" { Edit::Replace(renamed.clone()) } else { Edit::Keep },
        &[],
    )))
}

/// A `message_delta` to which the provider gave no usage: official clients fail without it.
pub(crate) fn delta_with_usage(data: &[u8], usage: &TokenUsage) -> Result<Bytes, StreamFault> {
    let added = [("usage", usage_json(usage))];
    Ok(Bytes::from(
        parse(data)?.write(|key| if key == "usage" { Edit::Remove } else { Edit::Keep }, &added),
    ))
}

/// A `message_delta` under another stop reason: official clients act upon it.
pub(crate) fn delta_with_stop(data: &Bytes, reason: &str) -> Bytes {
    with_inner(
        data,
        "delta",
        |key| match key {
            "stop_reason" => Edit::Replace(quoted(reason)),
            _ => Edit::Keep,
        },
        &[],
    )
}

/// A `content_block_start` of a tool call that came without an id: clients answer to it by its id.
pub(crate) fn start_with_id(data: &Bytes, id: &str) -> Bytes {
    let remove = |key: &str| if key == "id" { Edit::Remove } else { Edit::Keep };
    with_inner(data, "content_block", remove, &[("id", quoted(id))])
}

/// A `content_block_start` of a tool call under the name that the caller gave the tool.
pub(crate) fn start_with_name(data: &Bytes, name: &str) -> Bytes {
    let edit = |key: &str| if key == "name" { Edit::Replace(quoted(name)) } else { Edit::Keep };
    with_inner(data, "content_block", edit, &[])
}

/// The event in which an answer ends that ended without one.
pub(crate) fn invented_delta(reason: &str, usage: &TokenUsage) -> Bytes {
    let (reason, usage) = (quoted(reason), usage_json(usage));
    Bytes::from(format!(
        "{{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":{reason},\"stop_sequence\":null}},\"usage\":{usage}}}"
    ))
}

/// An event with an edited member, or as it came if there is no such object in it.
fn with_inner(
    data: &Bytes,
    member: &str,
    edit: impl Fn(&str) -> Edit,
    added: &[(&str, String)],
) -> Bytes {
    let Ok(frame) = parse(data) else { return data.clone() };
    let inner = frame.0.iter().find(|(key, _)| &**key == member);
    let Some(Ok(inner)) = inner.map(|(_, inner)| parse(inner.get().as_bytes())) else {
        return data.clone();
    };
    let inner = String::from_utf8_lossy(&inner.write(edit, added)).into_owned();
    let replaced =
        |key: &str| if key == member { Edit::Replace(inner.clone()) } else { Edit::Keep };
    Bytes::from(frame.write(replaced, &[]))
}

fn parse(data: &[u8]) -> Result<Members<'_>, StreamFault> {
    Members::parse(data).map_err(|error| StreamFault::malformed(error.to_string()))
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
