//! Agents on account and agents with a wallet, and how what they spent is read back.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, CallKind, Funding, OutcomeStatus, RoutingOutcome, TenantId, Usd};
use ainfera_store::{
    BareCall, CallView, InferenceView, LedgerEntryRow, NewAgent, Opening, Owner, Refusal,
    TenantRow, Verdict, WalletChange,
};

use crate::call::{admission, admissions, call, closing, closings, rejection, usd, verdicts};
use crate::database::Database;

async fn on_account(database: &Database, daily_cap: &str) -> (AgentId, TenantId) {
    let spend_policy =
        SpendPolicy { daily_cap_usd: Some(usd(daily_cap)), ..SpendPolicy::default() };
    let new = NewAgent { name: "debtor".to_owned(), tenant_id: TenantId::mint(), spend_policy };
    let tenant_id = new.tenant_id;
    (database.store.create_agent(new, Opening::OnAccount).await.unwrap(), tenant_id)
}

async fn change(database: &Database, owner: Owner, change: WalletChange) {
    database.store.administer(owner, change).await.unwrap().unwrap();
}

fn bare(view: Option<CallView>) -> BareCall {
    match view {
        Some(CallView::Bare(found)) => Some(*found),
        _ => None,
    }
    .unwrap()
}

fn inference(view: Option<CallView>) -> InferenceView {
    match view {
        Some(CallView::Inference(found)) => Some(*found),
        _ => None,
    }
    .unwrap()
}

pub async fn an_agent_on_account_spends_within_its_caps_and_owes_what_it_spent(database: Database) {
    let agent = on_account(&database, "3").await;
    let boot_id = database.boot("one").await;
    let calls: Vec<RoutingOutcome> = (0..4).map(|_| call(agent)).collect();
    let reply = database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "1"))))
        .await;
    let given = verdicts(reply.unwrap());
    assert_eq!(given[..3], [Verdict::Admitted, Verdict::Admitted, Verdict::Admitted]);
    let refusal = Refusal::DailyCap { cap: usd("3"), committed: usd("3"), needed: usd("1") };
    assert_eq!(given[3], Verdict::Refused(refusal));
    let over = calls[..3].iter().map(|call| closing(call, OutcomeStatus::Succeeded));
    database.store.capture(closings(over)).await.unwrap();

    let view = database.store.wallet(Owner::Agent(agent.0)).await.unwrap().unwrap();
    assert_eq!((view.funding, view.owed_usd), (Funding::OnAccount, Some(usd("0.0132"))));
    assert_eq!(
        (view.balance_usd, view.held_usd, view.spent_today_usd),
        (usd("-0.0132"), Usd::ZERO, usd("0.0132"))
    );
    let ledger = database.store.ledger(agent.0, None, 10).await.unwrap().unwrap();
    assert_eq!(
        (ledger.funding, ledger.owed_usd, ledger.entries.len()),
        (Funding::OnAccount, view.owed_usd, 3)
    );
    let top_up = WalletChange::TopUp {
        transfer_id: uuid::Uuid::now_v7(),
        amount: usd("1"),
        memo: "no".to_owned(),
    };
    assert!(
        database.store.administer(Owner::Agent(agent.0), top_up).await.is_err(),
        "it has no wallet"
    );
    database.assert_sound(agent.0).await;

    let prepaid = database.agent("5", SpendPolicy::default()).await;
    let view = database.store.wallet(Owner::Agent(prepaid.0)).await.unwrap().unwrap();
    assert_eq!((view.funding, view.owed_usd, view.balance_usd), (Funding::Prepaid, None, usd("5")));
}

pub async fn a_refused_or_paused_account_leaves_the_reason(database: Database) {
    let agent = on_account(&database, "3").await;
    let boot_id = database.boot("one").await;
    change(&database, Owner::Agent(agent.0), WalletChange::Pause).await;
    let refused = call(agent);
    let batch = admissions([admission(&refused, boot_id, "1")]);
    let given = verdicts(database.store.capture(batch).await.unwrap());
    assert_eq!(given, [Verdict::Refused(Refusal::AccountPaused { needed: usd("1") })]);
    let view = database.store.call(agent.0, refused.request_id).await.unwrap();
    let found = bare(view);
    assert_eq!(found.refusal, Some(Refusal::AccountPaused { needed: usd("1") }));
    assert_eq!((found.outcome_status.as_str(), found.kind.as_str()), ("rejected_funds", "routed"));
    change(&database, Owner::Agent(agent.0), WalletChange::Resume).await;
    let batch = admissions([admission(&call(agent), boot_id, "1")]);
    assert_eq!(verdicts(database.store.capture(batch).await.unwrap()), [Verdict::Admitted]);
}

