//! Errors: from what went wrong to the response that the caller gets. No other file knows an HTTP
//! status.
//!
//! Each layer below has one error enum with a variant for each cause: `StoreError`, `GateRefusal`,
//! `BadRequest`, `CallFailure`. A layer never decides a status. [`ApiError`] takes all of them in,
//! and the matches in this file name every variant, so that a new cause does not compile before
//! its answer is decided here.
//!
//! An error is written for three readers:
//!
//! - The program that called reads the status, `type` and `code`. They are stable: docs/api.md has
//!   the table. Its SDK reads `retry-after` and `x-should-retry` and does what they say, so
//!   [`Retry`] is decided together with the status.
//! - The person who wrote that program reads `message`. It names the field that is wrong, in the
//!   caller's own words, and what to do. The body has the shape of the caller's dialect
//!   ([`ClientDialect::of_path`]), because official SDKs read no other.
//! - The operator reads the log line. It has the request id that the caller sees, and never the
//!   content of a request. Causes inside of the gateway, such as the words of a database, stand
//!   there and not in the response.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::dispatch::strict::Unfit;
use ainfera_actors::dispatch::{CallFailure, Pressure};
use ainfera_actors::gate::GateRefusal;
use ainfera_schema::RequestId;
use ainfera_store::{EarlierCall, Refusal, StoreError};
use ainfera_wire::client::ClientDialect;
use ainfera_wire::error::{BadRequest, ClientError};
use serde_json::{Value, json};

/// Every way in which a request can fail.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("no such path: {0}")]
    UnknownPath(String),
    /// A row of another agent is answered as if it did not exist.
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error(
        "no response is kept here, so none can be read, cancelled or deleted; send the whole conversation in `input`"
    )]
    NothingKept,
    #[error("{method} is not allowed on {path}")]
    MethodNotAllowed { method: String, path: String },
    #[error("{0}")]
    BadRequest(BadRequest),
    #[error(
        "stream: /v1/inference answers at once; hint: /v1/chat/completions and /v1/messages stream"
    )]
    StreamingNotSupported,
    #[error("request body is larger than {limit_bytes} bytes")]
    BodyTooLarge { limit_bytes: usize },
    #[error("content-encoding {0} is not supported; send the body as it is")]
    UnsupportedEncoding(String),
    #[error("request body did not arrive in time")]
    BodyTimedOut,
    #[error("request body came too slowly")]
    BodyTooSlow,
    #[error("too many bytes of request bodies of this key are on their way; try again")]
    BodyShare,
    #[error("too many reads of this key at once; try again")]
    ReadTurns,
    #[error("request body broke off: {0}")]
    BodyBroken(String),
    #[error("too many request bodies in memory; try again")]
    BodyBudget,
    #[error("{0}")]
    Gate(#[from] GateRefusal),
    #[error("not ready: {0}")]
    NotReady(NotReady),
    #[error("store: {0}")]
    Store(#[from] StoreError),
    #[error("{}", .0.message())]
    Call(CallFailure),
}

/// Why a balancer should send calls to another gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    #[error("this gateway is draining")]
    Draining,
    #[error("the store cannot be reached")]
    StoreUnreachable,
    #[error("the store takes no writes")]
    StoreTakesNoWrites,
}

impl NotReady {
    fn as_str(self) -> &'static str {
        match self {
            NotReady::Draining => "draining",
            NotReady::StoreUnreachable => "store_unreachable",
            NotReady::StoreTakesNoWrites => "store_takes_no_writes",
        }
    }
}

/// A caller cannot fill the log with long messages about its requests.
const LONGEST_LOGGED_BYTES: usize = 500;

/// Whether an SDK shall send the request again by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// The SDK decides by its own rules.
    Default,
    Never,
    After {
        seconds: u64,
    },
    /// A person may send it again after this time. An SDK must not do so by itself.
    NotBefore {
        seconds: u64,
    },
}

impl ApiError {
    /// The answer to this request, in the dialect of its path.
    pub fn response_to(&self, request: &HttpRequest, request_id: RequestId) -> HttpResponse {
        self.log(request, request_id);
        self.response_in(ClientDialect::of_path(request.path()), request_id)
    }

    /// The one line that a refused request leaves in the log. A call that was let in has a line of
    /// its own.
    fn log(&self, request: &HttpRequest, request_id: RequestId) {
        let (status, error_type) = self.status_and_type();
        // The message may repeat what the caller sent. The log gets the name of the field alone.
        let why = match self {
            ApiError::BadRequest(bad) | ApiError::Call(CallFailure::BadRequest(bad)) => {
                bad.field.clone()
            }
            ApiError::Call(CallFailure::ProviderRejectedRequest { .. }) => {
                "the provider refused the request".to_owned()
            }
            ApiError::UnknownPath(_) => "no such path".to_owned(),
            ApiError::Call(CallFailure::ModelUnavailable { .. }) => "no such model".to_owned(),
            other => other.to_string(),
        };
        let mut end = why.len().min(LONGEST_LOGGED_BYTES);
        while !why.is_char_boundary(end) {
            end -= 1;
        }
        tracing::info!(
            request_id = request_id.header_value(),
            method = %request.method(),
            path = request.path(),
            status = status.as_u16(),
            error_type,
            code = self.code(),
            why = &why[..end],
            "request refused"
        );
    }

