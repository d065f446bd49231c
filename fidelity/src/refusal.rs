//! Recorded refusals: what the gateway takes them for, and what a client of each dialect reads of
//! them.

use ainfera_wire::client::ClientDialect;
use ainfera_wire::error::{ClientError, FaultKind, fault_of};
use serde_json::Value;

use crate::answer::text;
use crate::recording::Recording;

/// What differs for a client of this dialect; nothing where the refusal is understood.
pub fn differences(recording: &Recording, status: u16, dialect: ClientDialect) -> Vec<String> {
    let Some(body) = recording.bodies.first() else { return vec!["no body".to_owned()] };
    let fault = fault_of(status, body);
    let mut found = Vec::new();
    let said = message(&serde_json::from_slice(body).unwrap_or_default());
    if fault.kind != kind(recording, status, &said) {
        found.push(format!("taken for {:?}: {status} {said}", fault.kind));
    }
    if said.is_empty() || !fault.message.contains(&said) {
        found.push(format!("message: {said} / {}", fault.message));
    }
    if text(&recording.meta, "/why").contains("context-length")
        && status != 429
        && !fault.message.contains("prompt is too long")
    {
        found.push(format!("agents do not know that the prompt is too long: {}", fault.message));
    }
    let error = ClientError {
        error_type: "invalid_request_error",
        message: fault.message.clone(),
        code: None,
        field: None,
        details: None,
        request_id: "req_1".to_owned(),
        status: None,
        retry_after_s: None,
    };
    let heard: Value = serde_json::from_str(&error.json(dialect)).unwrap_or_default();
    let place = if dialect == ClientDialect::Inference { "/message" } else { "/error/message" };
    if text(&heard, place) != fault.message {
        found.push(format!("a client reads {heard}"));
    }
    found
}

/// Whose fault it is, by the words of the recording alone.
fn kind(recording: &Recording, status: u16, said: &str) -> FaultKind {
    let body = recording
        .bodies
        .first()
        .map(|body| String::from_utf8_lossy(body).to_ascii_lowercase())
        .unwrap_or_default();
    match status {
        _ if text(&recording.meta, "/why").contains("auth-failure") => FaultKind::KeyRefused,
        401 | 403 => FaultKind::KeyRefused,
        404 => FaultKind::NoSuchModel,
        429 if said.contains("quota") || said.contains("rate") => FaultKind::RateLimited,
        // the vendor's own model wrote a call that the vendor refuses: another one may do better
        400 if body.contains("tool_use_failed") => FaultKind::Api,
        400..=499 => FaultKind::InvalidRequest,
        _ => FaultKind::Api,
    }
}

/// Vendors put it in four places.
fn message(body: &Value) -> String {
    let body = if body.is_array() { &body[0] } else { body };
    ["/error/message", "/message", "/detail", "/error"]
        .into_iter()
        .map(|place| text(body, place))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
        .to_owned()
}
