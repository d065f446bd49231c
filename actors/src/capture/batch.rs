//! One transaction's worth: the rows, and who waits for them. Pure: no store, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ainfera_schema::{AgentId, OutcomeStatus, RoutingOutcome, Usd};
use ainfera_store::{
    Admission, CaptureBatch, Closing, Extended, Extension, Locks, Refused, Sent, Verdict,
};
use tokio::sync::oneshot;

use super::CaptureError;
use crate::gate::Permit;

/// The rows are shared with the store, so that nothing is copied to be kept for a second try.
#[derive(Default)]
pub struct Batch {
    rows: Arc<CaptureBatch>,
    /// One for each extension of the rows, in their order; and so on.
    pub(super) extends: Vec<Extender>,
    pub(super) admits: Vec<Asker>,
    pub(super) rejects: Vec<RejectedCaller>,
    pub(super) records: Vec<Owner>,
    /// Told when this is durable.
    pub(super) settling: Vec<oneshot::Sender<()>>,
    tried_again: bool,
    pub(super) source: Source,
}

/// Where the rows come from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    #[default]
    Calls,
    /// Committed before, and sent again to a server that was promoted.
    Journal,
}

/// What holds for a batch as it is sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub killswitch_daily_usd: Option<Usd>,
    pub locks: Locks,
    /// Which server is meant: see [`CaptureBatch::server_changes`].
    pub server_changes: Option<u64>,
}

/// Who asked is told once; what was asked for may be sent more than once.
#[derive(Default)]
pub(super) struct Asker {
    pub reply: Option<oneshot::Sender<Result<Verdict, CaptureError>>>,
}

/// The owner of a call that needs more, told once.
#[derive(Default)]
pub(super) struct Extender {
    pub reply: Option<oneshot::Sender<Result<Extended, CaptureError>>>,
}

/// The caller of a call that the router rejected.
#[derive(Default)]
pub(super) struct RejectedCaller {
    /// Goes home when the row is durable, or nobody is waiting for it any more.
    pub permit: Option<Permit>,
    pub reply: Option<oneshot::Sender<Result<(), CaptureError>>>,
}

/// What a closed call still holds.
#[derive(Default)]
pub(super) struct Owner {
    /// Goes home when the row is durable: in the store, or in the spool.
    pub permit: Option<Permit>,
    /// Told at the same moment.
    pub durable: Option<oneshot::Sender<()>>,
    pub since_tick: u64,
}

/// Before they are a batch.
#[derive(Default)]
pub(super) struct Entries {
    pub extends: Vec<(Extension, Extender)>,
    pub admits: Vec<(Admission, Asker)>,
    pub rejects: Vec<(RoutingOutcome, RejectedCaller)>,
    pub records: Vec<(Closing, Owner)>,
    /// Of the journal only; nobody waits for them.
    pub refusals: Vec<Refused>,
}

impl Entries {
    pub fn is_empty(&self) -> bool {
        self.refusals.is_empty()
            && self.extends.is_empty()
            && self.admits.is_empty()
            && self.rejects.is_empty()
            && self.records.is_empty()
    }
}

impl Batch {
    pub(super) fn of(entries: Entries, settling: Vec<oneshot::Sender<()>>) -> Self {
        let (extensions, extends) = entries.extends.into_iter().unzip();
        let (admissions, admits) = entries.admits.into_iter().unzip();
        let (rejections, rejects) = entries.rejects.into_iter().unzip();
        let (closings, records) = entries.records.into_iter().unzip();
        let refusals = entries.refusals;
        let rows = CaptureBatch {
            sent: Sent::Never,
            extensions,
            admissions,
            rejections,
            closings,
            refusals,
            ..CaptureBatch::default()
        };
        Self {
            rows: Arc::new(rows),
            extends,
            admits,
            rejects,
            records,
            settling,
            tried_again: false,
            source: Source::Calls,
        }
    }

