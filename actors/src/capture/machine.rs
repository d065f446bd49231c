//! Everything that CaptureActor decides: what is committed when and together with what, and what
//! follows a commit, a failure, a lock, a panic or a promoted standby.
//!
//! It does nothing itself. It is told what happened ([`Input`]) and the time, and says what is to
//! be done ([`Effect`]); so tests can take it through histories that no real store could be made
//! to show. `T` stands for whoever waits for a reply.

mod batch;
mod checkpoint;
mod committed;
pub mod effect;
mod failed;
mod identity;
pub mod input;
mod journal;
mod lane;
mod locked;
mod locked_commit;
pub mod log_event;
mod quarantine;
mod queue;
mod spooling;
mod start;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ainfera_schema::{AgentId, RoutingOutcome, Usd};
use ainfera_store::{Admission, Closing, Extension, Locks};

use super::CaptureError;
use crate::fault_injection::maybe_panic_over;
use batch::{Batch, Owner};
pub use checkpoint::CheckpointFiles;
use checkpoint::Checkpointing;
pub use effect::{Disk, Effect, Effects, Lane, Metric, Reply, SpoolName, Timer};
pub use input::{Awaited, FileWrite, Input};
use journal::Journal;
pub use log_event::{CallEvent, LogEvent, StartEvent};
use quarantine::Quarantining;
use queue::Queue;
use spooling::Spool;
use start::Starting;

/// Before a batch that failed is sent again, the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How long a record that nobody waits for waits for others. Two transactions for a call are the
/// larger part of what a call costs while few calls come in.
const LINGER: Duration = Duration::from_millis(5);

/// See the module.
#[derive(Debug, Clone)]
pub struct CaptureMachine<T> {
    queue: Queue<T>,
    phase: Phase,
    killswitch_daily_usd: Option<Usd>,
    linger: Linger,
    gate: GateState,
    /// What the store is asked to take in the shared lane, or what waits to be sent again.
    under_way: Option<Batch<T>>,
    /// How often batches failed for a reason of their own since the last commit.
    own_failures: u32,
    /// How often a lock was in the way since then that was gone when it was looked for.
    lock_failures: u32,
    /// Records that the store refused, until they are kept elsewhere.
    quarantining: Vec<Quarantining<T>>,
    /// The name of this process among those that share the store.
    replica: String,
    spool: Option<Spool>,
    /// None for a store that no standby can take over.
    journal: Option<Journal>,
    checkpointing: Option<Checkpointing>,
    reaper: Reaper,
    starting: Option<Starting<T>>,
    now: Duration,
}

/// Of the shared lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    Committing,
    /// The store failed; the batch is sent again after a pause.
    Failing {
        message: String,
        pause: Duration,
    },
}

/// Whether records wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Linger {
    No,
    UntilTimer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum GateState {
    Open,
    Closed,
}

/// Whether a reaper is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reaper {
    Idle,
    AtWork,
}

impl<T> Default for CaptureMachine<T> {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
            phase: Phase::Idle,
            killswitch_daily_usd: None,
            linger: Linger::No,
            gate: GateState::Open,
            under_way: None,
            own_failures: 0,
            lock_failures: 0,
            quarantining: Vec::new(),
            replica: String::new(),
            spool: None,
            journal: None,
            checkpointing: None,
            reaper: Reaper::Idle,
            starting: None,
            now: Duration::ZERO,
        }
    }
}

impl<T> CaptureMachine<T> {
    /// Records that the store has not taken after `after` are written to a spool, too.
    pub fn use_spool(&mut self, after: Duration, effects: &mut Effects<T>) {
        let spool = self.spool.insert(Spool::new(after));
        spool.start_check(effects);
    }

    /// A standby may take the store over, and lack what was committed last.
    pub fn use_journal(&mut self) {
        self.journal = Some(Journal::default());
    }

    /// The heads of all chains are signed when that is due.
    pub fn use_checkpoints(&mut self, files: CheckpointFiles) {
        self.checkpointing = Some(Checkpointing::new(files));
    }

    /// Something happened at `now`, a time that only goes forward.
    pub fn on(&mut self, input: Input<T>, now: Duration, effects: &mut Effects<T>) {
        self.now = now;
        match input {
            Input::Admit { admission, waiter } => self.admit(admission, waiter, effects),
            Input::Reject { outcome, waiter } => self.reject(outcome, waiter, effects),
            Input::Extend { extension, waiter } => self.extend(extension, waiter, effects),
            Input::Record { closing, waiter, awaited } => {
                self.record(closing, waiter, awaited, effects)
            }
            Input::Settle { waiter } => {
                self.queue.settle(waiter);
                self.advance(effects);
            }
            Input::KillSwitch { daily_usd } => self.killswitch_daily_usd = daily_usd,
            Input::GateClosed => {
                self.gate = GateState::Closed;
                self.advance(effects);
            }
            Input::Committed { lane, reply, server } => {
                self.committed(lane, reply, server, effects)
            }
            Input::Failed { lane, error, server } => self.failed(lane, error, server, effects),
            Input::ServerSeen { changes } => self.server_seen(changes, effects),
            Input::Timer(timer) => self.timer(timer, effects),
            Input::SpoolAppended(write) => self.spool_appended(write, effects),
            Input::SpoolCleared => self.spool_cleared(),
            Input::Quarantined { request_id } => self.quarantined(request_id, effects),
            Input::CheckpointDue => self.checkpoint_due(effects),
            Input::Checkpointed(result) => self.checkpointed(result, effects),
            Input::CheckpointFilesWritten => self.checkpoint_files_written(),
            Input::ReapDue { boot_id, lease } => self.reap_due(boot_id, lease, effects),
            Input::Reaped(result) => self.reaped(result, effects),
            Input::StartBoot { boot_id, replica, spools, waiter } => {
                self.replica = replica;
                self.start_boot(Starting::new(boot_id, spools, waiter), effects);
            }
            Input::SpoolRead { spool, result } => self.spool_read(spool, result, effects),
            Input::RefusedRecordsOffered(result) => self.refused_records_offered(result, effects),
            Input::SpoolReplayed(result) => self.spool_replayed(result, effects),
            Input::BootBegun(result) => self.boot_begun(result, effects),
            Input::Panicked => self.panicked(effects),
        }
    }

