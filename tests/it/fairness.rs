//! One key that asks for very much holds up itself and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, TenantId};
use ainfera_store::{NewAgent, Opening};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::support::client::{Answer, Connection};
use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed};
use crate::support::{Gateway, GatewayPlan};

/// Another agent with a key of its own.
async fn another(gateway: &Gateway) -> (AgentId, String) {
    let store = gateway.server.store();
    let new = NewAgent {
        name: "another".to_owned(),
        tenant_id: TenantId(Uuid::nil()),
        spend_policy: SpendPolicy::default(),
    };
    let agent_id =
        store.create_agent(new, Opening::Prepaid("1000".parse().unwrap())).await.unwrap();
    let key = ainfera::keys::mint().unwrap();
    store.add_key(agent_id, &key.key_id, key.secret_sha256).await.unwrap();
    (agent_id, key.text.expose().to_owned())
}

async fn call_as(gateway: &Gateway, key: &str) -> Answer {
    let mut connection = Connection::open(gateway.address).await;
    let body = serde_json::to_vec(&streamed(routed("hi"))).unwrap();
    connection
        .send(
            "POST",
            "/v1/messages",
            &[("x-api-key", key), ("anthropic-version", "2023-06-01")],
            &body,
        )
        .await;
    connection.answer().await
}

/// Announces a body of `announced` bytes and sends `sent` of them.
async fn unfinished(gateway: &Gateway, announced: usize, sent: usize) -> Connection {
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: test\r\nx-api-key: {}\r\ncontent-length: {announced}\r\n\r\n",
        gateway.key
    );
    connection.send_raw(head.as_bytes()).await;
    connection.send_raw(&vec![b' '; sent]).await;
    connection
}

#[actix_rt::test]
async fn what_is_announced_and_does_not_come_takes_nothing() {
    let gateway = Gateway::start().await;
    let (_, key) = another(&gateway).await;
    let idle = join_all((0..64).map(|_| unfinished(&gateway, 32 << 20, 1000))).await;
    message_of(&call_as(&gateway, &key).await);
    message_of(&gateway.call(&streamed(routed("hi"))).await);
    drop(idle);
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_key_whose_bodies_fill_its_share_is_told_to_wait_and_others_go_on() {
    let limits = "[limits]\nbody_bytes = 1048576\nall_bodies_bytes = 8388608\nbodies_per_key_bytes = 2097152\n";
    let plan = GatewayPlan { more_tables: limits.to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let (_, key) = another(&gateway).await;
    // more than its share: at least one of them does not fit
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(unfinished(&gateway, 1 << 20, 1_000_000).await);
    }
    let (refused, _, rest) =
        futures_util::future::select_all(slow.iter_mut().map(|one| Box::pin(one.answer()))).await;
    assert_eq!((refused.status, refused.error().0.as_str()), (429, "rate_limit_error"));
    assert!(refused.header("retry-after").is_some() && refused.header("retry-after-ms").is_some());
    drop(rest);
    message_of(&call_as(&gateway, &key).await);
    drop(slow);
    gateway.stop().await;
}

async fn read_as(gateway: &Gateway, path: String) -> u16 {
    let answer = gateway.get(&path).await;
    assert!(answer.status == 200 || answer.header("retry-after").is_some(), "{}", answer.text());
    answer.status
}

/// Forty ledger reads and forty verifications of one key at once, again and again, while probes and
/// calls of another key go on.
async fn reads_leave_the_others_alone(database: Database) {
    let name = database.name();
    let gateway = Gateway::with(GatewayPlan::default(), database).await;
    let (_, key) = another(&gateway).await;
    for _ in 0..20 {
        join_all(
            (0..10).map(|_| async { message_of(&gateway.call(&streamed(routed("hi"))).await) }),
        )
        .await;
    }
    let over = Arc::new(AtomicBool::new(false));
    let reading = async {
        let mut statuses = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let reads = (0..40).flat_map(|_| {
                ["/v1/ledger/ID?limit=500", "/v1/audit/ID/verify"]
                    .map(|path| path.replace("ID", &gateway.agent_id.to_string()))
            });
            statuses.extend(join_all(reads.map(|path| read_as(&gateway, path))).await);
        }
        statuses
    };
    let others = async {
        for _ in 0..50 {
            assert_eq!(gateway.get("/readyz").await.status, 200, "{name}");
            message_of(&call_as(&gateway, &key).await);
        }
        over.store(true, Ordering::Relaxed);
    };
    let (statuses, ()) = futures_util::join!(reading, others);
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{name}: {statuses:?}");
    assert!(statuses.contains(&200), "{name}");
    gateway.stop().await;
}

#[actix_rt::test]
async fn many_reads_of_one_key_leave_probes_and_other_calls_alone_on_sqlite() {
    reads_leave_the_others_alone(Database::sqlite()).await;
}

#[actix_rt::test]
async fn many_reads_of_one_key_leave_probes_and_other_calls_alone_on_postgres() {
    reads_leave_the_others_alone(Database::postgres().await).await;
}
