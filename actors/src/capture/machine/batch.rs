//! One transaction's worth: the rows, and who waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::{AgentId, OutcomeStatus, RoutingOutcome, Usd};
use ainfera_store::{Admission, CaptureBatch, Closing, Extension, Locks, Refused, Sent};

use super::effect::{Effect, Effects, Reply};
use super::input::Awaited;
use crate::capture::CaptureError;

/// The rows are shared with the store, so that nothing is copied to be kept for a second try.
#[derive(Debug, Clone)]
pub(super) struct Batch<T> {
    rows: Arc<CaptureBatch>,
    /// One for each extension of the rows, in their order; and so on. Each is replied to once,
    /// and what was asked for may be sent more than once.
    pub(super) extends: Vec<Option<T>>,
    pub(super) admits: Vec<Option<T>>,
    pub(super) rejects: Vec<Option<T>>,
    pub(super) records: Vec<Owner<T>>,
    /// Who waits until everything before this is durable.
    pub(super) settles: Vec<T>,
    tried_again: bool,
    pub(super) source: Source,
}

/// What holds for a batch as it is sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub killswitch_daily_usd: Option<Usd>,
    pub locks: Locks,
    /// Which server is meant: see [`CaptureBatch::server_changes`].
    pub server_changes: Option<u64>,
}

/// Where the rows come from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    #[default]
    Calls,
    /// Committed before, as the commit of this number, and sent again to a server that was
    /// promoted.
    Journal { number: u64 },
}

impl Source {
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Source::Calls => None,
            Source::Journal { number } => Some(number),
        }
    }
}

/// The owner of a call that is over.
#[derive(Debug, Clone, Hash)]
pub(super) struct Owner<T> {
    /// Replied to when the record is durable: in the store, or in the spool.
    pub waiter: Option<T>,
    pub awaited: Awaited,
    /// When the record came.
    pub since: Duration,
}

/// Before they are a batch.
#[derive(Debug)]
pub(super) struct Entries<T> {
    pub extends: Vec<(Extension, Option<T>)>,
    pub admits: Vec<(Admission, Option<T>)>,
    pub rejects: Vec<(RoutingOutcome, Option<T>)>,
    pub records: Vec<(Closing, Owner<T>)>,
    /// Of the journal only; nobody waits for them.
    pub refusals: Vec<Refused>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self {
            extends: Vec::new(),
            admits: Vec::new(),
            rejects: Vec::new(),
            records: Vec::new(),
            refusals: Vec::new(),
        }
    }
}

impl<T> Entries<T> {
    pub(super) fn is_empty(&self) -> bool {
        let Self { extends, admits, rejects, records, refusals } = self;
        let no_callers = extends.is_empty() && admits.is_empty() && rejects.is_empty();
        no_callers && records.is_empty() && refusals.is_empty()
    }
}

impl<T> Batch<T> {
    pub(super) fn of(entries: Entries<T>, settles: Vec<T>) -> Self {
        let (extensions, extends) = entries.extends.into_iter().unzip();
        let (admissions, admits) = entries.admits.into_iter().unzip();
        let (rejections, rejects) = entries.rejects.into_iter().unzip();
        let (closings, records) = entries.records.into_iter().unzip();
        let rows = CaptureBatch {
            sent: Sent::Never,
            extensions,
            admissions,
            rejections,
            closings,
            refusals: entries.refusals,
            ..CaptureBatch::default()
        };
        Self {
            rows: Arc::new(rows),
            extends,
            admits,
            rejects,
            records,
            settles,
            tried_again: false,
            source: Source::Calls,
        }
    }

    /// Waited for by nobody: all of it was committed before.
    pub(super) fn of_journal(rows: CaptureBatch, number: u64) -> Self {
        let owner = |_: &Closing| Owner {
            waiter: None,
            awaited: Awaited::ByNoClient,
            since: Duration::ZERO,
        };
        Self {
            records: rows.closings.iter().map(owner).collect(),
            admits: rows.admissions.iter().map(|_| None).collect(),
            rejects: rows.rejections.iter().map(|_| None).collect(),
            extends: rows.extensions.iter().map(|_| None).collect(),
            settles: Vec::new(),
            rows: Arc::new(rows),
            tried_again: false,
            source: Source::Journal { number },
        }
    }

