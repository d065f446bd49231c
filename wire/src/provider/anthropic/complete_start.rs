//! A `message_start` that carries the whole answer, as Anthropic sends where a tool of its own
//! called the caller's: said again as the events that every client knows. Only the arrangement
//! changes: each block is complete in its start event, byte for byte as it came.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::json::{Edit, Members};
use crate::codec::sse::SseEvent;
use crate::error::stream_fault::StreamFault;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Vec<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_sequence: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// The events that `data` stands for; nothing if it is an ordinary start.
pub(crate) fn events(data: &Bytes) -> Result<Vec<SseEvent>, StreamFault> {
    let malformed = |error: serde_json::Error| StreamFault::malformed(error.to_string());
    let Frame { message } = serde_json::from_slice(data).map_err(malformed)?;
    if message.content.is_empty() {
        return Ok(Vec::new());
    }
    let mut events = vec![event("message_start", emptied(data)?)];
    for (index, block) in message.content.iter().enumerate() {
        let block = block.get();
        events.push(event(
            "content_block_start",
            format!(
                "{{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{block}}}"
            )
            .into_bytes(),
        ));
        events.push(event(
            "content_block_stop",
            format!("{{\"type\":\"content_block_stop\",\"index\":{index}}}").into_bytes(),
        ));
    }
    if let Some(reason) = message.stop_reason {
        let sequence = message.stop_sequence.map_or("null", RawValue::get);
        let usage =
            message.usage.map(|usage| format!(",\"usage\":{}", usage.get())).unwrap_or_default();
        let delta = format!("{{\"stop_reason\":{},\"stop_sequence\":{sequence}}}", reason.get());
        events.push(event(
            "message_delta",
            format!("{{\"type\":\"message_delta\",\"delta\":{delta}{usage}}}").into_bytes(),
        ));
    }
    Ok(events)
}

/// The start of an answer of which nothing has been said yet.
fn emptied(data: &[u8]) -> Result<Vec<u8>, StreamFault> {
    let malformed = |error: serde_json::Error| StreamFault::malformed(error.to_string());
    let frame = Members::parse(data).map_err(malformed)?;
    let mut message = String::new();
    if let Some((_, raw)) = frame.0.iter().find(|(key, _)| &**key == "message") {
        let emptied = Members::parse(raw.get().as_bytes()).map_err(malformed)?.write(
            |key| match key {
                "content" => Edit::Replace("[]".to_owned()),
                "stop_reason" | "stop_sequence" => Edit::Replace("null".to_owned()),
                _ => Edit::Keep,
            },
            &[],
        );
        message = String::from_utf8_lossy(&emptied).into_owned();
    }
    Ok(frame.write(
        |key| if key == "message" { Edit::Replace(message.clone()) } else { Edit::Keep },
        &[],
    ))
}

fn event(name: &'static str, data: Vec<u8>) -> SseEvent {
    SseEvent { name: Bytes::from_static(name.as_bytes()), data: Bytes::from(data) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_start_is_left_alone() {
        let data = Bytes::from_static(br#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":1}}}"#);
        assert_eq!(events(&data).unwrap(), []);
    }

    #[test]
    fn a_complete_start_is_said_as_events() {
        let data = Bytes::from_static(
            br#"{"type":"message_start","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"f","input":{ "a": 1 }}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0},"container":{"id":"c"}}}"#,
        );
        let said: Vec<String> = events(&data)
            .unwrap()
            .iter()
            .map(|event| String::from_utf8(event.data.to_vec()).unwrap())
            .collect();
        assert_eq!(
            said,
            [
                r#"{"type":"message_start","message":{"id":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0},"container":{"id":"c"}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{ "a": 1 }}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":0,"output_tokens":0}}"#,
            ]
        );
    }
}
