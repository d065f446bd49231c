//! The doctor finds what somebody did to the rows: by exit code, by name, and in the metrics of a
//! gateway that runs.

use std::process::Command;
use std::time::Duration;

use ainfera_actors::capture::Record;
use ainfera_schema::{InferenceId, OutcomeStatus, RequestId};
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::routed;
use crate::support::{Gateway, GatewayPlan, postgres};

/// A row to learn from, for every pinned call.
const CONTAMINATE: &str =
    "INSERT INTO routing_outcomes (request_id, agent_id, tenant_id, task_type, policy_version, ruleset_hash, decision_rule,
      candidates, m_allowed_set, cost_actual_usd, observed_latency_ms, outcome_status, input_tokens, cache_read_input_tokens,
      cache_creation_input_tokens, output_tokens, usage_basis, created_at, closed_at)
    SELECT i.request_id, i.agent_id, g.tenant_id, i.task_type, i.policy_version, 'none', 'pinned', '[]', '[]', i.cost_usd,
      i.observed_latency_ms, i.outcome_status, 0, 0, 0, 0, 'reported', i.created_at, i.created_at
    FROM inferences i JOIN agents g ON g.agent_id = i.agent_id WHERE i.kind = 'direct'";

pub async fn execute(database: &Database, sql: &str) {
    match database {
        Database::Sqlite { path, .. } => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.busy_timeout(Duration::from_secs(5)).unwrap();
            connection.execute_batch(sql).unwrap();
        }
        Database::Postgres { url } => {
            postgres::connect(url).await.batch_execute(sql).await.unwrap()
        }
    }
}

fn doctor(database: &str) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_ainfera"))
        .args(["doctor", "--json", "--database", database])
        .output()
        .unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

fn broken(findings: &Value) -> Vec<&str> {
    let all = findings["invariants"].as_array().unwrap().iter();
    all.filter(|invariant| invariant["holds"] == false)
        .map(|invariant| invariant["name"].as_str().unwrap())
        .collect()
}

/// The value of a line of `/metrics`; none where there is no such line.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

