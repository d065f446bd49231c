//! Calls under way that hold more: by the same rules as calls that come, once however often it is
//! sent, and given back to the last nano-dollar.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, BootId, OutcomeStatus, RoutingOutcome, TenantId};
use ainfera_store::{
    CapChange, CaptureBatch, CaptureReply, CloseResult, Extended, Extension, NewAgent, Opening,
    Owner, Refusal, StoreWriter, Verdict, WalletChange,
};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::call::{
    admission, admissions, call, closing, closings, direct_call, results, usd, verdicts,
};
use crate::database::Database;

type Agent = (AgentId, TenantId);

fn more(outcome: &RoutingOutcome, reservation: &str) -> Extension {
    Extension {
        request_id: outcome.request_id,
        agent_id: outcome.agent_id,
        reservation: usd(reservation),
    }
}

fn batch(extensions: impl IntoIterator<Item = Extension>) -> CaptureBatch {
    CaptureBatch { extensions: extensions.into_iter().collect(), ..CaptureBatch::default() }
}

fn answers(reply: CaptureReply) -> Vec<Extended> {
    reply.extended.into_iter().map(|(_, extended)| extended).collect()
}

async fn extend(store: &dyn StoreWriter, outcome: &RoutingOutcome, reservation: &str) -> Extended {
    answers(store.capture(batch([more(outcome, reservation)])).await.unwrap()).remove(0)
}

async fn open(
    database: &Database,
    agent: Agent,
    boot_id: BootId,
    reservation: &str,
) -> RoutingOutcome {
    let outcome = call(agent);
    let reply = database
        .store
        .capture(admissions([admission(&outcome, boot_id, reservation)]))
        .await
        .unwrap();
    assert_eq!(verdicts(reply), [Verdict::Admitted]);
    outcome
}

async fn change(database: &Database, owner: Owner, change: WalletChange) {
    database.store.administer(owner, change).await.unwrap().unwrap();
}