pub async fn a_ledger_is_read_page_by_page_without_gaps(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<RoutingOutcome> = (0..7).map(|_| call(agent)).collect();
    database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "1"))))
        .await
        .unwrap();
    let over = calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded));
    database.store.capture(closings(over)).await.unwrap();
    let page = async |before_seq| {
        database.store.ledger(agent.0, before_seq, 3).await.unwrap().unwrap().entries
    };
    let mut walked: Vec<LedgerEntryRow> = Vec::new();
    loop {
        let entries = page(walked.last().map(|entry| entry.seq)).await;
        if entries.is_empty() {
            break;
        }
        walked.extend(entries);
    }
    let whole = database.store.ledger(agent.0, None, 100).await.unwrap().unwrap().entries;
    assert_eq!((walked.len(), &walked), (8, &whole));
    assert!(walked.windows(2).all(|pair| pair[0].seq > pair[1].seq));
}

pub async fn a_call_is_found_by_its_request_and_by_its_owner_only(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let other = on_account(&database, "1").await;
    let boot_id = database.boot("one").await;
    let tried = call(agent);
    database.store.capture(admissions([admission(&tried, boot_id, "1")])).await.unwrap();
    assert!(
        database.store.call(agent.0, tried.request_id).await.unwrap().is_none(),
        "it is not over"
    );
    database.store.capture(closings([closing(&tried, OutcomeStatus::Succeeded)])).await.unwrap();
    let view = database.store.call(agent.0, tried.request_id).await.unwrap();
    let found = inference(view);
    assert_eq!(
        (found.outcome.request_id, found.outcome.inference_id),
        (tried.request_id, tried.inference_id)
    );
    assert!(
        database.store.call(other.0, tried.request_id).await.unwrap().is_none(),
        "somebody else's"
    );

    let rejected = rejection(agent, OutcomeStatus::RejectedFloor);
    let batch =
        ainfera_store::CaptureBatch { rejections: vec![rejected.clone()], ..Default::default() };
    database.store.capture(batch).await.unwrap();
    let view = database.store.call(agent.0, rejected.request_id).await.unwrap();
    let found = bare(view);
    assert_eq!((found.outcome_status.as_str(), &found.refusal), ("rejected_floor", &None));
    assert_eq!(found.decision_rule.as_deref(), Some("no_candidate_clears_floor"));
    assert_eq!(found.candidates[0]["slug"], "mistral-large-3");
    assert!(
        database.store.call(other.0, rejected.request_id).await.unwrap().is_none(),
        "somebody else's"
    );
}

pub async fn a_strict_refusal_says_what_would_have_been_lost(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let coercions = vec!["mistral-large-3: seed=dropped:no_equivalent".to_owned()];
    for kind in [CallKind::Routed, CallKind::Direct] {
        let refused = RoutingOutcome {
            kind,
            coercions: coercions.clone(),
            ..rejection(agent, OutcomeStatus::RejectedStrict)
        };
        let batch =
            ainfera_store::CaptureBatch { rejections: vec![refused.clone()], ..Default::default() };
        // sent again after a doubtful commit, it is written once
        for _ in 0..2 {
            database.store.capture(batch.clone()).await.unwrap();
        }
        let found = bare(database.store.call(agent.0, refused.request_id).await.unwrap());
        assert_eq!(
            (found.outcome_status.as_str(), found.kind.as_str(), found.refusal),
            (
                "rejected_strict",
                kind.as_str(),
                Some(Refusal::Coercions { coercions: coercions.clone() })
            )
        );
    }
    assert_eq!(database.count("routing_outcomes").await, 1);
    database.assert_sound(agent.0).await;
}

pub async fn tenants_are_listed_with_their_names(database: Database) {
    assert_eq!(database.store.tenants(10).await.unwrap(), []);
    let (named, unnamed) = (TenantId(uuid::Uuid::from_u128(1)), TenantId(uuid::Uuid::from_u128(2)));
    database.store.name_tenant(named, "acme").await.unwrap();
    let new =
        NewAgent { name: "a".to_owned(), tenant_id: unnamed, spend_policy: SpendPolicy::default() };
    database.store.create_agent(new, Opening::OnAccount).await.unwrap();
    let rows = [
        TenantRow { tenant_id: named, name: Some("acme".to_owned()) },
        TenantRow { tenant_id: unnamed, name: None },
    ];
    assert_eq!(database.store.tenants(10).await.unwrap(), rows);
    assert_eq!(database.store.tenants(1).await.unwrap(), rows[..1]);
}
