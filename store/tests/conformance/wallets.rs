//! Caps of agents and of tenants, wallets and the pool: exactly as many are let in as there is room
//! for, whoever asks, and however they race.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, OutcomeStatus, RoutingOutcome, TenantId, Usd};
use ainfera_store::{
    CapChange, CaptureBatch, NewAgent, Opening, Owner, Refusal, StoreWriter, Strictness, Verdict,
    WalletChange,
};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::call::{admission, admissions, call, closing, closings, direct_call, usd, verdicts};
use crate::database::Database;

type Agent = (AgentId, TenantId);

async fn agent_of(database: &Database, tenant_id: TenantId, name: &str, funding: &str) -> Agent {
    let new = NewAgent { name: name.to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    (database.store.create_agent(new, Opening::Prepaid(usd(funding))).await.unwrap(), tenant_id)
}

async fn change(database: &Database, owner: Owner, change: WalletChange) {
    database.store.administer(owner, change).await.unwrap().unwrap();
}

fn top_up(amount: &str) -> WalletChange {
    WalletChange::TopUp {
        transfer_id: Uuid::now_v7(),
        amount: usd(amount),
        memo: "test".to_owned(),
    }
}

fn caps(per_call: CapChange, daily: CapChange, monthly: CapChange) -> WalletChange {
    WalletChange::Caps { per_call, daily, monthly }
}

fn daily(cap: &str) -> WalletChange {
    caps(CapChange::Keep, CapChange::Set(usd(cap)), CapChange::Keep)
}

fn monthly(cap: &str) -> WalletChange {
    caps(CapChange::Keep, CapChange::Keep, CapChange::Set(usd(cap)))
}

async fn one(database: &Database, agent: Agent, hold: &str) -> (RoutingOutcome, Verdict) {
    let boot_id = database.boot("one").await;
    let outcome = call(agent);
    let mut given = verdicts(
        database.store.capture(admissions([admission(&outcome, boot_id, hold)])).await.unwrap(),
    );
    (outcome, given.remove(0))
}

/// 40 batches of one, half of them through a store of its own, as another replica has it; a third
/// of the calls are pinned.
async fn racing(database: &Database, agents: &[Agent], killswitch: Option<&str>) -> Vec<Verdict> {
    let other = ainfera_store::open(&database.url).await.unwrap();
    let stores: [&dyn StoreWriter; 2] = [&*database.store, &*other];
    let boot_id = database.boot("one").await;
    let batches = (0..40).map(|number| {
        let agent = agents[number % agents.len()];
        let outcome = if number % 3 == 0 { direct_call(agent) } else { call(agent) };
        let batch = CaptureBatch {
            killswitch_daily_usd: killswitch.map(usd),
            ..admissions([admission(&outcome, boot_id, "1")])
        };
        stores[number % 2].capture(batch)
    });
    join_all(batches).await.into_iter().flat_map(|reply| verdicts(reply.unwrap())).collect()
}

fn admitted(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| **verdict == Verdict::Admitted).count()
}

pub async fn exactly_as_many_fit_each_kind_of_cap_however_they_race(database: Database) {
    for (number, cap) in [daily("7"), monthly("7")].into_iter().enumerate() {
        let tenant_id = TenantId::mint();
        let agent = agent_of(&database, tenant_id, "capped", "1000").await;
        change(&database, Owner::Agent(agent.0), cap.clone()).await;
        let verdicts = racing(&database, &[agent], None).await;
        assert_eq!(admitted(&verdicts), 7);
        let refused = |verdict: &Verdict| match verdict {
            Verdict::Admitted => true,
            Verdict::Refused(Refusal::DailyCap { .. }) => number == 0,
            Verdict::Refused(Refusal::MonthlyCap { .. }) => number == 1,
            _ => false,
        };
        assert!(verdicts.iter().all(refused), "{verdicts:?}");

        // the same cap over three agents of one tenant
        let tenant_id = TenantId::mint();
        let mut agents = Vec::new();
        for name in ["a", "b", "c"] {
            agents.push(agent_of(&database, tenant_id, name, "1000").await);
        }
        change(&database, Owner::Tenant(tenant_id), cap).await;
        let verdicts = racing(&database, &agents, None).await;
        assert_eq!(admitted(&verdicts), 7);
        let refused = |verdict: &Verdict| match verdict {
            Verdict::Admitted => true,
            Verdict::Refused(Refusal::TenantDailyCap { .. }) => number == 0,
            Verdict::Refused(Refusal::TenantMonthlyCap { .. }) => number == 1,
            _ => false,
        };
        assert!(verdicts.iter().all(refused), "{verdicts:?}");
        database.assert_sound(agents[1].0).await;
    }
}

