//! One history: owners of calls on one side, the model store on the other, the queue under test
//! between them. The rules of what follows a commit or a failure are CaptureActor's, written down a
//! second time.

use std::collections::{BTreeMap, HashSet};
use std::ops::AddAssign;

use ainfera_actors::capture::batch::{Batch, Terms};
use ainfera_actors::capture::queue::{Queue, Ripeness};
use ainfera_actors::capture::{Admit, CaptureError, Record, Reject};
use ainfera_actors::gate::{Gate, Permit};
use ainfera_schema::{
    AgentId, BootId, CallKind, InferenceId, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome,
    TenantId, Usd,
};
use ainfera_store::{Admission, CaptureReply, IdempotencyClaim, Locks, StoreError, Verdict};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::model_store::{Kept, ModelStore};
use crate::random::Random;

const CALLS: usize = 24;
const PERMITS: u32 = 64;
/// A few, so that some calls of a batch are set apart and others are not.
const AGENTS: usize = 3;

#[derive(Debug, Default)]
pub struct Totals {
    pub admitted: u64,
    pub refused: u64,
    pub duplicates: u64,
    pub doubted: u64,
    pub spooled: u64,
    pub acknowledged: u64,
    pub rejected: u64,
    pub turned_away: u64,
    pub left_early: u64,
    pub store_failures: u64,
    pub in_doubt: u64,
    pub poisoned: u64,
    pub found_locked: u64,
    pub waited_apart: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.admitted += more.admitted;
        self.refused += more.refused;
        self.duplicates += more.duplicates;
        self.doubted += more.doubted;
        self.spooled += more.spooled;
        self.acknowledged += more.acknowledged;
        self.rejected += more.rejected;
        self.turned_away += more.turned_away;
        self.left_early += more.left_early;
        self.store_failures += more.store_failures;
        self.in_doubt += more.in_doubt;
        self.poisoned += more.poisoned;
        self.found_locked += more.found_locked;
        self.waited_apart += more.waited_apart;
    }
}

/// An owner, and what it waits for or works on.
enum Owner {
    Waiting {
        outcome: RoutingOutcome,
        permit: Permit,
        answer: oneshot::Receiver<Result<Verdict, CaptureError>>,
    },
    Working {
        outcome: RoutingOutcome,
        permit: Permit,
    },
    Rejected {
        answer: oneshot::Receiver<Result<(), CaptureError>>,
    },
    /// Over, with a client whose last word waits until that is durable.
    Finishing {
        request_id: RequestId,
        durable: oneshot::Receiver<()>,
    },
}

