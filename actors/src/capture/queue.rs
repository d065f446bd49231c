//! What waits for the next transaction, and who waits for it. Pure: no store, no clock.

use std::collections::{HashSet, VecDeque};

use ainfera_schema::{OutcomeStatus, RequestId, RoutingOutcome};
use ainfera_store::{Admission, CaptureBatch, CaptureReply, Closing, StoredAnswer, Verdict};
use tokio::sync::oneshot;

use super::{Admit, CaptureError, Record, Reject};
use crate::gate::Permit;

/// More than this in one transaction makes everybody in it wait longer than it saves.
const MAX_BATCH: usize = 500;

/// How many refused calls are remembered: far more than can be in flight at once.
const REMEMBERED_REFUSALS: usize = 65_536;

/// In the order of arrival, each kind for itself.
#[derive(Default)]
pub struct Queue {
    admits: VecDeque<Asking>,
    rejects: VecDeque<Rejecting>,
    records: VecDeque<Closed>,
    /// Parts of a batch that failed as a whole, to be tried one by one, before anything else.
    singles: VecDeque<Batch>,
    /// Calls that were refused or turned away. Should their record come all the same, from an owner that went before it heard, it means nothing.
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

/// One transaction's worth.
#[derive(Default)]
pub struct Batch {
    admits: Vec<Asking>,
    rejects: Vec<Rejecting>,
    records: Vec<Closed>,
    /// Told when this is durable.
    settling: Vec<oneshot::Sender<()>>,
}

/// Who asked is told once; what was asked for may be sent more than once.
struct Asking {
    admission: Box<Admission>,
    reply: Option<oneshot::Sender<Result<Verdict, CaptureError>>>,
}

struct Rejecting {
    outcome: Box<RoutingOutcome>,
    /// Goes home when the row is durable, or nobody is waiting for it any more.
    permit: Option<Permit>,
    reply: Option<oneshot::Sender<Result<(), CaptureError>>>,
}

struct Closed {
    outcome: Box<RoutingOutcome>,
    answer: Option<StoredAnswer>,
    /// Goes home when the row is durable: in the store, or in the spool.
    permit: Option<Permit>,
    since_tick: u64,
}

impl Queue {
    pub fn admit(&mut self, admit: Admit) {
        self.admits.push_back(Asking { admission: admit.admission, reply: Some(admit.reply) });
    }

    pub fn reject(&mut self, reject: Reject) {
        self.rejects.push_back(Rejecting { outcome: reject.outcome, permit: Some(reject.permit), reply: Some(reject.reply) });
    }

    pub fn record(&mut self, record: Record) {
        if !self.refused.contains(&record.outcome.request_id) {
            self.records.push_back(Closed {
                outcome: record.outcome,
                answer: record.answer,
                permit: Some(record.permit),
                since_tick: self.tick,
            });
        }
    }

    /// Some time has passed.
    pub fn tick(&mut self) {
        self.tick += 1;
    }

    /// Records that have waited for so many ticks and are not in the spool, those of the batch that is under way included.
    pub fn ripe<'q>(&'q self, under_way: Option<&'q Batch>, ticks: u64) -> impl Iterator<Item = &'q RoutingOutcome> {
        let batches = self.singles.iter().chain(under_way);
        let records = self.records.iter().chain(batches.flat_map(|batch| &batch.records));
        let ripe =
            records.filter(move |record| record.since_tick + ticks <= self.tick && !self.spooled.contains(&record.outcome.request_id));
        ripe.map(|record| &*record.outcome)
    }

    /// These are in the spool now: their permits go home. One that reached the store in the meantime is nobody's business any more.
    pub fn spooled(&mut self, under_way: Option<&mut Batch>, request_ids: &HashSet<RequestId>) {
        let batches = self.singles.iter_mut().chain(under_way);
        for record in self.records.iter_mut().chain(batches.flat_map(|batch| &mut batch.records)) {
            if request_ids.contains(&record.outcome.request_id) {
                record.permit = None;
                self.spooled.insert(record.outcome.request_id);
            }
        }
    }

    /// How many calls are in the spool only.
    pub fn only_spooled(&self) -> usize {
        self.spooled.len()
    }

    /// This call was not admitted: a record of it, waiting or still to come, means nothing.
    pub fn forget(&mut self, request_id: RequestId) {
        self.records.retain(|record| record.outcome.request_id != request_id);
        self.spooled.remove(&request_id);
        self.refused.insert(request_id);
        self.refused_order.push_back(request_id);
        if self.refused_order.len() > REMEMBERED_REFUSALS
            && let Some(oldest) = self.refused_order.pop_front()
        {
            self.refused.remove(&oldest);
        }
    }

    /// Tells `done` when everything that came before is durable. To be followed by a look for the next batch.
    pub fn settle(&mut self, done: oneshot::Sender<()>) {
        self.settling.push(done);
    }

    pub fn is_empty(&self) -> bool {
        self.admits.is_empty() && self.rejects.is_empty() && self.records.is_empty() && self.singles.is_empty()
    }

    /// Everything that waits. A record whose admission waits too goes into a later batch: only a durable admission can be closed.
    pub fn next_batch(&mut self) -> Option<Batch> {
        if let Some(single) = self.singles.pop_front() {
            return Some(single);
        }
        let admits: Vec<Asking> = drain(&mut self.admits);
        let opening: HashSet<RequestId> = admits.iter().map(|admit| admit.admission.draft.request_id).collect();
        let (records, later): (Vec<Closed>, Vec<Closed>) =
            drain(&mut self.records).into_iter().partition(|record| !opening.contains(&record.outcome.request_id));
        for record in later.into_iter().rev() {
            self.records.push_front(record);
        }
        let mut batch = Batch { admits, rejects: drain(&mut self.rejects), records, settling: Vec::new() };
        let settling = std::mem::take(&mut self.settling);
        if batch.len() == 0 {
            settled(settling);
            return None;
        }
        batch.settling = settling;
        Some(batch)
    }

