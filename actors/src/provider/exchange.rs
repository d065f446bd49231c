//! One request and its streamed answer. All waiting that a provider can cause happens here, each
//! with its deadline.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use actix_http::Payload;
use ainfera_schema::{Patience, StreamMode};
use ainfera_wire::error::StreamFault;
use ainfera_wire::event::{ProviderEvent, StreamEvent};
use ainfera_wire::provider::{UpstreamReader, UpstreamRequest};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::Taken;
use super::failure::{Broken, ProviderFailure};
use super::refusal::refused;
use super::send::{Answer, Sender};
use super::transport::pool::Pool;
use super::transport::trace::Trace;

/// An answer longer than this is a provider out of control.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// What was read already is one batch; more than this of it waits for the next.
const MAX_BATCH_BYTES: usize = 64 << 10;
/// How long to wait for the end of the bytes after the last event, and how many of them to take:
/// then the connection can be used again.
const LAST_BYTES_WITHIN: Duration = Duration::from_millis(500);
const MAX_LAST_BYTES: usize = 64 << 10;
/// Framing may be so much more than what it frames: chunks of one byte are lawful, endless chunk
/// extensions are not.
const FRAMING_FACTOR: u64 = 16;
const FRAMING_ALLOWANCE_BYTES: u64 = 1 << 20;

/// See the module.
pub struct Exchange {
    pool: Rc<Pool>,
    request: UpstreamRequest,
    reader: UpstreamReader,
    patience: Patience,
}

/// What a read of the answer's body gave.
enum Read {
    Bytes(Bytes),
    End,
    Failed(String),
}

/// The answer's body, with what it may cost.
struct Body {
    payload: Payload,
    trace: Rc<Trace>,
    received: usize,
}

impl Exchange {
    pub fn new(
        pool: Rc<Pool>,
        request: UpstreamRequest,
        reader: UpstreamReader,
        patience: Patience,
    ) -> Self {
        Self { pool, request, reader, patience }
    }

    /// Sends the request and gives every batch of events to `emit`, reading no further before it
    /// was taken. `stale` is told when the request was sent over a kept connection that turned out
    /// to be closed, and is sent once more.
    pub async fn run(
        mut self,
        stale: impl Fn(),
        emit: impl AsyncFn(Vec<ProviderEvent>, StreamMode) -> Taken,
    ) -> Result<(), ProviderFailure> {
        let (mut deadline_name, patience) = match self.request.stream_mode {
            StreamMode::Native => ("first_event", self.patience.first_event),
            // its head comes when the answer is ready
            StreamMode::Wrapped => ("whole_answer", self.patience.whole_answer),
        };
        let mut deadline = Instant::now() + patience;
        // boxed: its state is large and of no use once the head is there
        let answer = timeout_at(
            deadline,
            Box::pin(Sender { pool: &self.pool, request: &self.request }.send(stale)),
        )
        .await;
        let Answer { head, payload, trace } =
            answer.map_err(|_| ProviderFailure::TimedOut(deadline_name))??;
        let mut body = Body { payload, trace, received: 0 };
        if !head.status.is_success() {
            return Err(refused(head, body.payload).await);
        }
        if let Some(encoding) = head.unreadable_encoding() {
            return Err(StreamFault::malformed(format!(
                "the answer is compressed ({encoding}), which was not asked for"
            ))
            .into());
        }
        // an answer that comes whole has its deadline behind it when the head is there
        if self.request.stream_mode == StreamMode::Wrapped {
            (deadline_name, deadline) = ("idle", Instant::now() + self.patience.idle);
        }
        loop {
            let first = timeout_at(deadline, body.read())
                .await
                .map_err(|_| ProviderFailure::TimedOut(deadline_name))?;
            let Batch { events, then } = self.batch(first, &mut body);
            let ended = events.iter().any(|heard| heard.event == StreamEvent::End);
            let arrives = self.reader.stream_mode();
            let mode = arrives.unwrap_or(self.request.stream_mode);
            let is_last = matches!(then, Then::End);
            if !events.is_empty() || is_last {
                deadline_name = "idle";
                if emit(events, mode).await == Taken::Stop && !ended {
                    return Ok(());
                }
            }
            match then {
                Then::Fail(failure) => return Err(failure),
                Then::End => return Ok(()),
                Then::ReadOn if ended => {
                    body.read_last_bytes().await;
                    return Ok(());
                }
                Then::ReadOn => {}
            }
            if deadline_name == "idle" || arrives == Some(StreamMode::Wrapped) {
                (deadline_name, deadline) = ("idle", Instant::now() + self.patience.idle);
            }
        }
    }

    /// Everything that is there already, as far as it fits into one batch: the receiver is asked
    /// once for all of it.
    fn batch(&mut self, first: Read, body: &mut Body) -> Batch {
        let mut events = Vec::new();
        let mut read = first;
        let mut taken = 0;
        let then = loop {
            match read {
                Read::Bytes(bytes) => {
                    taken += bytes.len();
                    if body.received > MAX_ANSWER_BYTES {
                        break Then::Fail(Broken::answering("answer too long").into());
                    }
                    if let Err(fault) = self.reader.feed(bytes, &mut events) {
                        break Then::Fail(fault.into());
                    }
                }
                Read::Failed(why) => break Then::Fail(Broken::answering(why).into()),
                // only the protocol's last word is success; the reader knows whether it came
                Read::End => match self.reader.finish(&mut events) {
                    Ok(()) => break Then::End,
                    Err(fault) => break Then::Fail(fault.into()),
                },
            }
            let ended = events.iter().any(|heard| heard.event == StreamEvent::End);
            if ended || taken >= MAX_BATCH_BYTES {
                break Then::ReadOn;
            }
            match body.read().now_or_never() {
                Some(more) => read = more,
                None => break Then::ReadOn,
            }
        };
        Batch { events, then }
    }
}

/// Events, and what follows when they are taken.
struct Batch {
    events: Vec<ProviderEvent>,
    then: Then,
}

enum Then {
    ReadOn,
    End,
    Fail(ProviderFailure),
}

impl Body {
    async fn read(&mut self) -> Read {
        let Self { payload, trace, received } = self;
        poll_fn(|context| match payload.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                *received += bytes.len();
                Poll::Ready(Read::Bytes(bytes))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Read::Failed(error.to_string())),
            Poll::Ready(None) => Poll::Ready(Read::End),
            Poll::Pending
                if trace.answer_bytes()
                    > *received as u64 * FRAMING_FACTOR + FRAMING_ALLOWANCE_BYTES =>
            {
                Poll::Ready(Read::Failed("the answer is all framing and no content".to_owned()))
            }
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// A provider that goes on after its last event is left.
    async fn read_last_bytes(&mut self) {
        let most = self.received + MAX_LAST_BYTES;
        let to_the_end = async {
            while let Read::Bytes(_) = self.read().await {
                if self.received > most {
                    break;
                }
            }
        };
        // what is not over by then is dropped, and its connection with it
        let _ = timeout(LAST_BYTES_WITHIN, to_the_end).await;
    }
}
