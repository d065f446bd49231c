//! What the doctor finds that no other test breaks.

use std::time::Duration;

use ainfera_schema::OutcomeStatus;
use ainfera_schema::policy::SpendPolicy;
use ainfera_store::Watermark;
use ainfera_store::invariants::{DIRECT_CALL_HAS_NO_OUTCOME, InvariantClass, LONGEST_CALL};

use crate::call::{admission, admissions, call, closing, closings, direct_call};
use crate::database::Database;

/// A row to learn from, for every pinned call.
const CONTAMINATE: &str =
    "INSERT INTO routing_outcomes (request_id, agent_id, tenant_id, task_type, policy_version, ruleset_hash, decision_rule,
      candidates, m_allowed_set, cost_actual_usd, observed_latency_ms, outcome_status, input_tokens, cache_read_input_tokens,
      cache_creation_input_tokens, output_tokens, usage_basis, created_at, closed_at)
    SELECT i.request_id, i.agent_id, g.tenant_id, i.task_type, i.policy_version, 'none', 'pinned', '[]', '[]', i.cost_usd,
      i.observed_latency_ms, i.outcome_status, 0, 0, 0, 0, 'reported', i.created_at, i.created_at
    FROM inferences i JOIN agents g ON g.agent_id = i.agent_id WHERE i.kind = 'direct'";

pub async fn a_pinned_call_with_an_outcome_is_found(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls = [call(agent), direct_call(agent), direct_call(agent)];
    database.calls_succeeded(&calls, boot_id).await;
    database.assert_sound(agent.0).await;
    database.execute(CONTAMINATE).await.unwrap();
    let broken = database.broken_invariants().await;
    assert_eq!(broken.len(), 1, "{broken:?}");
    let contamination = &broken[0];
    assert_eq!(
        (contamination.name, contamination.class),
        (DIRECT_CALL_HAS_NO_OUTCOME, InvariantClass::Outcomes)
    );
    assert_eq!(contamination.broken, 2);
    let keys = calls[1..].iter().map(|call| call.request_id.to_string());
    assert!(
        keys.into_iter().any(|key| contamination.detail.ends_with(&key)),
        "{}",
        contamination.detail
    );
}

pub async fn an_intent_older_than_a_call_can_be_is_found(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let open = call(agent);
    database.store.capture(admissions([admission(&open, boot_id, "0.1")])).await.unwrap();
    let written = if database.is_postgres() {
        "now() - interval '5 minutes'"
    } else {
        "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-5 minutes')"
    };
    database.execute(&format!("UPDATE intents SET created_at = {written}")).await.unwrap();
    for (minutes, expected) in [(6, None), (4, Some(1))] {
        let answers =
            database.store.invariants_within(Duration::from_secs(minutes * 60)).await.unwrap();
        let broken: Vec<_> = answers.iter().filter(|answer| !answer.holds).collect();
        assert_eq!(broken.first().map(|answer| answer.broken), expected, "{minutes}: {broken:?}");
        assert!(broken.iter().all(|answer| answer.class == InvariantClass::Intents
            && answer.name == "intent_is_no_older_than_a_call"));
    }
}

/// A statement for each kind of damage, run behind the store's back, and the promise that it
/// breaks.
const DAMAGE: [(&str, &str, &str); 6] = [
    (
        "a row is missing",
        "DELETE FROM routing_outcomes WHERE cost_actual_usd > 0",
        "routed_inference_has_outcome",
    ),
    (
        "an account is off by a nano-dollar",
        "UPDATE accounts SET balance = balance + NANO",
        "balance_is_sum_of_transfers",
    ),
    ("a reservation is stuck", "UPDATE accounts SET held = held + NANO", "held_is_sum_of_intents"),
    (
        "a tenant's reservation is stuck",
        "UPDATE tenant_accounts SET held_elsewhere = held_elsewhere + NANO",
        "tenant_holds_are_those_of_its_agents",
    ),
    ("a transfer is missing", "DELETE FROM transfers WHERE kind = 'post'", "charge_is_posted"),
    (
        "an event is missing",
        "DELETE FROM audit_events WHERE event_type = 'inference.routed'",
        "audit_chain_is_contiguous",
    ),
];

