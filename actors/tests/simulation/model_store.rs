//! The naive model: what a store keeps, as a map. It shares no code with the real ones, and it
//! fails on purpose.

use std::collections::{BTreeSet, HashMap, HashSet};

use ainfera_schema::{AgentId, RequestId, Usd};
use ainfera_store::{
    CaptureBatch, CaptureReply, CloseResult, Earlier, Locks, Refusal, Sent, StoreError, Verdict,
};

use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Open,
    Closed,
    Refused,
    Rejected,
}

#[derive(Default)]
pub struct ModelStore {
    pub calls: HashMap<RequestId, Kept>,
    /// How often each call was closed by a closing.
    pub closings: HashMap<RequestId, u32>,
    /// Whose key it is. Never given back, which is stricter than a store is.
    keys: HashMap<[u8; 32], RequestId>,
    /// A batch that admits or rejects one of these fails for a reason of its own, whenever it
    /// comes.
    pub poison: HashSet<RequestId>,
    /// The wallet has no room for these.
    pub unaffordable: HashSet<RequestId>,
    /// Whose accounts another transaction has locked.
    pub locked: BTreeSet<AgentId>,
    pub found_locked: u64,
    pub failures: u64,
    pub in_doubt: u64,
    pub poisoned: u64,
}

impl ModelStore {
    /// One transaction, which may fail before or after its effect. `health` is the chance in a
    /// hundred that it does not.
    pub fn capture(
        &mut self,
        batch: &CaptureBatch,
        random: &mut Random,
        health: usize,
    ) -> Result<CaptureReply, StoreError> {
        let locked: BTreeSet<AgentId> =
            agents_of(batch).intersection(&self.locked).copied().collect();
        match batch.locks {
            Locks::Briefly if !locked.is_empty() => {
                self.found_locked += 1;
                // sometimes the lock is gone when it is looked for
                let agents = if random.percent(20) { BTreeSet::new() } else { locked };
                return Err(StoreError::Locked { agents });
            }
            Locks::Patiently if !locked.is_empty() => {
                return Err(StoreError::Unavailable("statement timeout".to_owned()));
            }
            Locks::Briefly | Locks::Patiently => {}
        }
        let admitted = batch.admissions.iter().map(|admission| &admission.draft);
        if admitted
            .chain(&batch.rejections)
            .any(|outcome| self.poison.contains(&outcome.request_id))
        {
            self.poisoned += 1;
            return Err(StoreError::Statement("constraint".to_owned()));
        }
        if random.percent(health) {
            return Ok(self.commit(batch));
        }
        self.failures += 1;
        if random.percent(50) {
            self.in_doubt += 1;
            self.commit(batch);
        }
        Err(StoreError::Unavailable("connection lost".to_owned()))
    }

    fn commit(&mut self, batch: &CaptureBatch) -> CaptureReply {
        let mut reply = CaptureReply::default();
        let new =
            batch.admissions.iter().map(|admission| &admission.draft).chain(&batch.rejections);
        let known = new.filter(|outcome| self.calls.contains_key(&outcome.request_id)).count();
        assert!(
            batch.sent == Sent::PerhapsBefore || known == 0,
            "{known} calls of a batch that was never sent are known"
        );
        for admission in &batch.admissions {
            let request_id = admission.draft.request_id;
            if let Some(claim) = &admission.idempotency
                && *self.keys.entry(claim.key_sha256).or_insert(request_id) != request_id
            {
                reply.verdicts.push((request_id, Verdict::Duplicate(Earlier::InFlight)));
                continue;
            }
            let wanted =
                if self.unaffordable.contains(&request_id) { Kept::Refused } else { Kept::Open };
            let verdict = match *self.calls.entry(request_id).or_insert(wanted) {
                Kept::Refused => Verdict::Refused(Refusal::Funds {
                    available: Usd::ZERO,
                    needed: admission.hold,
                }),
                Kept::Open | Kept::Closed | Kept::Rejected => Verdict::Admitted,
            };
            reply.verdicts.push((request_id, verdict));
        }
        for outcome in &batch.rejections {
            self.calls.entry(outcome.request_id).or_insert(Kept::Rejected);
        }
        for closing in &batch.closings {
            let request_id = closing.outcome.request_id;
            let result = match self.calls.get_mut(&request_id) {
                Some(kept @ Kept::Open) => {
                    *kept = Kept::Closed;
                    *self.closings.entry(request_id).or_default() += 1;
                    CloseResult::Closed
                }
                Some(Kept::Closed) => CloseResult::AlreadyClosed,
                other => panic!("{request_id} is closed, but it is {other:?}"),
            };
            reply.closed.push((request_id, result));
        }
        reply
    }
}

fn agents_of(batch: &CaptureBatch) -> BTreeSet<AgentId> {
    let drafts = batch.admissions.iter().map(|admission| admission.draft.agent_id);
    let rejected = batch.rejections.iter().map(|outcome| outcome.agent_id);
    drafts
        .chain(rejected)
        .chain(batch.closings.iter().map(|closing| closing.outcome.agent_id))
        .collect()
}