    fn admit(&mut self, admission: Box<Admission>, waiter: T, effects: &mut Effects<T>) {
        let (request_id, agent_id) = (admission.draft.request_id, admission.draft.agent_id);
        if let Some(away) = self.unavailable(agent_id) {
            self.queue.discard_record_of(request_id, effects);
            return effects.push(Effect::Reply(waiter, Reply::Admission(Err(away))));
        }
        self.queue.admit(admission, waiter);
        maybe_panic_over("capture admit", request_id);
        self.advance_with(agent_id, effects);
    }

    fn reject(&mut self, outcome: Box<RoutingOutcome>, waiter: T, effects: &mut Effects<T>) {
        let (request_id, agent_id) = (outcome.request_id, outcome.agent_id);
        if let Some(away) = self.unavailable(agent_id) {
            return effects.push(Effect::Reply(waiter, Reply::Rejection(Err(away))));
        }
        self.queue.reject(outcome, waiter);
        maybe_panic_over("capture reject", request_id);
        self.advance_with(agent_id, effects);
    }

    fn extend(&mut self, extension: Extension, waiter: T, effects: &mut Effects<T>) {
        let agent_id = extension.agent_id;
        if let Some(away) = self.unavailable(agent_id) {
            return effects.push(Effect::Reply(waiter, Reply::Extension(Err(away))));
        }
        self.queue.extend(extension, waiter);
        self.advance_with(agent_id, effects);
    }

    /// A record is taken whatever the store does.
    fn record(
        &mut self,
        closing: Box<Closing>,
        waiter: T,
        awaited: Awaited,
        effects: &mut Effects<T>,
    ) {
        let (request_id, agent_id) = (closing.outcome.request_id, closing.outcome.agent_id);
        let owner = Owner { waiter: Some(waiter), awaited, since: self.now };
        self.queue.record(closing, owner, effects);
        maybe_panic_over("capture record", request_id);
        self.advance_locked(agent_id, effects);
        match (awaited, self.gate) {
            (Awaited::ByClient, _) | (_, GateState::Closed) => self.advance(effects),
            (Awaited::ByNoClient, GateState::Open) => self.start_linger(effects),
        }
    }

    /// Why nothing of this agent is let in, if that is so.
    fn unavailable(&self, agent_id: AgentId) -> Option<CaptureError> {
        let message = match &self.phase {
            Phase::Failing { message, .. } => message,
            Phase::Idle | Phase::Committing => self.queue.refusing(agent_id)?,
        };
        Some(CaptureError::Unavailable(message.to_owned()))
    }

    /// Nobody waits for this record, so it waits a moment for others: an admission, or a record
    /// that is waited for, takes it along at once.
    fn start_linger(&mut self, effects: &mut Effects<T>) {
        if self.linger == Linger::No {
            self.linger = Linger::UntilTimer;
            effects.push(Effect::Start { timer: Timer::Linger, after: LINGER });
        }
    }

    fn timer(&mut self, timer: Timer, effects: &mut Effects<T>) {
        match timer {
            Timer::Linger => {
                self.linger = Linger::No;
                self.advance(effects);
            }
            Timer::Retry => {
                if let Some(batch) = self.under_way.take() {
                    self.commit(batch, effects);
                }
            }
            Timer::RetryLocked(agent_id) => {
                self.queue.set_pause(agent_id, locked::Pause::None);
                self.advance_locked(agent_id, effects);
            }
            Timer::SpoolCheck => self.check_spool(effects),
            Timer::Recover => {
                self.advance(effects);
                self.advance_all_locked(effects);
            }
        }
    }

    /// Starts the next transaction of the shared lane unless one is under way.
    fn advance(&mut self, effects: &mut Effects<T>) {
        if self.phase != Phase::Idle || self.starting.is_some() || self.begin_checkpoint(effects) {
            return;
        }
        if let Some(batch) = self.queue.next_batch(effects) {
            self.commit(batch, effects);
        }
    }

    /// The same after something came in for this agent, which may have a lane of its own.
    fn advance_with(&mut self, agent_id: AgentId, effects: &mut Effects<T>) {
        self.advance_locked(agent_id, effects);
        self.advance(effects);
    }

    fn commit(&mut self, batch: Batch<T>, effects: &mut Effects<T>) {
        let mut batch = self.queue.shared.journal_first(batch);
        if self.phase == Phase::Idle {
            self.phase = Phase::Committing;
        }
        let rows = batch.rows_under(self.terms(Locks::Briefly));
        self.under_way = Some(batch);
        effects.push(Effect::Commit { lane: Lane::Shared, rows });
    }

    /// The queue is whole whatever panicked: its methods move an entry from one place to another
    /// in one step.
    fn panicked(&mut self, effects: &mut Effects<T>) {
        effects.extend([Effect::Count(Metric::Panic), Effect::Log(LogEvent::Panicked)]);
        if self.under_way.is_none() && !self.is_checkpointing() {
            // it was about to begin a transaction, or had just ended one
            self.phase = Phase::Idle;
        }
        effects.push(Effect::Start { timer: Timer::Recover, after: FIRST_PAUSE });
    }
}
