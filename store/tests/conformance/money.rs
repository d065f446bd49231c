//! Amounts are exact, and every one of them can be followed.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{OutcomeStatus, RoutingOutcome, Usd};
use ainfera_store::StoreError;

use crate::call::{admission, admissions, call, closing, closings, usd};
use crate::database::Database;

pub async fn a_nano_dollar_is_kept(database: Database) {
    let agent = database.agent("9000000000.123456789", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<RoutingOutcome> = ["0.000000001", "0.1", "0.2"]
        .map(|cost| RoutingOutcome { cost_actual_usd: usd(cost), ..call(agent) })
        .to_vec();
    let store = &database.store;
    store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.3"))))
        .await
        .unwrap();
    store
        .capture(closings(calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded))))
        .await
        .unwrap();

    let ledger = store.ledger(agent.0, None, 3).await.unwrap().unwrap();
    assert_eq!(ledger.balance_usd, usd("8999999999.823456788"));
    assert_eq!(ledger.held_usd, Usd::ZERO);
    let amounts: Vec<Usd> = ledger.entries.iter().map(|entry| entry.amount_usd).collect();
    assert_eq!(amounts, [usd("-0.2"), usd("-0.1"), usd("-0.000000001")]);
    let after: Vec<Usd> = ledger.entries.iter().map(|entry| entry.balance_after_usd).collect();
    assert_eq!(
        after,
        [usd("8999999999.823456788"), usd("9000000000.023456788"), usd("9000000000.123456788")]
    );
    let all = store.ledger(agent.0, None, 100).await.unwrap().unwrap().entries;
    let kinds: Vec<&str> = all.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["post", "post", "post", "topup"]);
    assert_eq!(all[3].amount_usd, usd("9000000000.123456789"));
    database.assert_sound(agent.0).await;
}

pub async fn a_call_that_cost_nothing_moves_no_money(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let free = RoutingOutcome { cost_actual_usd: Usd::ZERO, ..call(agent) };
    database.store.capture(admissions([admission(&free, boot_id, "1")])).await.unwrap();
    database
        .store
        .capture(closings([closing(&free, OutcomeStatus::FailedProviderError)]))
        .await
        .unwrap();
    assert_eq!(database.count("transfers").await, 1);
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_call_may_cost_more_than_was_held(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let dear = RoutingOutcome { cost_actual_usd: usd("1.5"), ..call(agent) };
    database.store.capture(admissions([admission(&dear, boot_id, "1")])).await.unwrap();
    database.store.capture(closings([closing(&dear, OutcomeStatus::Succeeded)])).await.unwrap();
    assert_eq!(database.wallet(agent.0).await, (usd("-0.5"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn an_amount_that_does_not_fit_is_refused_whole(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let most = Usd::from_nanos(i64::MAX);
    let calls =
        [most, most].map(|cost_actual_usd| RoutingOutcome { cost_actual_usd, ..call(agent) });
    database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.1"))))
        .await
        .unwrap();
    let batch = closings(calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded)));
    assert!(matches!(database.store.capture(batch).await, Err(StoreError::Money(_))));
    let negative = RoutingOutcome { cost_actual_usd: usd("-1"), ..calls[0].clone() };
    let batch = closings([closing(&negative, OutcomeStatus::Succeeded)]);
    assert!(matches!(database.store.capture(batch).await, Err(StoreError::Corrupt(_))));
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0.2")));
    database.assert_sound(agent.0).await;
}

pub async fn an_unknown_agent_has_no_ledger(database: Database) {
    assert_eq!(
        database.store.ledger(ainfera_schema::AgentId::mint(), None, 10).await.unwrap(),
        None
    );
}
