//! What the headers of a client request say about its call.

use actix_web::HttpRequest;
use ainfera_actors::gate::Priority;
use ainfera_schema::RequestId;
use ainfera_schema::policy::PriorityCeiling;
use ainfera_wire::client::ClientHeaders;
use ainfera_wire::disclosure::Strictness;
use ainfera_wire::error::BadRequest;

use super::error::ApiError;

/// A longer session id is not logged, so that callers cannot fill the log.
const MAX_SESSION_BYTES: usize = 128;

/// The id of the session that a call is part of, under the names that coding agents use for it.
pub fn session(request: &HttpRequest) -> Option<String> {
    const HEADERS: [&str; 5] = [
        "x-claude-code-session-id",
        "session_id",
        "session-id",
        "x-session-affinity",
        "x-session-id",
    ];
    let text = |name: &&str| request.headers().get(*name).and_then(|value| value.to_str().ok());
    HEADERS.iter().find_map(text).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Logs the session of Claude Code that a call belongs to, and which of its agents made it.
pub fn log_session(request_id: RequestId, request: &HttpRequest) {
    let text = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .filter(|value| value.len() <= MAX_SESSION_BYTES)
    };
    if let Some(session) = text("x-claude-code-session-id") {
        let (agent, parent_agent) =
            (text("x-claude-code-agent-id"), text("x-claude-code-parent-agent-id"));
        tracing::info!(
            request_id = request_id.header_value(),
            session,
            agent,
            parent_agent,
            "claude_code_session"
        );
    }
}

/// The priority that the caller asks for, but never above the ceiling that its operator set.
pub fn priority(request: &HttpRequest, ceiling: PriorityCeiling) -> Priority {
    let header = request.headers().get("x-ainfera-priority");
    let requested = Priority::parse(header.and_then(|value| value.to_str().ok()));
    match (requested, ceiling) {
        (Priority::Critical, PriorityCeiling::Default) => Priority::Default,
        (requested, _) => requested,
    }
}

/// How much of the call may be changed on its way: the header `x-ainfera-strict`.
pub fn strictness(request: &HttpRequest) -> Result<Strictness, ApiError> {
    const HEADER: &str = "x-ainfera-strict";
    match request.headers().get(HEADER).map(|value| value.to_str().unwrap_or_default()) {
        None | Some("false") => Ok(Strictness::Disclose),
        Some("true") => Ok(Strictness::Lossless),
        Some("exact") => Ok(Strictness::Exact),
        // A misspelt word is refused: the caller meant to be strict.
        Some(_) => {
            Err(ApiError::BadRequest(BadRequest::new(HEADER, "must be one of true, exact, false")))
        }
    }
}

pub fn client_headers(request: &HttpRequest) -> Result<ClientHeaders, ApiError> {
    let text = |name: &str| -> Vec<&str> {
        request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect()
    };
    let version = text("anthropic-version").first().map(|version| (*version).to_owned());
    if let Some(version) = version.as_deref().filter(|version| !is_date(version)) {
        let message = format!("`{version}` is not a version; versions look like 2023-06-01");
        return Err(ApiError::BadRequest(BadRequest::new("anthropic-version", message)));
    }
    let beta = text("anthropic-beta");
    Ok(ClientHeaders {
        version,
        beta: (!beta.is_empty()).then(|| beta.join(",")),
        others: other_headers(request),
    })
}

/// `anthropic-*` headers that only Anthropic reads, such as the workspace of a call.
fn other_headers(request: &HttpRequest) -> Vec<(String, String)> {
    // The last of them is there for browsers only.
    const READ_HERE: [&str; 3] =
        ["anthropic-version", "anthropic-beta", "anthropic-dangerous-direct-browser-access"];
    let headers = request.headers().iter();
    let others = headers.filter(|(name, _)| {
        name.as_str().starts_with("anthropic-") && !READ_HERE.contains(&name.as_str())
    });
    others
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

fn is_date(version: &str) -> bool {
    let bytes = version.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| {
            if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() }
        })
}
