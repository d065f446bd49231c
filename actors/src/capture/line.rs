//! What waits for one transaction after another: all agents together, or one agent whose account is
//! locked. Pure: no store, no clock.

use std::collections::{HashSet, VecDeque};

use ainfera_schema::{AgentId, RequestId, RoutingOutcome};
use ainfera_store::{Admission, Closing, Extension};
use tokio::sync::oneshot;

use super::CaptureError;
use super::batch::{Asker, Batch, Entries, Extender, Owner, RejectedCaller, tell};

/// More than this in one transaction makes all who are in it wait longer than it saves.
const MAX_BATCH: usize = 500;

/// In the order of arrival, each kind for itself.
#[derive(Default)]
pub(super) struct Line {
    pub extends: VecDeque<(Extension, Extender)>,
    pub admits: VecDeque<(Box<Admission>, Asker)>,
    pub rejects: VecDeque<(Box<RoutingOutcome>, RejectedCaller)>,
    pub records: VecDeque<(Box<Closing>, Owner)>,
    /// Batches that go before everything else: parts of one that failed as a whole.
    pub first: VecDeque<Batch>,
}

impl Line {
    pub fn is_empty(&self) -> bool {
        self.extends.is_empty()
            && self.admits.is_empty()
            && self.rejects.is_empty()
            && self.records.is_empty()
            && self.first.is_empty()
    }

    /// Everything that waits. A record whose admission waits too goes into a later batch: only a
    /// durable admission can be closed. `settling` goes with the batch, or is told at once when
    /// nothing waits.
    pub fn next_batch(&mut self, settling: &mut Vec<oneshot::Sender<()>>) -> Option<Batch> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        let admits = drain(&mut self.admits);
        let opening: HashSet<RequestId> =
            admits.iter().map(|(admission, _)| admission.draft.request_id).collect();
        let (records, later): (Vec<_>, Vec<_>) = drain(&mut self.records)
            .into_iter()
            .partition(|(closing, _)| !opening.contains(&closing.outcome.request_id));
        for record in later.into_iter().rev() {
            self.records.push_front(record);
        }
        let extends = drain(&mut self.extends);
        let entries = Entries {
            extends,
            admits: unboxed(admits),
            rejects: unboxed(drain(&mut self.rejects)),
            records: unboxed(records),
            refusals: Vec::new(),
        };
        let settling = std::mem::take(settling);
        if entries.is_empty() {
            settled(settling);
            return None;
        }
        Some(Batch::of(entries, settling))
    }

    /// Nothing of it was sent: who waits to be let in or to hold more hears now that it will not
    /// be. Returns the calls that were not let in.
    pub fn turn_away(&mut self, message: &str) -> Vec<RequestId> {
        let away = || CaptureError::Unavailable(message.to_owned());
        for (_, extender) in std::mem::take(&mut self.extends) {
            tell(extender.reply, Err(away()));
        }
        let mut refused = Vec::with_capacity(self.admits.len());
        for (admission, asker) in std::mem::take(&mut self.admits) {
            refused.push(admission.draft.request_id);
            tell(asker.reply, Err(away()));
        }
        for (_, caller) in std::mem::take(&mut self.rejects) {
            tell(caller.reply, Err(away()));
        }
        refused
    }

    /// Takes out all that waits for this agent, in its order.
    pub fn take_of(&mut self, agent_id: AgentId) -> Line {
        let mut first = VecDeque::new();
        for batch in std::mem::take(&mut self.first) {
            let (rest, mut parts) = batch.without(&[agent_id].into());
            first.extend(parts.remove(&agent_id));
            if rest.len() > 0 {
                self.first.push_back(rest);
            }
        }
        Line {
            extends: taken(&mut self.extends, |(extension, _)| extension.agent_id == agent_id),
            admits: taken(&mut self.admits, |(admission, _)| admission.draft.agent_id == agent_id),
            rejects: taken(&mut self.rejects, |(outcome, _)| outcome.agent_id == agent_id),
            records: taken(&mut self.records, |(closing, _)| closing.outcome.agent_id == agent_id),
            first,
        }
    }

    /// Takes a failed batch apart; its parts go before everything else, the first of them is
    /// returned.
    pub fn split(&mut self, batch: Batch) -> Batch {
        let mut parts: VecDeque<Batch> = batch.split().collect();
        let first = parts.pop_front().unwrap_or_default();
        parts.append(&mut self.first);
        self.first = parts;
        first
    }
}

pub(super) fn settled(settling: Vec<oneshot::Sender<()>>) {
    for done in settling {
        // nobody waits any more: nothing to do
        let _ = done.send(());
    }
}

fn taken<T>(queue: &mut VecDeque<T>, is_wanted: impl Fn(&T) -> bool) -> VecDeque<T> {
    let (wanted, rest) = std::mem::take(queue).into_iter().partition(is_wanted);
    *queue = rest;
    wanted
}

fn drain<T>(queue: &mut VecDeque<T>) -> Vec<T> {
    let taken = queue.len().min(MAX_BATCH);
    queue.drain(..taken).collect()
}

fn unboxed<T, W>(entries: Vec<(Box<T>, W)>) -> Vec<(T, W)> {
    entries.into_iter().map(|(entry, who)| (*entry, who)).collect()
}
