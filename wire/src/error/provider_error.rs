//! What a provider's error means, whoever the vendor is: whose fault it is, and what the caller may
//! be told.
//!
//! Vendors use one status for many things (xAI and Gemini answer a bad key with 400, Groq a full
//! minute with 413), so the body decides first.

pub(crate) mod lack;
pub(crate) mod retry_after;
pub(crate) mod text;

use serde_json::Value;
use serde_json::value::RawValue;

pub use lack::Lack;
use lack::{lack_of, names_window};
use text::text_of;

/// What kind of error a provider reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The request itself is wrong: no other model would take it.
    InvalidRequest,
    /// The request asks for something that this model cannot do. Another model may be able to.
    ModelLacks(Lack),
    RateLimited,
    Overloaded,
    /// Our key or our account: the provider answers none of our calls.
    KeyRefused,
    /// This provider does not have the model, or not for us, or not at this address.
    NoSuchModel,
    /// Our account has no money left: the provider answers none of our calls for a while.
    OutOfFunds,
    Api,
}

/// An error that a provider answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The vendor's own words, with the phrase before them that clients act upon where the vendor
    /// has another one.
    pub message: String,
    /// What the body says of trying again; vendors that do not use the header.
    pub retry_after_seconds: Option<u64>,
}

/// Classifies an error status with its body. A status of 0 is an error inside a stream that named
/// none.
pub fn fault_of(status: u16, body: &[u8]) -> Fault {
    let message = text_of(body).unwrap_or_else(|| match status {
        0 => String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned(),
        _ => "no message".to_owned(),
    });
    let text = String::from_utf8_lossy(&body[..body.len().min(16 << 10)]).to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    let retry_after_seconds = retry_after::in_body(body);
    let is_request = matches!(status, 0 | 400..=499);
    // a provider that asks for a pause will take money again after it
    let kind = if retry_after_seconds.is_none() && (status == 402 || is_request && says(&NO_FUNDS))
    {
        FaultKind::OutOfFunds
    } else if status == 401 || is_request && says(&BAD_KEY) {
        FaultKind::KeyRefused
    } else if is_request && says(&RATE) {
        FaultKind::RateLimited
    } else if is_request && says(&OWN_FAILURE) {
        FaultKind::Api
    } else if status == 403 && says(&CONTENT_POLICY) {
        FaultKind::InvalidRequest
    } else if let Some(lack) = lack_of(status, &text) {
        FaultKind::ModelLacks(lack)
    } else if is_request && says(&NO_SUCH_MODEL) {
        FaultKind::NoSuchModel
    } else if status == 404 && says(&CALLERS_OWN_NAMES) {
        FaultKind::InvalidRequest
    } else if status == 0 && says(&["overloaded", "capacity"]) {
        FaultKind::Overloaded
    } else {
        kind_of_status(status)
    };
    let message = match kind {
        FaultKind::InvalidRequest | FaultKind::ModelLacks(_) => recognisable(message, kind, &text),
        _ => message,
    };
    Fault { kind, message: text::cut(message), retry_after_seconds }
}

/// Does the member `error` of an answer report one? Some put it into every answer, with nothing in
/// it.
pub(crate) fn reports_error(error: &RawValue) -> bool {
    serde_json::from_str(error.get()).is_ok_and(|error: Value| says_something(&error))
}

/// Is anything in it but emptiness?
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => elements.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
    }
}

/// An error that came inside a 200.
pub(crate) fn fault_in_stream(data: &[u8]) -> Fault {
    let body: Option<Value> = serde_json::from_slice(data).ok().map(unwrapped);
    let status = body.as_ref().and_then(|body| {
        let error = body.get("error").unwrap_or(body);
        ["status_code", "code", "status"].iter().find_map(|name| status_of(error.get(name)?))
    });
    fault_of(status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0), data)
}

/// A status as vendors write it: a number, with a fraction of zero or without, or its digits.
fn status_of(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let status = number.as_f64().filter(|status| status.fract() == 0.0)?;
            format!("{status:.0}").parse().ok()
        }),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

