//! From what went wrong to what the caller gets. The only file that knows HTTP statuses.
//!
//! Bodies are in the dialect of the path ([`ClientDialect::of_path`]).

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::dispatch::CallFailure;
use ainfera_actors::dispatch::strict::Unfit;
use ainfera_actors::gate::GateRefusal;
use ainfera_schema::RequestId;
use ainfera_store::{EarlierCall, Refusal, StoreError};
use ainfera_wire::{BadRequest, ClientDialect, ClientError};
use serde_json::{Value, json};

/// Everything that a request can be answered with but success.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("no such path: {0}")]
    UnknownPath(String),
    /// Somebody else's is as absent as what does not exist.
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

/// Why calls should go to another gateway.
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

/// Whoever sends odd requests must not fill the log with them.
const LONGEST_LOGGED_BYTES: usize = 500;

/// Whether an SDK shall try again by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// As its own rules say.
    Default,
    Never,
    After {
        seconds: u64,
    },
    /// A person may, then; an SDK never by itself.
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
        let code = match self {
            ApiError::Call(failure) => failure.code(),
            _ => None,
        };
        // what a caller sent may be in the words about it: the log gets the field's name
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
            code,
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
        let jitter_ms = retry_after_ms(request_id);
        let request_id = request_id.header_value();
        let code = match self {
            ApiError::Call(failure) => failure.code(),
            ApiError::StreamingNotSupported => Some("streaming_not_supported"),
            ApiError::NotReady(why) => Some(why.as_str()),
            _ => None,
        };
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
            // SDKs prefer it to retry-after, and all that were refused in one moment must not come
            // back in one moment
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
            code,
            field,
            details,
            request_id,
        };
        response.body(error.json(dialect))
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
            // one's own share; the gateway has room for others
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

    /// What a database says stays inside.
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
            // not by itself before the day is over: an SDK that is told so does not wait for hours
            // with its caller
            ApiError::Call(failure @ CallFailure::Refused(Refusal::KillSwitch { .. }, _)) => {
                Retry::NotBefore { seconds: failure.retry_after_seconds().unwrap_or(1) }
            }
            // permanent until somebody changes something, but SDKs retry 402 and 409 by themselves
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
        | CallFailure::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        CallFailure::Refused(Refusal::Inactive { .. }, _)
        | CallFailure::KeyInFlight
        | CallFailure::ReplayUnavailable(_) => StatusCode::CONFLICT,
        CallFailure::Refused(Refusal::KillSwitch { .. }, _) => StatusCode::SERVICE_UNAVAILABLE,
        CallFailure::Refused(..) | CallFailure::OverBudget { .. } => StatusCode::PAYMENT_REQUIRED,
        CallFailure::StoreUnavailable
        | CallFailure::HoldUnavailable
        | CallFailure::AllFailed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        CallFailure::PinnedFailed { overloaded: true, .. } => overloaded(),
        CallFailure::PinnedFailed { .. } | CallFailure::Midstream { .. } => StatusCode::BAD_GATEWAY,
        CallFailure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        CallFailure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Who would have lost what.
fn coercions(unfit: &[Unfit]) -> Value {
    let each = unfit.iter().map(|unfit| (unfit.model.clone(), json!(unfit.coercions)));
    json!({"coercions": Value::Object(each.collect())})
}

/// What is known of the key's first call.
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

/// A second, give or take a quarter; the last bits of an id are random.
fn retry_after_ms(request_id: RequestId) -> u64 {
    750 + u64::from(request_id.0.as_bytes()[15]) * 500 / 255
}

/// 529, Anthropic's own status for "overloaded".
fn overloaded() -> StatusCode {
    StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_money_refuses_is_not_retried() {
        let funds =
            Refusal::Funds { available: "0.1".parse().unwrap(), needed: "0.2".parse().unwrap() };
        let response =
            ApiError::Call(CallFailure::Refused(funds, None)).response(RequestId::mint());
        assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(response.headers().get("x-should-retry").unwrap(), "false");
        assert!(response.headers().contains_key("request-id"));
    }

    #[test]
    fn overload_is_529_with_a_time() {
        let response = ApiError::Gate(GateRefusal::Full).response(RequestId::mint());
        assert_eq!(response.status().as_u16(), 529);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
    }
}
