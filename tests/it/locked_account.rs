//! Another transaction holds the lock of one account: its agent waits, and nobody else does.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, TenantId};
use ainfera_store::{NewAgent, Opening};
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use crate::support::client::{Answer, Connection};
use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed};
use crate::support::{Gateway, GatewayPlan, postgres};

/// No call of the others takes as long as this, however slow the machine is: the lock lasts longer.
const SOON: Duration = Duration::from_secs(3);

async fn another(gateway: &Gateway, tenant_id: TenantId) -> (AgentId, String) {
    let store = gateway.server.store();
    let new =
        NewAgent { name: "another".to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    let agent_id =
        store.create_agent(new, Opening::Prepaid("1000".parse().unwrap())).await.unwrap();
    let key = ainfera::keys::mint().unwrap();
    store.add_key(agent_id, &key.key_id, key.secret_sha256).await.unwrap();
    (agent_id, key.text.expose().to_owned())
}

async fn begin_as(gateway: &Gateway, key: &str, prompt: &str) -> Connection {
    let mut connection = Connection::open(gateway.address).await;
    let body = serde_json::to_vec(&streamed(routed(prompt))).unwrap();
    connection
        .send(
            "POST",
            "/v1/messages",
            &[("x-api-key", key), ("anthropic-version", "2023-06-01")],
            &body,
        )
        .await;
    connection
}

async fn call_as(gateway: &Gateway, key: &str) -> Answer {
    begin_as(gateway, key, "hi").await.answer().await
}

#[actix_rt::test]
async fn a_locked_account_holds_up_its_own_agent_only() {
    let database = Database::postgres().await;
    let url = database.url();
    let gateway = Gateway::with(GatewayPlan::default(), database).await;
    let tenants = [TenantId(Uuid::nil()), TenantId::mint()];
    let mut others = Vec::new();
    for tenant in tenants {
        others.push(another(&gateway, tenant).await.1);
    }
    for key in others.iter().chain([&gateway.key]) {
        message_of(&call_as(&gateway, key).await);
    }
    // a call that is under way when the lock comes ends, and its row waits
    let mut running = begin_as(&gateway, &gateway.key, "[[mock tokens=20 delay_ms=30]]").await;
    running.read_until("content_block_delta").await;
    let blocker = postgres::connect(&url).await;
    let lock =
        format!("BEGIN; SELECT * FROM accounts WHERE agent_id = '{}' FOR UPDATE", gateway.agent_id);
    blocker.batch_execute(&lock).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(begin_as(&gateway, &gateway.key, "hi").await);
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(6500) {
        for key in &others {
            let one = Instant::now();
            message_of(&call_as(&gateway, key).await);
            assert!(one.elapsed() < SOON, "another agent waited for {:?}", one.elapsed());
        }
        assert_eq!(gateway.get("/readyz").await.status, 200);
    }
    // by now the store has given up on the lock once: who asks is told at once
    let refused = call_as(&gateway, &gateway.key).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    message_of(&running.answer().await);
    blocker.batch_execute("COMMIT").await.unwrap();
    for mut connection in waiting {
        let answer = connection.answer().await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while call_as(&gateway, &gateway.key).await.status != 200 {
        assert!(Instant::now() < deadline, "the agent is never let in again");
    }
    gateway.settled().await;
    let store = gateway.server.store();
    assert!(store.invariants().await.unwrap().iter().all(|invariant| invariant.holds));
    let database = gateway.stop().await;
    assert_eq!(database.number("select count(*) from intents").await, 0);
    assert_eq!(database.number("select count(*) from accounts where held <> 0").await, 0);
}

#[actix_rt::test]
async fn a_locked_tenant_holds_up_its_own_agents_only() {
    let database = Database::postgres().await;
    let url = database.url();
    let gateway = Gateway::with(GatewayPlan::default(), database).await;
    let (_, other) = another(&gateway, TenantId::mint()).await;
    message_of(&call_as(&gateway, &other).await);
    message_of(&call_as(&gateway, &gateway.key).await);
    let blocker = postgres::connect(&url).await;
    let lock = format!(
        "BEGIN; SELECT * FROM tenant_accounts WHERE tenant_id = '{}' FOR UPDATE",
        Uuid::nil()
    );
    blocker.batch_execute(&lock).await.unwrap();
    let mut waiting = begin_as(&gateway, &gateway.key, "hi").await;
    for _ in 0..20 {
        let one = Instant::now();
        message_of(&call_as(&gateway, &other).await);
        assert!(one.elapsed() < SOON, "another tenant waited for {:?}", one.elapsed());
    }
    blocker.batch_execute("COMMIT").await.unwrap();
    message_of(&waiting.answer().await);
    gateway.stop().await;
}
