//! Several replicas on one store: heartbeats, leases, reapers, and owners that were only asleep.

use std::time::Duration;

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{BootId, OutcomeStatus, RoutingOutcome, Usd};
use ainfera_store::{CloseResult, Heartbeat, Owner, WalletChange};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::call::{admission, admissions, call, closing, closings, direct_call, results, usd};
use crate::database::Database;

const LEASE: Duration = Duration::from_secs(30);

/// As if the replica had been silent for so long.
async fn silent_for(database: &Database, boot_id: BootId, seconds: u32) {
    let then = if database.is_postgres() {
        format!("now() - interval '{seconds} seconds'")
    } else {
        format!("strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-{seconds} seconds')")
    };
    database
        .execute(&format!("UPDATE boots SET heartbeat_at = {then} WHERE boot_id = '{}'", boot_id.0))
        .await
        .unwrap();
}

async fn state(database: &Database, boot_id: BootId) -> String {
    database
        .texts(&format!("SELECT state FROM boots WHERE boot_id = '{}'", boot_id.0))
        .await
        .remove(0)
}

pub async fn a_heartbeat_keeps_a_boot_alive(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let (living, reaper) = (database.boot("one").await, database.boot("two").await);
    database.store.capture(admissions([admission(&call(agent), living, "0.1")])).await.unwrap();
    silent_for(&database, living, 29).await;
    assert_eq!(database.store.reap(reaper, LEASE).await.unwrap(), 0);
    silent_for(&database, living, 31).await;
    assert_eq!(database.store.heartbeat(living).await.unwrap(), Heartbeat::Alive);
    assert_eq!(database.store.reap(reaper, LEASE).await.unwrap(), 0);
    assert_eq!(
        (state(&database, living).await.as_str(), database.count("intents").await),
        ("open", 1)
    );
    database.assert_sound(agent.0).await;
}

pub async fn what_a_silent_boot_left_open_is_closed_and_the_boot_fenced(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let (silent, reaper, living) =
        (database.boot("one").await, database.boot("two").await, database.boot("three").await);
    let calls = (0..1001).map(|_| admission(&call(agent), silent, "0.01"));
    database.store.capture(admissions(calls)).await.unwrap();
    let kept =
        [admission(&call(agent), reaper, "0.01"), admission(&direct_call(agent), living, "0.01")];
    database.store.capture(admissions(kept)).await.unwrap();
    silent_for(&database, silent, 31).await;
    // its own silence is no reason for a reaper
    silent_for(&database, reaper, 31).await;

    assert_eq!(database.store.reap(reaper, LEASE).await.unwrap(), 1001);
    assert_eq!(database.store.reap(reaper, LEASE).await.unwrap(), 0);
    assert_eq!(state(&database, silent).await, "fenced");
    assert_eq!(database.store.heartbeat(silent).await.unwrap(), Heartbeat::Fenced);
    assert_eq!(database.store.heartbeat(reaper).await.unwrap(), Heartbeat::Alive);
    assert_eq!(
        database.texts("SELECT count(*) FROM routing_outcomes WHERE outcome_status = 'lost'").await,
        ["1001"]
    );
    assert_eq!(
        (database.count("intents").await, database.wallet(agent.0).await),
        (2, (usd("96.997"), usd("0.02")))
    );
    database.assert_sound(agent.0).await;

    // awake again, it let one more in before it heard: that one is found too
    database.store.capture(admissions([admission(&call(agent), silent, "0.01")])).await.unwrap();
    assert_eq!(database.broken_invariants().await, []);
    assert_eq!(database.store.reap(living, LEASE).await.unwrap(), 1);
    // its drain does not undo what was said of it
    database.store.end_boot(silent).await.unwrap();
    assert_eq!(state(&database, silent).await, "fenced");
    database.assert_sound(agent.0).await;
}

pub async fn the_next_life_of_a_replica_fences_the_last_one_at_once(database: Database) {
    let (asleep, other) = (database.boot("one").await, database.boot("two").await);
    let next = database.boot("one").await;
    assert_eq!(database.store.heartbeat(asleep).await.unwrap(), Heartbeat::Fenced);
    assert_eq!(database.store.heartbeat(other).await.unwrap(), Heartbeat::Alive);
    database.store.end_boot(next).await.unwrap();
    assert_eq!(state(&database, next).await, "closed");
    assert_eq!(database.store.heartbeat(next).await.unwrap(), Heartbeat::Fenced);
    assert_eq!(database.store.heartbeat(BootId::mint()).await.unwrap(), Heartbeat::Fenced);
}