    /// The rows, to be kept beside the store's.
    pub(super) fn shared_rows(&self) -> Arc<CaptureBatch> {
        Arc::clone(&self.rows)
    }

    /// What the store is to write, under these terms.
    pub(super) fn rows_under(&mut self, terms: Terms) -> Arc<CaptureBatch> {
        let Terms { killswitch_daily_usd, locks, server_changes } = terms;
        let rows = &self.rows;
        if (rows.killswitch_daily_usd, rows.locks, rows.server_changes)
            != (killswitch_daily_usd, locks, server_changes)
        {
            let rows = Arc::make_mut(&mut self.rows);
            (rows.killswitch_daily_usd, rows.locks) = (killswitch_daily_usd, locks);
            rows.server_changes = server_changes;
        }
        Arc::clone(&self.rows)
    }

    /// What the store is to write.
    pub(super) fn rows(&self) -> &CaptureBatch {
        &self.rows
    }

    /// Perhaps it was committed: the store has to look before it writes.
    pub(super) fn may_be_stored(&mut self) {
        Arc::make_mut(&mut self.rows).sent = match self.source {
            Source::Calls => Sent::PerhapsBefore,
            Source::Journal { .. } => Sent::ToldAgain,
        };
    }

    /// Nobody knows whether the batch got in, and it is sent again. Who waits for an answer gets
    /// one now; the owner of a call that may be in closes it.
    pub(super) fn reply_in_doubt(&mut self, message: &str, effects: &mut Effects<T>) {
        let doubt = || CaptureError::InDoubt(message.to_owned());
        let extends = self.extends.iter_mut().filter_map(Option::take);
        effects.extend(extends.map(|waiter| Effect::Reply(waiter, Reply::Extension(Err(doubt())))));
        let admits = self.admits.iter_mut().filter_map(Option::take);
        effects.extend(admits.map(|waiter| Effect::Reply(waiter, Reply::Admission(Err(doubt())))));
        let rejects = self.rejects.iter_mut().filter_map(Option::take);
        effects.extend(rejects.map(|waiter| Effect::Reply(waiter, Reply::Rejection(Err(doubt())))));
    }

    /// One batch for each entry; who waits for all of it waits for the last.
    pub(super) fn split(self) -> impl Iterator<Item = Batch<T>> {
        let Batch { rows, extends, admits, rejects, records, settles, source, .. } = self;
        let rows = Arc::unwrap_or_clone(rows);
        let entries = Entries::default;
        let extends = rows.extensions.into_iter().zip(extends);
        let extends = extends.map(|one| Entries { extends: vec![one], ..entries() });
        let admits = rows.admissions.into_iter().zip(admits);
        let admits = admits.map(|one| Entries { admits: vec![one], ..entries() });
        let rejects = rows.rejections.into_iter().zip(rejects);
        let rejects = rejects.map(|one| Entries { rejects: vec![one], ..entries() });
        let records = rows.closings.into_iter().zip(records);
        let records = records.map(|one| Entries { records: vec![one], ..entries() });
        let refusals = rows.refusals.into_iter();
        let refusals = refusals.map(|one| Entries { refusals: vec![one], ..entries() });
        let all = extends.chain(admits).chain(rejects).chain(refusals).chain(records);
        let mut parts: Vec<Batch<T>> = all.map(|entries| Batch::of(entries, Vec::new())).collect();
        for part in &mut parts {
            part.source = source;
            part.may_be_stored();
        }
        if let Some(last) = parts.last_mut() {
            last.settles = settles;
        }
        parts.into_iter()
    }

