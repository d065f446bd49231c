//! What an error inside of a Responses stream means.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::provider_error::{FaultKind, fault_in_stream};
use crate::error::stream_fault::StreamFault;

/// The code decides where it is one that only this dialect has; else the words do, as for
/// everybody.
pub(super) fn fault(error: &Value) -> StreamFault {
    let text = |name: &str| match error.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let code = text("code").or_else(|| text("type")).unwrap_or_default();
    let message = text("message").or_else(|| error.as_str().map(str::to_owned));
    let message = message.unwrap_or_else(|| {
        if code.is_empty() { "provider error".to_owned() } else { code.clone() }
    });
    let said = fault_in_stream(
        json!({"error": {"code": code, "message": message}}).to_string().as_bytes(),
    );
    let kind = match code.as_str() {
        "slow_down" => FaultKind::Overloaded,
        "invalid_prompt" | "invalid_request_error" => match said.kind {
            kind @ FaultKind::ModelLacks(_) => kind,
            _ => FaultKind::InvalidRequest,
        },
        // such as `image_too_large`
        code if code.contains("image") => FaultKind::InvalidRequest,
        _ => said.kind,
    };
    StreamFault::ErrorEvent { kind, message: said.message }
}

/// The member `error` of an event or of a response.
pub(super) fn error_value(error: Option<&RawValue>) -> Value {
    error.and_then(|error| serde_json::from_str(error.get()).ok()).unwrap_or_default()
}
