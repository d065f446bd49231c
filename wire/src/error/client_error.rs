//! An error in the words of each client dialect.
//!
//! Anthropic: `{"type":"error","error":{"type","message","details"?},"request_id"}`. OpenAI:
//! `{"error":{"message","type","param","code"}}`. The flat one: `{"error","code","message"}`, all
//! strings, because its clients print `error` as it is.

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
}

impl ClientError {
    /// The body of the response; also what a stream carries where its dialect has one shape for
    /// both.
    pub fn json(&self, dialect: ClientDialect) -> String {
        match dialect {
            ClientDialect::Messages => self.anthropic(),
            ClientDialect::Chat | ClientDialect::Responses => self.openai(),
            ClientDialect::Inference => self.flat(),
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
