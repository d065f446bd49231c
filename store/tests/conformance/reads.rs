//! What was written comes back.

use ainfera_schema::policy::{PriorityCeiling, RoutingHint, SpendPolicy};
use ainfera_schema::{
    AgentId, AgentStatus, OutcomeStatus, RoutingOutcome, Served, TenantId, TokenUsage, ToolUses,
};
use ainfera_store::{NewAgent, Opening, PublicCursor};

use crate::call::{admission, admissions, call, closing, closings, direct_call, usd};
use crate::database::Database;

pub async fn an_inference_comes_back_as_it_was(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let bare = call(agent);
    let bare = RoutingOutcome {
        // known of attempts only
        usage: TokenUsage {
            cache_creation_1h_input_tokens: 0,
            tool_uses: ToolUses::NONE,
            served: Served::default(),
            ..bare.usage
        },
        q_prior_used: None,
        cost_projected_usd: None,
        stop_reason: None,
        first_content_ms: None,
        attempts: Vec::new(),
        coercions: Vec::new(),
        streamed: false,
        ..bare
    };
    let calls = [call(agent), direct_call(agent), bare];
    database.calls_succeeded(&calls, boot_id).await;
    for outcome in &calls {
        let inference_id = outcome.inference_id.unwrap();
        let view = database.store.inference(agent.0, inference_id).await.unwrap().unwrap();
        assert_eq!(view.outcome, closing(outcome, OutcomeStatus::Succeeded).outcome);
        assert!(database.store.inference(AgentId::mint(), inference_id).await.unwrap().is_none());
        let receipt = database.store.receipt(agent.0, outcome.receipt_id).await.unwrap().unwrap();
        assert_eq!(
            (receipt.inference_id, receipt.coercions),
            (inference_id.0, outcome.coercions.clone())
        );
    }
}

pub async fn every_status_can_be_kept(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls = OutcomeStatus::ALL.map(|status| (call(agent), status));
    database
        .store
        .capture(admissions(calls.iter().map(|(call, _)| admission(call, boot_id, "0.1"))))
        .await
        .unwrap();
    database
        .store
        .capture(closings(calls.iter().map(|(call, status)| closing(call, *status))))
        .await
        .unwrap();
    let mut expected = OutcomeStatus::ALL.map(OutcomeStatus::as_str);
    expected.sort_unstable();
    let mut found = database.texts("SELECT outcome_status FROM routing_outcomes").await;
    found.sort_unstable();
    assert_eq!(found, expected);
}

pub async fn an_agent_is_made_once(database: Database) {
    let tenant_id = TenantId::mint();
    let spend_policy = SpendPolicy {
        per_call_cap_usd: Some(usd("0.5")),
        daily_cap_usd: Some(usd("20")),
        monthly_cap_usd: Some(usd("300")),
        routing_defaults: RoutingHint { latency_cap_ms: Some(900), ..RoutingHint::default() },
        priority_ceiling: PriorityCeiling::Critical,
        ..SpendPolicy::default()
    };
    let new = NewAgent { name: "coder".to_owned(), tenant_id, spend_policy: spend_policy.clone() };
    let racing =
        (0..8).map(|_| database.store.create_agent(new.clone(), Opening::Prepaid(usd("5"))));
    let made: Vec<AgentId> =
        futures_util::future::join_all(racing).await.into_iter().map(Result::unwrap).collect();
    assert!(made.iter().all(|agent_id| *agent_id == made[0]));
    let elsewhere = NewAgent { tenant_id: TenantId::mint(), ..new };
    assert_ne!(
        database.store.create_agent(elsewhere, Opening::Prepaid(usd("0"))).await.unwrap(),
        made[0]
    );
    assert_eq!(database.count("transfers").await, 1);
    assert_eq!(database.wallet(made[0]).await, (usd("5"), usd("0")));

    database.store.add_key(made[0], "k1", [7; 32]).await.unwrap();
    assert!(database.store.add_key(made[0], "k1", [8; 32]).await.is_err());
    let key = database.store.find_key("k1").await.unwrap().unwrap();
    assert_eq!(key.secret_sha256, [7; 32]);
    assert_eq!((key.agent.agent_id, key.agent.tenant_id), (made[0], tenant_id));
    assert_eq!((key.agent.name.as_str(), key.agent.status), ("coder", AgentStatus::Active));
    assert_eq!(key.agent.spend_policy, spend_policy);
    assert!(database.store.find_key("k2").await.unwrap().is_none());
    let now = if database.is_postgres() { "now()" } else { "'2026-11-23T00:00:00.000000Z'" };
    database.execute(&format!("UPDATE api_keys SET revoked_at = {now}")).await.unwrap();
    assert!(database.store.find_key("k1").await.unwrap().is_none());
    database.assert_sound(made[0]).await;
}

pub async fn a_key_of_an_unknown_agent_is_refused(database: Database) {
    assert!(database.store.add_key(AgentId::mint(), "k1", [7; 32]).await.is_err());
}

pub async fn a_store_that_is_there_answers(database: Database) {
    database.store.ping().await.unwrap();
}

pub async fn broken_promises_are_noticed(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let (open, ended) = (call(agent), call(agent));
    database
        .store
        .capture(admissions([&open, &ended].map(|call| admission(call, boot_id, "0.1"))))
        .await
        .unwrap();
    database.store.capture(closings([closing(&ended, OutcomeStatus::Succeeded)])).await.unwrap();
    database.assert_sound(agent.0).await;
    database
        .execute(
            "UPDATE accounts SET balance = balance + 1, held = held + 1, audit_seq = audit_seq + 1",
        )
        .await
        .unwrap();
    database.execute("UPDATE boots SET state = 'closed'").await.unwrap();
    database.execute("DELETE FROM inferences").await.unwrap();
    let broken: Vec<&str> =
        database.broken_invariants().await.iter().map(|invariant| invariant.name).collect();
    let expected = [
        "balance_is_sum_of_transfers",
        "held_is_sum_of_intents",
        "tenant_holds_are_those_of_its_agents",
        "outcome_has_inference",
        "audit_chain_is_contiguous",
        "intent_belongs_to_unclosed_boot",
    ];
    assert_eq!(broken, expected);
}

pub async fn a_tenant_has_a_name_and_internal_ones_are_not_public(database: Database) {
    let seen = async || {
        let events = database.store.public_events(PublicCursor::newest(), 100).await.unwrap();
        events.into_iter().map(|event| event.agent_name).collect::<Vec<String>>()
    };
    for (name, tenant) in [("open", "acme"), ("hidden", "internal-probes")] {
        let tenant_id = TenantId::mint();
        database.store.name_tenant(tenant_id, tenant).await.unwrap();
        let new =
            NewAgent { name: name.to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
        database.store.create_agent(new, Opening::Prepaid(usd("0"))).await.unwrap();
        if name == "open" {
            assert_eq!(seen().await, ["open"]);
            // a tenant that is there is given another name
            database.store.name_tenant(tenant_id, "internal-acme").await.unwrap();
            assert_eq!(seen().await, Vec::<String>::new());
            database.store.name_tenant(tenant_id, tenant).await.unwrap();
        }
    }
    assert_eq!(seen().await, ["open"]);
    assert_eq!(database.broken_invariants().await, []);
}