pub struct History {
    random: Random,
    queue: Queue,
    store: ModelStore,
    gate: Gate,
    owners: Vec<Owner>,
    /// The transaction under way, with its result, which nobody knows yet.
    under_way: Option<(Batch, Result<CaptureReply, StoreError>)>,
    /// A batch that will be sent again: the store is failing.
    failing: Option<Batch>,
    /// Agents whose accounts are locked, each with the result of its transaction under way.
    apart: BTreeMap<AgentId, Option<Result<CaptureReply, StoreError>>>,
    lock_failures: u32,
    /// It fails for everybody, so nobody is let in.
    store_is_away: bool,
    own_failures: u32,
    /// What is on the disk, and what is in the file until it is emptied.
    in_spool: HashSet<RequestId>,
    begun: usize,
    health: usize,
    totals: Totals,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let health = 30 + random.below(70);
        Self {
            random,
            queue: Queue::default(),
            store: ModelStore::default(),
            gate: Gate::new(PERMITS),
            owners: Vec::new(),
            under_way: None,
            failing: None,
            apart: BTreeMap::new(),
            lock_failures: 0,
            store_is_away: false,
            own_failures: 0,
            in_spool: HashSet::new(),
            begun: 0,
            health,
            totals: Totals::default(),
        }
    }

    pub fn run(mut self) -> Totals {
        while self.begun < CALLS || !self.owners.is_empty() || !self.is_still() {
            match self.random.below(10) {
                0..=2 if self.begun < CALLS => self.begin(),
                3 if self.random.percent(30) => self.spool(),
                4 if self.random.percent(30) => self.lock_or_unlock(),
                3..=6 if !self.owners.is_empty() => self.owner_goes_on(),
                _ => self.store_goes_on(),
            }
        }
        self.judge()
    }

    fn is_still(&self) -> bool {
        self.under_way.is_none() && self.failing.is_none() && self.queue.is_empty()
    }

    /// A new call asks to be let in, or was rejected by the router.
    fn begin(&mut self) {
        self.begun += 1;
        let outcome = draft(self.begun);
        let request_id = outcome.request_id;
        if self.random.percent(8) {
            self.store.poison.insert(request_id);
        }
        if self.random.percent(20) {
            self.store.unaffordable.insert(request_id);
        }
        let permit = self.gate.enter().unwrap();
        let turned_away = self.store_is_away || self.queue.turned_away(outcome.agent_id).is_some();
        if self.random.percent(20) {
            let (reply, answer) = oneshot::channel();
            self.owners.push(Owner::Rejected { answer });
            if turned_away {
                reply.send(Err(CaptureError::Unavailable(String::new()))).unwrap();
            } else {
                let outcome = Box::new(RoutingOutcome {
                    status: Some(OutcomeStatus::RejectedFloor),
                    ..outcome
                });
                self.queue.reject(Reject { outcome, permit, reply });
            }
            return;
        }
        let (reply, answer) = oneshot::channel();
        // a few keys only, so that calls meet
        let key = self.random.percent(40).then(|| [self.random.next() as u8 % 4; 32]);
        let idempotency =
            key.map(|key_sha256| IdempotencyClaim { key_sha256, fingerprint: [0; 32] });
        let admission = Admission {
            draft: outcome.clone(),
            boot_id: BootId(Uuid::nil()),
            hold: Usd::ZERO,
            smaller_holds: Vec::new(),
            charge_if_lost: Usd::ZERO,
            idempotency,
        };
        self.owners.push(Owner::Waiting { outcome, permit, answer });
        if turned_away {
            self.totals.turned_away += 1;
            self.queue.forget(request_id);
            reply.send(Err(CaptureError::Unavailable(String::new()))).unwrap();
        } else {
            self.queue.admit(Admit { admission: Box::new(admission), reply });
        }
    }

    fn owner_goes_on(&mut self) {
        let place = self.random.below(self.owners.len());
        match self.owners.swap_remove(place) {
            Owner::Rejected { mut answer } => match answer.try_recv() {
                Ok(_) => self.totals.rejected += 1,
                Err(oneshot::error::TryRecvError::Empty) => {
                    self.owners.push(Owner::Rejected { answer })
                }
                Err(oneshot::error::TryRecvError::Closed) => {
                    panic!("a rejection was never answered")
                }
            },
            Owner::Waiting { outcome, permit, .. } if self.random.percent(15) => {
                // it leaves before it hears, or without having listened to what was said already
                self.totals.left_early += 1;
                self.record(outcome, permit, OutcomeStatus::ClientGone, None);
            }
            Owner::Waiting { outcome, permit, mut answer } => match answer.try_recv() {
                Ok(Ok(Verdict::Admitted | Verdict::AdmittedForLess(_))) => {
                    assert!(
                        matches!(self.store.calls.get(&outcome.request_id), Some(Kept::Open)),
                        "let in without an intent"
                    );
                    self.owners.push(Owner::Working { outcome, permit });
                }
                Ok(Ok(Verdict::Refused(_))) => {
                    assert_eq!(self.store.calls.get(&outcome.request_id), Some(&Kept::Refused));
                    self.totals.refused += 1;
                }
                Ok(Ok(Verdict::Duplicate(_))) => {
                    assert_eq!(
                        self.store.calls.get(&outcome.request_id),
                        None,
                        "a duplicate was kept"
                    );
                    self.totals.duplicates += 1;
                }
                Ok(Err(CaptureError::InDoubt(_))) => {
                    self.totals.doubted += 1;
                    self.record(outcome, permit, OutcomeStatus::FailedOther, None);
                }
                Ok(Err(_)) => {
                    let kept = self.store.calls.get(&outcome.request_id);
                    assert_eq!(kept, None, "a call that was turned away was kept");
                }
                Err(oneshot::error::TryRecvError::Empty) => {
                    self.owners.push(Owner::Waiting { outcome, permit, answer })
                }
                Err(oneshot::error::TryRecvError::Closed) => {
                    panic!("an admission was never answered")
                }
            },
            Owner::Working { outcome, permit } if self.random.percent(50) => {
                let request_id = outcome.request_id;
                let (told, durable) = oneshot::channel();
                self.record(outcome, permit, OutcomeStatus::Succeeded, Some(told));
                self.owners.push(Owner::Finishing { request_id, durable });
            }
            Owner::Working { outcome, permit } => {
                self.record(outcome, permit, OutcomeStatus::Succeeded, None)
            }
            Owner::Finishing { request_id, mut durable } => match durable.try_recv() {
                Ok(()) => {
                    let in_store = self.store.calls.get(&request_id) == Some(&Kept::Closed);
                    assert!(
                        in_store || self.in_spool.contains(&request_id),
                        "{request_id} was said to be durable"
                    );
                    self.totals.acknowledged += 1;
                }
                Err(oneshot::error::TryRecvError::Empty) => {
                    self.owners.push(Owner::Finishing { request_id, durable })
                }
                Err(oneshot::error::TryRecvError::Closed) => {
                    panic!("{request_id} was never said to be durable")
                }
            },
        }
    }

    fn record(
        &mut self,
        outcome: RoutingOutcome,
        permit: Permit,
        status: OutcomeStatus,
        durable: Option<oneshot::Sender<()>>,
    ) {
        self.queue.record(Record {
            outcome: Box::new(RoutingOutcome { status: Some(status), ..outcome }),
            answer: None,
            permit,
            durable,
        });
    }

    /// Another transaction takes an account, or gives it back.
    fn lock_or_unlock(&mut self) {
        let agent_id = agent(self.random.below(AGENTS));
        if !self.store.locked.remove(&agent_id) && self.begun < CALLS && self.random.percent(20) {
            self.store.locked.insert(agent_id);
        }
    }

    fn apart_goes_on(&mut self) {
        let place = self.random.below(self.apart.len());
        let Some((agent_id, under_way)) = self.apart.iter_mut().nth(place) else { return };
        let agent_id = *agent_id;
        let Some(result) = under_way.take() else {
            match self.queue.next_apart(agent_id, Terms::default()) {
                Some(rows) => {
                    *under_way = Some(self.store.capture(&rows, &mut self.random, self.health))
                }
                None => drop(self.apart.remove(&agent_id)),
            }
            return;
        };
        let mut batch = self.queue.take_apart_under_way(agent_id).unwrap();
        match result {
            Ok(reply) => {
                self.totals.waited_apart += 1;
                self.queue.let_in_apart(agent_id);
                self.queue.done(batch, reply);
            }
            Err(error) => {
                batch.failed_once();
                if error.is_passing() {
                    batch.doubt("");
                    self.queue.turn_away_apart(agent_id, batch, "");
                } else if batch.is_single() && !batch.has_another_try() {
                    self.queue.refused(batch, &CaptureError::Refused(error.to_string()));
                } else {
                    self.queue.split_apart(agent_id, batch);
                }
            }
        }
    }

    fn store_goes_on(&mut self) {
        if !self.apart.is_empty() && self.random.percent(50) {
            return self.apart_goes_on();
        }
        if let Some((batch, result)) = self.under_way.take() {
            return match result {
                Ok(reply) => {
                    self.failing = None;
                    self.store_is_away = false;
                    self.own_failures = 0;
                    self.lock_failures = 0;
                    self.queue.done(batch, reply);
                }
                Err(error) => self.failed(batch, error),
            };
        }
        // a batch that failed goes before everything else
        let Some(mut batch) = self.failing.take().or_else(|| self.queue.next_batch()) else {
            return;
        };
        let result = self.store.capture(
            &batch.rows_under(Terms { locks: Locks::Briefly, ..Terms::default() }),
            &mut self.random,
            self.health,
        );
        self.under_way = Some((batch, result));
    }

    fn failed(&mut self, mut batch: Batch, error: StoreError) {
        if let StoreError::Locked { agents } = &error {
            self.store_is_away = false;
            if !agents.is_empty() {
                self.failing = self.queue.set_apart(batch, agents);
                for agent_id in agents {
                    self.apart.entry(*agent_id).or_default();
                }
                return;
            }
            self.lock_failures += 1;
            if self.lock_failures <= 4 {
                self.failing = Some(batch);
                return;
            }
        }
        batch.failed_once();
        let passing = error.is_passing();
        if !passing && batch.is_single() && !batch.has_another_try() {
            self.store_is_away = false;
            return self.queue.refused(batch, &CaptureError::Refused(error.to_string()));
        }
        let mut retry = if passing || batch.is_single() { batch } else { self.queue.split(batch) };
        self.own_failures += u32::from(!passing);
        if passing || self.own_failures > 4 {
            self.store_is_away = true;
            retry.doubt("");
            self.queue.turn_away("");
        }
        self.failing = Some(retry);
    }

    /// What has waited for long is on the disk now.
    fn spool(&mut self) {
        self.queue.tick();
        let under_way = self.failing.as_mut().or(self.under_way.as_mut().map(|(batch, _)| batch));
        let ripeness = Ripeness { awaited: 1, others: 2 };
        let ripe: HashSet<RequestId> = self
            .queue
            .ripe(under_way.as_deref(), ripeness)
            .map(|closing| closing.outcome.request_id)
            .collect();
        self.totals.spooled += ripe.len() as u64;
        self.in_spool.extend(&ripe);
        self.queue.spooled(under_way, &ripe);
    }

    fn judge(mut self) -> Totals {
        for (request_id, kept) in &self.store.calls {
            let closings = self.store.closings.get(request_id).copied().unwrap_or(0);
            match kept {
                Kept::Open => panic!("{request_id} was let in and never closed"),
                Kept::Closed => {
                    assert_eq!(closings, 1, "{request_id}");
                    self.totals.admitted += 1;
                }
                Kept::Refused | Kept::Rejected => assert_eq!(closings, 0, "{request_id}"),
            }
        }
        assert_eq!(self.gate.in_flight(), 0, "permits are still out");
        assert_eq!(
            self.queue.only_spooled(),
            0,
            "the spool is believed to hold what the store has"
        );
        self.totals.store_failures = self.store.failures;
        self.totals.in_doubt = self.store.in_doubt;
        self.totals.poisoned = self.store.poisoned;
        self.totals.found_locked = self.store.found_locked;
        self.totals
    }
}

fn agent(number: usize) -> AgentId {
    AgentId(Uuid::from_u128(number as u128))
}

fn draft(number: usize) -> RoutingOutcome {
    let id = Uuid::from_u128(number as u128);
    let (agent_id, tenant_id) = (agent(number % AGENTS), TenantId(Uuid::nil()));
    RoutingOutcome {
        inference_id: Some(InferenceId(id)),
        ..RoutingOutcome::begun(RequestId(id), ReceiptId(id), agent_id, tenant_id, CallKind::Routed)
    }
}