    /// The answer in Anthropic's envelope.
    pub fn response(&self, request_id: RequestId) -> HttpResponse {
        self.response_in(ClientDialect::Messages, request_id)
    }

    fn response_in(&self, dialect: ClientDialect, request_id: RequestId) -> HttpResponse {
        let (status, error_type) = self.status_and_type();
        let status = status_in(dialect, status);
        let jitter_ms = retry_after_ms(request_id);
        let request_id = request_id.header_value();
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, "application/json"));
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.insert_header((HeaderName::from_static("request-id"), value.clone()));
            response.insert_header((HeaderName::from_static("x-request-id"), value));
        }
        match self.retry() {
            Retry::Default => {}
            Retry::Never => {
                response.insert_header(("x-should-retry", "false"));
            }
            Retry::NotBefore { seconds } => {
                response.insert_header(("x-should-retry", "false"));
                response.insert_header((RETRY_AFTER, seconds));
            }
            Retry::After { seconds } => {
                response.insert_header((RETRY_AFTER, seconds));
            }
        }
        if let ApiError::Gate(GateRefusal::Full)
        | ApiError::BodyBudget
        | ApiError::BodyShare
        | ApiError::ReadTurns = self
        {
            // SDKs prefer this header to `retry-after`. The jitter spreads the retries of all
            // callers that were refused in the same moment.
            response.insert_header(("retry-after-ms", jitter_ms));
        }
        let (field, details) = match self {
            ApiError::BadRequest(bad) | ApiError::Call(CallFailure::BadRequest(bad)) => {
                (Some(bad.field.clone()), None)
            }
            ApiError::Call(CallFailure::CoercionRefused { unfit }) => {
                (None, Some(coercions(unfit)))
            }
            ApiError::Call(CallFailure::ReplayUnavailable(earlier)) => {
                (None, Some(earlier_call(earlier)))
            }
            _ => (None, None),
        };
        let error = ClientError {
            error_type,
            message: self.public_message(),
            code: self.code(),
            field,
            details,
            request_id,
            status: Some(status.as_u16()),
            retry_after_s: match self.retry() {
                Retry::After { seconds } | Retry::NotBefore { seconds } => Some(seconds),
                Retry::Default | Retry::Never => None,
            },
        };
        response.body(error.json(dialect))
    }

    /// The stable word for a program that wants to know more than the status says.
    fn code(&self) -> Option<&'static str> {
        match self {
            ApiError::Call(failure) => failure.code(),
            ApiError::StreamingNotSupported => Some("streaming_not_supported"),
            ApiError::NotReady(why) => Some(why.as_str()),
            _ => None,
        }
    }

    fn status_and_type(&self) -> (StatusCode, &'static str) {
        match self {
            ApiError::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "authentication_error"),
            ApiError::UnknownPath(_) | ApiError::NotFound(_) | ApiError::NothingKept => {
                (StatusCode::NOT_FOUND, "not_found_error")
            }
            ApiError::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error")
            }
            ApiError::BadRequest(_) | ApiError::BodyBroken(_) => {
                (StatusCode::BAD_REQUEST, "invalid_request_error")
            }
            ApiError::StreamingNotSupported => {
                (StatusCode::NOT_IMPLEMENTED, "invalid_request_error")
            }
            ApiError::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            ApiError::UnsupportedEncoding(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error")
            }
            ApiError::BodyTimedOut | ApiError::BodyTooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "timeout_error")
            }
            // The agent has used up its own share. The gateway still has room for other agents.
            ApiError::BodyShare | ApiError::ReadTurns => {
                (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error")
            }
            ApiError::BodyBudget | ApiError::Gate(GateRefusal::Full) => {
                (overloaded(), "overloaded_error")
            }
            ApiError::Gate(GateRefusal::Closed) => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded_error")
            }
            ApiError::NotReady(NotReady::Draining) => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded_error")
            }
            ApiError::NotReady(_) | ApiError::Store(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "api_error")
            }
            ApiError::Call(failure) => (call_status(failure), failure.error_type()),
        }
    }

    /// The message for the caller. The words of a database are for the log alone.
    fn public_message(&self) -> String {
        match self {
            ApiError::Store(_) => "the store is not available".to_owned(),
            other => other.to_string(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            ApiError::BodyShare
            | ApiError::ReadTurns
            | ApiError::BodyBudget
            | ApiError::Gate(_)
            | ApiError::NotReady(_)
            | ApiError::Store(_) => Retry::After { seconds: 1 },
            // It helps to try again after midnight UTC. An SDK that obeyed `retry-after` would keep
            // its caller waiting for hours.
            ApiError::Call(failure @ CallFailure::Refused(Refusal::KillSwitch { .. }, _)) => {
                Retry::NotBefore { seconds: failure.retry_after_seconds().unwrap_or(1) }
            }
            // The answer stays the same until an operator or the caller changes something, but SDKs
            // retry 402 and 409 by themselves.
            ApiError::Call(
                CallFailure::Refused(..)
                | CallFailure::OverBudget { .. }
                | CallFailure::ReplayUnavailable(_),
            )
            | ApiError::StreamingNotSupported => Retry::Never,
            ApiError::Call(failure) => failure
                .retry_after_seconds()
                .map_or(Retry::Default, |seconds| Retry::After { seconds }),
            _ => Retry::Default,
        }
    }
}

