//! CaptureActor: the only one that writes. It gathers admissions, rejections and records while a transaction is under way,
//! and commits all of them in the next one.
//!
//! It runs on the main arbiter, with the store to itself. A record keeps its permit until it is durable. When the store fails, the batch is sent
//! again until it is in, for an error does not say whether it was committed; meanwhile new admissions are refused at once.

pub mod lease;
pub mod queue;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use ainfera_schema::RoutingOutcome;
use ainfera_store::{Admission, CaptureReply, CloseResult, Store, StoreError, StoredAnswer, Verdict};
use tokio::sync::oneshot;

use crate::counters::Counters;
use crate::gate::{Gate, Permit};
use queue::{Batch, Queue};

/// Let this call in. Answered when the intent is durable, or at once while the store is down.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Admit {
    pub admission: Box<Admission>,
    pub reply: oneshot::Sender<Result<Verdict, CaptureError>>,
}

/// The router rejected this call; its row is written in an admission transaction and then answered.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reject {
    pub outcome: Box<RoutingOutcome>,
    pub permit: Permit,
    pub reply: oneshot::Sender<Result<(), CaptureError>>,
}

/// This call is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Record {
    pub outcome: Box<RoutingOutcome>,
    /// For a caller who sends the call again.
    pub answer: Option<StoredAnswer>,
    pub permit: Permit,
}

/// Why the store did not take something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Try again in a moment.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// It will not take this one.
    #[error("store refused the record: {0}")]
    Refused(String),
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// See the module.
pub struct CaptureActor {
    store: Arc<dyn Store>,
    queue: Queue,
    counters: Arc<Counters>,
    gate: Gate,
    phase: Phase,
    reaper: lease::Reaper,
}

enum Phase {
    Idle,
    Committing,
    /// The store failed; the batch is sent again after a pause.
    Failing {
        message: String,
        pause: Duration,
    },
}

impl CaptureActor {
    pub fn new(store: Arc<dyn Store>, counters: Arc<Counters>, gate: Gate) -> Self {
        Self { store, queue: Queue::default(), counters, gate, phase: Phase::Idle, reaper: lease::Reaper::default() }
    }

    /// Starts the next transaction unless one is under way.
    fn advance(&mut self, context: &mut Context<Self>) {
        if matches!(self.phase, Phase::Idle)
            && let Some(batch) = self.queue.next_batch()
        {
            self.commit(batch, context);
        }
    }

    fn commit(&mut self, batch: Batch, context: &mut Context<Self>) {
        if !matches!(self.phase, Phase::Failing { .. }) {
            self.phase = Phase::Committing;
        }
        let store = Arc::clone(&self.store);
        let rows = batch.rows();
        let committed = async move { store.capture(rows).await }.into_actor(self);
        context.spawn(committed.map(move |result, actor, context| match result {
            Ok(reply) => actor.committed(batch, reply, context),
            Err(error) => actor.failed(batch, error, context),
        }));
    }

    fn committed(&mut self, batch: Batch, reply: CaptureReply, context: &mut Context<Self>) {
        if let Phase::Failing { .. } = self.phase {
            tracing::info!("store is back");
        }
        self.phase = Phase::Idle;
        self.counters.commits.add_one();
        for (request_id, result) in &reply.closed {
            match result {
                CloseResult::Closed => {}
                CloseResult::AlreadyClosed => tracing::info!(%request_id, "call was closed before"),
                CloseResult::Adjusted => tracing::warn!(%request_id, "call was closed as lost, its charge was adjusted"),
                CloseResult::Unknown => {
                    self.counters.dispatch_without_capture.add_one();
                    tracing::error!(%request_id, "call was dispatched without an intent");
                }
            }
        }
        for status in batch.statuses() {
            self.counters.outcome(status).add_one();
        }
        self.queue.done(batch, reply);
        self.advance(context);
    }

    fn failed(&mut self, batch: Batch, error: StoreError, context: &mut Context<Self>) {
        self.counters.store_errors.add_one();
        let passing = match &error {
            StoreError::Unavailable(_) | StoreError::NotWritable(_) => true,
            StoreError::History(_) | StoreError::NotDurable(_) | StoreError::Corrupt(_) | StoreError::Money(_) | StoreError::Refused(_) | StoreError::Statement(_) => false,
        };
        if !passing && batch.is_single() {
            // it fails alone and by itself: nothing else may wait for it
            tracing::error!(%error, "record refused by the store");
            self.counters.capture_failed.add_one();
            self.queue.refused(batch, &CaptureError::Refused(error.to_string()));
            self.phase = Phase::Idle;
            self.advance(context);
            return;
        }
        let pause = match self.phase {
            Phase::Failing { pause, .. } => (pause * 2).min(LONGEST_PAUSE),
            Phase::Idle | Phase::Committing => {
                tracing::error!(%error, "store failed, admissions are refused until it is back");
                FIRST_PAUSE
            }
        };
        self.phase = Phase::Failing { message: error.to_string(), pause };
        let retry = if passing { batch } else { self.queue.split(batch) };
        context.run_later(pause, move |actor, context| actor.commit(retry, context));
    }
}

impl Actor for CaptureActor {
    type Context = Context<Self>;

    /// Outside of a drain this is fatal: a gateway that cannot account must not dispatch.
    fn stopped(&mut self, _: &mut Self::Context) {
        self.gate.close();
    }
}

impl Handler<Admit> for CaptureActor {
    type Result = ();

    fn handle(&mut self, admit: Admit, context: &mut Self::Context) {
        if let Phase::Failing { message, .. } = &self.phase {
            self.queue.forget(admit.admission.draft.request_id);
            let _ = admit.reply.send(Err(CaptureError::Unavailable(message.clone())));
            return;
        }
        self.queue.admit(admit);
        self.advance(context);
    }
}

impl Handler<Reject> for CaptureActor {
    type Result = ();

    fn handle(&mut self, reject: Reject, context: &mut Self::Context) {
        if let Phase::Failing { message, .. } = &self.phase {
            let _ = reject.reply.send(Err(CaptureError::Unavailable(message.clone())));
            return;
        }
        self.queue.reject(reject);
        self.advance(context);
    }
}

impl Handler<Record> for CaptureActor {
    type Result = ();

    fn handle(&mut self, record: Record, context: &mut Self::Context) {
        self.queue.record(record);
        self.advance(context);
    }
}

/// Stops when everything that was told before is committed. For tests and for the end of a drain.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Finish;

impl Handler<Finish> for CaptureActor {
    type Result = ();

    fn handle(&mut self, _: Finish, context: &mut Self::Context) {
        if matches!(self.phase, Phase::Idle) && self.queue.is_empty() {
            context.stop();
        } else {
            context.notify_later(Finish, Duration::from_millis(10));
        }
    }
}
