//! Records that the database refused for good, and what an operator decides about them.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, OutcomeStatus, RequestId, RoutingOutcome, TenantId};
use ainfera_store::invariants::{InvariantClass, NOTHING_WAITS_IN_QUARANTINE};
use ainfera_store::{
    CloseResult, Closing, QuarantineDecision, QuarantineScope, QuarantineState, RefusedRecord,
    Settled, Settlement, StoreError, StoredAnswer,
};

use crate::call::{admission, admissions, call, closing, direct_call, usd};
use crate::database::Database;

fn put_back() -> QuarantineDecision {
    QuarantineDecision { settlement: Settlement::PutBack, decided_by: "ada@desk".to_owned() }
}

fn dismiss() -> QuarantineDecision {
    let settlement = Settlement::Dismiss { reason: "counted by hand".to_owned() };
    QuarantineDecision { settlement, decided_by: "ada@desk".to_owned() }
}

fn record(closing: Closing) -> RefusedRecord {
    RefusedRecord { closing, reason: "check constraint".to_owned(), replica: "one".to_owned() }
}

/// Calls that were let in and given up, as a gateway leaves one whose record was refused.
async fn given_up(database: &Database, calls: &[RoutingOutcome]) {
    let boot_id = database.boot("one").await;
    let batch = admissions(calls.iter().map(|call| admission(call, boot_id, "0.1")));
    database.store.capture(batch).await.unwrap();
    let ids: Vec<RequestId> = calls.iter().map(|call| call.request_id).collect();
    database.store.give_up(ids).await.unwrap();
}

async fn agent(database: &Database) -> (AgentId, TenantId) {
    database.agent("1", SpendPolicy::default()).await
}

async fn settle(database: &Database, call: RequestId, decision: QuarantineDecision) -> Settled {
    database.store.settle_quarantined(call, decision).await.unwrap().unwrap()
}

async fn events_of(database: &Database, agent_id: AgentId, kind: &str) -> Vec<String> {
    let events = database.store.audit_events(agent_id, 0, 1000).await.unwrap();
    let of_kind = events.into_iter().filter(|event| event.event_type == kind);
    of_kind.map(|event| event.payload.to_string()).collect()
}

pub async fn a_refused_record_waits_whole_and_the_doctor_counts_it(database: Database) {
    let agent = agent(&database).await;
    let refused = RoutingOutcome { model_requested: "a\0b \u{2028}".to_owned(), ..call(agent) };
    given_up(&database, std::slice::from_ref(&refused)).await;
    let answer = Some(StoredAnswer { frames: "event: a\n\n".into() });
    let closing = Closing { answer, ..closing(&refused, OutcomeStatus::Succeeded) };
    database.store.quarantine(vec![record(closing.clone())]).await.unwrap();
    // sent again, by a gateway that did not hear the answer
    let again = RefusedRecord { reason: "another".to_owned(), ..record(closing.clone()) };
    database.store.quarantine(vec![again]).await.unwrap();

    let waiting = database.store.quarantined(QuarantineScope::Waiting, 10).await.unwrap();
    assert_eq!((waiting.len(), database.store.waiting_in_quarantine().await.unwrap()), (1, 1));
    let kept = database.store.quarantined_record(refused.request_id).await.unwrap().unwrap();
    assert_eq!(kept, waiting[0]);
    assert_eq!(kept.closing().unwrap(), closing);
    assert_eq!((kept.reason.as_str(), kept.replica.as_str()), ("check constraint", "one"));
    assert_eq!((kept.agent_id, kept.state), (agent.0, QuarantineState::Waiting));

    let broken = database.broken_invariants().await;
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!((broken[0].name, broken[0].broken), (NOTHING_WAITS_IN_QUARANTINE, 1));
    assert_eq!(broken[0].class, InvariantClass::Quarantine);
    assert!(broken[0].detail.ends_with(&refused.request_id.to_string()), "{}", broken[0].detail);
}

pub async fn a_record_that_is_put_back_adjusts_its_call_once(database: Database) {
    let agent = agent(&database).await;
    let calls = [call(agent), direct_call(agent), call(agent)];
    given_up(&database, &calls).await;
    assert_eq!(database.wallet(agent.0).await, (usd("0.991"), usd("0")));
    let cost = ["0.0044", "0.001", "0.003"].map(usd);
    let records = calls.iter().zip(cost).map(|(call, cost)| {
        let outcome = RoutingOutcome { cost_actual_usd: cost, ..call.clone() };
        record(closing(&outcome, OutcomeStatus::Succeeded))
    });
    database.store.quarantine(records.collect()).await.unwrap();
    for (call, result) in calls.iter().zip([
        CloseResult::Adjusted,
        CloseResult::Adjusted,
        // it cost what it was charged
        CloseResult::AlreadyClosed,
    ]) {
        let settled = settle(&database, call.request_id, put_back()).await;
        assert_eq!(settled, Settled::PutBack(result));
    }
    assert_eq!(database.wallet(agent.0).await, (usd("0.9916"), usd("0")));
    let adjusts = "SELECT count(*) FROM transfers WHERE kind = 'adjust'";
    assert_eq!(database.texts(adjusts).await, ["2"]);
    assert_eq!(events_of(&database, agent.0, "ledger.adjusted").await.len(), 2);
    let told = events_of(&database, agent.0, "quarantine.put_back").await;
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|payload| payload.contains("ada@desk")), "{told:?}");

    let again = settle(&database, calls[0].request_id, dismiss()).await;
    assert!(matches!(again, Settled::Before(_)), "{again:?}");
    let first = calls[0].request_id;
    let before = database.store.quarantined_record(first).await.unwrap().unwrap();
    assert_eq!(again, Settled::Before(Box::new(before.clone())));
    assert_eq!(before.state, QuarantineState::PutBack);
    assert_eq!(before.settled_by.as_deref(), Some("ada@desk"));
    assert!(before.settled_at.is_some());
    assert_eq!(database.texts(adjusts).await, ["2"]);
    assert_eq!(database.store.waiting_in_quarantine().await.unwrap(), 0);
    assert_eq!(database.store.quarantined(QuarantineScope::All, 10).await.unwrap().len(), 3);
    database.assert_sound(agent.0).await;
}

