//! When the store does not take what is closed: it waits in a file too, fsynced, until it does.

use std::collections::BTreeSet;
use std::time::Duration;

use ainfera_schema::RequestId;

use super::effect::{Disk, Effect, Effects, Metric, Timer};
use super::input::FileWrite;
use super::log_event::{CallEvent, LogEvent};
use super::queue::SpoolAge;
use super::{CaptureMachine, GateState, Phase};
use crate::capture::spool;

/// How often records are looked at in the time after which they are spooled.
const CHECKS: u32 = 8;

/// Where records wait that the store does not take.
#[derive(Debug, Clone, Hash)]
pub(super) struct Spool {
    after: Duration,
    pub work: SpoolWork,
    pub content: SpoolContent,
    disk: Disk,
}

/// One write at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum SpoolWork {
    None,
    Appending(BTreeSet<RequestId>),
    Clearing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SpoolContent {
    Nothing,
    PerhapsLines,
}

impl Spool {
    pub(super) fn new(after: Duration) -> Self {
        Self { after, work: SpoolWork::None, content: SpoolContent::Nothing, disk: Disk::Writable }
    }

    pub(super) fn start_check<T>(&self, effects: &mut Effects<T>) {
        effects.push(Effect::Start { timer: Timer::SpoolCheck, after: self.after / CHECKS });
    }
}

impl<T> CaptureMachine<T> {
    /// Writes what has waited for long, or while the process stops what waits at all.
    pub(super) fn check_spool(&mut self, effects: &mut Effects<T>) {
        let Some(spool) = &self.spool else { return };
        spool.start_check(effects);
        if spool.work != SpoolWork::None {
            return;
        }
        let after = spool.after;
        let age = match (&self.phase, self.gate) {
            (Phase::Idle, _) if !self.queue.has_locked() => return,
            (Phase::Failing { .. }, GateState::Closed) => SpoolAge::all(Duration::ZERO),
            // a client waits for its last word, and it is known that the store does not take it
            (Phase::Failing { .. }, GateState::Open) => {
                SpoolAge { awaited: after / CHECKS, others: after }
            }
            // in the first case for what waits for a lock
            (Phase::Idle | Phase::Committing, _) => SpoolAge::all(after),
        };
        let (mut lines, mut request_ids) = (Vec::new(), BTreeSet::new());
        for closing in self.queue.overdue(self.under_way.as_ref(), age, self.now) {
            let request_id = closing.outcome.request_id;
            match spool::encode(closing, &mut lines) {
                Ok(()) => drop(request_ids.insert(request_id)),
                Err(error) => {
                    let event = CallEvent::CannotBeSpooled { error: error.to_string() };
                    effects.push(Effect::Log(LogEvent::Call { request_id, event }));
                }
            }
        }
        if let Some(spool) = self.spool.as_mut().filter(|_| !request_ids.is_empty()) {
            spool.content = SpoolContent::PerhapsLines;
            spool.work = SpoolWork::Appending(request_ids);
            effects.push(Effect::AppendToSpool { lines });
        }
    }

    pub(super) fn spool_appended(&mut self, write: FileWrite, effects: &mut Effects<T>) {
        let Some(spool) = &mut self.spool else { return };
        let work = std::mem::replace(&mut spool.work, SpoolWork::None);
        let disk = if write == FileWrite::Durable { Disk::Writable } else { Disk::Unwritable };
        let disk_before = std::mem::replace(&mut spool.disk, disk);
        effects.push(Effect::Count(Metric::SpoolDisk(disk)));
        match (work, write) {
            (SpoolWork::Appending(request_ids), FileWrite::Durable) => {
                effects.push(Effect::Log(LogEvent::Spooled { calls: request_ids.len() }));
                self.queue.spooled(self.under_way.as_mut(), &request_ids, effects);
                effects.push(Effect::Count(Metric::Spooled(self.queue.only_spooled() as u64)));
            }
            // it is tried again very soon, and told once
            (_, FileWrite::Failed(error)) if disk_before == Disk::Writable => {
                effects.push(Effect::Log(LogEvent::SpoolCannotBeWritten { error }));
            }
            _ => {}
        }
        self.clear_spool(effects);
    }

    /// Empties the spool once all that is in it is in the store too.
    pub(super) fn clear_spool(&mut self, effects: &mut Effects<T>) {
        let is_used = |spool: &&mut Spool| spool.content == SpoolContent::PerhapsLines;
        let Some(spool) = self.spool.as_mut().filter(is_used) else { return };
        if spool.work != SpoolWork::None {
            return;
        }
        effects.push(Effect::Count(Metric::Spooled(self.queue.only_spooled() as u64)));
        if self.queue.only_spooled() > 0 {
            return;
        }
        (spool.work, spool.content) = (SpoolWork::Clearing, SpoolContent::Nothing);
        effects.push(Effect::ClearSpool);
    }

    /// Where it could not be emptied, what is in it is replayed at the next start, and finds
    /// itself in the store.
    pub(super) fn spool_cleared(&mut self) {
        if let Some(spool) = &mut self.spool {
            spool.work = SpoolWork::None;
        }
    }
}
