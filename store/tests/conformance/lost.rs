//! Calls that a dead process left open.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{BootId, OutcomeStatus};
use ainfera_store::CloseResult;

use crate::call::{admission, admissions, call, closing, closings, direct_call, results, usd};
use crate::database::Database;

pub async fn the_next_boot_closes_what_the_last_one_left_open(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let store = &database.store;
    let mine = database.boot("one").await;
    let other = database.boot("two").await;
    let routed = call(agent);
    let direct = direct_call(agent);
    let elsewhere = call(agent);
    let batch = [
        admission(&routed, mine, "0.1"),
        admission(&direct, mine, "0.1"),
        admission(&elsewhere, other, "0.1"),
    ];
    store.capture(admissions(batch)).await.unwrap();

    assert_eq!(store.begin_boot(BootId::mint(), "one").await.unwrap(), 2);
    assert_eq!(store.begin_boot(BootId::mint(), "one").await.unwrap(), 0);
    assert_eq!(database.texts("SELECT outcome_status FROM routing_outcomes").await, ["lost"]);
    assert_eq!(database.texts("SELECT usage_basis FROM routing_outcomes").await, ["estimated"]);
    assert_eq!(database.texts("SELECT count(*) FROM boots WHERE state = 'open'").await, ["2"]);
    assert_eq!(database.wallet(agent.0).await, (usd("0.994"), usd("0.1")));
    let events = store.audit_events(agent.0, 0, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.event_type == "inference.lost").count(), 2);

    // the old process was only asleep
    let late = [&routed, &direct, &elsewhere].map(|call| closing(call, OutcomeStatus::Succeeded));
    let reply = store.capture(closings(late)).await.unwrap();
    assert_eq!(results(reply), [CloseResult::Adjusted, CloseResult::Adjusted, CloseResult::Closed]);
    database.assert_sound(agent.0).await;
}

pub async fn more_calls_than_fit_one_transaction_are_all_closed(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls = (0..1001).map(|_| admission(&call(agent), boot_id, "0.01"));
    database.store.capture(admissions(calls)).await.unwrap();
    assert_eq!(database.store.begin_boot(BootId::mint(), "one").await.unwrap(), 1001);
    assert_eq!(database.wallet(agent.0).await, (usd("96.997"), usd("0")));
    assert_eq!(database.count("routing_outcomes").await, 1001);
    database.assert_sound(agent.0).await;
}

pub async fn a_drained_boot_leaves_nothing_to_close(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let ended = call(agent);
    database.store.capture(admissions([admission(&ended, boot_id, "0.1")])).await.unwrap();
    database.store.capture(closings([closing(&ended, OutcomeStatus::Succeeded)])).await.unwrap();
    database.store.end_boot(boot_id).await.unwrap();
    assert_eq!(database.texts("SELECT state FROM boots").await, ["closed"]);
    assert_eq!(database.store.begin_boot(BootId::mint(), "one").await.unwrap(), 0);
    database.assert_sound(agent.0).await;
}

/// A standby that is promoted without the last second has calls open again that were closed, also
/// those of a boot that was closed after them.
pub async fn calls_that_a_closed_boot_left_open_are_closed(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let ended_too_early = database.boot("one").await;
    let open = call(agent);
    database.store.capture(admissions([admission(&open, ended_too_early, "0.1")])).await.unwrap();
    database.store.end_boot(ended_too_early).await.unwrap();
    assert_eq!(database.texts("SELECT state FROM boots").await, ["fenced"]);

    database.execute("UPDATE boots SET state = 'closed'").await.unwrap();
    let survivor = database.boot("two").await;
    assert_eq!(database.store.reap(survivor, std::time::Duration::from_secs(30)).await.unwrap(), 1);
    assert_eq!(database.texts("SELECT count(*) FROM intents").await, ["0"]);
    database.assert_sound(agent.0).await;
}

/// The record of a call may hold what no database takes.
pub async fn a_call_that_is_given_up_has_its_row_and_holds_nothing(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let (refused, other) = (call(agent), call(agent));
    let batch = [admission(&refused, boot_id, "0.1"), admission(&other, boot_id, "0.2")];
    database.store.capture(admissions(batch)).await.unwrap();
    assert_eq!(database.store.give_up(vec![refused.request_id]).await.unwrap(), 1);
    assert_eq!(database.store.give_up(vec![refused.request_id]).await.unwrap(), 0);
    assert_eq!(database.texts("SELECT outcome_status FROM routing_outcomes").await, ["lost"]);
    assert_eq!(database.wallet(agent.0).await.1, usd("0.2"));
    database.assert_sound(agent.0).await;
}