/// The record went to quarantine, and then not even its call could be given up.
pub async fn a_record_whose_call_is_still_open_closes_it_when_it_is_put_back(database: Database) {
    let agent = agent(&database).await;
    let open = call(agent);
    let boot_id = database.boot("one").await;
    database.store.capture(admissions([admission(&open, boot_id, "0.1")])).await.unwrap();
    let refused = record(closing(&open, OutcomeStatus::Succeeded));
    database.store.quarantine(vec![refused]).await.unwrap();
    let settled = settle(&database, open.request_id, put_back()).await;
    assert_eq!(settled, Settled::PutBack(CloseResult::Closed));
    assert_eq!(database.texts("SELECT outcome_status FROM routing_outcomes").await, ["succeeded"]);
    assert_eq!(database.wallet(agent.0).await, (usd("0.9956"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_record_that_is_dismissed_moves_no_money_and_says_who_and_why(database: Database) {
    let agent = agent(&database).await;
    let refused = call(agent);
    given_up(&database, std::slice::from_ref(&refused)).await;
    let before = database.wallet(agent.0).await;
    let kept = record(closing(&refused, OutcomeStatus::Succeeded));
    database.store.quarantine(vec![kept]).await.unwrap();
    let unknown = database.store.settle_quarantined(RequestId::mint(), dismiss()).await.unwrap();
    assert_eq!(unknown, None);
    assert_eq!(settle(&database, refused.request_id, dismiss()).await, Settled::Dismissed);
    assert_eq!(database.wallet(agent.0).await, before);
    let told = events_of(&database, agent.0, "quarantine.dismissed").await;
    assert_eq!(told.len(), 1);
    for part in ["counted by hand", "ada@desk", "check constraint", &refused.request_id.to_string()]
    {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
    let row = database.store.quarantined_record(refused.request_id).await.unwrap().unwrap();
    assert_eq!(row.state, QuarantineState::Dismissed);
    assert_eq!(row.settled_reason.as_deref(), Some("counted by hand"));
    let again = settle(&database, refused.request_id, put_back()).await;
    assert!(matches!(again, Settled::Before(_)), "{again:?}");
    assert_eq!(database.wallet(agent.0).await, before);
    database.assert_sound(agent.0).await;
}

pub async fn a_record_of_a_call_that_the_database_does_not_know_can_only_be_dismissed(
    database: Database,
) {
    let agent = agent(&database).await;
    let strangers = call((AgentId::mint(), TenantId::mint()));
    for unknown in [call(agent), strangers] {
        let kept = record(closing(&unknown, OutcomeStatus::Succeeded));
        database.store.quarantine(vec![kept]).await.unwrap();
        let tried = database.store.settle_quarantined(unknown.request_id, put_back()).await;
        assert!(matches!(tried, Err(StoreError::Refused(_))), "{tried:?}");
        let row = database.store.quarantined_record(unknown.request_id).await.unwrap().unwrap();
        assert_eq!(row.state, QuarantineState::Waiting);
        assert_eq!(settle(&database, unknown.request_id, dismiss()).await, Settled::Dismissed);
    }
    assert_eq!(events_of(&database, agent.0, "quarantine.put_back").await.len(), 0);
    assert_eq!(events_of(&database, agent.0, "quarantine.dismissed").await.len(), 1);
    database.assert_sound(agent.0).await;
}

/// What refused it once may refuse it again.
pub async fn a_decision_that_fails_changes_nothing(database: Database) {
    let agent = agent(&database).await;
    let refused = RoutingOutcome { cost_actual_usd: usd("-1"), ..call(agent) };
    given_up(&database, std::slice::from_ref(&refused)).await;
    let before = (database.wallet(agent.0).await, database.count("audit_events").await);
    let kept = record(closing(&refused, OutcomeStatus::Succeeded));
    database.store.quarantine(vec![kept]).await.unwrap();
    let tried = database.store.settle_quarantined(refused.request_id, put_back()).await;
    assert!(matches!(tried, Err(StoreError::Corrupt(_))), "{tried:?}");
    assert_eq!((database.wallet(agent.0).await, database.count("audit_events").await), before);
    assert_eq!(database.store.waiting_in_quarantine().await.unwrap(), 1);
}

pub async fn what_is_in_quarantine_cannot_be_deleted(database: Database) {
    let agent = agent(&database).await;
    let kept = record(closing(&call(agent), OutcomeStatus::Succeeded));
    database.store.quarantine(vec![kept]).await.unwrap();
    let error = database.execute("DELETE FROM quarantine").await.unwrap_err();
    assert!(error.contains("append only"), "{error}");
}