    /// Takes out what concerns these agents: beside what is left there is a batch for each of them
    /// that had anything in here.
    pub(super) fn without(
        self,
        agents: &BTreeSet<AgentId>,
    ) -> (Batch<T>, BTreeMap<AgentId, Batch<T>>) {
        let Batch { rows, extends, admits, rejects, records, settles, tried_again, source } = self;
        let rows = Arc::unwrap_or_clone(rows);
        let sent = rows.sent;
        let mut parts: BTreeMap<Option<AgentId>, Entries<T>> = BTreeMap::new();
        let whose = |agent_id: AgentId| agents.contains(&agent_id).then_some(agent_id);
        for (extension, waiter) in rows.extensions.into_iter().zip(extends) {
            parts.entry(whose(extension.agent_id)).or_default().extends.push((extension, waiter));
        }
        for (admission, waiter) in rows.admissions.into_iter().zip(admits) {
            parts
                .entry(whose(admission.draft.agent_id))
                .or_default()
                .admits
                .push((admission, waiter));
        }
        for (outcome, waiter) in rows.rejections.into_iter().zip(rejects) {
            parts.entry(whose(outcome.agent_id)).or_default().rejects.push((outcome, waiter));
        }
        for refused in rows.refusals {
            let whose = whose(refused.draft.agent_id);
            parts.entry(whose).or_default().refusals.push(refused);
        }
        for (closing, owner) in rows.closings.into_iter().zip(records) {
            let whose = whose(closing.outcome.agent_id);
            parts.entry(whose).or_default().records.push((closing, owner));
        }
        let batch = |entries, settles| {
            let mut batch = Batch::of(entries, settles);
            Arc::make_mut(&mut batch.rows).sent = sent;
            (batch.tried_again, batch.source) = (tried_again, source);
            batch
        };
        let rest = batch(parts.remove(&None).unwrap_or_default(), settles);
        let parts = parts.into_iter();
        let parts =
            parts.filter_map(|(agent_id, entries)| Some((agent_id?, batch(entries, Vec::new()))));
        (rest, parts.collect())
    }

    /// The calls that this batch closes, with their owners.
    pub(super) fn closed(&self) -> impl Iterator<Item = (&Closing, &Owner<T>)> {
        self.rows.closings.iter().zip(&self.records)
    }

    pub(super) fn closed_mut(&mut self) -> impl Iterator<Item = (&Closing, &mut Owner<T>)> {
        self.rows.closings.iter().zip(&mut self.records)
    }

    /// True once: whoever fails alone for a reason of its own may have met a passing fault of the
    /// store.
    pub(super) fn has_another_try(&mut self) -> bool {
        !std::mem::replace(&mut self.tried_again, true)
    }

    pub(super) fn was_tried_again(&self) -> bool {
        self.tried_again
    }

    pub(super) fn is_single(&self) -> bool {
        self.len() == 1
    }

    /// How each call in here ended, for the counters.
    pub(super) fn statuses(&self) -> impl Iterator<Item = OutcomeStatus> {
        let closed = self.rows.closings.iter().map(|closing| &closing.outcome);
        closed.chain(&self.rows.rejections).filter_map(|outcome| outcome.status)
    }

    /// How many closed calls have an attempt whose usage cannot be true.
    pub(super) fn implausible(&self) -> usize {
        let is_implausible =
            |closing: &&Closing| closing.outcome.attempts.iter().any(|attempt| attempt.implausible);
        self.rows.closings.iter().filter(is_implausible).count()
    }

    pub(super) fn len(&self) -> usize {
        let asked = self.extends.len() + self.admits.len() + self.rejects.len();
        asked + self.records.len() + self.rows.refusals.len()
    }
}

impl<T> Owner<T> {
    /// The call is safe whatever happens now.
    pub(super) fn reply_durable(&mut self, effects: &mut Effects<T>) {
        let waiter = self.waiter.take();
        effects.extend(waiter.map(|waiter| Effect::Reply(waiter, Reply::Durable)));
    }
}
