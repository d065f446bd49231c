//! What waits for the next transaction, and who waits for it. Pure: no store, no clock.

use std::collections::{BTreeMap, HashSet, VecDeque};

use ainfera_schema::{AgentId, RequestId};
use ainfera_store::{CaptureReply, Closing, Verdict};
use tokio::sync::oneshot;

use super::apart::Apart;
use super::batch::{Asker, Batch, Extender, Owner, RejectedCaller, tell};
use super::extend::Extend;
use super::line::{Line, settled};
use super::{Admit, CaptureError, Record, Reject};

/// How many refused calls are remembered: far more than can be in flight at once.
const REMEMBERED_REFUSALS: usize = 65_536;

/// See the module.
#[derive(Default)]
pub struct Queue {
    /// All agents but those that are set apart.
    pub(super) all: Line,
    pub(super) apart: BTreeMap<AgentId, Apart>,
    /// Calls that were refused or turned away. Should their record come all the same, from an owner
    /// that went before it heard, it means nothing.
    refused: HashSet<RequestId>,
    /// The same, oldest first, to forget them in time.
    refused_order: VecDeque<RequestId>,
    /// Calls that are in the spool and not yet in the store.
    spooled: HashSet<RequestId>,
    /// Who waits until all that is here now is durable.
    settling: Vec<oneshot::Sender<()>>,
    /// Counts up while time passes, so that the age of a record is known without a clock.
    tick: u64,
}

/// After how many ticks a record is ripe for the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ripeness {
    /// Where a client's last word waits for it.
    pub awaited: u64,
    pub others: u64,
}

impl Ripeness {
    pub fn all(ticks: u64) -> Self {
        Self { awaited: ticks, others: ticks }
    }
}

impl Queue {
    pub fn extend(&mut self, extend: Extend) {
        self.line_of(extend.extension.agent_id)
            .extends
            .push_back((extend.extension, Extender { reply: Some(extend.reply) }));
    }

    pub fn admit(&mut self, admit: Admit) {
        self.line_of(admit.admission.draft.agent_id)
            .admits
            .push_back((admit.admission, Asker { reply: Some(admit.reply) }));
    }

    pub fn reject(&mut self, reject: Reject) {
        self.line_of(reject.outcome.agent_id).rejects.push_back((
            reject.outcome,
            RejectedCaller { permit: Some(reject.permit), reply: Some(reject.reply) },
        ));
    }

    pub fn record(&mut self, record: Record) {
        if !self.refused.contains(&record.outcome.request_id) {
            let owner = Owner {
                permit: Some(record.permit),
                durable: record.durable,
                since_tick: self.tick,
            };
            self.line_of(record.outcome.agent_id).records.push_back((
                Box::new(Closing { outcome: *record.outcome, answer: record.answer }),
                owner,
            ));
        }
    }

    /// Some time has passed.
    pub fn tick(&mut self) {
        self.tick += 1;
    }