pub async fn a_hold_grows_once_however_often_it_is_sent_and_is_given_back_whole(
    database: Database,
) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let outcome = open(&database, agent, boot_id, "0.1").await;
    let store = &*database.store;
    assert_eq!(extend(store, &outcome, "0.4").await, Extended::Held);
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0.4")));
    assert_eq!(database.broken_invariants().await, []);
    // again, and a smaller one, and several of them in one transaction
    assert_eq!(extend(store, &outcome, "0.4").await, Extended::Held);
    assert_eq!(extend(store, &outcome, "0.2").await, Extended::Held);
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0.4")));
    let reply = store
        .capture(batch(["0.5", "0.6", "0.55"].map(|reservation| more(&outcome, reservation))))
        .await
        .unwrap();
    assert_eq!(answers(reply), vec![Extended::Held; 3]);
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0.6")));
    assert_eq!(database.broken_invariants().await, []);

    store.capture(closings([closing(&outcome, OutcomeStatus::Succeeded)])).await.unwrap();
    assert_eq!(database.wallet(agent.0).await, (usd("0.9956"), usd("0")));
    assert_eq!(extend(store, &outcome, "0.9").await, Extended::NotOpen);
    assert_eq!(extend(store, &call(agent), "0.1").await, Extended::NotOpen);
    assert_eq!(database.wallet(agent.0).await, (usd("0.9956"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_call_that_is_closed_in_the_same_batch_holds_no_more(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let outcome = open(&database, agent, boot_id, "0.1").await;
    let both = CaptureBatch {
        extensions: vec![more(&outcome, "0.4")],
        ..closings([closing(&outcome, OutcomeStatus::ClientGone)])
    };
    let reply = database.store.capture(both).await.unwrap();
    assert_eq!(
        (answers(reply.clone()), results(reply)),
        (vec![Extended::NotOpen], vec![CloseResult::Closed])
    );
    assert_eq!(database.wallet(agent.0).await, (usd("0.9956"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn what_refuses_a_call_refuses_more_for_it_and_the_hold_stays(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let outcome = open(&database, agent, boot_id, "0.1").await;
    let other = open(&database, agent, boot_id, "0.2").await;
    let store = &*database.store;
    let funds =
        Extended::Refused(Refusal::Funds { available: usd("0.8"), needed: usd("0.800000001") });
    assert_eq!(extend(store, &outcome, "0.800000001").await, funds);
    for (per_call, daily, monthly) in [("0.3", "9", "9"), ("9", "0.5", "9"), ("9", "9", "0.5")] {
        let caps = [per_call, daily, monthly].map(|cap| CapChange::Set(usd(cap)));
        let [per_call, daily, monthly] = caps;
        change(&database, Owner::Agent(agent.0), WalletChange::Caps { per_call, daily, monthly })
            .await;
        // equality passes for the call that is there already
        let answer = extend(store, &outcome, "0.300000001").await;
        let status = match &answer {
            Extended::Refused(refusal) => Some(refusal.status()),
            Extended::Held | Extended::NotOpen => None,
        };
        assert_eq!(status, Some(OutcomeStatus::RejectedCap), "{answer:?}");
    }
    let none = || CapChange::Remove;
    change(
        &database,
        Owner::Agent(agent.0),
        WalletChange::Caps { per_call: none(), daily: none(), monthly: none() },
    )
    .await;
    let kill = CaptureBatch {
        killswitch_daily_usd: Some(usd("0.5")),
        ..batch([more(&outcome, "0.300000001"), more(&outcome, "0.3")])
    };
    let reply = answers(store.capture(kill).await.unwrap());
    assert!(
        matches!(reply[..], [Extended::Refused(Refusal::KillSwitch { .. }), Extended::Held]),
        "{reply:?}"
    );
    database.execute("UPDATE agents SET status = 'suspended'").await.unwrap();
    assert!(matches!(
        extend(store, &outcome, "0.31").await,
        Extended::Refused(Refusal::Inactive { .. })
    ));
    assert_eq!(database.wallet(agent.0).await, (usd("1"), usd("0.5")));
    assert_eq!(database.broken_invariants().await, []);
    store
        .capture(closings([&outcome, &other].map(|call| closing(call, OutcomeStatus::Succeeded))))
        .await
        .unwrap();
    assert_eq!(database.wallet(agent.0).await, (usd("0.9912"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_lost_call_gives_back_what_it_had_grown_to(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let outcome = open(&database, agent, boot_id, "0.1").await;
    assert_eq!(extend(&*database.store, &outcome, "0.7").await, Extended::Held);
    assert_eq!(database.store.begin_boot(BootId::mint(), "one").await.unwrap(), 1);
    assert_eq!(database.wallet(agent.0).await, (usd("0.997"), usd("0")));
    // its owner was only asleep
    assert_eq!(extend(&*database.store, &outcome, "0.8").await, Extended::NotOpen);
    let reply = database
        .store
        .capture(closings([closing(&outcome, OutcomeStatus::Succeeded)]))
        .await
        .unwrap();
    assert_eq!(results(reply), [CloseResult::Adjusted]);
    assert_eq!(database.wallet(agent.0).await, (usd("0.9956"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn the_pool_takes_over_a_call_that_outgrows_its_wallet(database: Database) {
    let tenant_id = TenantId::mint();
    let new =
        NewAgent { name: "small".to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    let agent =
        (database.store.create_agent(new, Opening::Prepaid(usd("0.2"))).await.unwrap(), tenant_id);
    let top_up = WalletChange::TopUp {
        transfer_id: Uuid::now_v7(),
        amount: usd("5"),
        memo: "test".to_owned(),
    };
    change(&database, Owner::Tenant(tenant_id), top_up).await;
    let boot_id = database.boot("one").await;
    let outcome = open(&database, agent, boot_id, "0.1").await;
    assert_eq!(extend(&*database.store, &outcome, "3").await, Extended::Held);
    let pool = database.store.wallet(Owner::Tenant(tenant_id)).await.unwrap().unwrap();
    assert_eq!((database.wallet(agent.0).await, pool.held_usd), ((usd("0.2"), usd("0")), usd("3")));
    assert_eq!(database.broken_invariants().await, []);
    database.store.capture(closings([closing(&outcome, OutcomeStatus::Succeeded)])).await.unwrap();
    let pool = database.store.wallet(Owner::Tenant(tenant_id)).await.unwrap().unwrap();
    assert_eq!((pool.balance_usd, pool.held_usd), (usd("4.9956"), usd("0")));
    database.assert_sound(agent.0).await;
}

/// 40 calls that hold a tenth each ask for a whole one, over two replicas, a third of them pinned:
/// as many get it as there is room for beside the others.
pub async fn exactly_as_many_grow_as_there_is_room_for_however_they_race(database: Database) {
    let agent = database.agent("10", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<RoutingOutcome> = (0..40)
        .map(|number| if number % 3 == 0 { direct_call(agent) } else { call(agent) })
        .collect();
    database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "0.1"))))
        .await
        .unwrap();
    let other = Database::open_again(&database).await;
    let stores: [&dyn StoreWriter; 2] = [&*database.store, &*other.store];
    let extended = join_all(
        calls.iter().enumerate().map(|(number, call)| extend(stores[number % 2], call, "1")),
    )
    .await;
    let refused = extended
        .iter()
        .filter(|extended| matches!(extended, Extended::Refused(Refusal::Funds { .. })))
        .count();
    // 4 are held, 6 are left, each takes 0.9
    assert_eq!(
        (extended.iter().filter(|extended| **extended == Extended::Held).count(), refused),
        (6, 34)
    );
    assert_eq!(database.wallet(agent.0).await, (usd("10"), usd("9.4")));
    database.assert_sound(agent.0).await;
}
