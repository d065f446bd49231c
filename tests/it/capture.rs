//! The chaos sweep: whatever happens to a call, it leaves exactly one row, and the money adds up to
//! the nano-dollar.

use std::collections::HashMap;

use ainfera_schema::OutcomeStatus;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{native, routed, streamed, with_tools};
use crate::support::{Gateway, GatewayPlan};

/// Calls in one sweep, on each store.
const CALLS: usize = 2_040;
/// At once.
const WIDTH: usize = 48;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    Reads,
    /// Closes its connection before a byte of the answer came.
    LeavesBeforeTheFirstByte,
    /// Resets it in the middle of the answer.
    ResetsMidstream,
}

/// One kind of call, and how it may end.
struct Kind {
    prompt: &'static str,
    client: Client,
    statuses: &'static [OutcomeStatus],
    http: u16,
}

const KINDS: [Kind; 12] = [
    Kind {
        prompt: "[[mock tokens=3]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::Succeeded],
        http: 200,
    },
    Kind {
        prompt: "[[mock tools=2]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::Succeeded],
        http: 200,
    },
    Kind {
        prompt: "REJECT",
        client: Client::Reads,
        statuses: &[OutcomeStatus::RejectedFloor],
        http: 422,
    },
    Kind {
        prompt: "[[mock fault=refuse_status status=500]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::FailedProviderError],
        http: 503,
    },
    Kind {
        prompt: "[[mock times=1 fault=reset_before_head]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::Succeeded],
        http: 200,
    },
    Kind {
        prompt: "[[mock tokens=9 fault=fin_at at=5]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::FailedMidstream],
        http: 200,
    },
    Kind {
        prompt: "[[mock tokens=9 fault=rst_at at=5]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::FailedMidstream],
        http: 200,
    },
    Kind {
        prompt: "[[panic provider]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::FailedProviderError],
        http: 503,
    },
    Kind {
        prompt: "[[panic dispatch]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::FailedOther],
        http: 500,
    },
    Kind {
        prompt: "[[mock first_ms=20000]]",
        client: Client::LeavesBeforeTheFirstByte,
        statuses: &[OutcomeStatus::ClientGone],
        http: 0,
    },
    Kind {
        prompt: "[[mock tokens=400 delay_ms=50]]",
        client: Client::ResetsMidstream,
        statuses: &[OutcomeStatus::ClientGone],
        http: 200,
    },
    Kind {
        prompt: "[[mock tokens=5 fault=fin_at at=1]]",
        client: Client::Reads,
        statuses: &[OutcomeStatus::FailedProviderError],
        http: 503,
    },
];

fn body(kind: &Kind, number: usize) -> Vec<u8> {
    // a directive with times=1 counts by its text: make each its own
    let prompt = format!(
        "call {number}. {}",
        kind.prompt.replace("times=1", &format!("times=1 pad={number}"))
    );
    let mut body = if number.is_multiple_of(2) { routed(&prompt) } else { native(routed(&prompt)) };
    if kind.prompt.contains("tools") {
        body = with_tools(body);
    }
    if kind.prompt == "REJECT" {
        body["routing_hint"] = json!({"min_quality": "0.99"});
    }
    serde_json::to_vec(&streamed(body)).unwrap()
}

async fn one_call(gateway: &Gateway, kind: &Kind, number: usize) {
    let body = body(kind, number);
    let mut connection = gateway.begin(&body, &[]).await;
    match kind.client {
        Client::Reads => {
            let answer = connection.answer().await;
            assert_eq!(answer.status, kind.http, "{}: {}", kind.prompt, answer.text());
        }
        Client::LeavesBeforeTheFirstByte => {
            // the provider has the request, so the call was admitted
            gateway.mock_has_request_containing(&format!("call {number}.")).await;
            drop(connection);
        }
        Client::ResetsMidstream => {
            connection.read_until("content_block_delta").await;
            connection.reset();
        }
    }
}