    /// Waited for by none: all of it was committed before.
    pub(super) fn of_journal(rows: CaptureBatch) -> Self {
        let records = rows.closings.iter().map(|_| Owner::default()).collect();
        let admits = rows.admissions.iter().map(|_| Asker::default()).collect();
        let rejects = rows.rejections.iter().map(|_| RejectedCaller::default()).collect();
        let extends = rows.extensions.iter().map(|_| Extender::default()).collect();
        Self {
            rows: Arc::new(rows),
            extends,
            admits,
            rejects,
            records,
            source: Source::Journal,
            ..Self::default()
        }
    }

    /// The rows, to be kept beside the store's.
    pub(super) fn shared_rows(&self) -> Arc<CaptureBatch> {
        Arc::clone(&self.rows)
    }

    /// What the store is to write, under these terms.
    pub fn rows_under(&mut self, terms: Terms) -> Arc<CaptureBatch> {
        let Terms { killswitch_daily_usd, locks, server_changes } = terms;
        if (self.rows.killswitch_daily_usd, self.rows.locks, self.rows.server_changes)
            != (killswitch_daily_usd, locks, server_changes)
        {
            let rows = Arc::make_mut(&mut self.rows);
            rows.killswitch_daily_usd = killswitch_daily_usd;
            rows.locks = locks;
            rows.server_changes = server_changes;
        }
        Arc::clone(&self.rows)
    }

    /// What the store is to write.
    pub fn rows(&self) -> &CaptureBatch {
        &self.rows
    }

    /// It failed, and an error does not say whether it was committed: the store has to look before
    /// it writes.
    pub fn failed_once(&mut self) {
        Arc::make_mut(&mut self.rows).sent = match self.source {
            Source::Calls => Sent::PerhapsBefore,
            Source::Journal => Sent::ToldAgain,
        };
    }

    /// Nobody knows whether the batch got in, and it will be sent again; those who wait for an
    /// answer get one now. The owner of a call that may be in closes it.
    pub fn doubt(&mut self, message: &str) {
        for extender in &mut self.extends {
            tell(extender.reply.take(), Err(CaptureError::InDoubt(message.to_owned())));
        }
        for asker in &mut self.admits {
            tell(asker.reply.take(), Err(CaptureError::InDoubt(message.to_owned())));
        }
        for caller in &mut self.rejects {
            caller.permit = None;
            tell(caller.reply.take(), Err(CaptureError::InDoubt(message.to_owned())));
        }
    }

    /// One batch for each entry; who waits for all of it waits for the last.
    pub(super) fn split(self) -> impl Iterator<Item = Batch> {
        let Batch { rows, extends, admits, rejects, records, settling, tried_again: _, source } =
            self;
        let rows = Arc::unwrap_or_clone(rows);
        let extends = rows
            .extensions
            .into_iter()
            .zip(extends)
            .map(|one| Entries { extends: vec![one], ..Entries::default() });
        let admits = rows
            .admissions
            .into_iter()
            .zip(admits)
            .map(|one| Entries { admits: vec![one], ..Entries::default() });
        let rejects = rows
            .rejections
            .into_iter()
            .zip(rejects)
            .map(|one| Entries { rejects: vec![one], ..Entries::default() });
        let refusals = rows
            .refusals
            .into_iter()
            .map(|one| Entries { refusals: vec![one], ..Entries::default() });
        let records = rows
            .closings
            .into_iter()
            .zip(records)
            .map(|one| Entries { records: vec![one], ..Entries::default() });
        let entries = extends.chain(admits).chain(rejects).chain(refusals).chain(records);
        let mut parts: Vec<Batch> = entries.map(|entries| Batch::of(entries, Vec::new())).collect();
        for part in &mut parts {
            part.source = source;
            part.failed_once();
        }
        if let Some(last) = parts.last_mut() {
            last.settling = settling;
        }
        parts.into_iter()
    }