pub async fn what_is_damaged_is_found_without_reading_all(database: Database) {
    let drop_triggers = match database.is_postgres() {
        true => {
            "DROP TRIGGER routing_outcomes_append_only ON routing_outcomes; DROP TRIGGER transfers_append_only ON transfers;
             DROP TRIGGER audit_events_append_only ON audit_events;"
        }
        false => {
            "DROP TRIGGER routing_outcomes_no_delete; DROP TRIGGER transfers_no_delete; DROP TRIGGER transfers_no_update;
             DROP TRIGGER audit_events_no_delete;"
        }
    };
    database.execute(drop_triggers).await.unwrap();
    let nano = if database.is_postgres() { "0.000000001" } else { "1" };
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<_> =
        (0..4).map(|number| if number == 3 { direct_call(agent) } else { call(agent) }).collect();
    database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.1"))))
        .await
        .unwrap();
    database
        .store
        .capture(closings(calls[..3].iter().map(|call| closing(call, OutcomeStatus::Succeeded))))
        .await
        .unwrap();
    database.store.capture(closings([closing(&calls[3], OutcomeStatus::Succeeded)])).await.unwrap();
    assert_eq!(broken_lately(&database).await, Vec::<&str>::new(), "nothing was damaged yet");
    let mut before = Vec::new();
    for (what, sql, name) in DAMAGE {
        assert!(!before.contains(&name), "{what}: broken already: {before:?}");
        database.execute(&sql.replace("NANO", nano)).await.unwrap();
        before = broken_lately(&database).await;
        assert!(before.contains(&name), "{what}: {before:?}");
    }
}

pub async fn a_second_charge_is_found_without_reading_all(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let ended = call(agent);
    database.store.capture(admissions([admission(&ended, boot_id, "0.1")])).await.unwrap();
    database.store.capture(closings([closing(&ended, OutcomeStatus::Succeeded)])).await.unwrap();
    let again = "INSERT INTO transfers (transfer_id, debit_account, credit_account, amount, kind, request_id, agent_id, balance_after, memo, audit_seq, created_at)
        SELECT request_id, debit_account, credit_account, amount, kind, request_id, agent_id, balance_after, memo, audit_seq + 100, created_at
        FROM transfers WHERE kind = 'post'";
    database.execute(again).await.unwrap();
    let broken = broken_lately(&database).await;
    assert!(
        broken.contains(&"transfer_is_in_audit_chain")
            && broken.contains(&"balance_is_sum_of_transfers"),
        "{broken:?}"
    );
}

/// More events than a slice has are looked at in several, and a look at an old history reads none
/// of it.
pub async fn a_look_reads_what_is_new_and_not_what_is_old(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    for _ in 0..3 {
        let calls: Vec<_> = (0..200).map(|_| call(agent)).collect();
        database
            .store
            .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.01"))))
            .await
            .unwrap();
        database
            .store
            .capture(closings(calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded))))
            .await
            .unwrap();
    }
    let (mut mark, mut slices, mut rows) = (Watermark::default(), 0, 0);
    loop {
        let look = database.store.recent_invariants(mark, LONGEST_CALL).await.unwrap();
        assert!(look.invariants.iter().all(|invariant| invariant.holds), "{:?}", look.invariants);
        (mark, slices, rows) = (look.next, slices + 1, rows + look.rows_read);
        if !look.more {
            break;
        }
    }
    assert!(slices > 1 && rows > 3_000, "{slices} slices, {rows} rows");
    let later =
        Watermark { events_until: Some("9999-01-01T00:00:00.000000Z".to_owned()), account: None };
    let look = database.store.recent_invariants(later, LONGEST_CALL).await.unwrap();
    assert!(
        look.rows_read < 60,
        "{} rows: the agent, its tenant, and their newest transfers",
        look.rows_read
    );
}

async fn broken_lately(database: &Database) -> Vec<&'static str> {
    let look = database.store.recent_invariants(Watermark::default(), LONGEST_CALL).await.unwrap();
    look.invariants
        .into_iter()
        .filter(|invariant| !invariant.holds)
        .map(|invariant| invariant.name)
        .collect()
}
