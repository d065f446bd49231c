//! What only servers of a test's own can show: encryption, a pooler in between, and a standby that
//! is promoted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must say so")]

#[path = "support/postgres.rs"]
#[allow(dead_code, reason = "the suite beside this one uses the rest")]
mod postgres;
#[path = "servers/server.rs"]
mod server;

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{
    AgentId, BootId, CallKind, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome, TenantId, Usd,
};
use ainfera_store::{
    Admission, CaptureBatch, CloseResult, Closing, NewAgent, Opening, Sent, StoreError,
};
use server::Server;

#[tokio::test]
async fn encryption_is_what_the_url_asks_for() {
    let server = Server::start("tls", &["ssl=on"]).await;
    let root = server.directory.join("server.crt");
    let encrypted = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = $1 AND s.ssl";
    let observer = postgres::connect(&server.url("sslmode=disable")).await;
    let cases = [
        ("disable", false),
        ("prefer", true),
        ("require", true),
        ("verify-ca", true),
        ("verify-full", true),
    ];
    for (mode, is_encrypted) in cases {
        let query =
            format!("sslmode={mode}&application_name={mode}&sslrootcert={}", root.display());
        let store = ainfera_store::open(&server.url(&query)).await.unwrap();
        store.ping().await.unwrap();
        let found: i64 = observer.query_one(encrypted, &[&mode]).await.unwrap().get(0);
        assert_eq!(found > 0, is_encrypted, "{mode}");
    }
    let unknown = ainfera_store::open(&server.url("sslmode=verify-ca")).await.unwrap();
    assert!(
        matches!(unknown.ping().await, Err(StoreError::Unavailable(_))),
        "its issuer is none of the operating system's"
    );
    // the certificate names 127.0.0.1 and no other
    let by_name = server
        .url(&format!("sslmode=verify-full&sslrootcert={}", root.display()))
        .replace("127.0.0.1", "localhost");
    assert!(matches!(
        ainfera_store::open(&by_name).await.unwrap().ping().await,
        Err(StoreError::Unavailable(_))
    ));
    let any_name = by_name.replace("verify-full", "verify-ca");
    ainfera_store::open(&any_name).await.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_pooler_works_where_it_keeps_transactions_and_is_refused_where_it_does_not() {
    let server = Server::start("pooled", &[]).await;
    for mode in ["session", "transaction"] {
        let pooler = server.pooler(mode).await;
        let store = ainfera_store::open(&pooler.url()).await.unwrap();
        store.migrate().await.unwrap();
        store.ping().await.unwrap();
    }
    let pooler = server.pooler("statement").await;
    let refused = ainfera_store::open(&pooler.url()).await.unwrap().migrate().await;
    let reason = "use pool_mode = transaction";
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(text)) if text.contains(reason)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_a_promoted_standby_lacks_is_written_again_and_every_connection_follows() {
    let primary = Server::start("primary", &[]).await;
    let standby = primary.standby().await;
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?sslmode=disable",
        primary.port, standby.port
    );
    let store = ainfera_store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let boot_id = BootId::mint();
    store.begin_boot(boot_id, "one").await.unwrap();
    let new = NewAgent {
        name: "a".to_owned(),
        tenant_id: TenantId::mint(),
        spend_policy: SpendPolicy::default(),
    };
    let tenant_id = new.tenant_id;
    let agent_id =
        store.create_agent(new, Opening::Prepaid(Usd::from_nanos(1_000_000_000))).await.unwrap();
    let (first, second) = (call(agent_id, tenant_id), call(agent_id, tenant_id));
    store.capture(admitting(&first, boot_id)).await.unwrap();
    primary.caught_up(&standby).await;
    standby.stop_receiving().await;
    // all of this is acknowledged, and unknown to the standby
    store.capture(admitting(&second, boot_id)).await.unwrap();
    store.capture(closing([&first, &second])).await.unwrap();

    drop(primary);
    standby.promote().await;
    while store.ping().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.server_changes(), Some(1));
    let again = |batch: CaptureBatch| CaptureBatch { sent: Sent::PerhapsBefore, ..batch };
    store.capture(again(admitting(&first, boot_id))).await.unwrap();
    store.capture(again(admitting(&second, boot_id))).await.unwrap();
    let reply = store.capture(again(closing([&first, &second]))).await.unwrap();
    assert!(
        reply.closed.iter().all(|(_, result)| *result == CloseResult::Closed),
        "{:?}",
        reply.closed
    );
    let broken = store
        .invariants()
        .await
        .unwrap()
        .into_iter()
        .filter(|invariant| !invariant.holds)
        .collect::<Vec<_>>();
    assert_eq!(broken, []);
}

fn call(agent_id: AgentId, tenant_id: TenantId) -> RoutingOutcome {
    RoutingOutcome::begun(
        RequestId::mint(),
        ReceiptId::mint(),
        agent_id,
        tenant_id,
        CallKind::Routed,
    )
}

fn admitting(draft: &RoutingOutcome, boot_id: BootId) -> CaptureBatch {
    let reservation = Usd::from_nanos(1_000_000);
    let admission = Admission {
        draft: draft.clone(),
        boot_id,
        reservation,
        charge_if_lost: reservation,
        smaller_reservations: Vec::new(),
        idempotency: None,
    };
    CaptureBatch { admissions: vec![admission], ..CaptureBatch::default() }
}

fn closing<const N: usize>(calls: [&RoutingOutcome; N]) -> CaptureBatch {
    let ended = |call: &RoutingOutcome| RoutingOutcome {
        status: Some(OutcomeStatus::FailedOther),
        ..call.clone()
    };
    let closings = calls.map(|call| Closing { outcome: ended(call), answer: None });
    CaptureBatch { closings: closings.to_vec(), ..CaptureBatch::default() }
}