    /// The batch is durable: everybody who waits is told, and the permits of its records go home.
    pub fn done(&mut self, batch: Batch, reply: CaptureReply) {
        for (asking, (_, verdict)) in batch.admits.into_iter().zip(reply.verdicts) {
            if let Verdict::Refused(_) | Verdict::Duplicate(_) = verdict {
                self.forget(asking.admission.draft.request_id);
            }
            tell(asking.reply, Ok(verdict));
        }
        for rejecting in batch.rejects {
            tell(rejecting.reply, Ok(()));
        }
        for record in batch.records {
            self.spooled.remove(&record.outcome.request_id);
        }
        settled(batch.settling);
    }

    /// The batch, which is one entry, will never be taken.
    pub fn refused(&mut self, batch: Batch, error: &CaptureError) {
        for asking in batch.admits {
            self.forget(asking.admission.draft.request_id);
            tell(asking.reply, Err(error.clone()));
        }
        for rejecting in batch.rejects {
            tell(rejecting.reply, Err(error.clone()));
        }
        for record in batch.records {
            self.spooled.remove(&record.outcome.request_id);
        }
        settled(batch.settling);
    }

    /// Takes a failed batch apart; the first part is returned, the others come next.
    pub fn split(&mut self, batch: Batch) -> Batch {
        let mut parts = VecDeque::with_capacity(batch.len());
        parts.extend(batch.admits.into_iter().map(|asking| Batch { admits: vec![asking], ..Batch::default() }));
        parts.extend(batch.rejects.into_iter().map(|rejecting| Batch { rejects: vec![rejecting], ..Batch::default() }));
        parts.extend(batch.records.into_iter().map(|record| Batch { records: vec![record], ..Batch::default() }));
        if let Some(last) = parts.back_mut() {
            last.settling = batch.settling;
        }
        let first = parts.pop_front().unwrap_or_default();
        parts.append(&mut self.singles);
        self.singles = parts;
        first
    }
}

impl Batch {
    /// What the store is to write.
    pub fn rows(&self) -> CaptureBatch {
        CaptureBatch {
            admissions: self.admits.iter().map(|admit| (*admit.admission).clone()).collect(),
            rejections: self.rejects.iter().map(|reject| (*reject.outcome).clone()).collect(),
            closings: self
                .records
                .iter()
                .map(|record| Closing { outcome: (*record.outcome).clone(), answer: record.answer.clone() })
                .collect(),
            ..CaptureBatch::default()
        }
    }

    /// Nobody knows whether the batch got in, and it will be sent again; those who wait for an answer get one now. The owner of a call that may be
    /// in closes it.
    pub fn doubt(&mut self, message: &str) {
        for asking in &mut self.admits {
            tell(asking.reply.take(), Err(CaptureError::InDoubt(message.to_owned())));
        }
        for rejecting in &mut self.rejects {
            rejecting.permit = None;
            tell(rejecting.reply.take(), Err(CaptureError::InDoubt(message.to_owned())));
        }
    }

    /// The calls that this batch closes.
    pub fn closings(&self) -> impl Iterator<Item = &RoutingOutcome> {
        self.records.iter().map(|record| &*record.outcome)
    }

    pub fn is_single(&self) -> bool {
        self.len() == 1
    }

    /// How each call in here ended, for the counters.
    pub fn statuses(&self) -> impl Iterator<Item = OutcomeStatus> {
        let ended = self.records.iter().map(|record| &record.outcome).chain(self.rejects.iter().map(|reject| &reject.outcome));
        ended.filter_map(|outcome| outcome.status)
    }

    fn len(&self) -> usize {
        self.admits.len() + self.rejects.len() + self.records.len()
    }
}

fn settled(settling: Vec<oneshot::Sender<()>>) {
    for done in settling {
        // nobody waits any more: nothing to do
        let _ = done.send(());
    }
}

fn tell<T>(reply: Option<oneshot::Sender<T>>, answer: T) {
    if let Some(reply) = reply {
        // nobody there: who asked has left, and what it owned closes the call
        let _ = reply.send(answer);
    }
}

fn drain<T>(queue: &mut VecDeque<T>) -> Vec<T> {
    let taken = queue.len().min(MAX_BATCH);
    queue.drain(..taken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::example::outcome;
    use crate::gate::Gate;

    fn record(gate: &Gate, name: &str) -> Record {
        Record { outcome: Box::new(outcome(name)), answer: None, permit: gate.enter().unwrap() }
    }

    fn ripe(queue: &Queue, under_way: Option<&Batch>) -> HashSet<RequestId> {
        queue.ripe(under_way, 2).map(|outcome| outcome.request_id).collect()
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
    fn a_record_that_reached_the_store_while_it_was_spooled_is_forgotten() {
        let gate = Gate::new(10);
        let mut queue = Queue::default();
        queue.record(record(&gate, "fast"));
        let request_ids = queue.ripe(None, 0).map(|outcome| outcome.request_id).collect();
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
        queue.reject(Reject { outcome: Box::new(outcome("r")), permit: gate.enter().unwrap(), reply });
        let mut batch = queue.next_batch().unwrap();
        batch.doubt("down");
        batch.doubt("down");
        assert_eq!(answer.try_recv().unwrap(), Err(CaptureError::InDoubt("down".to_owned())));
        assert_eq!((batch.rows().rejections.len(), gate.in_flight()), (1, 0));
    }
}