    /// Takes out what concerns these agents: beside what is left there is a batch for each of them
    /// that had anything in here.
    pub(super) fn without(self, agents: &BTreeSet<AgentId>) -> (Batch, BTreeMap<AgentId, Batch>) {
        let Batch { rows, extends, admits, rejects, records, settling, tried_again, source } = self;
        let rows = Arc::unwrap_or_clone(rows);
        let sent = rows.sent;
        let mut parts: BTreeMap<Option<AgentId>, Entries> = BTreeMap::new();
        let whose = |agent_id: AgentId| agents.contains(&agent_id).then_some(agent_id);
        for (extension, extender) in rows.extensions.into_iter().zip(extends) {
            parts.entry(whose(extension.agent_id)).or_default().extends.push((extension, extender));
        }
        for (admission, asker) in rows.admissions.into_iter().zip(admits) {
            parts
                .entry(whose(admission.draft.agent_id))
                .or_default()
                .admits
                .push((admission, asker));
        }
        for (outcome, caller) in rows.rejections.into_iter().zip(rejects) {
            parts.entry(whose(outcome.agent_id)).or_default().rejects.push((outcome, caller));
        }
        for refused in rows.refusals {
            parts.entry(whose(refused.draft.agent_id)).or_default().refusals.push(refused);
        }
        for (closing, owner) in rows.closings.into_iter().zip(records) {
            parts
                .entry(whose(closing.outcome.agent_id))
                .or_default()
                .records
                .push((closing, owner));
        }
        let batch = |entries, settling| {
            let mut batch = Batch::of(entries, settling);
            Arc::make_mut(&mut batch.rows).sent = sent;
            batch.tried_again = tried_again;
            batch.source = source;
            batch
        };
        let rest = batch(parts.remove(&None).unwrap_or_default(), settling);
        let parts = parts
            .into_iter()
            .filter_map(|(agent_id, entries)| Some((agent_id?, batch(entries, Vec::new()))))
            .collect();
        (rest, parts)
    }

    /// The calls that this batch closes, with their owners.
    pub(super) fn closed(&self) -> impl Iterator<Item = (&Closing, &Owner)> {
        self.rows.closings.iter().zip(&self.records)
    }

    pub(super) fn closed_mut(&mut self) -> impl Iterator<Item = (&Closing, &mut Owner)> {
        self.rows.closings.iter().zip(&mut self.records)
    }

    /// True once: whoever fails alone for a reason of its own may have met a passing fault of the
    /// store's.
    pub fn has_another_try(&mut self) -> bool {
        !std::mem::replace(&mut self.tried_again, true)
    }

    pub fn is_single(&self) -> bool {
        self.len() == 1
    }

    /// How each call in here ended, for the counters.
    pub fn statuses(&self) -> impl Iterator<Item = OutcomeStatus> {
        let ended =
            self.rows.closings.iter().map(|closing| &closing.outcome).chain(&self.rows.rejections);
        // those of the journal are counted already
        ended.filter(|_| self.source == Source::Calls).filter_map(|outcome| outcome.status)
    }

    /// How many closed calls have an attempt whose usage cannot be true.
    pub fn implausible(&self) -> usize {
        let is_implausible =
            |closing: &&Closing| closing.outcome.attempts.iter().any(|attempt| attempt.implausible);
        self.rows.closings.iter().filter(is_implausible).count()
    }

    pub(super) fn len(&self) -> usize {
        self.extends.len()
            + self.admits.len()
            + self.rejects.len()
            + self.records.len()
            + self.rows.refusals.len()
    }
}

impl Owner {
    /// The call is safe whatever happens now.
    pub fn is_durable(&mut self) {
        self.permit = None;
        if let Some(durable) = self.durable.take() {
            // nobody waits any more: nothing to do
            let _ = durable.send(());
        }
    }
}

pub(super) fn tell<T>(reply: Option<oneshot::Sender<T>>, answer: T) {
    if let Some(reply) = reply {
        // nobody there: who asked has left, and what it owned closes the call
        let _ = reply.send(answer);
    }
}
