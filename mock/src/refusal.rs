//! Heads and error envelopes: the part of HTTP that differs between the dialects.

use serde_json::Value;

use crate::directive::Refused;
use crate::request::Dialect;
use crate::{anthropic, chat, gemini, responses};

/// The error body in the dialect's envelope.
pub(crate) fn body(dialect: Dialect, refused: &Refused, message: &str, request_id: &str) -> Value {
    match dialect {
        Dialect::Anthropic => anthropic::error(refused, message, request_id),
        Dialect::Chat => chat::error(refused, message),
        Dialect::Responses => responses::error(refused, message),
        Dialect::Gemini => gemini::error(refused, message),
    }
}

/// A whole error answer.
pub(crate) fn answer(
    dialect: Dialect,
    refused: &Refused,
    message: &str,
    request_id: &str,
) -> Vec<u8> {
    let retry_after_s = refused.retry_after_s.filter(|_| dialect != Dialect::Gemini);
    let retry_after =
        retry_after_s.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    json(
        refused.status,
        dialect,
        request_id,
        &retry_after,
        &body(dialect, refused, message, request_id).to_string(),
    )
}

/// What a vendor would say about this status.
pub(crate) fn message(dialect: Dialect, refused: &Refused) -> String {
    match (refused.code.as_deref(), dialect) {
        (Some("context_length_exceeded"), Dialect::Anthropic) => "prompt is too long: 210000 tokens > 200000 maximum".to_owned(),
        (Some("context_length_exceeded"), Dialect::Chat | Dialect::Responses) => {
            "This model's maximum context length is 200000 tokens. However, your messages \
                                                             resulted in 210000 tokens. Please reduce the length of the messages."
                .to_owned()
        }
        (Some("context_length_exceeded"), Dialect::Gemini) => {
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).".to_owned()
        }
        (Some("insufficient_quota"), _) => "You exceeded your current quota, please check your plan and billing details.".to_owned(),
        (Some("tools_not_supported"), _) => "This model does not support tools.".to_owned(),
        _ if refused.status == 529 => "Overloaded".to_owned(),
        _ => format!("scripted failure with status {}", refused.status),
    }
}

/// The head of a stream.
pub(crate) fn stream_head(dialect: Dialect, request_id: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n";
    format!("{head}{}transfer-encoding: chunked\r\n\r\n", vendor_headers(dialect, request_id))
        .into_bytes()
}

/// The head of a whole answer.
pub(crate) fn whole_head(
    dialect: Dialect,
    request_id: &str,
    content_type: &str,
    length: usize,
) -> Vec<u8> {
    let headers = vendor_headers(dialect, request_id);
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{headers}content-length: {length}\r\n\r\n").into_bytes()
}

/// A whole JSON answer of any status.
pub(crate) fn json(
    status: u16,
    dialect: Dialect,
    request_id: &str,
    more_headers: &str,
    body: &str,
) -> Vec<u8> {
    let headers = vendor_headers(dialect, request_id);
    let length = body.len();
    let reason = reason(status);
    format!("HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n{headers}{more_headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Every reply carries an id and the vendor's limits for the account, which no gateway should pass
/// on.
fn vendor_headers(dialect: Dialect, request_id: &str) -> String {
    match dialect {
        Dialect::Anthropic => {
            format!("request-id: {request_id}\r\nanthropic-ratelimit-requests-limit: 4000\r\n")
        }
        Dialect::Gemini => format!(
            "x-gemini-service-tier: standard\r\nserver-timing: gfet4t7; dur=1; desc={request_id}\r\n"
        ),
        Dialect::Chat | Dialect::Responses => {
            format!("x-request-id: {request_id}\r\nx-ratelimit-limit-requests: 4000\r\n")
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Site Overloaded",
        _ => "Status",
    }
}
