//! SseSink: turns events into the client's frames and hands them to the response body. It answers a
//! [`Write`] when the body took it, so whoever asks reads no further before that: a slow client
//! stops the provider.

pub mod body;
pub mod collect;
pub mod recorder;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture};
use ainfera_wire::client::ClientFrames;
use ainfera_wire::error::ClientError;
use ainfera_wire::event::{ProviderEvent, StreamEvent};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use ainfera_schema::RequestId;

use crate::capture::acknowledge::Acknowledge;
use crate::fault_injection::maybe_panic_over;
use recorder::Recorder;

/// Events for the client, in order.
#[derive(Message)]
#[rtype(result = "Result<Written, SinkError>")]
pub struct Write {
    pub events: Vec<ProviderEvent>,
    /// What did not reach the provider of these events as it was sent.
    pub coercions: Arc<[String]>,
}

/// The stream failed after its 200: say so and end.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WriteError {
    pub error_type: &'static str,
    pub message: String,
    pub code: Option<&'static str>,
}

/// The 200 is out: keep the connection alive from now on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Opened;

/// The row is durable: what was held back of the answer's end may go out.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Finish;

/// Nothing more will come: end the body.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// What became of a [`Write`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// On its way; more may come.
    Taken,
    /// The last of a stream is on its way, or held back until [`Finish`].
    Ended { recording: Option<String> },
    /// The answer is whole: the body of a client that did not ask for a stream.
    Whole { body: Bytes, recording: Option<String> },
}

/// Why a sink takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    #[error("client has left")]
    Gone,
    #[error("client does not read")]
    Stalled,
}

/// How many frames may wait for the body. The only buffer between provider and socket, so small.
pub const BODY_CHANNEL_FRAMES: usize = 4;

/// See the module.
pub struct SseSink {
    frames: ClientFrames,
    /// Only where the call has an idempotency key.
    recorder: Option<Recorder>,
    acknowledge: Acknowledge,
    /// The protocol's last word, held back.
    terminal_event: BytesMut,
    request_id: RequestId,
    body: mpsc::Sender<Bytes>,
    stall: Duration,
    ping: Duration,
    last_write: Instant,
}

impl SseSink {
    pub fn new(
        frames: ClientFrames,
        request_id: RequestId,
        body: mpsc::Sender<Bytes>,
        stall: Duration,
        ping: Duration,
    ) -> Self {
        let (acknowledge, terminal_event) = (Acknowledge::After, BytesMut::new());
        Self {
            frames,
            recorder: None,
            acknowledge,
            terminal_event,
            request_id,
            body,
            stall,
            ping,
            last_write: Instant::now(),
        }
    }

    /// Whether the last word waits for [`Finish`].
    pub fn acknowledging(self, acknowledge: Acknowledge) -> Self {
        Self { acknowledge, ..self }
    }

    pub fn recording(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    fn send(
        &mut self,
        bytes: BytesMut,
        written: Written,
    ) -> ResponseFuture<Result<Written, SinkError>> {
        if bytes.is_empty() {
            // for the body an empty chunk is its end
            return Box::pin(std::future::ready(Ok(written)));
        }
        self.last_write = Instant::now();
        // room for it is the common case and needs no waiting
        let bytes = match self.body.try_send(bytes.freeze()) {
            Ok(()) => return Box::pin(std::future::ready(Ok(written))),
            Err(TrySendError::Closed(_)) => {
                return Box::pin(std::future::ready(Err(SinkError::Gone)));
            }
            Err(TrySendError::Full(bytes)) => bytes,
        };
        let (body, stall) = (self.body.clone(), self.stall);
        Box::pin(async move {
            match tokio::time::timeout(stall, body.send(bytes)).await {
                Ok(Ok(())) => Ok(written),
                Ok(Err(_)) => Err(SinkError::Gone),
                Err(_) => Err(SinkError::Stalled),
            }
        })
    }

    fn ping_if_silent(&mut self) {
        if self.last_write.elapsed() < self.ping {
            return;
        }
        let mut bytes = BytesMut::new();
        self.frames.ping(&mut bytes);
        // a full channel needs no ping: there are bytes on the way
        let _ = self.body.try_send(bytes.freeze());
        self.last_write = Instant::now();
    }
}

impl Actor for SseSink {
    type Context = Context<Self>;
}

impl Handler<Write> for SseSink {
    type Result = ResponseFuture<Result<Written, SinkError>>;

    fn handle(&mut self, write: Write, _: &mut Self::Context) -> Self::Result {
        maybe_panic_over("sink", self.request_id);
        let mut bytes = BytesMut::new();
        let mut written = Written::Taken;
        self.frames.name_coercions(&write.coercions);
        self.frames.set_time(jiff::Timestamp::now().as_second());
        for event in &write.events {
            let from = bytes.len();
            match self.recorder.as_mut().filter(|_| event.event != StreamEvent::Ping) {
                Some(recorder) => {
                    self.frames.write_recorded(event, &mut bytes, &mut |name, json| {
                        recorder.add_event(name, json)
                    })
                }
                None => self.frames.write(event, &mut bytes),
            }
            if event.event == StreamEvent::End {
                written =
                    Written::Ended { recording: self.recorder.take().and_then(Recorder::finish) };
                if self.acknowledge == Acknowledge::BeforeStop {
                    self.terminal_event = bytes.split_off(from);
                }
            }
        }
        self.send(bytes, written)
    }
}

impl Handler<WriteError> for SseSink {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, error: WriteError, _: &mut Self::Context) -> Self::Result {
        maybe_panic_over("sink error", self.request_id);
        let mut bytes = BytesMut::new();
        let error = ClientError {
            error_type: error.error_type,
            message: error.message,
            code: error.code,
            field: None,
            details: None,
            request_id: self.request_id.header_value(),
            status: None,
            retry_after_s: None,
        };
        self.frames.error(&error, &mut bytes);
        let sent = self.send(bytes, Written::Taken);
        Box::pin(async move {
            let _ = sent.await;
        })
    }
}

impl Handler<Finish> for SseSink {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Finish, _: &mut Self::Context) -> Self::Result {
        let terminal_event = std::mem::take(&mut self.terminal_event);
        let sent = self.send(terminal_event, Written::Taken);
        Box::pin(async move {
            // gone or stalled: its row says already what became of the call
            let _ = sent.await;
        })
    }
}

impl Handler<Close> for SseSink {
    type Result = ();

    /// Needed although the dispatcher drops its address: the ping's timer would keep this actor,
    /// and so the body, alive for ever.
    fn handle(&mut self, _: Close, context: &mut Self::Context) {
        context.stop();
    }
}

impl Handler<Opened> for SseSink {
    type Result = ();

    fn handle(&mut self, _: Opened, context: &mut Self::Context) {
        self.ping_if_silent();
        // twice per interval, so that a silence is at most one and a half
        context.run_interval(self.ping / 2, |sink, _| sink.ping_if_silent());
    }
}