const NO_FUNDS: [&str; 7] = [
    "insufficient_quota",
    "credit balance",
    "insufficient balance",
    "used all available credits",
    "out of credits",
    "payment required",
    "billing_hard_limit",
];
const BAD_KEY: [&str; 5] = [
    "incorrect api key",
    "invalid api key",
    "invalid_api_key",
    "api_key_invalid",
    "api key not valid",
];
const RATE: [&str; 3] = ["rate_limit", "rate limit", "resource_exhausted"];
/// The model wrote a call that its own vendor refuses.
const OWN_FAILURE: [&str; 2] = ["tool_use_failed", "failed_generation"];
const NO_SUCH_MODEL: [&str; 15] = [
    "model_not_found",
    "model not found",
    "invalid_model",
    "invalid model",
    "model not exist",
    "model does not exist",
    "is not a valid model",
    "unknown model",
    "no such model",
    "not_found_error",
    "does not exist or you do not have access",
    "not have access to model",
    "is not found for api version",
    "model_decommissioned",
    "deploymentnotfound",
];
/// A provider refuses what was said, not who says it.
const CONTENT_POLICY: [&str; 6] = [
    "flagged",
    "moderation",
    "content policy",
    "content_policy",
    "usage policies",
    "usage guidelines",
];
/// What a caller can name wrongly besides the model.
const CALLERS_OWN_NAMES: [&str; 8] = [
    "file",
    "previous_response",
    "previous response",
    "conversation",
    "container",
    "vector_store",
    "vector store",
    "item with id",
];

fn kind_of_status(status: u16) -> FaultKind {
    match status {
        400 | 413 | 415 | 422 => FaultKind::InvalidRequest,
        401 | 403 => FaultKind::KeyRefused,
        402 => FaultKind::OutOfFunds,
        // also an address that is not the provider's
        404 | 405 | 410 => FaultKind::NoSuchModel,
        429 => FaultKind::RateLimited,
        498 | 503 | 529 => FaultKind::Overloaded,
        _ => FaultKind::Api,
    }
}

/// Agents act upon Anthropic's phrases: they compact their context, or put instructions elsewhere.
fn recognisable(message: String, kind: FaultKind, text: &str) -> String {
    let lower = message.to_ascii_lowercase();
    if kind == FaultKind::ModelLacks(Lack::Window)
        && names_window(text)
        && !lower.contains("prompt is too long")
    {
        return format!("prompt is too long: {message}");
    }
    let about_system = lower.contains("system") && lower.contains("role");
    let refuses = [
        "not supported",
        "unexpected role",
        "must be at the beginning",
        "only user and assistant",
        "must alternate",
    ];
    if about_system
        && refuses.iter().any(|phrase| lower.contains(phrase))
        && !lower.contains("role 'system' is not supported")
    {
        return format!("role 'system' is not supported: {message}");
    }
    message
}

/// The message inside an error body of any vendor.
pub(crate) fn error_message(body: &[u8]) -> Option<String> {
    let value = unwrapped(serde_json::from_slice(body).ok()?);
    let error = value
        .get("x_groq")
        .and_then(|extra| extra.get("error"))
        .or_else(|| value.get("error"))
        .unwrap_or(&value);
    let message = error
        .get("message")
        .or_else(|| value.get("message"))
        .or_else(|| value.get("detail"))
        .unwrap_or(error);
    match message {
        Value::String(text) => Some(text.clone()),
        // a list of what is wrong, each with its place
        Value::Array(_) | Value::Object(_) if message != &value => Some(message.to_string()),
        _ => None,
    }
}

