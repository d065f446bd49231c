//! What waits for the next transaction, and who waits for it. Pure: no store, no clock.

use std::collections::{HashSet, VecDeque};

use ainfera_schema::{OutcomeStatus, RequestId};
use ainfera_store::{CaptureBatch, CaptureReply, Closing, Verdict};

use super::{Admit, CaptureError, Record, Reject};

/// More than this in one transaction makes everybody in it wait longer than it saves.
const MAX_BATCH: usize = 500;

/// How many refused calls are remembered: far more than can be in flight at once.
const REMEMBERED_REFUSALS: usize = 65_536;

/// In the order of arrival, each kind for itself.
#[derive(Default)]
pub struct Queue {
    admits: VecDeque<Admit>,
    rejects: VecDeque<Reject>,
    records: VecDeque<Record>,
    /// Parts of a batch that failed as a whole, to be tried one by one, before anything else.
    singles: VecDeque<Batch>,
    /// Calls that were refused or turned away. Should their record come all the same, from an owner that went before it heard, it means nothing.
    refused: HashSet<RequestId>,
    /// The same, oldest first, to forget them in time.
    refused_order: VecDeque<RequestId>,
}

/// One transaction's worth.
#[derive(Default)]
pub struct Batch {
    admits: Vec<Admit>,
    rejects: Vec<Reject>,
    records: Vec<Record>,
}

impl Queue {
    pub fn admit(&mut self, admit: Admit) {
        self.admits.push_back(admit);
    }

    pub fn reject(&mut self, reject: Reject) {
        self.rejects.push_back(reject);
    }

    pub fn record(&mut self, record: Record) {
        if !self.refused.contains(&record.outcome.request_id) {
            self.records.push_back(record);
        }
    }

    /// This call was not admitted: a record of it, waiting or still to come, means nothing.
    pub fn forget(&mut self, request_id: RequestId) {
        self.records.retain(|record| record.outcome.request_id != request_id);
        self.refused.insert(request_id);
        self.refused_order.push_back(request_id);
        if self.refused_order.len() > REMEMBERED_REFUSALS
            && let Some(oldest) = self.refused_order.pop_front()
        {
            self.refused.remove(&oldest);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.admits.is_empty() && self.rejects.is_empty() && self.records.is_empty() && self.singles.is_empty()
    }

    /// Everything that waits. A record whose admission waits too goes into a later batch: only a durable admission can be closed.
    pub fn next_batch(&mut self) -> Option<Batch> {
        if let Some(single) = self.singles.pop_front() {
            return Some(single);
        }
        let admits: Vec<Admit> = drain(&mut self.admits);
        let opening: HashSet<RequestId> = admits.iter().map(|admit| admit.admission.draft.request_id).collect();
        let (records, later): (Vec<Record>, Vec<Record>) =
            drain(&mut self.records).into_iter().partition(|record| !opening.contains(&record.outcome.request_id));
        for record in later.into_iter().rev() {
            self.records.push_front(record);
        }
        let batch = Batch { admits, rejects: drain(&mut self.rejects), records };
        (batch.len() > 0).then_some(batch)
    }

    /// The batch is durable: everybody who waits is told, and the permits of its records go home.
    pub fn done(&mut self, batch: Batch, reply: CaptureReply) {
        for (admit, (_, verdict)) in batch.admits.into_iter().zip(reply.verdicts) {
            if let Verdict::Refused(_) = verdict {
                self.forget(admit.admission.draft.request_id);
            }
            let _ = admit.reply.send(Ok(verdict));
        }
        for reject in batch.rejects {
            let _ = reject.reply.send(Ok(()));
        }
    }

    /// The batch, which is one entry, will never be taken.
    pub fn refused(&mut self, batch: Batch, error: &CaptureError) {
        for admit in batch.admits {
            self.forget(admit.admission.draft.request_id);
            let _ = admit.reply.send(Err(error.clone()));
        }
        for reject in batch.rejects {
            let _ = reject.reply.send(Err(error.clone()));
        }
    }

    /// Takes a failed batch apart; the first part is returned, the others come next.
    pub fn split(&mut self, batch: Batch) -> Batch {
        let mut parts = VecDeque::with_capacity(batch.len());
        parts.extend(batch.admits.into_iter().map(|admit| Batch { admits: vec![admit], ..Batch::default() }));
        parts.extend(batch.rejects.into_iter().map(|reject| Batch { rejects: vec![reject], ..Batch::default() }));
        parts.extend(batch.records.into_iter().map(|record| Batch { records: vec![record], ..Batch::default() }));
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
            closings: self.records.iter().map(|record| Closing { outcome: (*record.outcome).clone() }).collect(),
        }
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

fn drain<T>(queue: &mut VecDeque<T>) -> Vec<T> {
    let taken = queue.len().min(MAX_BATCH);
    queue.drain(..taken).collect()
}