    /// Records that have waited for long and are not in the spool, those of the batch that is under
    /// way included.
    pub fn ripe<'q>(
        &'q self,
        under_way: Option<&'q Batch>,
        ripeness: Ripeness,
    ) -> impl Iterator<Item = &'q Closing> {
        let lines =
            || std::iter::once(&self.all).chain(self.apart.values().map(|apart| &apart.line));
        let apart = self.apart.values().filter_map(|apart| apart.under_way.as_ref());
        let batches = lines().flat_map(|line| &line.first).chain(under_way).chain(apart);
        let waiting =
            lines().flat_map(|line| &line.records).map(|(closing, owner)| (&**closing, owner));
        let records = waiting.chain(batches.flat_map(Batch::closed));
        let ripe = records.filter(move |(closing, owner)| {
            let ticks = if owner.durable.is_some() { ripeness.awaited } else { ripeness.others };
            owner.since_tick + ticks <= self.tick
                && !self.spooled.contains(&closing.outcome.request_id)
        });
        ripe.map(|(closing, _)| closing)
    }

    /// These are in the spool now: their permits go home. One that reached the store in the
    /// meantime is nobody's business any more.
    pub fn spooled(&mut self, under_way: Option<&mut Batch>, request_ids: &HashSet<RequestId>) {
        let mut spooled = |closing: &Closing, owner: &mut Owner| {
            let request_id = closing.outcome.request_id;
            if request_ids.contains(&request_id) {
                owner.is_durable();
                self.spooled.insert(request_id);
            }
        };
        let mut batches: Vec<&mut Batch> = under_way.into_iter().collect();
        let mut lines = vec![&mut self.all];
        for apart in self.apart.values_mut() {
            batches.extend(&mut apart.under_way);
            lines.push(&mut apart.line);
        }
        for line in lines {
            line.records.iter_mut().for_each(|(closing, owner)| spooled(closing, owner));
            batches.extend(&mut line.first);
        }
        for batch in batches {
            batch.closed_mut().for_each(|(closing, owner)| spooled(closing, owner));
        }
    }

    /// How many calls are in the spool only.
    pub fn only_spooled(&self) -> usize {
        self.spooled.len()
    }

    /// This call was not admitted: a record of it, waiting or still to come, means nothing.
    pub fn forget(&mut self, request_id: RequestId) {
        self.all.records.retain(|(closing, _)| closing.outcome.request_id != request_id);
        for apart in self.apart.values_mut() {
            apart.line.records.retain(|(closing, _)| closing.outcome.request_id != request_id);
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

    /// The store is away: whoever still waits to be let in or to hold more hears it now, for
    /// nothing of it was sent.
    pub fn turn_away(&mut self, message: &str) {
        let apart = self.apart.values_mut().map(|apart| &mut apart.line);
        let refused: Vec<RequestId> = std::iter::once(&mut self.all)
            .chain(apart)
            .flat_map(|line| line.turn_away(message))
            .collect();
        refused.into_iter().for_each(|request_id| self.forget(request_id));
    }

    /// Tells `done` when everything that came before is durable. To be followed by a look for the
    /// next batch.
    pub fn settle(&mut self, done: oneshot::Sender<()>) {
        self.settling.push(done);
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.apart.is_empty()
    }

    /// Everything that waits and is not set apart.
    pub fn next_batch(&mut self) -> Option<Batch> {
        self.all.next_batch(&mut self.settling)
    }

    /// The batch is durable: everybody who waits is told, and the permits of its records go home.
    pub fn done(&mut self, mut batch: Batch, reply: CaptureReply) {
        for (extender, (_, extended)) in
            std::mem::take(&mut batch.extends).into_iter().zip(reply.extended)
        {
            tell(extender.reply, Ok(extended));
        }
        for (asker, (request_id, verdict)) in
            std::mem::take(&mut batch.admits).into_iter().zip(reply.verdicts)
        {
            if let Verdict::Refused(_) | Verdict::Duplicate(_) = verdict {
                self.forget(request_id);
            }
            tell(asker.reply, Ok(verdict));
        }
        for caller in std::mem::take(&mut batch.rejects) {
            tell(caller.reply, Ok(()));
        }
        for (closing, owner) in batch.closed_mut() {
            self.spooled.remove(&closing.outcome.request_id);
            owner.is_durable();
        }
        settled(batch.settling);
    }

    /// These go before everything that waits, in their order.
    pub(super) fn tell_first(&mut self, batches: Vec<Batch>) {
        for batch in batches.into_iter().rev() {
            self.all.first.push_front(batch);
        }
    }

    /// The batch, which is one entry, will never be taken.
    pub fn refused(&mut self, mut batch: Batch, error: &CaptureError) {
        for extender in std::mem::take(&mut batch.extends) {
            tell(extender.reply, Err(error.clone()));
        }
        let asked: Vec<RequestId> =
            batch.rows().admissions.iter().map(|admission| admission.draft.request_id).collect();
        for (asker, request_id) in std::mem::take(&mut batch.admits).into_iter().zip(asked) {
            self.forget(request_id);
            tell(asker.reply, Err(error.clone()));
        }
        for caller in std::mem::take(&mut batch.rejects) {
            tell(caller.reply, Err(error.clone()));
        }
        for (closing, _) in batch.closed() {
            self.spooled.remove(&closing.outcome.request_id);
        }
        settled(batch.settling);
    }

    /// Takes a failed batch apart; the first part is returned, the others come next.
    pub fn split(&mut self, batch: Batch) -> Batch {
        self.all.split(batch)
    }
}

#[cfg(test)]
mod tests {
    use ainfera_store::Admission;

    use super::*;
    use crate::capture::batch::Terms;
    use crate::capture::example::outcome;
    use crate::gate::Gate;

    fn record(gate: &Gate, name: &str) -> Record {
        Record {
            outcome: Box::new(outcome(name)),
            answer: None,
            permit: gate.enter().unwrap(),
            durable: None,
        }
    }

    fn ripe(queue: &Queue, under_way: Option<&Batch>) -> HashSet<RequestId> {
        queue
            .ripe(under_way, Ripeness { awaited: 1, others: 2 })
            .map(|closing| closing.outcome.request_id)
            .collect()
    }

    #[test]
    fn what_has_waited_is_ripe_wherever_it_waits_and_its_permit_goes_home_with_the_spool() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        queue.record(record(&gate, "under way"));
        let mut under_way = queue.next_batch().unwrap();
        queue.tick();
        queue.record(record(&gate, "waiting"));
        assert!(ripe(&queue, Some(&under_way)).is_empty());
        queue.tick();
        let first = ripe(&queue, Some(&under_way));
        assert_eq!(first.len(), 1);
        queue.tick();
        assert_eq!(ripe(&queue, Some(&under_way)).len(), 2);
        queue.spooled(Some(&mut under_way), &first);
        assert_eq!((gate.in_flight(), queue.only_spooled()), (1, 1));
        assert_eq!(ripe(&queue, Some(&under_way)).len(), 1, "once is enough");
        queue.done(under_way, CaptureReply::default());
        assert_eq!(queue.only_spooled(), 0);
        assert!(!queue.is_empty(), "what is spooled still goes to the store");
    }

    #[test]
    fn who_waits_for_a_record_is_told_when_it_is_in_the_store_or_sooner_when_it_is_in_the_spool() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        let (durable, mut in_store) = oneshot::channel();
        queue.record(Record { durable: Some(durable), ..record(&gate, "store") });
        let batch = queue.next_batch().unwrap();
        assert!(in_store.try_recv().is_err());
        queue.done(batch, CaptureReply::default());
        assert_eq!(in_store.try_recv(), Ok(()));

        let (durable, mut in_spool) = oneshot::channel();
        queue.record(Record { durable: Some(durable), ..record(&gate, "spool") });
        queue.record(record(&gate, "nobody waits"));
        queue.tick();
        let awaited = ripe(&queue, None);
        assert_eq!(awaited.len(), 1, "what somebody waits for goes first");
        queue.spooled(None, &awaited);
        assert_eq!((in_spool.try_recv(), gate.in_flight()), (Ok(()), 1));
    }

    #[test]
    fn a_record_that_is_refused_for_good_is_never_said_to_be_durable() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        let (durable, mut told) = oneshot::channel();
        queue.record(Record { durable: Some(durable), ..record(&gate, "poison") });
        let batch = queue.next_batch().unwrap();
        queue.refused(batch, &CaptureError::Refused(String::new()));
        assert_eq!(
            (told.try_recv(), gate.in_flight()),
            (Err(oneshot::error::TryRecvError::Closed), 0)
        );
    }

    #[test]
    fn who_still_waits_to_be_let_in_is_turned_away_at_once_and_its_record_means_nothing() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        let draft = outcome("waiting");
        let admission = Admission {
            draft: draft.clone(),
            boot_id: ainfera_schema::BootId::mint(),
            hold: ainfera_schema::Usd::ZERO,
            smaller_holds: Vec::new(),
            charge_if_lost: ainfera_schema::Usd::ZERO,
            idempotency: None,
        };
        let (reply, mut admitted) = oneshot::channel();
        queue.admit(Admit { admission: Box::new(admission), reply });
        let (reply, mut rejected) = oneshot::channel();
        queue.reject(Reject {
            outcome: Box::new(outcome("rejected")),
            permit: gate.enter().unwrap(),
            reply,
        });
        queue.turn_away("away");
        let away = CaptureError::Unavailable("away".to_owned());
        assert_eq!(
            (admitted.try_recv().unwrap(), rejected.try_recv().unwrap()),
            (Err(away.clone()), Err(away))
        );
        queue.record(Record { outcome: Box::new(draft), ..record(&gate, "late") });
        assert!(queue.is_empty());
        assert_eq!(gate.in_flight(), 0);
    }

    #[test]
    fn a_batch_is_not_copied_to_be_sent_or_to_be_taken_apart() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        queue.record(record(&gate, "a"));
        queue.record(record(&gate, "b"));
        let mut batch = queue.next_batch().unwrap();
        let limit = Some(ainfera_schema::Usd::ZERO);
        let terms = Terms { killswitch_daily_usd: limit, ..Terms::default() };
        let (before, sent) = (batch.rows().closings.as_ptr(), batch.rows_under(terms));
        assert_eq!((sent.closings.as_ptr(), sent.killswitch_daily_usd), (before, limit));
        assert_eq!(batch.rows_under(terms).closings.as_ptr(), before, "nor to be sent again");
        drop(sent);
        let first = queue.split(batch);
        let second = queue.next_batch().unwrap();
        let names =
            [&first, &second].map(|part| part.rows().closings[0].outcome.model_requested.clone());
        assert_eq!((names, first.is_single()), (["a".to_owned(), "b".to_owned()], true));
    }

    #[test]
    fn a_record_that_reached_the_store_while_it_was_spooled_is_forgotten() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        queue.record(record(&gate, "fast"));
        let request_ids =
            queue.ripe(None, Ripeness::all(0)).map(|closing| closing.outcome.request_id).collect();
        let batch = queue.next_batch().unwrap();
        queue.done(batch, CaptureReply::default());
        queue.spooled(None, &request_ids);
        assert_eq!((queue.only_spooled(), gate.in_flight()), (0, 0));
    }

    #[test]
    fn in_doubt_the_asker_is_told_and_the_batch_stays() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        let (reply, mut answer) = oneshot::channel();
        queue.reject(Reject {
            outcome: Box::new(outcome("r")),
            permit: gate.enter().unwrap(),
            reply,
        });
        let mut batch = queue.next_batch().unwrap();
        batch.doubt("down");
        batch.doubt("down");
        assert_eq!(answer.try_recv().unwrap(), Err(CaptureError::InDoubt("down".to_owned())));
        assert_eq!((batch.rows().rejections.len(), gate.in_flight()), (1, 0));
    }
}