fn unwrapped(value: Value) -> Value {
    match value {
        Value::Array(mut errors) if !errors.is_empty() => errors.swap_remove(0),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> FaultKind {
        fault_of(status, body.as_bytes()).kind
    }

    #[test]
    fn p094_no_money_is_the_providers_fault_whatever_the_status() {
        for (status, body) in [
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#,
            ),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            ),
            (402, r#"{"error":{"message":"Insufficient Balance","type":"unknown_error"}}"#),
            (402, "no JSON"),
            (
                403,
                r#"{"code":"forbidden","error":"Your team has used all available credits or reached its limit."}"#,
            ),
        ] {
            assert_eq!(kind(status, body), FaultKind::OutOfFunds, "{body}");
        }
    }

    #[test]
    fn a_bad_key_is_a_refused_key_whatever_the_status() {
        for (status, body) in [
            (
                400,
                r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***yz."}"#,
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
            ),
            (401, r#"{"detail":"Invalid API Key"}"#),
            (401, ""),
            (401, r#"{"error":{"message":"rate limit of this key is 0"}}"#),
            (
                403,
                r#"{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission"}}"#,
            ),
        ] {
            assert_eq!(kind(status, body), FaultKind::KeyRefused, "{body}");
        }
    }

    #[test]
    fn a_model_that_does_not_exist_is_told_from_a_file_that_the_caller_named() {
        for (status, body) in [
            (404, r#"{"error":{"code":"model_not_found"}}"#),
            (
                404,
                r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
            ),
            (404, "<html>404 page not found</html>"),
            (404, ""),
            (
                400,
                r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}"#,
            ),
            (400, r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error"}}"#),
            (
                400,
                r#"{"error":{"message":"The model `x` has been decommissioned","code":"model_decommissioned"}}"#,
            ),
            (
                404,
                r#"{"error":{"code":404,"message":"models/x is not found for API version v1beta","status":"NOT_FOUND"}}"#,
            ),
            (410, "gone"),
        ] {
            assert_eq!(kind(status, body), FaultKind::NoSuchModel, "{body}");
        }
        for (status, body) in [
            (404, r#"{"error":{"message":"No such File object: file-1","code":"not_found"}}"#),
            (
                404,
                r#"{"error":{"message":"Previous response with id 'resp_1' not found.","code":"previous_response_not_found"}}"#,
            ),
            (
                403,
                r#"{"error":{"message":"Your input was flagged","metadata":{"reasons":["violence"]}}}"#,
            ),
        ] {
            assert_eq!(kind(status, body), FaultKind::InvalidRequest, "{body}");
        }
    }

    #[test]
    fn a_pause_is_found_in_the_body() {
        let body = r#"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"retryDelay":"34.4s"}]}}"#;
        assert_eq!(
            (kind(429, body), fault_of(429, body.as_bytes()).retry_after_seconds),
            (FaultKind::RateLimited, Some(35))
        );
        let full = r#"{"error":{"message":"Request too large for model on tokens per minute (TPM)","type":"tokens","code":"rate_limit_exceeded"}}"#;
        assert_eq!(kind(413, full), FaultKind::RateLimited);
    }

    #[test]
    fn statuses_that_only_one_vendor_has() {
        assert_eq!(
            kind(498, r#"{"error":{"message":"capacity","code":"capacity_exceeded"}}"#),
            FaultKind::Overloaded
        );
        assert_eq!(kind(529, "{}"), FaultKind::Overloaded);
        let own = r#"{"error":{"message":"Failed to call a function.","code":"tool_use_failed","failed_generation":"<function>"}}"#;
        assert_eq!(kind(400, own), FaultKind::Api, "another model may do better");
    }

    #[test]
    fn an_overflow_says_what_agents_look_for() {
        for (status, vendor) in [
            (
                400,
                "This model's maximum context length is 200000 tokens. However, your messages resulted in 210000 tokens.",
            ),
            (
                400,
                "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
            ),
            (
                400,
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            (500, "the request exceeds the available context size"),
        ] {
            let fault = fault_of(
                status,
                serde_json::json!({"error": {"message": vendor}}).to_string().as_bytes(),
            );
            assert_eq!(fault.kind, FaultKind::ModelLacks(Lack::Window), "{vendor}");
            assert_eq!(fault.message, format!("prompt is too long: {vendor}"));
        }
        let own = br#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#;
        assert_eq!(
            fault_of(400, own).message,
            "prompt is too long: 210000 tokens > 200000 maximum"
        );
    }

    #[test]
    fn p080_a_refused_role_is_recognisable() {
        let fault = fault_of(
            400,
            br#"{"object":"error","message":"Unexpected role 'system' after role 'user'","type":"invalid_request_message_order"}"#,
        );
        assert_eq!(
            fault.message,
            "role 'system' is not supported: Unexpected role 'system' after role 'user'"
        );
    }

    #[test]
    fn every_vendors_body_has_a_message() {
        for (body, message) in [
            (r#"{"error":{"message":"a"}}"#, "a"),
            (r#"{"code":"x","error":"b"}"#, "b"),
            (r#"[{"error":{"message":"c"}}]"#, "c"),
            (
                r#"{"object":"error","message":{"detail":[{"loc":["body","user"],"msg":"extra"}]}}"#,
                r#"{"detail":[{"loc":["body","user"],"msg":"extra"}]}"#,
            ),
            (r#"{"detail":"d"}"#, "d"),
            (r#"{"x_groq":{"id":"1","error":"over"}}"#, "over"),
        ] {
            assert_eq!(error_message(body.as_bytes()).as_deref(), Some(message));
        }
        assert_eq!(error_message(b"{}"), None);
        assert_eq!(error_message(b"<html>"), None);
    }

    #[test]
    fn errors_inside_a_stream_have_their_kinds() {
        for (data, kind) in [
            (
                r#"{"error":{"message":"Failed","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}"#,
                FaultKind::Api,
            ),
            (r#"{"error":{"message":"bad","status_code":400}}"#, FaultKind::InvalidRequest),
            (r#"{"error":{"message":"no","type":"overloaded"}}"#, FaultKind::Overloaded),
            (
                r#"[{"error":{"code":503,"message":"The model is overloaded."}}]"#,
                FaultKind::Overloaded,
            ),
            (
                r#"{"error":{"message":"slow","code":"rate_limit_exceeded"}}"#,
                FaultKind::RateLimited,
            ),
            (r#"{"error":{"code":502,"message":"Provider disconnected"}}"#, FaultKind::Api),
            (r#"{"x_groq":{"error":"over capacity"}}"#, FaultKind::Overloaded),
        ] {
            assert_eq!(fault_in_stream(data.as_bytes()).kind, kind, "{data}");
        }
    }
}
