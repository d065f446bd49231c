//! Two lives of one replica: calls that succeed, are refused, rejected, pinned, named by a key,
//! left open by a crash, and closed too late. Whoever meets a failing store does what a client or
//! an operator would: tries again, as a new call or a new boot.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use ainfera_actors::capture::lease::EndBoot;
use ainfera_actors::capture::start::StartBoot;
use ainfera_actors::capture::{CaptureActor, CaptureError, Reject};
use ainfera_actors::counters::Counters;
use ainfera_actors::gate::Gate;
use ainfera_actors::outcome::OpenOutcome;
use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{
    AgentId, BootId, CallKind, InferenceId, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome,
    TenantId, TokenUsage, Usd,
};
use ainfera_store::{
    Admission, Earlier, IdempotencyClaim, NewAgent, Opening, StoreFuture, StoreWriter, Verdict,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::faulty_store::FaultyStore;

const REPLICA: &str = "one";
const PATIENCE: Duration = Duration::from_secs(20);

/// One boot's worth of actors.
struct Life {
    boot_id: BootId,
    capture: Addr<CaptureActor>,
    gate: Gate,
}

pub async fn run(store: Arc<FaultyStore>, what: &str) {
    again(|| store.migrate()).await;
    let tenant_id = TenantId::mint();
    let new =
        || NewAgent { name: "tester".to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    let agent_id = again(|| store.create_agent(new(), Opening::Prepaid(usd("1")))).await;
    let agent = (agent_id, tenant_id);

    let first = Life::begin(&store).await;
    let won = first.admitted(call(agent, CallKind::Routed), "0.3", None).await;
    let left_open = first.admitted(call(agent, CallKind::Routed), "0.3", None).await;
    first.refused(call(agent, CallKind::Routed), "0.9").await;
    first.rejected(call(agent, CallKind::Routed)).await;
    won.close(OutcomeStatus::Succeeded);
    let pinned = first.admitted(call(agent, CallKind::Direct), "0.1", None).await;
    pinned.close(OutcomeStatus::ClientGone);
    let claim = IdempotencyClaim { key_sha256: [7; 32], fingerprint: [9; 32] };
    let named = first.admitted(call(agent, CallKind::Routed), "0.1", Some(claim)).await;
    named.close(OutcomeStatus::Succeeded);
    again(|| store.heartbeat(first.boot_id)).await;

    first.drained_but_for(1).await;
    // the second life begins while the first only sleeps; then that wakes and closes what is closed
    // already
    let second = Life::begin(&store).await;
    left_open.close(OutcomeStatus::Succeeded);
    first.drained_but_for(0).await;
    again(|| store.reap(second.boot_id, Duration::from_secs(30))).await;
    let last = second.admitted(call(agent, CallKind::Routed), "0.1", None).await;
    drop(last);
    second.drained_but_for(0).await;
    second.end().await;

    judge(&store, agent_id, what).await;
}

impl Life {
    async fn begin(store: &Arc<FaultyStore>) -> Self {
        loop {
            let gate = Gate::new(100);
            let shared: Arc<dyn StoreWriter> = Arc::<FaultyStore>::clone(store);
            let capture =
                CaptureActor::new(shared, Arc::new(Counters::default()), gate.clone()).start();
            let (boot_id, replica) = (BootId::mint(), REPLICA.to_owned());
            let (reply, started) = oneshot::channel();
            capture.do_send(StartBoot { boot_id, replica, former_spool: None, reply });
            if started.await.expect("a start is answered").is_ok() {
                return Self { boot_id, capture, gate };
            }
            // a process whose start failed is started again, as another boot
        }
    }

    /// Once more if it fails: only one call does.
    async fn end(&self) {
        let boot_id = self.boot_id;
        let end = || self.capture.send(EndBoot { boot_id });
        if end().await.unwrap().is_err() {
            end().await.unwrap().expect("only one call fails");
        }
    }

    /// The verdict on a call; one that is turned away is made again under a new id.
    async fn asked(
        &self,
        outcome: RoutingOutcome,
        reservation: &str,
        idempotency: Option<IdempotencyClaim>,
    ) -> (OpenOutcome, Verdict) {
        loop {
            let draft = RoutingOutcome {
                request_id: RequestId::mint(),
                inference_id: Some(InferenceId::mint()),
                ..outcome.clone()
            };
            let admission = Admission {
                draft,
                boot_id: self.boot_id,
                reservation: usd(reservation),
                smaller_reservations: Vec::new(),
                charge_if_lost: usd("0.003"),
                idempotency,
            };
            let (open, answer) =
                OpenOutcome::admit(admission, self.gate.enter().unwrap(), self.capture.clone());
            match tokio::time::timeout(PATIENCE, answer)
                .await
                .expect("an admission is answered")
                .unwrap()
            {
                // the try before is in doubt and not over yet: its client waits and asks again
                Ok(Verdict::Duplicate(Earlier::InFlight)) => open.settle_refused(),
                Ok(verdict) => return (open, verdict),
                Err(CaptureError::InDoubt(_)) => open.close(OutcomeStatus::FailedOther),
                Err(CaptureError::Unavailable(_) | CaptureError::Refused(_)) => {
                    open.settle_refused()
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn admitted(
        &self,
        outcome: RoutingOutcome,
        reservation: &str,
        idempotency: Option<IdempotencyClaim>,
    ) -> OpenOutcome {
        let (mut open, verdict) = self.asked(outcome, reservation, idempotency).await;
        assert_eq!(verdict, Verdict::Admitted);
        open.admitted();
        let draft = open.draft().unwrap();
        draft.cost_actual_usd = usd("0.004");
        draft.usage = TokenUsage { input_tokens: 10, output_tokens: 20, ..TokenUsage::default() };
        open
    }

    async fn refused(&self, outcome: RoutingOutcome, reservation: &str) {
        let (open, verdict) = self.asked(outcome, reservation, None).await;
        assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
        open.settle_refused();
    }

    async fn rejected(&self, outcome: RoutingOutcome) {
        loop {
            let (reply, answer) = oneshot::channel();
            let status = Some(OutcomeStatus::RejectedFloor);
            let outcome = RoutingOutcome {
                request_id: RequestId::mint(),
                inference_id: None,
                status,
                ..outcome.clone()
            };
            self.capture.do_send(Reject {
                outcome: Box::new(outcome),
                permit: self.gate.enter().unwrap(),
                reply,
            });
            if tokio::time::timeout(PATIENCE, answer)
                .await
                .expect("a rejection is answered")
                .unwrap()
                .is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Until no more than so many calls are without a durable row.
    async fn drained_but_for(&self, left: u32) {
        let deadline = Instant::now() + PATIENCE;
        while self.gate.in_flight() > left {
            assert!(Instant::now() < deadline, "rows are still missing");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn judge(store: &FaultyStore, agent_id: AgentId, what: &str) {
    let store = &store.inner;
    for invariant in store.invariants().await.unwrap() {
        assert!(invariant.holds, "{what}: {}: {}", invariant.name, invariant.detail);
    }
    let chain = store.verify_audit(agent_id).await.unwrap();
    assert!(chain.valid, "{what}: {chain:?}");
    let events = store.audit_events(agent_id, 0, 1_000).await.unwrap();
    let count =
        |event_type: &str| events.iter().filter(|event| event.event_type == event_type).count();
    assert_eq!(
        count("inference.lost"),
        1,
        "{what}: what the first life had left open, and nothing else"
    );
    // one was refused and one was rejected; the try before one of them may have been in doubt
    let refused = count("inference.rejected") + count("inference.rejected_cap_violation");
    assert!((2..=3).contains(&refused), "{what}: {refused} refusals");
    let wallet = store.ledger(agent_id, None, 100).await.unwrap().unwrap();
    assert_eq!(
        (wallet.balance_usd, wallet.held_usd),
        (usd("0.98"), Usd::ZERO),
        "{what}: five calls at 0.004: {wallet:?}"
    );
}

/// Once more if it fails: only one call does.
async fn again<'a, T>(call: impl Fn() -> StoreFuture<'a, T>) -> T {
    match call().await {
        Ok(value) => value,
        Err(_) => call().await.expect("only one call fails"),
    }
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn call((agent_id, tenant_id): (AgentId, TenantId), kind: CallKind) -> RoutingOutcome {
    RoutingOutcome {
        inference_id: Some(InferenceId::mint()),
        streamed: true,
        ..RoutingOutcome::begun(RequestId::mint(), ReceiptId::mint(), agent_id, tenant_id, kind)
    }
}