async fn sweep(database: Database) {
    let name = database.name();
    let plan =
        GatewayPlan { settings: "max_in_flight = 5000\n".to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, database).await;
    let mut expected: HashMap<OutcomeStatus, i64> = HashMap::new();
    let calls: Vec<&Kind> = (0..CALLS).map(|number| &KINDS[number % KINDS.len()]).collect();
    for kind in &calls {
        *expected.entry(kind.statuses[0]).or_default() += 1;
    }
    for (wave, kinds) in calls.chunks(WIDTH).enumerate() {
        let wave = kinds
            .iter()
            .enumerate()
            .map(|(place, kind)| one_call(&gateway, kind, wave * WIDTH + place));
        futures_util::future::join_all(wave).await;
    }
    gateway.settled().await;
    gateway.mock.wait_idle().await;
    assert_eq!(gateway.mock.stats().connections_open, 0, "{name}: a provider is still being read");

    let number = |query: String| {
        let database = &gateway.database;
        async move { database.number(&query).await }
    };
    assert_eq!(
        number("select count(*) from routing_outcomes".into()).await,
        CALLS as i64,
        "{name}: rows and calls"
    );
    assert_eq!(
        number("select count(distinct request_id) from routing_outcomes".into()).await,
        CALLS as i64,
        "{name}: none twice"
    );
    assert_eq!(number("select count(*) from intents".into()).await, 0, "{name}");
    for (status, count) in expected {
        let rows = number(format!(
            "select count(*) from routing_outcomes where outcome_status = '{}'",
            status.as_str()
        ))
        .await;
        assert_eq!(rows, count, "{name}: {}", status.as_str());
    }
    assert_eq!(gateway.server.counters().dispatch_without_capture.value(), 0);
    for invariant in gateway.server.store().invariants().await.unwrap() {
        assert!(invariant.holds, "{name}: {}: {}", invariant.name, invariant.detail);
    }
    let verdict = gateway.get(&format!("/v1/audit/{}/verify", gateway.agent_id)).await.json();
    assert_eq!(verdict["valid"], true, "{name}: {verdict}");
    gateway.stop().await;
}

#[actix_rt::test]
async fn chaos_leaves_one_row_for_every_call_on_sqlite() {
    sweep(Database::sqlite()).await;
}

#[actix_rt::test]
async fn chaos_leaves_one_row_for_every_call_on_postgres() {
    sweep(Database::postgres().await).await;
}

#[actix_rt::test]
async fn a_forced_stop_leaves_one_row_for_every_admitted_call() {
    for database in Database::both().await {
        let name = database.name();
        let plan =
            GatewayPlan { deadlines: "drain = \"100ms\"\n".to_owned(), ..GatewayPlan::default() };
        let gateway = Gateway::with(plan, database).await;
        let body =
            serde_json::to_vec(&streamed(routed("[[mock tokens=600 delay_ms=20]]"))).unwrap();
        let mut open = Vec::new();
        for _ in 0..120 {
            open.push(gateway.begin(&body, &[]).await);
        }
        // some are streaming, some are on their way
        for connection in &mut open[..60] {
            connection.read_until("content_block_delta").await;
        }
        let admitted_before = gateway.server.gate().in_flight();
        assert!(admitted_before >= 60, "{name}: {admitted_before}");
        let database = gateway.stop().await;
        let rows = database.number("select count(*) from routing_outcomes").await;
        assert!(rows >= 60, "{name}: {rows}");
        assert_eq!(database.number("select count(*) from intents").await, 0, "{name}");
        let open_spend = "select count(*) from routing_outcomes o where not exists (select 1 from inferences i where i.request_id = o.request_id)";
        assert_eq!(database.number(open_spend).await, 0, "{name}: each of them has its inference");
    }
}

/// What one call of the test below holds, read from the wallet while it runs.
async fn hold_of(gateway: &Gateway, body: &[u8]) -> Decimal {
    let mut connection = gateway.begin(body, &[]).await;
    gateway.mock_has_request_containing("first_ms=1500").await;
    let ledger: Value = gateway.get(&format!("/v1/ledger/{}", gateway.agent_id)).await.json();
    let held = ledger["held_usd"].as_str().unwrap().parse().unwrap();
    connection.answer().await;
    gateway.settled().await;
    held
}

#[actix_rt::test]
async fn concurrent_calls_never_pass_a_wallet() {
    const FIT: u32 = 10;
    let body = serde_json::to_vec(&routed("[[mock tokens=1 first_ms=1500]]")).unwrap();
    let rich = Gateway::start().await;
    let hold = hold_of(&rich, &body).await;
    for database in Database::both().await {
        let name = database.name();
        let funding = (hold * Decimal::from(FIT)).normalize().to_string().parse().unwrap();
        let gateway =
            Gateway::with(GatewayPlan { funding, ..GatewayPlan::default() }, database).await;
        let answers =
            futures_util::future::join_all((0..80).map(|_| gateway.post(&body, &[]))).await;
        let with_status = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!(
            (with_status(200), with_status(402)),
            (FIT as usize, 80 - FIT as usize),
            "{name}"
        );
        gateway.settled().await;
        assert_eq!(
            gateway
                .database
                .number(
                    "select count(*) from routing_outcomes where outcome_status = 'rejected_funds'"
                )
                .await,
            70,
            "{name}"
        );
    }
}