pub async fn exactly_as_many_fit_wallet_and_pool_together_however_they_race(database: Database) {
    let tenant_id = TenantId::mint();
    let agents = [
        agent_of(&database, tenant_id, "a", "3").await,
        agent_of(&database, tenant_id, "b", "2").await,
    ];
    change(&database, Owner::Tenant(tenant_id), top_up("4")).await;
    let verdicts = racing(&database, &agents, None).await;
    assert_eq!(admitted(&verdicts), 9);
    assert!(verdicts.iter().all(|verdict| matches!(
        verdict,
        Verdict::Admitted | Verdict::Refused(Refusal::Funds { .. })
    )));
    let pool = database.store.wallet(Owner::Tenant(tenant_id)).await.unwrap().unwrap();
    assert_eq!((pool.balance_usd, pool.held_usd), (usd("4"), usd("4")));
    assert_eq!(database.wallet(agents[0].0).await, (usd("3"), usd("3")));
    database.assert_sound(agents[0].0).await;
}

pub async fn the_kill_switch_counts_everybody_and_stops_pins_too(database: Database) {
    let agents = [
        agent_of(&database, TenantId::mint(), "a", "1000").await,
        agent_of(&database, TenantId::mint(), "b", "1000").await,
        agent_of(&database, TenantId::mint(), "c", "1000").await,
    ];
    // yesterday's spending does not count
    let yesterday = "UPDATE tenant_accounts SET spent_day = '2026-01-01', spent_day_usd = 0";
    database.execute(yesterday).await.unwrap();
    let verdicts = racing(&database, &agents, Some("7.5")).await;
    assert_eq!(admitted(&verdicts), 7);
    let refused: Vec<_> =
        verdicts.iter().filter(|verdict| **verdict != Verdict::Admitted).collect();
    assert!(
        refused
            .iter()
            .all(|verdict| matches!(verdict, Verdict::Refused(Refusal::KillSwitch { .. }))),
        "{refused:?}"
    );
    assert_eq!(database.store.spent_today().await.unwrap(), usd("7"));
    let rejected = database
        .texts("SELECT count(*) FROM routing_outcomes WHERE outcome_status = 'rejected_cap'")
        .await;
    let pinned = database.texts("SELECT count(*) FROM closed_calls WHERE kind = 'direct' AND outcome_status = 'rejected_cap'").await;
    let number = |texts: &[String]| texts[0].parse::<usize>().unwrap();
    assert_eq!(number(&rejected) + number(&pinned), 33);
    assert!(number(&pinned) > 0);
    database.assert_sound(agents[0].0).await;
}

pub async fn months_and_days_roll_by_the_stores_clock(database: Database) {
    let agent = database.agent("1000", SpendPolicy::default()).await;
    let (own, tenant) = (Owner::Agent(agent.0), Owner::Tenant(agent.1));
    change(&database, own, monthly("3")).await;
    let (paid, _) = one(&database, agent, "3").await;
    let dear = RoutingOutcome { cost_actual_usd: usd("3"), ..paid };
    database.store.capture(closings([closing(&dear, OutcomeStatus::Succeeded)])).await.unwrap();
    assert!(matches!(
        one(&database, agent, "0.000000001").await.1,
        Verdict::Refused(Refusal::MonthlyCap { .. })
    ));
    let view = database.store.wallet(own).await.unwrap().unwrap();
    assert_eq!(
        (view.spent_today_usd, view.spent_this_month_usd, view.balance_usd),
        (usd("3"), usd("3"), usd("997"))
    );

    // what was spent yesterday counts for the month, not for the day
    change(&database, own, daily("1")).await;
    assert!(matches!(
        one(&database, agent, "0.5").await.1,
        Verdict::Refused(Refusal::DailyCap { .. })
    ));
    database.execute("UPDATE accounts SET spent_day = '2026-01-01'").await.unwrap();
    assert!(matches!(
        one(&database, agent, "0.5").await.1,
        Verdict::Refused(Refusal::MonthlyCap { .. })
    ));
    // and what was spent last month counts for neither
    for table in ["accounts", "tenant_accounts"] {
        database
            .execute(&format!(
                "UPDATE {table} SET spent_day = '2026-01-31', spent_month = '2026-01-01'"
            ))
            .await
            .unwrap();
    }
    assert_eq!(one(&database, agent, "0.5").await.1, Verdict::Admitted);
    let view = database.store.wallet(tenant).await.unwrap().unwrap();
    assert_eq!((view.spent_today_usd, view.spent_this_month_usd), (Usd::ZERO, Usd::ZERO));
    database.assert_sound(agent.0).await;
}

