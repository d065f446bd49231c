//! The Responses dialect over a WebSocket: what a message of the client asks for. The answer's
//! events are those of a stream, one message each. Pure.
//!
//! Source: OpenAI, guide "WebSocket mode", read on 2026-12-01.

mod answer;
mod previous;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codec::json::{Edit, Members, Text};
use crate::error::bad_request::BadRequest;

pub use answer::AnswerWatch;
pub use previous::PreviousResponse;

/// What one message of a client says.
#[derive(Debug)]
pub enum ClientMessage {
    Create(ResponseCreate),
    /// The response that runs is not wanted any more.
    Cancel,
    /// Codex says that it has read a response; there is nothing to do.
    Processed,
}

/// `response.create`: one call.
#[derive(Debug)]
pub struct ResponseCreate {
    text: Bytes,
    pub previous_response_id: Option<String>,
    /// The caller's own name for the call; the header of that name would be one for all calls of
    /// the connection.
    pub idempotency_key: Option<String>,
    pub purpose: Purpose,
}

/// What a `response.create` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Answer,
    /// `generate: false`: later calls go on from this one, which nobody answers.
    WarmUp,
}

/// Members of the message that are not the body's.
const OF_THE_MESSAGE: [&str; 4] = ["type", "idempotency_key", "generate", "stream"];

impl ClientMessage {
    pub fn parse(text: Bytes) -> Result<Self, BadRequest> {
        let members = members(&text)?;
        let kind = string(&members, "type")?;
        match kind.as_deref() {
            Some("response.create") => {}
            Some("response.cancel") => return Ok(ClientMessage::Cancel),
            Some("response.processed") => return Ok(ClientMessage::Processed),
            _ => {
                return Err(BadRequest::new(
                    "type",
                    "must be one of response.create, response.cancel, response.processed",
                ));
            }
        }
        refuse_other_transports(&members)?;
        let purpose = match find(&members, "generate") {
            None | Some("true") => Purpose::Answer,
            Some("false") => Purpose::WarmUp,
            Some(_) => return Err(BadRequest::new("generate", "must be true or false")),
        };
        let create = ResponseCreate {
            previous_response_id: string(&members, "previous_response_id")?,
            idempotency_key: string(&members, "idempotency_key")?,
            purpose,
            text: text.clone(),
        };
        Ok(ClientMessage::Create(create))
    }
}

/// Members that a WebSocket of one response at a time cannot do.
fn refuse_other_transports(members: &Members<'_>) -> Result<(), BadRequest> {
    let refuse = |name: &str, message: &str| Err(BadRequest::new(name, message));
    if find(members, "stream_id").is_some() {
        return refuse(
            "stream_id",
            "the responses of a connection come one after the other; open a connection for each stream",
        );
    }
    if find(members, "stream").is_some_and(|stream| stream != "true") {
        return refuse("stream", "must be true: a response over a WebSocket comes as a stream");
    }
    if find(members, "background").is_some_and(|background| background != "false") {
        return refuse("background", "must be false over a WebSocket");
    }
    Ok(())
}

impl ResponseCreate {
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The body of the same call over HTTP. With a previous response its conversation stands before
    /// the input, so that any provider can go on from it.
    pub fn body(&self, previous: Option<&PreviousResponse>) -> Result<Bytes, BadRequest> {
        let members = members(&self.text)?;
        let mut added = vec![("stream", "true".to_owned())];
        if let Some(previous) = previous {
            added.push(("input", previous.followed_by(input(&members))?));
        }
        let replaced: &[&str] =
            if previous.is_some() { &["previous_response_id", "input"] } else { &[] };
        let written = members.write(
            |key| match key {
                key if OF_THE_MESSAGE.contains(&key) || replaced.contains(&key) => Edit::Remove,
                _ => Edit::Keep,
            },
            &added,
        );
        Ok(Bytes::from(written))
    }

    /// The model as the caller named it; empty where it named none.
    pub fn model(&self) -> String {
        let named = members(&self.text).and_then(|members| string(&members, "model"));
        named.ok().flatten().unwrap_or_default()
    }
}

fn members(text: &[u8]) -> Result<Members<'_>, BadRequest> {
    Members::parse(text)
        .map_err(|error| BadRequest::new("message", format!("must be a JSON object: {error}")))
}

/// The value of a member, as it came. `null` says nothing.
fn find<'a>(members: &Members<'a>, name: &str) -> Option<&'a str> {
    let found = members.0.iter().find(|(key, _)| &**key == name);
    found.map(|(_, value)| value.get()).filter(|value| *value != "null")
}

fn input<'a>(members: &Members<'a>) -> Option<&'a RawValue> {
    let found = members.0.iter().find(|(key, _)| &**key == "input");
    found.map(|(_, value)| *value).filter(|value| value.get() != "null")
}

fn string(members: &Members<'_>, name: &str) -> Result<Option<String>, BadRequest> {
    let Some(value) = find(members, name) else { return Ok(None) };
    match serde_json::from_str::<Text<'_>>(value) {
        Ok(text) => Ok(Some(text.0.into_owned())),
        Err(_) => Err(BadRequest::new(name, "must be a string")),
    }
}

/// The events with which a warm-up is answered: a response without output, which costs nothing.
pub fn warm_up_events(response_id: &str, model: &str, created_s: i64) -> [String; 2] {
    let response = |status: &str, usage: Value| {
        serde_json::json!({
            "id": response_id, "object": "response", "created_at": created_s, "status": status, "error": null,
            "incomplete_details": null, "model": model, "output": [], "usage": usage, "store": false,
        })
    };
    let nothing = serde_json::json!({
        "input_tokens": 0, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0,
    });
    let event = |number: u64, name: &str, response: Value| {
        serde_json::json!({"type": name, "sequence_number": number, "response": response})
            .to_string()
    };
    [
        event(0, "response.created", response("in_progress", Value::Null)),
        event(1, "response.completed", response("completed", nothing)),
    ]
}
