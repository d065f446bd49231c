//! An error in the words of each client dialect.
//!
//! Anthropic: `{"type":"error","error":{"type","message","details"?},"request_id"}`. OpenAI:
//! `{"error":{"message","type","param","code"}}`. The flat one: `{"error","code","message"}`, all
//! strings, because its clients print `error` as it is. Google's:
//! `{"error":{"code","message","status","details"}}`, each of `details` with its type.

use serde_json::{Value, json};

use crate::dialect::ClientDialect;

/// What is said of an error, before it is said in a dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientError {
    /// In Anthropic's words, which name more kinds than the others'.
    pub error_type: &'static str,
    pub message: String,
    /// Ours, where a program may want to act on it.
    pub code: Option<&'static str>,
    /// The field of the request that is wrong.
    pub field: Option<String>,
    /// Facts beside the code.
    pub details: Option<Value>,
    pub request_id: String,
    /// The status of the response that carries it; a stream that has begun has none for it.
    pub status: Option<u16>,
    /// When the caller may come again.
    pub retry_after_s: Option<u64>,
}

impl ClientError {
    /// The body of the response; also what a stream carries where its dialect has one shape for
    /// both.
    pub fn json(&self, dialect: ClientDialect) -> String {
        match dialect {
            ClientDialect::Messages => self.anthropic(),
            ClientDialect::Chat | ClientDialect::Responses => self.openai(),
            ClientDialect::Inference => self.flat(),
            ClientDialect::Gemini => self.google(),
        }
        .to_string()
    }

    fn details(&self) -> Value {
        let mut details = self.details.clone().unwrap_or_else(|| json!({}));
        if let Some(code) = self.code {
            details["error_code"] = json!(code);
        }
        details
    }

    fn anthropic(&self) -> Value {
        let mut error = json!({"type": self.error_type, "message": self.message});
        if self.code.is_some() || self.details.is_some() {
            error["details"] = self.details();
        }
        json!({"type": "error", "error": error, "request_id": self.request_id})
    }

    fn openai(&self) -> Value {
        let (kind, own_code) = openai_type(self.error_type);
        let mut error = json!({"message": self.message, "type": kind, "param": self.field, "code": self.code.or(own_code), "request_id": self.request_id});
        if let Some(details) = &self.details {
            error["details"] = details.clone();
        }
        json!({"error": error})
    }

    fn google(&self) -> Value {
        let (code, status) = google_status(self.error_type, self.status);
        let typed = |kind: &str, members: Value| {
            let mut detail = json!({"@type": format!("type.googleapis.com/{kind}")});
            if let (Some(detail), Value::Object(members)) = (detail.as_object_mut(), members) {
                detail.extend(members);
            }
            detail
        };
        let reason = self.code.unwrap_or(self.error_type).to_ascii_uppercase();
        let info = json!({"reason": reason, "domain": "ainfera"});
        let mut details = vec![typed("google.rpc.ErrorInfo", info)];
        if let Some(field) = &self.field {
            let violation = json!({"field": field, "description": self.message});
            let violations = json!({"fieldViolations": [violation]});
            details.push(typed("google.rpc.BadRequest", violations));
        }
        if let Some(seconds) = self.retry_after_s {
            let delay = json!({"retryDelay": format!("{seconds}s")});
            details.push(typed("google.rpc.RetryInfo", delay));
        }
        if let Some(facts) = &self.details {
            details.push(typed("google.protobuf.Struct", json!({"value": facts})));
        }
        let request = json!({"requestId": self.request_id});
        details.push(typed("google.rpc.RequestInfo", request));
        json!({"error": {"code": code, "message": self.message, "status": status, "details": details}})
    }

    fn flat(&self) -> Value {
        let code = self.code.unwrap_or(self.error_type);
        let mut body = json!({"error": code, "code": code, "message": self.message, "request_id": self.request_id});
        if let Some(details) = &self.details {
            body["details"] = details.clone();
        }
        body
    }
}

