//! What waits for one transaction after another: all agents together, or one agent whose account
//! is locked.

use std::collections::{HashSet, VecDeque};

use ainfera_schema::{AgentId, RequestId, RoutingOutcome};
use ainfera_store::{Admission, Closing, Extension};

use super::batch::{Batch, Entries, Owner};
use super::effect::{Effect, Effects, Reply};
use crate::capture::CaptureError;

/// More than this in one transaction makes all who are in it wait longer than it saves.
const MAX_BATCH: usize = 500;

/// In the order of arrival, each kind for itself.
#[derive(Debug, Clone)]
pub(super) struct Waiting<T> {
    pub extends: VecDeque<(Extension, Option<T>)>,
    pub admits: VecDeque<(Box<Admission>, Option<T>)>,
    pub rejects: VecDeque<(Box<RoutingOutcome>, Option<T>)>,
    pub records: VecDeque<(Box<Closing>, Owner<T>)>,
    /// Batches that go before everything else: parts of one that failed as a whole.
    pub first: VecDeque<Batch<T>>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            extends: VecDeque::new(),
            admits: VecDeque::new(),
            rejects: VecDeque::new(),
            records: VecDeque::new(),
            first: VecDeque::new(),
        }
    }
}

impl<T> Waiting<T> {
    /// Everything that waits. A record whose admission waits too goes into a later batch: only a
    /// durable admission can be closed. `settles` go with the batch; when nothing waits they are
    /// replied to at once.
    pub(super) fn next_batch(
        &mut self,
        settles: &mut Vec<T>,
        effects: &mut Effects<T>,
    ) -> Option<Batch<T>> {
        if let Some(first) = self.take_journal_before(u64::MAX).or_else(|| self.first.pop_front()) {
            return Some(first);
        }
        let admits = drain(&mut self.admits);
        // those that did not fit into this batch included
        let waiting = admits.iter().chain(&self.admits);
        let opening: HashSet<RequestId> =
            waiting.map(|(admission, _)| admission.draft.request_id).collect();
        let records = drain(&mut self.records).into_iter();
        let (records, later): (Vec<_>, Vec<_>) =
            records.partition(|(closing, _)| !opening.contains(&closing.outcome.request_id));
        for record in later.into_iter().rev() {
            self.records.push_front(record);
        }
        let entries = Entries {
            extends: drain(&mut self.extends),
            admits: unboxed(admits),
            rejects: unboxed(drain(&mut self.rejects)),
            records: unboxed(records),
            refusals: Vec::new(),
        };
        let settles = std::mem::take(settles);
        if entries.is_empty() {
            reply_settled(settles, effects);
            return None;
        }
        Some(Batch::of(entries, settles))
    }

    /// What the journal sends again goes before everything else, in the order of the first commits:
    /// calls that are let in and closed now may be on record there.
    pub(super) fn journal_first(&mut self, batch: Batch<T>) -> Batch<T> {
        let number = batch.source.number().unwrap_or(u64::MAX);
        match self.take_journal_before(number) {
            Some(journal) => {
                self.first.push_front(batch);
                journal
            }
            None => batch,
        }
    }

    fn take_journal_before(&mut self, number: u64) -> Option<Batch<T>> {
        let numbers = self.first.iter().enumerate();
        let numbers = numbers.filter_map(|(place, batch)| Some((batch.source.number()?, place)));
        let (_, place) = numbers.filter(|(other, _)| *other < number).min()?;
        self.first.remove(place)
    }

    /// Nothing of it was sent: who waits to be let in or to reserve more hears now that it will
    /// not be. Returns the calls that were not let in.
    pub(super) fn refuse_callers(
        &mut self,
        message: &str,
        effects: &mut Effects<T>,
    ) -> Vec<RequestId> {
        let away = || CaptureError::Unavailable(message.to_owned());
        let extends =
            std::mem::take(&mut self.extends).into_iter().filter_map(|(_, waiter)| waiter);
        effects.extend(extends.map(|waiter| Effect::Reply(waiter, Reply::Extension(Err(away())))));
        let mut refused = Vec::with_capacity(self.admits.len());
        for (admission, waiter) in std::mem::take(&mut self.admits) {
            refused.push(admission.draft.request_id);
            effects
                .extend(waiter.map(|waiter| Effect::Reply(waiter, Reply::Admission(Err(away())))));
        }
        let rejects =
            std::mem::take(&mut self.rejects).into_iter().filter_map(|(_, waiter)| waiter);
        effects.extend(rejects.map(|waiter| Effect::Reply(waiter, Reply::Rejection(Err(away())))));
        refused
    }

    /// Takes out all that waits for this agent, in its order.
    pub(super) fn take_of(&mut self, agent_id: AgentId, effects: &mut Effects<T>) -> Waiting<T> {
        let mut first = VecDeque::new();
        for batch in std::mem::take(&mut self.first) {
            let (rest, mut parts) = batch.without(&[agent_id].into());
            first.extend(parts.remove(&agent_id));
            if rest.len() > 0 {
                self.first.push_back(rest);
            } else {
                // what waits for a locked account is not waited for
                reply_settled(rest.settles, effects);
            }
        }
        Waiting {
            extends: taken(&mut self.extends, |(extension, _)| extension.agent_id == agent_id),
            admits: taken(&mut self.admits, |(admission, _)| admission.draft.agent_id == agent_id),
            rejects: taken(&mut self.rejects, |(outcome, _)| outcome.agent_id == agent_id),
            records: taken(&mut self.records, |(closing, _)| closing.outcome.agent_id == agent_id),
            first,
        }
    }

    /// Takes a failed batch apart; its parts go before everything else, the first of them is
    /// returned.
    pub(super) fn split(&mut self, batch: Batch<T>) -> Option<Batch<T>> {
        let mut parts: VecDeque<Batch<T>> = batch.split().collect();
        let first = parts.pop_front();
        parts.append(&mut self.first);
        self.first = parts;
        first
    }
}

pub(super) fn reply_settled<T>(settles: Vec<T>, effects: &mut Effects<T>) {
    effects.extend(settles.into_iter().map(|waiter| Effect::Reply(waiter, Reply::Settled)));
}

fn taken<E>(queue: &mut VecDeque<E>, is_wanted: impl Fn(&E) -> bool) -> VecDeque<E> {
    let (wanted, rest) = std::mem::take(queue).into_iter().partition(is_wanted);
    *queue = rest;
    wanted
}

fn drain<E>(queue: &mut VecDeque<E>) -> Vec<E> {
    let taken = queue.len().min(MAX_BATCH);
    queue.drain(..taken).collect()
}

fn unboxed<E, W>(entries: Vec<(Box<E>, W)>) -> Vec<(E, W)> {
    entries.into_iter().map(|(entry, who)| (*entry, who)).collect()
}