fn call_status(failure: &CallFailure) -> StatusCode {
    match failure {
        CallFailure::BadRequest(_) | CallFailure::PromptTooLong => StatusCode::BAD_REQUEST,
        CallFailure::ProviderRejectedRequest { status: 413, .. } => StatusCode::PAYLOAD_TOO_LARGE,
        CallFailure::ProviderRejectedRequest { .. } => StatusCode::BAD_REQUEST,
        CallFailure::NoCandidate { .. }
        | CallFailure::ToolsNotSupported { .. }
        | CallFailure::ModelUnavailable { .. }
        | CallFailure::CoercionRefused { .. }
        | CallFailure::Refused(Refusal::Coercions { .. }, _)
        | CallFailure::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        CallFailure::Refused(Refusal::Inactive { .. }, _)
        | CallFailure::KeyInFlight
        | CallFailure::ReplayUnavailable(_) => StatusCode::CONFLICT,
        CallFailure::Refused(Refusal::KillSwitch { .. }, _) => StatusCode::SERVICE_UNAVAILABLE,
        CallFailure::Refused(..) | CallFailure::OverBudget { .. } => StatusCode::PAYMENT_REQUIRED,
        CallFailure::StoreUnavailable
        | CallFailure::ReservationUnavailable
        | CallFailure::AllFailed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        // the provider's own answer, so that its caller waits as long as it is asked to
        CallFailure::PinnedFailed { pressure: Pressure::RateLimited, .. } => {
            StatusCode::TOO_MANY_REQUESTS
        }
        CallFailure::PinnedFailed { pressure: Pressure::Overloaded, .. } => overloaded(),
        CallFailure::PinnedFailed { .. } | CallFailure::Midstream { .. } => StatusCode::BAD_GATEWAY,
        CallFailure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        CallFailure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Which model would have lost which fields of the call.
fn coercions(unfit: &[Unfit]) -> Value {
    let each = unfit.iter().map(|unfit| (unfit.model.clone(), json!(unfit.coercions)));
    json!({"coercions": Value::Object(each.collect())})
}

/// What is known of the call that used the idempotency key first.
fn earlier_call(earlier: &EarlierCall) -> Value {
    json!({"earlier_call": {
        "request_id": earlier.request_id.header_value(),
        "inference_id": earlier.inference_id,
        "status": earlier.status,
        "usage": earlier.usage,
        "usage_basis": earlier.usage_basis,
        "cost_usd": earlier.cost_usd,
    }})
}

/// A second, give or take a quarter. The last byte of a request id is random.
fn retry_after_ms(request_id: RequestId) -> u64 {
    750 + u64::from(request_id.0.as_bytes()[15]) * 500 / 255
}

/// Google's clients know 503 for a server that has too much to do, and come again.
fn status_in(dialect: ClientDialect, status: StatusCode) -> StatusCode {
    if dialect == ClientDialect::Gemini && status == overloaded() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        status
    }
}

/// 529, Anthropic's own status for "overloaded".
fn overloaded() -> StatusCode {
    StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_the_balance_does_not_cover_is_not_retried() {
        let funds =
            Refusal::Funds { available: "0.1".parse().unwrap(), needed: "0.2".parse().unwrap() };
        let response =
            ApiError::Call(CallFailure::Refused(funds, None)).response(RequestId::mint());
        assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(response.headers().get("x-should-retry").unwrap(), "false");
        assert!(response.headers().contains_key("request-id"));
    }

    #[test]
    fn an_overloaded_gateway_answers_529_with_the_time_to_wait() {
        let response = ApiError::Gate(GateRefusal::Full).response(RequestId::mint());
        assert_eq!(response.status().as_u16(), 529);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
    }
}
