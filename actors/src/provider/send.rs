//! A request on its way: what is sent, over which connection, and whether it may be sent once more.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use actix_http::{HttpMessage, Payload};
use ainfera_schema::StreamMode;
use ainfera_wire::provider::UpstreamRequest;
use awc::error::{ConnectError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, USER_AGENT,
};

use super::failure::{Broken, ProviderFailure};
use super::transport::failure::ConnectFailure;
use super::transport::pool::Pool;
use super::transport::trace::{Connection, Trace, Traced};

/// A kept connection that the provider has closed breaks after one way there and back, which is
/// less than it took to connect. One that breaks later than that and this may have carried the
/// request to a provider that was working on it.
const STALE_WITHIN: Duration = Duration::from_millis(150);
const AGENT: &str = concat!("ainfera/", env!("CARGO_PKG_VERSION"));

/// Sends one request.
pub struct Sender<'a> {
    pub pool: &'a Pool,
    pub request: &'a UpstreamRequest,
}

/// An answer of which the head is there.
pub struct Answer {
    pub head: Head,
    pub payload: Payload,
    pub trace: Rc<Trace>,
}

/// What is needed of an answer's head.
pub struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How the body is encoded, if it is.
    pub fn unreadable_encoding(&self) -> Option<&str> {
        self.header(CONTENT_ENCODING.as_str())
            .map(str::trim)
            .filter(|encoding| !encoding.is_empty() && *encoding != "identity")
    }
}

/// Why there is no answer, and whether the same may be sent again.
struct Unanswered {
    failure: ProviderFailure,
    again: Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The connection was a kept one, and broke at once and without a byte: the provider had closed
    /// it before (RFC 9112, section 9.3.1).
    OnAFreshConnection,
    No,
}

impl Sender<'_> {
    /// Sends the request, at most twice. A second time it goes over a new connection, and whatever
    /// else was kept is dropped: it is as old.
    pub async fn send(&self, stale: impl Fn()) -> Result<Answer, ProviderFailure> {
        match self.send_once().await {
            Err(Unanswered { again: Again::OnAFreshConnection, .. }) => {
                stale();
                self.pool.renew();
                self.send_once().await.map_err(|unanswered| unanswered.failure)
            }
            other => other.map_err(|unanswered| unanswered.failure),
        }
    }

    async fn send_once(&self) -> Result<Answer, Unanswered> {
        let trace = Rc::new(Trace::default());
        let sent = Traced::new(
            Rc::clone(&trace),
            Box::pin(self.http_request().send_body(self.request.body.clone())),
        )
        .await;
        match sent {
            Ok(mut response) => {
                let head = Head { status: response.status(), headers: response.headers().clone() };
                // the rest of the response goes now: it is several KiB, and the stream may last for
                // minutes
                Ok(Answer { head, payload: response.take_payload(), trace })
            }
            Err(error) => Err(unanswered(&error, &trace)),
        }
    }

    fn http_request(&self) -> awc::ClientRequest {
        let accepted = match self.request.stream_mode {
            StreamMode::Native => "text/event-stream",
            StreamMode::Wrapped => "application/json",
        };
        let mut request = self
            .pool
            .post(&self.request.url)
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header((ACCEPT, accepted))
            .insert_header((ACCEPT_ENCODING, "identity"))
            .insert_header((USER_AGENT, AGENT));
        for (name, value) in &self.request.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        for header in &self.request.provider_headers {
            request = request.insert_header((header.name.as_str(), header.value.expose()));
        }
        for (name, value) in &self.request.client_headers {
            request = request.append_header((name.as_str(), value.as_str()));
        }
        request
    }
}

fn unanswered(error: &SendRequestError, trace: &Trace) -> Unanswered {
    let at_once = trace.since_written() <= trace.connected_in() + STALE_WITHIN;
    let again = match trace.connection() {
        Connection::Kept if trace.answer_bytes() == 0 && at_once => Again::OnAFreshConnection,
        Connection::Kept | Connection::Fresh | Connection::None => Again::No,
    };
    Unanswered { failure: transport_failure(error, trace), again }
}

/// What kept a request from being answered.
pub(super) fn transport_failure(error: &SendRequestError, trace: &Trace) -> ProviderFailure {
    if let Some(failure) = connect_failure(error) {
        return ProviderFailure::Connect(failure);
    }
    let why = why(error);
    match trace.connection() {
        Connection::None => Broken::unsent(why).into(),
        Connection::Fresh | Connection::Kept => Broken::unanswered(why).into(),
    }
}

/// The cause that the connector gave.
fn connect_failure(error: &SendRequestError) -> Option<ConnectFailure> {
    match error {
        SendRequestError::Connect(ConnectError::Io(error)) => {
            error.get_ref()?.downcast_ref::<ConnectFailure>().cloned()
        }
        _ => None,
    }
}

fn why(error: &SendRequestError) -> String {
    match error {
        SendRequestError::Connect(ConnectError::Disconnected) => {
            "the provider closed the connection without an answer".to_owned()
        }
        SendRequestError::Send(error) => io_words(error),
        SendRequestError::Response(actix_http::error::ParseError::Io(error)) => io_words(error),
        other => other.to_string(),
    }
}

fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the provider reset the connection without an answer".to_owned()
        }
        io::ErrorKind::TimedOut => "the provider's machine is silent".to_owned(),
        _ => error.to_string(),
    }
}
