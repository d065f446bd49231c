//! Batches that are sent again, and calls that are closed twice.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{OutcomeStatus, RoutingOutcome};
use ainfera_store::{CaptureBatch, CloseResult, Verdict};
use futures_util::future::join_all;

use crate::call::{
    admission, admissions, call, closing, closings, direct_call, rejection, results, usd, verdicts,
};
use crate::database::Database;

pub async fn a_batch_sent_again_answers_the_same_and_writes_nothing(database: Database) {
    let agent = database.agent("0.03", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let store = &database.store;
    let ended = [call(agent), direct_call(agent)];
    store
        .capture(admissions(ended.iter().map(|call| admission(call, boot_id, "0.01"))))
        .await
        .unwrap();

    let batch = CaptureBatch {
        admissions: vec![
            admission(&call(agent), boot_id, "0.01"),
            admission(&call(agent), boot_id, "0.01"),
            admission(&direct_call(agent), boot_id, "0.01"),
        ],
        rejections: vec![
            rejection(agent, OutcomeStatus::RejectedFloor),
            rejection(agent, OutcomeStatus::RejectedTools),
        ],
        closings: ended.iter().map(|call| closing(call, OutcomeStatus::Succeeded)).collect(),
        ..CaptureBatch::default()
    };
    let first = store.capture(batch.clone()).await.unwrap();
    let tables =
        ["intents", "routing_outcomes", "closed_calls", "inferences", "transfers", "audit_events"];
    let sizes = join_all(tables.map(|table| database.count(table))).await;
    let wallet = database.wallet(agent.0).await;
    assert_eq!(sizes, [1, 4, 3, 2, 3, 20]);
    assert_eq!(wallet, (usd("0.0212"), usd("0.01")));

    let again = store.capture(batch).await.unwrap();
    assert_eq!(first.verdicts, again.verdicts);
    assert!(matches!(
        verdicts(first.clone())[..],
        [Verdict::Admitted, Verdict::Refused(_), Verdict::Refused(_)]
    ));
    assert_eq!(results(first), [CloseResult::Closed; 2]);
    assert_eq!(results(again), [CloseResult::AlreadyClosed; 2]);
    assert_eq!(join_all(tables.map(|table| database.count(table))).await, sizes);
    assert_eq!(database.wallet(agent.0).await, wallet);
    database.assert_sound(agent.0).await;
}

pub async fn an_admission_that_was_lost_on_the_way_is_not_held_twice(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let twice = admission(&call(agent), boot_id, "0.6");
    let reply = database.store.capture(admissions([twice.clone(), twice])).await.unwrap();
    assert_eq!(verdicts(reply), [Verdict::Admitted, Verdict::Admitted]);
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0.6")));
    assert_eq!(database.count("intents").await, 1);
}

pub async fn racing_closers_leave_one_row(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls = [call(agent), direct_call(agent)];
    database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.1"))))
        .await
        .unwrap();
    let statuses = [
        OutcomeStatus::Succeeded,
        OutcomeStatus::ClientGone,
        OutcomeStatus::Lost,
        OutcomeStatus::FailedOther,
    ];
    let closers = statuses.map(|status| {
        database.store.capture(closings(calls.iter().map(|call| closing(call, status))))
    });
    let replies = join_all(closers).await;
    let results: Vec<CloseResult> =
        replies.into_iter().flat_map(|reply| results(reply.unwrap())).collect();
    assert_eq!(results.iter().filter(|result| **result == CloseResult::Closed).count(), 2);
    assert_eq!(results.iter().filter(|result| **result == CloseResult::AlreadyClosed).count(), 6);
    assert_eq!(database.count("routing_outcomes").await, 1);
    assert_eq!(database.count("transfers WHERE kind = 'post'").await, 2);
    assert_eq!(database.wallet(agent.0).await, (usd("0.9912"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_call_closed_in_the_batch_that_admits_it_is_whole(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let short = call(agent);
    let batch = CaptureBatch {
        admissions: vec![admission(&short, boot_id, "0.1")],
        closings: vec![
            closing(&short, OutcomeStatus::Succeeded),
            closing(&short, OutcomeStatus::ClientGone),
        ],
        ..CaptureBatch::default()
    };
    let reply = database.store.capture(batch).await.unwrap();
    assert_eq!(results(reply), [CloseResult::Closed, CloseResult::AlreadyClosed]);
    assert_eq!(database.count("intents").await, 0);
    assert_eq!(database.wallet(agent.0).await, (usd("0.9956"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_call_that_was_never_admitted_is_unknown(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let stray = [call(agent), direct_call(agent)];
    let batch = closings(stray.iter().map(|call| closing(call, OutcomeStatus::Succeeded)));
    let reply = database.store.capture(batch).await.unwrap();
    assert_eq!(results(reply), [CloseResult::Unknown; 2]);
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_batch_with_one_impossible_row_leaves_nothing(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let good = call(agent);
    let bad = RoutingOutcome { candidates_json: "not json".to_owned(), ..call(agent) };
    let both = [&good, &bad];
    database
        .store
        .capture(admissions(both.map(|call| admission(call, boot_id, "0.1"))))
        .await
        .unwrap();
    let batch = closings(both.map(|call| closing(call, OutcomeStatus::Succeeded)));
    assert!(database.store.capture(batch).await.is_err());
    assert_eq!(database.count("intents").await, 2);
    assert_eq!(database.count("routing_outcomes").await, 0);
    let alone =
        database.store.capture(closings([closing(&good, OutcomeStatus::Succeeded)])).await.unwrap();
    assert_eq!(results(alone), [CloseResult::Closed]);
    database.assert_sound(agent.0).await;
}
