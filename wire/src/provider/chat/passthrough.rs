//! The native path of a request: a Chat client's own body for a vendor of its dialect, without the
//! members that the router reads itself.

use serde_json::{Map, Value, json};

use crate::codec::parse::parse_body;
use crate::error::bad_request::BadRequest;
use crate::provider::chat::adjust::adjust;
use crate::provider::chat::target::Target;
use crate::provider::lossy::Encoded;
use crate::request::ROUTING_MEMBERS;

/// Members that nobody knows stay. A call without a limit gets `unless_said`: without one, it would
/// have no highest price.
pub(crate) fn encoded(
    body: &[u8],
    target: &Target<'_>,
    unless_said: u64,
) -> Result<Encoded<Map<String, Value>>, BadRequest> {
    let mut chat: Map<String, Value> = parse_body(body)?;
    chat.retain(|name, _| !ROUTING_MEMBERS.contains(&name.as_str()));
    let limited = ["max_completion_tokens", "max_tokens"]
        .iter()
        .any(|name| chat.get(*name).is_some_and(|limit| !limit.is_null()));
    if !limited {
        chat.insert(
            target.token_limit_field().to_owned(),
            json!(unless_said.min(target.abilities.max_output_tokens().unwrap_or(u64::MAX))),
        );
    }
    let (coercions, tool_names) = adjust(&mut chat, target)?;
    Ok(Encoded { body: chat, coercions, tool_names })
}
