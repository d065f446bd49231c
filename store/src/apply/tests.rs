//! What is decided, batch by batch.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{BootId, CallKind, InferenceId, OutcomeStatus, ReceiptId, RoutingOutcome};

use super::funds::Charged;
use super::*;
use crate::{Admission, CloseResult, Closing, Verdict};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn known(balance: &str) -> (AgentId, Known) {
    let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let agent_id = AgentId::mint();
    let tenant_id = TenantId::mint();
    let mut account = Account::new(agent_id, tenant_id, SpendPolicy::default(), now);
    account.funds.balance = usd(balance);
    let accounts = BTreeMap::from([(agent_id, account)]);
    let tenants = BTreeMap::from([(tenant_id, TenantAccount::new(tenant_id, now))]);
    let known = Known {
        now,
        accounts,
        tenants,
        spent_by_all: None,
        open: HashSet::new(),
        reserved: HashMap::new(),
        removed: HashMap::new(),
        closed: HashMap::new(),
        lost: HashMap::new(),
        keys: KeyBook::default(),
    };
    (agent_id, known)
}

fn draft(agent_id: AgentId, kind: CallKind) -> RoutingOutcome {
    RoutingOutcome {
        inference_id: Some(InferenceId::mint()),
        created_at: "2026-11-23T11:59:58.500Z".parse().unwrap(),
        ..RoutingOutcome::begun(
            RequestId::mint(),
            ReceiptId::mint(),
            agent_id,
            TenantId::mint(),
            kind,
        )
    }
}

fn admission(draft: RoutingOutcome, reservation: &str) -> Admission {
    Admission {
        draft,
        boot_id: BootId::mint(),
        reservation: usd(reservation),
        smaller_reservations: Vec::new(),
        charge_if_lost: Usd::ZERO,
        idempotency: None,
    }
}

#[test]
fn the_largest_reservation_that_fits_is_reserved_and_a_refusal_names_the_first() {
    let (agent_id, known) = known("1");
    let of = |smaller: &[&str]| {
        let smaller_reservations = smaller.iter().map(|amount| usd(amount)).collect();
        Admission { smaller_reservations, ..admission(draft(agent_id, CallKind::Routed), "0.8") }
    };
    let admissions = vec![of(&["0.5", "0.3"]), of(&["0.5", "0.2", "0.1"]), of(&["0.3"])];
    let batch = CaptureBatch { admissions, ..CaptureBatch::default() };
    let verdicts: Vec<Verdict> = apply(&batch, known)
        .unwrap()
        .reply
        .verdicts
        .into_iter()
        .map(|(_, verdict)| verdict)
        .collect();
    assert_eq!(verdicts[..2], [Verdict::Admitted, Verdict::AdmittedForLess(usd("0.2"))]);
    assert!(
        matches!(
            &verdicts[2],
            Verdict::Refused(Refusal::Funds { needed, .. }) if *needed == usd("0.8")
        ),
        "{verdicts:?}"
    );
}

#[test]
fn admissions_are_decided_one_after_the_other() {
    let (agent_id, known) = known("1");
    let reservations = ["0.6", "0.5", "0.4", "0"];
    let admissions =
        reservations.map(|amount| admission(draft(agent_id, CallKind::Routed), amount)).to_vec();
    let batch = CaptureBatch { admissions, ..CaptureBatch::default() };
    let changes = apply(&batch, known).unwrap();
    let admitted: Vec<bool> =
        changes.reply.verdicts.iter().map(|(_, verdict)| *verdict == Verdict::Admitted).collect();
    assert_eq!(admitted, [true, false, true, true]);
    assert_eq!(changes.accounts[0].funds.reserved, usd("1"));
    let refused = &changes.outcomes[0];
    assert_eq!((refused.status, refused.outcome.latency_ms), (OutcomeStatus::RejectedFunds, 1500));
    assert_eq!(
        (changes.intents.len(), changes.outcomes.len(), changes.closed_calls.len()),
        (3, 1, 1)
    );
}

#[test]
fn the_kill_switch_counts_what_the_batch_itself_reserves() {
    let (agent_id, mut known) = known("100");
    known.spent_by_all = Some(usd("48"));
    let admissions = ["1", "1", "0.5", "0"]
        .map(|amount| admission(draft(agent_id, CallKind::Direct), amount))
        .to_vec();
    let batch = CaptureBatch {
        admissions,
        killswitch_daily_usd: Some(usd("50")),
        ..CaptureBatch::default()
    };
    let changes = apply(&batch, known).unwrap();
    let refusal = Refusal::KillSwitch {
        threshold: usd("50"),
        spent: usd("50"),
        needed: usd("0.5"),
        window_start: "2026-11-23".to_owned(),
    };
    let verdicts: Vec<Verdict> =
        changes.reply.verdicts.into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(
        verdicts,
        [Verdict::Admitted, Verdict::Admitted, Verdict::Refused(refusal), Verdict::Admitted]
    );
}

#[test]
fn what_was_there_before_changes_nothing() {
    let (agent_id, mut known) = known("1");
    let drafts =
        [CallKind::Routed, CallKind::Direct, CallKind::Routed].map(|kind| draft(agent_id, kind));
    let refusal = Refusal::Funds { available: Usd::ZERO, needed: usd("2") };
    known.open.insert(drafts[0].request_id);
    known.closed.insert(drafts[1].request_id, Some(refusal.clone()));
    known.closed.insert(drafts[2].request_id, None);
    let closed = RoutingOutcome { status: Some(OutcomeStatus::Succeeded), ..drafts[2].clone() };
    let batch = CaptureBatch {
        admissions: drafts.map(|draft| admission(draft, "0.5")).to_vec(),
        rejections: vec![closed.clone()],
        closings: vec![Closing { outcome: closed, answer: None }],
        ..CaptureBatch::default()
    };
    let changes = apply(&batch, known).unwrap();
    let verdicts: Vec<Verdict> =
        changes.reply.verdicts.into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, [Verdict::Admitted, Verdict::Refused(refusal), Verdict::Admitted]);
    assert_eq!(changes.reply.closed[0].1, CloseResult::AlreadyClosed);
    assert!(
        changes.accounts.is_empty()
            && changes.audit_events.is_empty()
            && changes.intents.is_empty()
    );
}

#[test]
fn a_call_without_an_account_or_a_status_is_an_error() {
    let (agent_id, mut without_status) = known("1");
    let outcome = draft(agent_id, CallKind::Routed);
    let closings = vec![Closing { outcome: outcome.clone(), answer: None }];
    let batch = CaptureBatch { closings, ..CaptureBatch::default() };
    without_status
        .removed
        .insert(outcome.request_id, Reservation { amount: Usd::ZERO, charged: Charged::Wallet });
    assert!(matches!(
        apply(&batch, without_status),
        Err(StoreError::Corrupt(text)) if text.contains("without a status")
    ));
    let (_, of_another_agent) = known("1");
    let batch =
        CaptureBatch { admissions: vec![admission(outcome, "0")], ..CaptureBatch::default() };
    assert!(matches!(
        apply(&batch, of_another_agent),
        Err(StoreError::Corrupt(text)) if text.contains("no account")
    ));
}
