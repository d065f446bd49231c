//! What waits for the next transaction, and who waits for it.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use ainfera_schema::{AgentId, RequestId, RoutingOutcome};
use ainfera_store::{Admission, CaptureReply, Closing, Extension, Verdict};

use super::batch::{Batch, Owner};
use super::effect::{Effect, Effects, Reply};
use super::input::Awaited;
use super::lane::{Waiting, reply_settled};
use super::locked::LockedLane;
use crate::capture::CaptureError;

/// How many refused calls are remembered: far more than can be in flight at once.
const REMEMBERED_REFUSALS: usize = 65_536;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Queue<T> {
    /// All agents but those with a lane of their own.
    pub(super) shared: Waiting<T>,
    pub(super) locked: BTreeMap<AgentId, LockedLane<T>>,
    /// Calls that were refused or turned away. Should their record come all the same, from an
    /// owner that went before it heard, it means nothing.
    pub(super) refused: HashSet<RequestId>,
    /// The same, oldest first, to forget them in time.
    refused_order: VecDeque<RequestId>,
    /// Calls that are in the spool and not yet in the store.
    pub(super) spooled: HashSet<RequestId>,
    /// Who waits until all that is here now is durable.
    pub(super) settles: Vec<T>,
}

/// How long a record waits before it is written to the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpoolAge {
    /// Where a client's last word waits for it.
    pub awaited: Duration,
    pub others: Duration,
}

