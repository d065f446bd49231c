//! CaptureActor: the only one that writes. It gathers admissions, rejections and records while a
//! transaction is under way, and commits all of them in the next one.
//!
//! It runs on the main arbiter, with the store to itself. A record keeps its permit until it is
//! durable. When the store fails, the batch is sent again until it is in, for an error does not say
//! whether it was committed; meanwhile new admissions are refused at once.

pub mod acknowledge;
mod apart;
pub mod batch;
mod booking;
pub mod checkpoint_file;
mod checkpoint_lines;
pub mod checkpointing;
pub mod extend;
pub mod journal;
pub mod killswitch;
pub mod lease;
mod line;
pub mod parting;
mod patience;
mod quarantine;
pub mod queue;
pub mod refused_records;
pub mod replay;
mod settle;
pub mod spool;
pub mod spool_file;
mod spooling;
mod survive;

#[cfg(test)]
mod example;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use ainfera_schema::{AgentId, RoutingOutcome, Usd};
use ainfera_store::{
    Admission, CaptureReply, Locks, StoreError, StoreWriter, StoredAnswer, Verdict,
};
use tokio::sync::oneshot;

use crate::counters::Counters;
use crate::fault_injection::maybe_panic_over;
use crate::gate::{Gate, Permit};
use batch::Batch;
use queue::Queue;
use replay::SharedSpool;
pub use settle::Settle;
use spooling::Spool;

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
    /// Told when the record is durable: in the store, or in the spool. Then it waits for no
    /// company.
    pub durable: Option<oneshot::Sender<()>>,
}

/// Why the store did not take something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Try again in a moment.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// It may be in the store or not: it is sent again until it is, and must be closed.
    #[error("store failed, effect unknown: {0}")]
    InDoubt(String),
    /// It will not take this one.
    #[error("store refused the record: {0}")]
    Refused(String),
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// So that admissions are back within two seconds of the store.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// One bad entry fails with its batch and twice alone. When more fail in a row, it is not the
/// entries.
const FORGIVEN_FAILURES: u32 = 4;

/// How long a record that nobody waits for waits for others. Two transactions for a call are the
/// larger part of what a call costs while few calls come in.
const GATHER_RECORDS: Duration = Duration::from_millis(5);

/// See the module.
pub struct CaptureActor {
    store: Arc<dyn StoreWriter>,
    queue: Queue,
    counters: Arc<Counters>,
    gate: Gate,
    phase: Phase,
    killswitch_daily_usd: Option<Usd>,
    reaper: lease::Reaper,
    /// Records wait for company.
    gathering: bool,
    /// What the store is asked to take: the transaction that runs, or the one that waits to be sent
    /// again.
    under_way: Option<Batch>,
    /// How often batches failed for a reason of their own since the last commit.
    own_failures: u32,
    /// How often a lock was in the way since then that was gone when it was looked for.
    lock_failures: u32,
    spool: Option<Spool>,
    /// The name of this process among those that share the store.
    replica: String,
    journal: journal::Journal,
    checkpointing: Option<checkpointing::Checkpointing>,
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
    pub fn new(store: Arc<dyn StoreWriter>, counters: Arc<Counters>, gate: Gate) -> Self {
        Self {
            store,
            queue: Queue::default(),
            counters,
            gate,
            phase: Phase::Idle,
            killswitch_daily_usd: None,
            reaper: lease::Reaper::default(),
            gathering: false,
            under_way: None,
            own_failures: 0,
            lock_failures: 0,
            spool: None,
            replica: String::new(),
            journal: journal::Journal::default(),
            checkpointing: None,
        }
    }

    /// Records that the store has not taken after `after` are also written to `file`.
    #[must_use]
    pub fn with_spool(mut self, file: SharedSpool, after: Duration) -> Self {
        self.spool = Some(Spool::new(file, after));
        self
    }

    /// What records in quarantine say of where they come from.
    #[must_use]
    pub fn on_replica(mut self, replica: &str) -> Self {
        replica.clone_into(&mut self.replica);
        self
    }

    /// Above this sum of everybody's spending in a UTC day nobody is let in.
    pub fn with_killswitch(mut self, daily_usd: Option<Usd>) -> Self {
        self.killswitch_daily_usd = daily_usd;
        self
    }

    /// Starts the next transaction unless one is under way.
    fn advance(&mut self, context: &mut Context<Self>) {
        if matches!(self.phase, Phase::Idle)
            && !self.make_due_checkpoint(context)
            && let Some(batch) = self.queue.next_batch()
        {
            self.commit(batch, context);
        }
    }

    /// The same after something came in for this agent, which may be set apart.
    fn advance_with(&mut self, agent_id: AgentId, context: &mut Context<Self>) {
        self.advance_apart(agent_id, context);
        self.advance(context);
    }

    /// Nobody waits for this record, so it waits a moment for company: an admission, or a record
    /// that is waited for, takes it along at once.
    fn gather(&mut self, context: &mut Context<Self>) {
        if !self.gathering {
            self.gathering = true;
            context.run_later(GATHER_RECORDS, |actor, context| {
                actor.gathering = false;
                actor.survive(context, Self::advance);
            });
        }
    }

