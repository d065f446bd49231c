//! What a server that fails, or a caller that leaves, does to a batch. PostgreSQL only: SQLite has
//! no connection to lose.

use ainfera_schema::OutcomeStatus;
use ainfera_schema::policy::SpendPolicy;
use ainfera_store::{CaptureBatch, CloseResult, Locks, StoreError, Verdict};
use futures_util::future::{join_all, try_join_all};

use crate::call::{admission, admissions, call, closing, closings, results, usd, verdicts};
use crate::database::Database;
use crate::postgres;

const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

async fn database() -> Database {
    Database::postgres().await.migrated().await
}

#[tokio::test]
async fn a_capture_that_is_dropped_half_way_leaves_nothing() {
    let database = database().await;
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let batch = admissions([admission(&call(agent), boot_id, "0.4")]);

    let blocker = postgres::connect(&database.url).await;
    blocker.batch_execute("BEGIN; SELECT * FROM accounts FOR UPDATE").await.unwrap();
    let capture = database.store.capture(batch.clone());
    let waiting = async { while database.texts(WAITING).await[0] == "0" {} };
    let winner = futures_util::future::select(capture, Box::pin(waiting)).await;
    assert!(
        matches!(winner, futures_util::future::Either::Right(_)),
        "the capture did not wait for the lock"
    );
    drop(winner);
    blocker.batch_execute("COMMIT").await.unwrap();

    // a new connection of the same pool, and the server is done with the old one
    assert_eq!(verdicts(database.store.capture(batch).await.unwrap()), [Verdict::Admitted]);
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0.4")));
    assert_eq!(database.count("intents").await, 1);
    database.assert_sound(agent.0).await;
}

#[tokio::test]
async fn a_batch_that_is_not_to_wait_names_whose_accounts_are_locked_and_writes_nothing() {
    let database = database().await;
    let [locked, free] = [
        database.agent("1", SpendPolicy::default()).await,
        database.agent("1", SpendPolicy::default()).await,
    ];
    let boot_id = database.boot("one").await;
    let briefly = |batch: CaptureBatch| CaptureBatch { locks: Locks::Briefly, ..batch };
    let batch = briefly(admissions([
        admission(&call(locked), boot_id, "0.4"),
        admission(&call(free), boot_id, "0.4"),
    ]));

    let blocker = postgres::connect(&database.url).await;
    blocker.execute("BEGIN", &[]).await.unwrap();
    blocker
        .execute("SELECT 1 FROM accounts WHERE agent_id = $1 FOR UPDATE", &[&locked.0.0])
        .await
        .unwrap();
    match database.store.capture(batch.clone()).await {
        Err(StoreError::Locked { agents }) => assert_eq!(agents, [locked.0].into()),
        other => panic!("{other:?}"),
    }
    assert_eq!(database.count("intents").await, 0);
    blocker
        .batch_execute("ROLLBACK; BEGIN; SELECT * FROM tenant_accounts FOR UPDATE")
        .await
        .unwrap();
    match database.store.capture(batch.clone()).await {
        Err(StoreError::Locked { agents }) => {
            assert_eq!(agents, [locked.0, free.0].into(), "their tenants are locked")
        }
        other => panic!("{other:?}"),
    }
    blocker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        verdicts(database.store.capture(batch).await.unwrap()),
        [Verdict::Admitted, Verdict::Admitted]
    );
    assert_eq!(database.count("intents").await, 2);
    database.assert_sound(free.0).await;
}

#[tokio::test]
async fn a_batch_is_sent_again_after_the_server_cut_the_connection() {
    let database = database().await;
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let ended = call(agent);
    database.store.capture(admissions([admission(&ended, boot_id, "0.4")])).await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(cut).await.unwrap();
    let batch = closings([closing(&ended, OutcomeStatus::Succeeded)]);
    let mut tries = 0;
    let reply = loop {
        tries += 1;
        match database.store.capture(batch.clone()).await {
            Ok(reply) => break reply,
            Err(StoreError::Unavailable(_)) => assert!(tries < 10),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(results(reply), [CloseResult::Closed]);
    database.assert_sound(agent.0).await;
}

#[tokio::test]
async fn replicas_share_a_hot_account_without_overspending() {
    let database = database().await;
    let agent = database.agent("5", SpendPolicy::default()).await;
    let other = Database::open_again(&database).await;
    let boots = [database.boot("one").await, other.boot("two").await];
    let mut work = Vec::new();
    for (replica, boot_id) in [(&database, boots[0]), (&other, boots[1])] {
        for _ in 0..10 {
            let calls: Vec<_> = (0..10).map(|_| call(agent)).collect();
            work.push(async move {
                let reply = replica
                    .store
                    .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.1"))))
                    .await?;
                let admitted = verdicts(reply)
                    .into_iter()
                    .zip(&calls)
                    .filter(|(verdict, _)| *verdict == Verdict::Admitted);
                Ok::<usize, StoreError>(admitted.count())
            });
        }
    }
    let admitted: usize = try_join_all(work).await.unwrap().into_iter().sum();
    assert_eq!(admitted, 50);
    assert_eq!(database.wallet(agent.0).await, (usd("5"), usd("5")));
    database.assert_sound(agent.0).await;
}

#[tokio::test]
async fn accounts_are_locked_in_one_order_so_transactions_never_deadlock() {
    let database = database().await;
    let agents = join_all((0..8).map(|_| database.agent("100", SpendPolicy::default()))).await;
    let boot_id = database.boot("one").await;
    let batches = (0..24).map(|turn| {
        let mut order: Vec<_> = agents.clone();
        order.rotate_left(turn % agents.len());
        if turn % 2 == 0 {
            order.reverse();
        }
        database.store.capture(admissions(
            order.into_iter().map(|agent| admission(&call(agent), boot_id, "0.1")),
        ))
    });
    try_join_all(batches).await.unwrap();
    assert_eq!(database.count("intents").await, 24 * 8);
    assert_eq!(database.broken_invariants().await, []);
}

#[tokio::test]
async fn a_database_that_only_reads_is_not_writable() {
    let database = database().await;
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let name = database.url.rsplit('/').next().unwrap().to_owned();
    database
        .execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"))
        .await
        .unwrap();
    let again = Database::open_again(&database).await;
    let refused = again.store.capture(admissions([admission(&call(agent), boot_id, "0.1")])).await;
    assert!(matches!(refused, Err(StoreError::NotWritable(_))), "{refused:?}");
    assert!(
        matches!(again.store.ping().await, Err(StoreError::NotWritable(_))),
        "readiness means that calls are let in"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = ainfera_store::open(&format!("postgres://postgres@127.0.0.1:{port}/nowhere"))
        .await
        .unwrap();
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.migrate().await, Err(StoreError::Unavailable(_))));
    let database = database().await;
    let missing = ainfera_store::open(&format!("{}_missing", database.url)).await.unwrap();
    assert!(matches!(missing.capture(admissions([])).await, Err(StoreError::Unavailable(_))));
}