/// OpenAI's type for one of Anthropic's, and the code that goes with it where it has one.
pub(crate) fn openai_type(error_type: &str) -> (&'static str, Option<&'static str>) {
    match error_type {
        "authentication_error" => ("invalid_request_error", Some("invalid_api_key")),
        "permission_error" => ("permission_error", None),
        "not_found_error" => ("invalid_request_error", Some("not_found")),
        "request_too_large" => ("invalid_request_error", Some("request_too_large")),
        "billing_error" => ("insufficient_quota", Some("insufficient_quota")),
        "rate_limit_error" => ("rate_limit_error", Some("rate_limit_exceeded")),
        "conflict_error" => ("conflict_error", Some("conflict")),
        "overloaded_error" => ("server_error", Some("overloaded")),
        "timeout_error" => ("server_error", Some("timeout")),
        "api_error" => ("server_error", None),
        _ => ("invalid_request_error", None),
    }
}

/// Google's code and its word for one of Anthropic's types; `sent` is the status of the response.
fn google_status(error_type: &str, sent: Option<u16>) -> (u16, &'static str) {
    let (code, word) = match error_type {
        "authentication_error" => (401, "UNAUTHENTICATED"),
        "permission_error" => (403, "PERMISSION_DENIED"),
        "not_found_error" => (404, "NOT_FOUND"),
        "billing_error" => (402, "FAILED_PRECONDITION"),
        "rate_limit_error" => (429, "RESOURCE_EXHAUSTED"),
        "conflict_error" => (409, "ABORTED"),
        "overloaded_error" => (503, "UNAVAILABLE"),
        "timeout_error" => (504, "DEADLINE_EXCEEDED"),
        "api_error" => (500, "INTERNAL"),
        _ => (400, "INVALID_ARGUMENT"),
    };
    let word = match (sent, word) {
        (Some(502 | 503), "INTERNAL") => "UNAVAILABLE",
        (Some(501), _) => "UNIMPLEMENTED",
        (_, word) => word,
    };
    (sent.unwrap_or(code), word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> ClientError {
        ClientError {
            error_type: "invalid_request_error",
            message: "max_tokens: field required".to_owned(),
            code: None,
            field: Some("max_tokens".to_owned()),
            details: None,
            request_id: "req_1".to_owned(),
            status: None,
            retry_after_s: None,
        }
    }

    #[test]
    fn each_dialect_has_its_envelope() {
        assert_eq!(
            error().json(ClientDialect::Messages),
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: field required"},"request_id":"req_1"}"#
        );
        assert_eq!(
            error().json(ClientDialect::Chat),
            r#"{"error":{"message":"max_tokens: field required","type":"invalid_request_error","param":"max_tokens","code":null,"request_id":"req_1"}}"#
        );
        assert_eq!(
            error().json(ClientDialect::Inference),
            r#"{"error":"invalid_request_error","code":"invalid_request_error","message":"max_tokens: field required","request_id":"req_1"}"#
        );
    }

    #[test]
    fn googles_envelope_has_code_status_and_typed_details() {
        let refused = ClientError { status: Some(422), retry_after_s: Some(2), ..error() };
        assert_eq!(
            serde_json::from_str::<Value>(&refused.json(ClientDialect::Gemini)).unwrap(),
            json!({"error": {
                "code": 422, "message": "max_tokens: field required", "status": "INVALID_ARGUMENT",
                "details": [
                    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "INVALID_REQUEST_ERROR", "domain": "ainfera"},
                    {"@type": "type.googleapis.com/google.rpc.BadRequest",
                     "fieldViolations": [{"field": "max_tokens", "description": "max_tokens: field required"}]},
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"},
                    {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "req_1"},
                ],
            }})
        );
        let broken = ClientError { error_type: "api_error", ..error() };
        let broken: Value = serde_json::from_str(&broken.json(ClientDialect::Gemini)).unwrap();
        assert_eq!(broken["error"]["code"], 500);
    }

    #[test]
    fn our_code_is_where_programs_of_each_dialect_look() {
        let funds = ClientError {
            error_type: "billing_error",
            code: Some("insufficient_funds"),
            ..error()
        };
        let body = |dialect| serde_json::from_str::<Value>(&funds.json(dialect)).unwrap();
        assert_eq!(
            body(ClientDialect::Messages)["error"]["details"]["error_code"],
            "insufficient_funds"
        );
        assert_eq!(body(ClientDialect::Responses)["error"]["code"], "insufficient_funds");
        assert_eq!(body(ClientDialect::Responses)["error"]["type"], "insufficient_quota");
        assert_eq!(body(ClientDialect::Inference)["error"], "insufficient_funds");
    }
}
