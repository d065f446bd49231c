//! What the doctor finds that no other test breaks.

use std::time::Duration;

use ainfera_schema::OutcomeStatus;
use ainfera_schema::policy::SpendPolicy;
use ainfera_store::invariants::{DIRECT_CALL_HAS_NO_OUTCOME, InvariantClass};

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
    database.store.capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.1")))).await.unwrap();
    database.store.capture(closings(calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded)))).await.unwrap();
    database.assert_sound(agent.0).await;
    database.execute(CONTAMINATE).await.unwrap();
    let broken = database.broken_invariants().await;
    assert_eq!(broken.len(), 1, "{broken:?}");
    let contamination = &broken[0];
    assert_eq!((contamination.name, contamination.class), (DIRECT_CALL_HAS_NO_OUTCOME, InvariantClass::Outcomes));
    assert_eq!(contamination.broken, 2);
    let keys = calls[1..].iter().map(|call| call.request_id.to_string());
    assert!(keys.into_iter().any(|key| contamination.detail.ends_with(&key)), "{}", contamination.detail);
}

pub async fn an_intent_older_than_a_call_can_be_is_found(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let open = call(agent);
    database.store.capture(admissions([admission(&open, boot_id, "0.1")])).await.unwrap();
    let written =
        if database.is_postgres() { "now() - interval '5 minutes'" } else { "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-5 minutes')" };
    database.execute(&format!("UPDATE intents SET created_at = {written}")).await.unwrap();
    for (minutes, expected) in [(6, None), (4, Some(1))] {
        let answers = database.store.invariants_within(Duration::from_secs(minutes * 60)).await.unwrap();
        let broken: Vec<_> = answers.iter().filter(|answer| !answer.holds).collect();
        assert_eq!(broken.first().map(|answer| answer.broken), expected, "{minutes}: {broken:?}");
        assert!(broken.iter().all(|answer| answer.class == InvariantClass::Intents && answer.name == "intent_is_no_older_than_a_call"));
    }
}