impl SpoolAge {
    pub(super) fn all(age: Duration) -> Self {
        Self { awaited: age, others: age }
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            shared: Waiting::default(),
            locked: BTreeMap::new(),
            refused: HashSet::new(),
            refused_order: VecDeque::new(),
            spooled: HashSet::new(),
            settles: Vec::new(),
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn extend(&mut self, extension: Extension, waiter: T) {
        self.waiting_of(extension.agent_id).extends.push_back((extension, Some(waiter)));
    }

    pub(super) fn admit(&mut self, admission: Box<Admission>, waiter: T) {
        self.waiting_of(admission.draft.agent_id).admits.push_back((admission, Some(waiter)));
    }

    pub(super) fn reject(&mut self, outcome: Box<RoutingOutcome>, waiter: T) {
        self.waiting_of(outcome.agent_id).rejects.push_back((outcome, Some(waiter)));
    }

    pub(super) fn record(
        &mut self,
        closing: Box<Closing>,
        owner: Owner<T>,
        effects: &mut Effects<T>,
    ) {
        if self.refused.contains(&closing.outcome.request_id) {
            reply_never_durable(owner, effects);
        } else {
            self.waiting_of(closing.outcome.agent_id).records.push_back((closing, owner));
        }
    }

    /// Records that have waited for long and are not in the spool, those of the batch that is
    /// under way included.
    pub(super) fn overdue<'q>(
        &'q self,
        under_way: Option<&'q Batch<T>>,
        age: SpoolAge,
        now: Duration,
    ) -> impl Iterator<Item = &'q Closing> {
        let locked = self.locked.values();
        let lanes =
            || std::iter::once(&self.shared).chain(self.locked.values().map(|lane| &lane.waiting));
        let sent = under_way.into_iter().chain(locked.filter_map(|lane| lane.under_way.as_ref()));
        let batches = lanes().flat_map(|waiting| &waiting.first).chain(sent);
        let waiting = lanes()
            .flat_map(|waiting| &waiting.records)
            .map(|(closing, owner)| (&**closing, owner));
        let records = waiting.chain(batches.flat_map(Batch::closed));
        let overdue = records.filter(move |(closing, owner)| {
            let age = match owner.awaited {
                Awaited::ByClient => age.awaited,
                Awaited::ByNoClient => age.others,
            };
            // nobody owns what the journal sends again: it was durable before
            let is_owned = owner.waiter.is_some();
            is_owned
                && owner.since + age <= now
                && !self.spooled.contains(&closing.outcome.request_id)
        });
        overdue.map(|(closing, _)| closing)
    }

    /// These are in the spool now. One that reached the store in the meantime is left alone.
    pub(super) fn spooled(
        &mut self,
        under_way: Option<&mut Batch<T>>,
        request_ids: &BTreeSet<RequestId>,
        effects: &mut Effects<T>,
    ) {
        let mut spooled = |closing: &Closing, owner: &mut Owner<T>| {
            let request_id = closing.outcome.request_id;
            if request_ids.contains(&request_id) {
                owner.reply_durable(effects);
                self.spooled.insert(request_id);
            }
        };
        let mut batches: Vec<&mut Batch<T>> = under_way.into_iter().collect();
        let mut lanes = vec![&mut self.shared];
        for lane in self.locked.values_mut() {
            batches.extend(&mut lane.under_way);
            lanes.push(&mut lane.waiting);
        }
        for waiting in lanes {
            waiting.records.iter_mut().for_each(|(closing, owner)| spooled(closing, owner));
            batches.extend(&mut waiting.first);
        }
        for batch in batches {
            batch.closed_mut().for_each(|(closing, owner)| spooled(closing, owner));
        }
    }

    /// How many calls are in the spool only.
    pub(super) fn only_spooled(&self) -> usize {
        self.spooled.len()
    }

    /// This call was not admitted: a record of it, waiting or still to come, means nothing.
    pub(super) fn discard_record_of(&mut self, request_id: RequestId, effects: &mut Effects<T>) {
        let locked = self.locked.values_mut().map(|lane| &mut lane.waiting.records);
        for records in std::iter::once(&mut self.shared.records).chain(locked) {
            if let Some(at) =
                records.iter().position(|(closing, _)| closing.outcome.request_id == request_id)
                && let Some((_, owner)) = records.remove(at)
            {
                reply_never_durable(owner, effects);
            }
        }
        self.spooled.remove(&request_id);
        self.refused.insert(request_id);
        self.refused_order.push_back(request_id);
        if self.refused_order.len() > REMEMBERED_REFUSALS
            && let Some(oldest) = self.refused_order.pop_front()
        {
            self.refused.remove(&oldest);
        }
    }

    /// The store is away: whoever still waits to be let in or to reserve more hears it now, for
    /// nothing of it was sent.
    pub(super) fn refuse_callers(&mut self, message: &str, effects: &mut Effects<T>) {
        let mut refused = self.shared.refuse_callers(message, effects);
        for lane in self.locked.values_mut() {
            refused.extend(lane.waiting.refuse_callers(message, effects));
        }
        refused.into_iter().for_each(|request_id| self.discard_record_of(request_id, effects));
    }

    /// `waiter` waits until everything that came before is durable. To be followed by a look for
    /// the next batch.
    pub(super) fn settle(&mut self, waiter: T) {
        self.settles.push(waiter);
    }

    /// Everything that waits in the shared lane.
    pub(super) fn next_batch(&mut self, effects: &mut Effects<T>) -> Option<Batch<T>> {
        self.shared.next_batch(&mut self.settles, effects)
    }

    /// The batch is durable: everybody who waits is replied to.
    pub(super) fn done(
        &mut self,
        mut batch: Batch<T>,
        reply: CaptureReply,
        effects: &mut Effects<T>,
    ) {
        let extends = std::mem::take(&mut batch.extends).into_iter();
        for (waiter, (_, extended)) in extends.zip(reply.extended) {
            effects
                .extend(waiter.map(|waiter| Effect::Reply(waiter, Reply::Extension(Ok(extended)))));
        }
        let admits = std::mem::take(&mut batch.admits).into_iter();
        for (waiter, (request_id, verdict)) in admits.zip(reply.verdicts) {
            if let Verdict::Refused(_) | Verdict::Duplicate(_) = verdict {
                self.discard_record_of(request_id, effects);
            }
            effects
                .extend(waiter.map(|waiter| Effect::Reply(waiter, Reply::Admission(Ok(verdict)))));
        }
        let rejects = std::mem::take(&mut batch.rejects).into_iter().flatten();
        effects.extend(rejects.map(|waiter| Effect::Reply(waiter, Reply::Rejection(Ok(())))));
        for (closing, owner) in batch.closed_mut() {
            self.spooled.remove(&closing.outcome.request_id);
            owner.reply_durable(effects);
        }
        reply_settled(batch.settles, effects);
    }

    /// This was committed on another server, or not known to this one: it goes once more.
    pub(super) fn push_again(&mut self, batch: Batch<T>) {
        let batches = self.by_lane(batch);
        batches.into_iter().for_each(|(waiting, batch)| waiting.first.push_front(batch));
    }

    fn by_lane(&mut self, batch: Batch<T>) -> Vec<(&mut Waiting<T>, Batch<T>)> {
        if self.locked.is_empty() {
            return vec![(&mut self.shared, batch)];
        }
        let locked: BTreeSet<AgentId> = self.locked.keys().copied().collect();
        let (rest, mut parts) = batch.without(&locked);
        let lanes = self.locked.iter_mut();
        let own =
            lanes.filter_map(|(agent_id, lane)| Some((&mut lane.waiting, parts.remove(agent_id)?)));
        let mut batches: Vec<_> = own.collect();
        if rest.len() > 0 {
            batches.push((&mut self.shared, rest));
        }
        batches
    }

    /// The batch, which is one entry, will never be taken.
    pub(super) fn refused(
        &mut self,
        mut batch: Batch<T>,
        error: &CaptureError,
        effects: &mut Effects<T>,
    ) {
        let extends = std::mem::take(&mut batch.extends).into_iter().flatten();
        effects.extend(
            extends.map(|waiter| Effect::Reply(waiter, Reply::Extension(Err(error.clone())))),
        );
        let admitted = batch.rows().admissions.iter().map(|admission| admission.draft.request_id);
        let admitted: Vec<RequestId> = admitted.collect();
        for (waiter, request_id) in std::mem::take(&mut batch.admits).into_iter().zip(admitted) {
            self.discard_record_of(request_id, effects);
            effects.extend(
                waiter.map(|waiter| Effect::Reply(waiter, Reply::Admission(Err(error.clone())))),
            );
        }
        let rejects = std::mem::take(&mut batch.rejects).into_iter().flatten();
        effects.extend(
            rejects.map(|waiter| Effect::Reply(waiter, Reply::Rejection(Err(error.clone())))),
        );
        for (closing, _) in batch.closed() {
            self.spooled.remove(&closing.outcome.request_id);
        }
        for owner in std::mem::take(&mut batch.records) {
            reply_never_durable(owner, effects);
        }
        reply_settled(batch.settles, effects);
    }

    /// Takes a failed batch apart; the first part is returned, the others come next.
    pub(super) fn split(&mut self, batch: Batch<T>) -> Option<Batch<T>> {
        self.shared.split(batch)
    }
}

fn reply_never_durable<T>(owner: Owner<T>, effects: &mut Effects<T>) {
    effects.extend(owner.waiter.map(|waiter| Effect::Reply(waiter, Reply::NeverDurable)));
}