pub async fn racing_reapers_close_every_call_once(database: Database) {
    let agents = join_all((0..4).map(|_| database.agent("100", SpendPolicy::default()))).await;
    let silent = join_all(["one", "two", "three"].map(|replica| database.boot(replica))).await;
    for (place, boot_id) in silent.iter().enumerate() {
        let calls = (0..400).map(|number| {
            admission(&call(agents[(place + number) % agents.len()]), *boot_id, "0.01")
        });
        database.store.capture(admissions(calls)).await.unwrap();
        silent_for(&database, *boot_id, 31).await;
    }
    let reapers = join_all(["four", "five", "six"].map(|replica| database.boot(replica))).await;
    let mut closed = 0;
    // a reaper leaves to the others what they are at: together they may need a second look
    for _ in 0..3 {
        let reaped =
            join_all(reapers.iter().map(|boot_id| database.store.reap(*boot_id, LEASE))).await;
        closed += reaped.into_iter().map(Result::unwrap).sum::<u64>();
    }
    assert_eq!(
        (closed, database.count("intents").await, database.count("routing_outcomes").await),
        (1200, 0, 1200)
    );
    for agent in agents {
        database.assert_sound(agent.0).await;
    }
}

pub async fn a_late_close_adjusts_the_charge_once_and_writes_no_second_row(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let store = &database.store;
    let (zombie, reaper) = (database.boot("one").await, database.boot("two").await);
    let costing = |cost: &str, outcome: RoutingOutcome| RoutingOutcome {
        cost_actual_usd: usd(cost),
        ..outcome
    };
    // each is charged 0.003 when it is lost
    let calls = [
        costing("0.010", call(agent)),
        costing("0.001", call(agent)),
        costing("0", direct_call(agent)),
        costing("0.003", call(agent)),
        costing("0.005", direct_call(agent)),
    ];
    store
        .capture(admissions(calls.iter().map(|call| admission(call, zombie, "0.1"))))
        .await
        .unwrap();
    silent_for(&database, zombie, 31).await;
    assert_eq!(store.reap(reaper, LEASE).await.unwrap(), 5);
    assert_eq!(database.wallet(agent.0).await, (usd("0.985"), Usd::ZERO));
    let outcomes = database.count("routing_outcomes").await;

    let late = closings(calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded)));
    let [adjusted, nothing] = [CloseResult::Adjusted, CloseResult::AlreadyClosed];
    assert_eq!(
        results(store.capture(late.clone()).await.unwrap()),
        [adjusted, adjusted, adjusted, nothing, adjusted]
    );
    assert_eq!(database.wallet(agent.0).await, (usd("0.981"), Usd::ZERO));
    assert_eq!(results(store.capture(late.clone()).await.unwrap()), [nothing; 5]);
    let both = [late.clone(), late].map(|batch| store.capture(batch));
    assert!(join_all(both).await.into_iter().all(|reply| results(reply.unwrap()) == [nothing; 5]));

    assert_eq!(database.wallet(agent.0).await, (usd("0.981"), Usd::ZERO));
    assert_eq!(database.count("routing_outcomes").await, outcomes);
    assert_eq!(
        database.texts("SELECT DISTINCT outcome_status FROM routing_outcomes").await,
        ["lost"]
    );
    let given_back =
        "SELECT count(*) FROM transfers WHERE kind = 'adjust' AND debit_account = 'revenue'";
    assert_eq!(database.texts(given_back).await, ["2"]);
    assert_eq!(database.texts("SELECT count(*) FROM transfers WHERE kind = 'adjust'").await, ["4"]);
    let events = store.audit_events(agent.0, 0, 1000).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.event_type == "ledger.adjusted").count(), 4);
    database.assert_sound(agent.0).await;
}

pub async fn what_the_pool_paid_for_a_lost_call_is_adjusted_on_the_pool(database: Database) {
    let agent = database.agent("0.01", SpendPolicy::default()).await;
    let pool = Owner::Tenant(agent.1);
    let top_up = WalletChange::TopUp {
        transfer_id: Uuid::now_v7(),
        amount: usd("10"),
        memo: "test".to_owned(),
    };
    database.store.administer(pool, top_up).await.unwrap().unwrap();
    let (zombie, reaper) = (database.boot("one").await, database.boot("two").await);
    let calls =
        ["0.5", "0.001"].map(|cost| RoutingOutcome { cost_actual_usd: usd(cost), ..call(agent) });
    database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, zombie, "1"))))
        .await
        .unwrap();
    silent_for(&database, zombie, 31).await;
    assert_eq!(database.store.reap(reaper, LEASE).await.unwrap(), 2);
    let late = closings(calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded)));
    assert_eq!(results(database.store.capture(late).await.unwrap()), [CloseResult::Adjusted; 2]);
    let view = database.store.wallet(pool).await.unwrap().unwrap();
    assert_eq!(
        (view.balance_usd, view.held_usd, view.spent_today_usd),
        (usd("9.499"), Usd::ZERO, usd("0.501"))
    );
    assert_eq!(database.wallet(agent.0).await, (usd("0.01"), Usd::ZERO));
    database.assert_sound(agent.0).await;
}

/// The test server runs without fsync. SQLite's settings are our own.
pub async fn a_store_that_may_forget_is_refused_by_name(database: Database) {
    let answer = database.store.require_durability().await;
    match answer {
        Ok(()) => assert!(!database.is_postgres()),
        Err(refusal) => {
            assert!(database.is_postgres(), "{refusal}");
            assert!(refusal.to_string().contains("fsync = off"), "{refusal}");
        }
    }
}
