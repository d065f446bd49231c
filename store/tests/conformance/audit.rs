//! The chain of each agent.

use ainfera_schema::audit::{canonical_json, event_hash};
use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, CallKind, OutcomeStatus, RoutingOutcome};
use ainfera_store::AuditEventRow;

use crate::call::{admission, admissions, call, closing, closings, direct_call, usd};
use crate::database::Database;

async fn run(database: &Database, outcome: &RoutingOutcome, status: OutcomeStatus) {
    let boot_id = database.boot("one").await;
    database.store.capture(admissions([admission(outcome, boot_id, "0.1")])).await.unwrap();
    database.store.capture(closings([closing(outcome, status)])).await.unwrap();
}

fn types(events: &[AuditEventRow]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

pub async fn a_call_tells_its_story_in_order(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let routed = call(agent);
    run(&database, &routed, OutcomeStatus::Succeeded).await;
    let events = database.store.audit_events(agent.0, 0, 100).await.unwrap();
    let expected = [
        "agent.registered",
        "wallet.topped_up",
        "inference.requested",
        "inference.routed",
        "provider.responded",
        "ledger.debited",
        "receipt.created",
    ];
    assert_eq!(types(&events), expected);
    assert_eq!(events[2].payload["model"], "ainfera-inference");
    let routing = &events[3].payload;
    assert_eq!(routing["model"], "mistral-large-3");
    assert_eq!(routing["router"], "ainfera-inference");
    assert_eq!(routing["task_type"], "tool_use");
    assert_eq!(routing["policy_version"], "balanced@1.0.0+07dbdce7");
    assert_eq!(routing["cell"], "tool_use:mistral-large-3:balanced");
    assert_eq!(events[5].payload["amount_usd"], "0.0044");
    assert_eq!(events[6].payload["receipt_id"], routed.receipt_id.to_string());

    let mut previous_hash: Option<String> = None;
    for (event, seq) in events.iter().zip(1..) {
        assert_eq!(event.seq, seq);
        assert_eq!(event.previous_hash, previous_hash);
        assert_eq!(
            event_hash(previous_hash.as_deref(), &canonical_json(&event.payload)),
            event.event_hash
        );
        assert_eq!(event.payload["seq"], seq);
        assert_eq!(event.payload["event_type"], event.event_type.as_str());
        assert_eq!(event.payload["agent_id"], agent.0.to_string());
        assert_eq!(event.payload["created_at"], format!("{:.6}", event.created_at));
        previous_hash = Some(event.event_hash.clone());
    }
    let page = database.store.audit_events(agent.0, 4, 2).await.unwrap();
    assert_eq!(types(&page), expected[4..6]);
    database.assert_sound(agent.0).await;
}

pub async fn a_pinned_call_is_marked_direct_and_leaves_no_outcome(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let untried = RoutingOutcome {
        chosen_model: None,
        inference_id: None,
        cost_actual_usd: usd("0"),
        ..direct_call(agent)
    };
    run(&database, &direct_call(agent), OutcomeStatus::FailedMidstream).await;
    run(&database, &untried, OutcomeStatus::ClientGone).await;
    let events = database.store.audit_events(agent.0, 2, 100).await.unwrap();
    let first = [
        "inference.requested",
        "inference.routed",
        "inference.failed",
        "ledger.debited",
        "receipt.created",
    ];
    let second = ["inference.requested", "inference.routed", "inference.failed"];
    assert_eq!(types(&events), [first.as_slice(), second.as_slice()].concat());
    assert_eq!(events[1].payload["router"], CallKind::Direct.router());
    assert_eq!(events[6].payload["router"], "direct");
    assert_eq!(events[2].payload["outcome_status"], "failed_midstream");
    assert_eq!(database.count("routing_outcomes").await, 0);
    assert_eq!(database.count("inferences").await, 1);
    database.assert_sound(agent.0).await;
}

pub async fn odd_characters_survive(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let odd = RoutingOutcome {
        model_requested: "a\u{0}\u{1f}\"\\\u{2028}😀".to_owned(),
        stop_reason: Some("stop\u{0}".to_owned()),
        ..direct_call(agent)
    };
    run(&database, &odd, OutcomeStatus::Succeeded).await;
    let events = database.store.audit_events(agent.0, 2, 1).await.unwrap();
    assert_eq!(events[0].payload["model"], odd.model_requested.as_str());
    assert_eq!(database.count("inferences").await, 1);
    database.assert_sound(agent.0).await;
}

pub async fn tampering_is_found_where_it_was_done(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    for _ in 0..3 {
        run(&database, &call(agent), OutcomeStatus::Succeeded).await;
    }
    let drop_trigger = if database.is_postgres() {
        "DROP TRIGGER audit_events_append_only ON audit_events"
    } else {
        "DROP TRIGGER audit_events_no_update; DROP TRIGGER audit_events_no_delete"
    };
    database.execute(drop_trigger).await.unwrap();
    database
        .execute(
            "UPDATE audit_events SET payload = replace(payload, '0.0044', '0.0004') WHERE seq = 11",
        )
        .await
        .unwrap();
    let verdict = database.store.verify_audit(agent.0).await.unwrap();
    assert!(!verdict.valid);
    assert_eq!((verdict.event_count, verdict.failure_seq), (17, Some(11)));
    assert!(verdict.failure_reason.unwrap().contains("hash does not match"));

    database.execute("DELETE FROM audit_events WHERE seq = 6").await.unwrap();
    assert_eq!(database.store.verify_audit(agent.0).await.unwrap().failure_seq, Some(6));
    let broken = database.broken_invariants().await;
    assert!(
        broken.iter().any(|invariant| invariant.name == "audit_chain_is_contiguous"),
        "{broken:?}"
    );

    // the end cut off
    database.execute("DELETE FROM audit_events WHERE seq > 3").await.unwrap();
    assert_eq!(database.store.verify_audit(agent.0).await.unwrap().failure_seq, Some(4));
}

pub async fn a_long_chain_is_walked_in_pages(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<RoutingOutcome> = (0..450).map(|_| call(agent)).collect();
    database.calls_succeeded(&calls, boot_id).await;
    let verdict = database.store.verify_audit(agent.0).await.unwrap();
    assert!(verdict.valid, "{verdict:?}");
    assert_eq!(verdict.event_count, 2 + 450 * 5);
}

pub async fn an_empty_chain_verifies_nothing(database: Database) {
    let verdict = database.store.verify_audit(AgentId::mint()).await.unwrap();
    assert!(!verdict.valid);
    assert_eq!((verdict.event_count, verdict.failure_seq), (0, None));
}
