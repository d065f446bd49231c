//! One request and its streamed answer, over awc. All waiting that a provider can cause happens here, each with its deadline.

use std::rc::Rc;
use std::time::Duration;

use ainfera_schema::Deadlines;
use ainfera_wire::upstream::{FaultKind, UpstreamReader, UpstreamRequest, error_message, fault_of_status};
use ainfera_wire::{Heard, StreamEvent};
use awc::error::{ConnectError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
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
    deadlines: Deadlines,
}

impl Exchange {
    pub fn new(clients: Rc<ClientSlot>, request: UpstreamRequest, reader: UpstreamReader, deadlines: Deadlines) -> Self {
        Self { clients, request, reader, deadlines }
    }

    /// Sends the request and gives every batch of events to `emit`, reading no further before it was taken.
    pub async fn run(mut self, emit: impl AsyncFn(Vec<Heard>) -> Taken) -> Result<(), ProviderFailure> {
        let first_event = Instant::now() + self.deadlines.first_event;
        let head = timeout_at(first_event, self.send()).await.map_err(|_| ProviderFailure::TimedOut("first_event"))??;
        let (status, headers, mut body) = head;
        if status != StatusCode::OK {
            return Err(refused(status, &headers, body).await);
        }
        check_content_type(&headers)?;
        let mut deadline = first_event;
        let mut deadline_name = "first_event";
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
                Some(Err(error)) => return Err(ProviderFailure::Broken(error)),
                // only the protocol's last word is success; the reader knows whether it came
                None => match self.reader.finish(&mut events) {
                    Ok(()) => {
                        emit(events).await;
                        return Ok(());
                    }
                    Err(fault) => Err(fault),
                },
            };
            let ended = events.iter().any(|heard| heard.event == StreamEvent::End);
            if !events.is_empty() {
                deadline_name = "idle";
                if emit(events).await == Taken::Stop && !ended {
                    return Ok(());
                }
            }
            fed?;
            if ended {
                let _ = timeout(LAST_BYTES, body.collect::<Vec<_>>()).await;
                return Ok(());
            }
            if deadline_name == "idle" {
                deadline = Instant::now() + self.deadlines.idle;
            }
        }
    }

    /// A kept connection may have been closed by the provider in the meantime: one more try, on a new one.
    async fn send(&self) -> Result<(StatusCode, HeaderMap, BodyStream), ProviderFailure> {
        match self.send_once().await {
            Err(ProviderFailure::Broken(_)) => self.send_once().await,
            other => other,
        }
    }

    async fn send_once(&self) -> Result<(StatusCode, HeaderMap, BodyStream), ProviderFailure> {
        let mut request = self
            .clients
            .current()
            .post(self.request.url.as_str())
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header(("accept", "text/event-stream"));
        for (name, value) in &self.request.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        let response = request.send_body(self.request.body.clone()).await.map_err(failed_send)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_informational() {
            // awc takes an interim response for the answer and keeps the connection, on which the real one is still to come: nobody may use it again
            self.clients.renew();
        }
        let body = response.map(|chunk| chunk.map_err(|error| error.to_string()));
        Ok((status, headers, Box::pin(body)))
    }
}

type BodyStream = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, String>>>>;

fn failed_send(error: SendRequestError) -> ProviderFailure {
    match error {
        SendRequestError::Connect(ConnectError::Timeout) => ProviderFailure::TimedOut("connect"),
        SendRequestError::Connect(error) => ProviderFailure::Connect(error.to_string()),
        SendRequestError::Timeout => ProviderFailure::TimedOut("connect"),
        other => ProviderFailure::Broken(other.to_string()),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), ProviderFailure> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("text/event-stream");
    if content_type.starts_with("text/event-stream") {
        return Ok(());
    }
    Err(ProviderFailure::Stream(ainfera_wire::upstream::StreamFault::malformed(format!("content type {content_type}"))))
}

async fn refused(status: StatusCode, headers: &HeaderMap, mut body: BodyStream) -> ProviderFailure {
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
    let kind = if status.is_client_error() || status.is_server_error() { fault_of_status(status.as_u16()) } else { FaultKind::Api };
    let retry_after_seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
    let message = error_message(&text).unwrap_or_else(|| "no message".to_owned());
    ProviderFailure::Refused { status: status.as_u16(), kind, message, retry_after_seconds }
}