    fn commit(&mut self, mut batch: Batch, context: &mut Context<Self>) {
        if !matches!(self.phase, Phase::Failing { .. }) {
            self.phase = Phase::Committing;
        }
        let store = Arc::clone(&self.store);
        let rows = batch.rows_under(self.terms(Locks::Briefly));
        self.under_way = Some(batch);
        let committed = async move {
            let commit = async {
                rows.request_ids().for_each(|request_id| maybe_panic_over("store", request_id));
                rows.closings.iter().for_each(|closing| {
                    maybe_panic_over("store close", closing.outcome.request_id)
                });
                store.capture_shared(rows).await
            };
            survive::guarded(Box::pin(commit)).await
        };
        context.spawn(committed.into_actor(self).map(|result, actor, context| {
            actor.survive(context, |actor, context| {
                let Some(batch) = actor.under_way.take() else { return };
                match result {
                    Ok(reply) => actor.committed(batch, reply, context),
                    Err(error) => actor.failed(batch, error, context),
                }
            });
        }));
    }

    fn committed(&mut self, batch: Batch, reply: CaptureReply, context: &mut Context<Self>) {
        self.store_answers();
        self.own_failures = 0;
        self.lock_failures = 0;
        self.book(batch, reply, context);
        self.advance(context);
    }

    /// Whatever it answered, the store is there.
    fn store_answers(&mut self) {
        if let Phase::Failing { .. } = self.phase {
            self.counters.store_away.take_one();
            tracing::info!("store is back");
        }
        self.phase = Phase::Idle;
    }

    fn failed(&mut self, mut batch: Batch, error: StoreError, context: &mut Context<Self>) {
        if let StoreError::AnotherServer = error {
            return self.met_another_server(batch, context);
        }
        if let StoreError::Locked { agents } = &error {
            if !agents.is_empty() {
                return self.set_apart(batch, agents, context);
            }
            self.lock_failures += 1;
            if self.lock_failures <= FORGIVEN_FAILURES {
                // by the time it was looked for, the lock was gone
                return self.commit(batch, context);
            }
        }
        self.counters.store_errors.add_one();
        batch.failed_once();
        if error.is_passing() {
            return self.wait_for_store(batch, &error, context);
        }
        if batch.is_single() && !batch.has_another_try() {
            self.refuse_for_good(batch, &error, context);
            self.store_answers();
            self.advance(context);
            return;
        }
        self.own_failures += 1;
        if self.own_failures > FORGIVEN_FAILURES {
            let part = self.queue_apart(batch);
            return self.wait_for_store(part, &error, context);
        }
        tracing::error!(%error, "batch failed for a reason of its own, its parts are tried alone");
        self.store_answers();
        self.phase = Phase::Committing;
        let part = self.queue_apart(batch);
        self.send_after(FIRST_PAUSE, part, context);
    }

    /// The store does not take anything: nobody else is let in until it does.
    fn wait_for_store(
        &mut self,
        mut batch: Batch,
        error: &StoreError,
        context: &mut Context<Self>,
    ) {
        let message = error.to_string();
        let pause = match self.phase {
            Phase::Failing { pause, .. } => (pause * 2).min(LONGEST_PAUSE),
            Phase::Idle | Phase::Committing => {
                self.counters.store_away.add_one();
                tracing::error!(%error, "store failed, admissions are refused until it is back");
                FIRST_PAUSE
            }
        };
        batch.doubt(&message);
        self.queue.turn_away(&message);
        self.phase = Phase::Failing { message, pause };
        self.send_after(pause, batch, context);
    }

    fn queue_apart(&mut self, batch: Batch) -> Batch {
        if batch.is_single() { batch } else { self.queue.split(batch) }
    }

    fn send_after(&mut self, pause: Duration, batch: Batch, context: &mut Context<Self>) {
        self.under_way = Some(batch);
        context.run_later(pause, |actor, context| {
            actor.survive(context, |actor, context| {
                if let Some(batch) = actor.under_way.take() {
                    actor.commit(batch, context);
                }
            });
        });
    }
}

impl Actor for CaptureActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Some(spool) = &self.spool {
            context.run_interval(spool.tick(), |actor, context| {
                actor.survive(context, Self::spool_ripe)
            });
        }
    }

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
        let request_id = admit.admission.draft.request_id;
        let agent_id = admit.admission.draft.agent_id;
        if let Some(message) = self.queue.turned_away(agent_id).map(str::to_owned) {
            self.queue.forget(request_id);
            let _ = admit.reply.send(Err(CaptureError::Unavailable(message)));
            return;
        }
        self.queue.admit(admit);
        self.survive(context, |actor, context| {
            maybe_panic_over("capture admit", request_id);
            actor.advance_with(agent_id, context);
        });
    }
}

impl Handler<Reject> for CaptureActor {
    type Result = ();

    fn handle(&mut self, reject: Reject, context: &mut Self::Context) {
        if let Phase::Failing { message, .. } = &self.phase {
            let _ = reject.reply.send(Err(CaptureError::Unavailable(message.clone())));
            return;
        }
        let (request_id, agent_id) = (reject.outcome.request_id, reject.outcome.agent_id);
        if let Some(message) = self.queue.turned_away(agent_id).map(str::to_owned) {
            let _ = reject.reply.send(Err(CaptureError::Unavailable(message)));
            return;
        }
        self.queue.reject(reject);
        self.survive(context, |actor, context| {
            maybe_panic_over("capture reject", request_id);
            actor.advance_with(agent_id, context);
        });
    }
}

impl Handler<Record> for CaptureActor {
    type Result = ();

    fn handle(&mut self, mut record: Record, context: &mut Self::Context) {
        record.permit.call_is_over();
        let (request_id, is_awaited) = (record.outcome.request_id, record.durable.is_some());
        let agent_id = record.outcome.agent_id;
        self.queue.record(record);
        self.survive(context, |actor, context| {
            maybe_panic_over("capture record", request_id);
            actor.advance_apart(agent_id, context);
            if is_awaited || actor.gate.is_closed() {
                actor.advance(context);
            } else {
                actor.gather(context);
            }
        });
    }
}
