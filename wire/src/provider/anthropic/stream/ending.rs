//! Why an answer of this dialect ends, and what an error inside of it means.
//!
//! Anthropic's stop reasons are those of its reference (November 2026); `compaction` is that of the
//! compaction beta. Vendors that copy the dialect use OpenAI's words at times.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::provider_error::{FaultKind, Lack, fault_in_stream};
use crate::error::stream_fault::StreamFault;
use crate::event::StopReason;

/// What a stop reason means. A word that nobody knows is no good end.
pub(super) fn stop_reason(word: &str) -> Result<StopReason, StreamFault> {
    match word {
        "end_turn" | "stop" => Ok(StopReason::EndTurn),
        "max_tokens" | "length" => Ok(StopReason::MaxTokens),
        "stop_sequence" => Ok(StopReason::StopSequence),
        "tool_use" | "tool_calls" => Ok(StopReason::ToolUse),
        "pause_turn" => Ok(StopReason::PauseTurn),
        "refusal" | "content_filter" | "sensitive" => Ok(StopReason::Refusal),
        "model_context_window_exceeded" => Ok(StopReason::ContextWindowExceeded),
        "compaction" => Ok(StopReason::Compaction),
        _ => Err(StreamFault::ErrorEvent {
            kind: FaultKind::Api,
            message: format!("provider finished with `{word}`"),
        }),
    }
}

/// The error of an event. Its type decides, and its words where the type does not.
pub(super) fn fault(error: Option<&RawValue>) -> StreamFault {
    let error: Value =
        error.and_then(|error| serde_json::from_str(error.get()).ok()).unwrap_or_default();
    let message = match error.get("message").unwrap_or(&error) {
        Value::String(message) => message.clone(),
        Value::Null => "provider error".to_owned(),
        other => other.to_string(),
    };
    let by_words =
        || fault_in_stream(json!({"error": {"message": message}}).to_string().as_bytes()).kind;
    let kind = match error.get("type").and_then(Value::as_str) {
        Some("overloaded_error") => FaultKind::Overloaded,
        Some("rate_limit_error") => FaultKind::RateLimited,
        Some("authentication_error" | "permission_error") => FaultKind::KeyRefused,
        Some("billing_error") => FaultKind::OutOfFunds,
        Some("not_found_error") => FaultKind::NoSuchModel,
        Some("request_too_large") => FaultKind::ModelLacks(Lack::Window),
        Some("invalid_request_error") => match by_words() {
            kind @ (FaultKind::ModelLacks(_) | FaultKind::OutOfFunds) => kind,
            _ => FaultKind::InvalidRequest,
        },
        Some(_) => FaultKind::Api,
        None => fault_in_stream(json!({"error": error}).to_string().as_bytes()).kind,
    };
    StreamFault::ErrorEvent { kind, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_no_end() {
        for (word, reason) in [
            ("end_turn", StopReason::EndTurn),
            ("pause_turn", StopReason::PauseTurn),
            ("refusal", StopReason::Refusal),
            ("model_context_window_exceeded", StopReason::ContextWindowExceeded),
            ("compaction", StopReason::Compaction),
            ("length", StopReason::MaxTokens),
        ] {
            assert_eq!(stop_reason(word), Ok(reason), "{word}");
        }
        for word in ["abort", "error", "moonphase", ""] {
            assert!(matches!(stop_reason(word), Err(StreamFault::ErrorEvent { .. })), "{word}");
        }
    }

    #[test]
    fn an_error_keeps_its_words_whatever_its_form() {
        for (error, kind, message) in [
            (
                r#"{"type":"overloaded_error","message":"Overloaded"}"#,
                FaultKind::Overloaded,
                "Overloaded",
            ),
            (
                r#"{"type":"invalid_request_error","message":"prompt is too long"}"#,
                FaultKind::ModelLacks(Lack::Window),
                "prompt is too long",
            ),
            (r#"{"code":"429","message":"slow down"}"#, FaultKind::RateLimited, "slow down"),
            (r#""all is lost""#, FaultKind::Api, "all is lost"),
            (r#"{"type":7,"message":["a"]}"#, FaultKind::Api, r#"["a"]"#),
        ] {
            let raw: &RawValue = serde_json::from_str(error).unwrap();
            let expected = StreamFault::ErrorEvent { kind, message: message.to_owned() };
            assert_eq!(fault(Some(raw)), expected, "{error}");
        }
    }
}