pub async fn the_pool_pays_for_whom_it_may_and_the_ledger_says_who_paid(database: Database) {
    let tenant_id = TenantId::mint();
    let agent = agent_of(&database, tenant_id, "poor", "0.5").await;
    let (own, pool) = (Owner::Agent(agent.0), Owner::Tenant(tenant_id));
    change(&database, pool, top_up("10")).await;
    let (outcome, verdict) = one(&database, agent, "1").await;
    assert_eq!(verdict, Verdict::Admitted);
    let view = database.store.wallet(pool).await.unwrap().unwrap();
    assert_eq!((view.balance_usd, view.held_usd), (usd("10"), usd("1")));
    assert_eq!(database.wallet(agent.0).await, (usd("0.5"), usd("0")));
    // the wallet could pay by now: the call is charged to whom it was held on
    change(&database, own, top_up("5")).await;
    database.store.capture(closings([closing(&outcome, OutcomeStatus::Succeeded)])).await.unwrap();
    let view = database.store.wallet(pool).await.unwrap().unwrap();
    assert_eq!(
        (view.balance_usd, view.held_usd, view.spent_today_usd),
        (usd("9.9956"), usd("0"), usd("0.0044"))
    );
    assert_eq!(database.wallet(agent.0).await, (usd("5.5"), usd("0")));
    let entries = database.store.ledger(agent.0, None, 10).await.unwrap().unwrap().entries;
    assert_eq!(entries.len(), 2, "what the pool paid is not in the wallet's ledger");
    database.assert_sound(agent.0).await;

    // paused, the pool pays again; strict, nobody does
    change(&database, own, WalletChange::Pause).await;
    let (lost, verdict) = one(&database, agent, "1").await;
    assert_eq!(verdict, Verdict::Admitted);
    change(&database, pool, WalletChange::StrictPerAgent(Strictness::Strict)).await;
    let refusal = Refusal::WalletInsufficientPerAgent { available: usd("0"), needed: usd("1") };
    assert_eq!(one(&database, agent, "1").await.1, Verdict::Refused(refusal));
    change(&database, own, WalletChange::Resume).await;
    assert_eq!(one(&database, agent, "1").await.1, Verdict::Admitted);
    assert_eq!(
        database.count("intents WHERE charged = 'pool'").await,
        0,
        "a later boot has closed {lost:?}"
    );
    database.assert_sound(agent.0).await;
    let verdict = database.store.verify_audit(AgentId(tenant_id.0)).await.unwrap();
    assert_eq!((verdict.valid, verdict.event_count), (true, 2), "the pool has a chain too");
}

pub async fn an_operators_change_is_made_once_and_told_once(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let own = Owner::Agent(agent.0);
    let gift = WalletChange::TopUp {
        transfer_id: Uuid::now_v7(),
        amount: usd("2"),
        memo: "gift".to_owned(),
    };
    let again = (0..8).map(|_| database.store.administer(own, gift.clone()));
    for view in join_all(again).await {
        assert_eq!(view.unwrap().unwrap().balance_usd, usd("3"));
    }
    for twice in [WalletChange::Pause, WalletChange::Suspend, daily("5")] {
        change(&database, own, twice.clone()).await;
        change(&database, own, twice).await;
    }
    assert!(matches!(
        one(&database, agent, "0").await.1,
        Verdict::Refused(Refusal::Inactive { .. })
    ));
    change(&database, own, WalletChange::Reinstate).await;
    assert!(matches!(
        one(&database, agent, "6").await.1,
        Verdict::Refused(Refusal::DailyCap { .. })
    ));
    let events = database.store.audit_events(agent.0, 2, 100).await.unwrap();
    let types: Vec<&str> = events
        .iter()
        .map(|event| event.event_type.as_str())
        .filter(|name| !name.starts_with("inference"))
        .collect();
    assert_eq!(
        types,
        [
            "wallet.topped_up",
            "wallet.paused",
            "agent.suspended",
            "spend_policy.changed",
            "agent.resumed"
        ]
    );
    assert_eq!(
        database
            .store
            .administer(Owner::Agent(AgentId::mint()), WalletChange::Pause)
            .await
            .unwrap(),
        None
    );
    assert!(
        database
            .store
            .administer(own, WalletChange::StrictPerAgent(Strictness::Strict))
            .await
            .is_err()
    );
    assert_eq!(database.store.find_agent(agent.1, "tester").await.unwrap(), Some(agent.0));
    assert_eq!(database.store.find_agent(agent.1, "nobody").await.unwrap(), None);
    database.assert_sound(agent.0).await;
}