/// Scrapes until the line has the value: the doctor looks on its own clock.
async fn metric_becomes(gateway: &Gateway, name: &str, expected: f64) -> String {
    let wait = async {
        loop {
            let metrics = gateway.get("/metrics").await.text();
            if value(&metrics, name) == Some(expected) {
                return metrics;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap_or_else(|_| panic!("{name} never was {expected}"))
}

async fn looking(every: &str, database: Database) -> Gateway {
    let plan =
        GatewayPlan { settings: format!("[doctor]\nevery = {every}\n"), ..GatewayPlan::default() };
    Gateway::with(plan, database).await
}

#[actix_rt::test]
async fn each_class_of_what_is_broken_has_its_exit_code_and_the_lowest_counts() {
    // each of them on what the ones before left, so in the order from the highest code to the
    // lowest
    let damage = [
        ("DELETE FROM tenant_accounts", 27, "tenant_has_an_account"),
        (
            "UPDATE idempotency_keys SET state = 'in_flight', summary = NULL, answer = NULL",
            26,
            "key_in_flight_has_an_intent",
        ),
        ("UPDATE accounts SET audit_seq = audit_seq + 1", 24, "audit_chain_is_contiguous"),
        ("DELETE FROM closed_calls", 23, "post_has_a_call"),
        ("DELETE FROM inferences", 22, "outcome_has_inference"),
        ("UPDATE accounts SET held = held + 1", 21, "held_is_sum_of_intents"),
        ("UPDATE accounts SET balance = balance - 1", 20, "balance_is_sum_of_transfers"),
    ];
    for database in Database::both().await {
        let name = database.name();
        let gateway = looking("0", database).await;
        gateway.call_with(&routed("hi"), &[("idempotency-key", "one")]).await;
        gateway.call(&json!({"model": "gpt-5-5", "max_tokens": 40, "messages": [{"role": "user", "content": "hi"}]})).await;
        gateway.settled().await;
        let database = gateway.stop().await;
        let (code, findings) = doctor(&database.url());
        assert_eq!((code, &findings["healthy"]), (Some(0), &json!(true)), "{name}: {findings}");
        let mut found = 0;
        for (sql, expected, invariant) in damage {
            execute(&database, sql).await;
            let (code, findings) = doctor(&database.url());
            assert_eq!(code, Some(expected), "{name}: {sql}: {findings}");
            assert_eq!(
                (&findings["exit_code"], &findings["healthy"]),
                (&json!(expected), &json!(false)),
                "{name}: {sql}"
            );
            let names = broken(&findings);
            assert!(
                names.contains(&invariant) && names.len() > found,
                "{name}: {sql}: all are listed: {names:?}"
            );
            found = names.len();
        }
    }
    let (code, findings) = doctor("sqlite:///nowhere/at/all.db");
    assert_eq!((code, findings), (Some(1), Value::Null), "what cannot be checked is not broken");
}

#[actix_rt::test]
async fn an_open_call_of_no_living_boot_has_an_exit_code_of_its_own() {
    for database in Database::both().await {
        let name = database.name();
        let gateway = looking("0", database).await;
        let body = serde_json::to_vec(&routed("[[mock first_ms=20000]] waits")).unwrap();
        let open = gateway.begin(&body, &[]).await;
        gateway.mock_has_request_containing("waits").await;
        assert_eq!(
            doctor(&gateway.database.url()).0,
            Some(0),
            "{name}: a call that is open is no finding"
        );
        let long_ago = match gateway.database {
            Database::Sqlite { .. } => "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-2 hours')",
            Database::Postgres { .. } => "now() - interval '2 hours'",
        };
        execute(&gateway.database, &format!("UPDATE intents SET created_at = {long_ago}")).await;
        let (code, findings) = doctor(&gateway.database.url());
        assert_eq!(
            (code, broken(&findings)),
            (Some(25), vec!["intent_is_no_older_than_a_call"]),
            "{name}"
        );
        drop(open);
        gateway.settled().await;
        assert_eq!(doctor(&gateway.database.url()).0, Some(0), "{name}: it is closed");
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_pinned_call_that_left_an_outcome_moves_invariant_and_counter() {
    for database in Database::both().await {
        let gateway = looking("\"50ms\"", database).await;
        gateway.call(&json!({"model": "gpt-5-5", "max_tokens": 40, "messages": [{"role": "user", "content": "hi"}]})).await;
        gateway.settled().await;
        let sound = metric_becomes(
            &gateway,
            "ainfera_invariant_holds{name=\"direct_call_has_no_outcome\"}",
            1.0,
        )
        .await;
        assert_eq!(value(&sound, "ainfera_passthrough_with_capture_total"), Some(0.0));
        assert!(
            !sound
                .lines()
                .any(|line| line.starts_with("ainfera_invariant_holds") && line.ends_with(" 0")),
            "{sound}"
        );
        assert!(
            value(&sound, "ainfera_invariants_checked_timestamp_seconds")
                .is_some_and(|at| at > 1.7e9),
            "{sound}"
        );
        execute(&gateway.database, CONTAMINATE).await;
        metric_becomes(&gateway, "ainfera_passthrough_with_capture_total", 1.0).await;
        let found = metric_becomes(
            &gateway,
            "ainfera_invariant_holds{name=\"direct_call_has_no_outcome\"}",
            0.0,
        )
        .await;
        let others = found
            .lines()
            .filter(|line| line.starts_with("ainfera_invariant_holds") && line.ends_with(" 0"))
            .count();
        assert_eq!(others, 1, "{found}");
        assert_eq!(doctor(&gateway.database.url()).0, Some(22));
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_record_of_a_call_that_was_never_admitted_moves_its_counter() {
    for database in Database::both().await {
        let gateway = looking("0", database).await;
        let answer = gateway.call(&routed("hi")).await;
        gateway.settled().await;
        let inference_id = answer.header("x-ainfera-inference-id").unwrap();
        let inference_id = InferenceId(inference_id.parse().unwrap());
        let view = gateway
            .server
            .store()
            .inference(gateway.agent_id, inference_id)
            .await
            .unwrap()
            .unwrap();
        let mut stray = view.outcome;
        stray.request_id = RequestId::mint();
        stray.status = Some(OutcomeStatus::Succeeded);
        let permit = gateway.server.gate().enter().unwrap();
        gateway.server.capture().do_send(Record {
            outcome: Box::new(stray),
            answer: None,
            permit,
            durable: None,
        });
        gateway.settled().await;
        let metrics = gateway.get("/metrics").await.text();
        assert_eq!(value(&metrics, "ainfera_dispatch_without_capture_total"), Some(1.0));
        assert_eq!(
            gateway.database.number("select count(*) from routing_outcomes").await,
            1,
            "it leaves no row"
        );
        assert!(
            !metrics.contains("ainfera_invariant"),
            "nothing was checked, so nothing is said to hold: {metrics}"
        );
        gateway.stop().await;
    }
}
