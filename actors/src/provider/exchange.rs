//! One request and its streamed answer, over awc. All waiting that a provider can cause happens here, each with its deadline.

use std::rc::Rc;
use std::time::Duration;

use actix_http::{HttpMessage, Payload};
use ainfera_schema::{Patience, StreamMode};
use ainfera_wire::fault::retry_after::{self, retry_after_seconds};
use ainfera_wire::fault::{Fault, fault_of};
use ainfera_wire::upstream::{UpstreamReader, UpstreamRequest};
use ainfera_wire::{Heard, StreamEvent};
use awc::error::{ConnectError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{CONTENT_TYPE, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::Taken;
use super::client::ClientSlot;
use super::failure::ProviderFailure;

/// An error body longer than this is cut.
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;
/// An answer longer than this is a provider out of control.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How long to wait for an error body, and for the end of the bytes after the last event.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// See the module.
pub struct Exchange {
    clients: Rc<ClientSlot>,
    request: UpstreamRequest,
    reader: UpstreamReader,
    patience: Patience,
}

impl Exchange {
    pub fn new(clients: Rc<ClientSlot>, request: UpstreamRequest, reader: UpstreamReader, patience: Patience) -> Self {
        Self { clients, request, reader, patience }
    }

    /// Sends the request and gives every batch of events to `emit`, reading no further before it was taken.
    pub async fn run(mut self, emit: impl AsyncFn(Vec<Heard>, StreamMode) -> Taken) -> Result<(), ProviderFailure> {
        let (mut deadline_name, patience) = match self.request.stream_mode {
            StreamMode::Native => ("first_event", self.patience.first_event),
            // its head comes when the answer is ready
            StreamMode::Wrapped => ("whole_answer", self.patience.whole_answer),
        };
        let mut deadline = Instant::now() + patience;
        // boxed: its state is large and of no use once the head is there
        let head = timeout_at(deadline, Box::pin(self.send())).await.map_err(|_| ProviderFailure::TimedOut(deadline_name))??;
        let (head, mut body) = head;
        if head.status != StatusCode::OK {
            return Err(refused(head, body).await);
        }
        let mode = stream_mode(&head, self.request.stream_mode)?;
        if mode == StreamMode::Wrapped {
            self.reader.expect_whole();
            (deadline_name, deadline) = ("idle", Instant::now() + self.patience.idle);
        }
        let mut received = 0usize;
        loop {
            let read = timeout_at(deadline, body.next()).await.map_err(|_| ProviderFailure::TimedOut(deadline_name))?;
            let mut events = Vec::new();
            let fed = match read {
                Some(Ok(chunk)) => {
                    received += chunk.len();
                    if received > MAX_ANSWER_BYTES {
                        return Err(ProviderFailure::Broken("answer too long".to_owned()));
                    }
                    self.reader.feed(chunk, &mut events).map(|()| Bytes::new())
                }
                Some(Err(error)) => return Err(ProviderFailure::Broken(error.to_string())),
                // only the protocol's last word is success; the reader knows whether it came
                None => match self.reader.finish(&mut events) {
                    Ok(()) => {
                        emit(events, mode).await;
                        return Ok(());
                    }
                    Err(fault) => Err(fault),
                },
            };
            let ended = events.iter().any(|heard| heard.event == StreamEvent::End);
            if !events.is_empty() {
                deadline_name = "idle";
                if emit(events, mode).await == Taken::Stop && !ended {
                    return Ok(());
                }
            }
            fed?;
            if ended {
                let _ = timeout(LAST_BYTES, body.collect::<Vec<_>>()).await;
                return Ok(());
            }
            if deadline_name == "idle" {
                deadline = Instant::now() + self.patience.idle;
            }
        }
    }

    /// A kept connection may have been closed by the provider in the meantime: one more try, on a new one.
    async fn send(&self) -> Result<(Head, Payload), ProviderFailure> {
        match self.send_once().await {
            Err(ProviderFailure::Broken(_)) => self.send_once().await,
            other => other,
        }
    }

    async fn send_once(&self) -> Result<(Head, Payload), ProviderFailure> {
        let accepted = match self.request.stream_mode {
            StreamMode::Native => "text/event-stream",
            StreamMode::Wrapped => "application/json",
        };
        let mut request = self
            .clients
            .current()
            .post(self.request.url.as_str())
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header(("accept", accepted));
        for (name, value) in &self.request.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        for (name, value) in &self.request.client_headers {
            request = request.append_header((name.as_str(), value.as_str()));
        }
        let mut response = request.send_body(self.request.body.clone()).await.map_err(failed_send)?;
        if response.status().is_informational() {
            // awc takes an interim response for the answer and keeps the connection, on which the real one is still to come: nobody may use it again
            self.clients.renew();
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let limits = if response.status().is_success() { Vec::new() } else { limits_of(response.headers()) };
        let head = Head { status: response.status(), content_type: header(CONTENT_TYPE), limits };
        // the rest of the head goes now: it is several KiB, and the stream may last for minutes
        Ok((head, response.take_payload()))
    }
}

/// What is needed of a response's head.
struct Head {
    status: StatusCode,
    content_type: Option<String>,
    /// Of a refusal: the headers that say when it is worth asking again.
    limits: Vec<(String, String)>,
}

/// `retry-after` and the limits' headers, whatever the vendor calls them.
fn limits_of(headers: &HeaderMap) -> Vec<(String, String)> {
    let speaks_of_waiting = |name: &str| name.starts_with("retry-after") || name.contains("ratelimit");
    let named = headers.iter().filter(|(name, _)| speaks_of_waiting(name.as_str()));
    named.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

fn failed_send(error: SendRequestError) -> ProviderFailure {
    match error {
        SendRequestError::Connect(ConnectError::Timeout) => ProviderFailure::TimedOut("connect"),
        SendRequestError::Connect(error) => ProviderFailure::Connect(error.to_string()),
        SendRequestError::Timeout => ProviderFailure::TimedOut("connect"),
        other => ProviderFailure::Broken(other.to_string()),
    }
}

/// How the answer comes, whatever was asked for; only without a word about it as asked.
fn stream_mode(head: &Head, asked: StreamMode) -> Result<StreamMode, ProviderFailure> {
    let Some(content_type) = head.content_type.as_deref() else { return Ok(asked) };
    if content_type.starts_with("text/event-stream") {
        return Ok(StreamMode::Native);
    }
    if content_type.starts_with("application/json") {
        return Ok(StreamMode::Wrapped);
    }
    Err(ProviderFailure::Stream(ainfera_wire::upstream::StreamFault::malformed(format!("content type {content_type}"))))
}

async fn refused(head: Head, mut body: Payload) -> ProviderFailure {
    let status = head.status;
    let mut text = BytesMut::new();
    let read = async {
        while let Some(Ok(chunk)) = body.next().await {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_ERROR_BODY_BYTES {
                break;
            }
        }
    };
    let _ = timeout(LAST_BYTES, read).await;
    let Fault { kind, message, .. } = fault_of(status.as_u16(), &text);
    let header = |name: &str| head.limits.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let retry_after_seconds = retry_after_seconds(header, &text, retry_after::now());
    ProviderFailure::Refused { status: status.as_u16(), kind, message, retry_after_seconds }
}
