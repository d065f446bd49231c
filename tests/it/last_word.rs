//! The row before the last word: a client hears that its answer is over when the row is durable,
//! and not before.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::client::Connection;
use crate::support::database::Database;
use crate::support::gateway::{message_of, native, routed, streamed};
use crate::support::{Gateway, GatewayPlan, postgres};

/// Far longer than an answer that is not held back would take.
const SILENCE: Duration = Duration::from_millis(300);

/// While this is there, nothing can be committed.
enum Hold {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Hold {
    async fn on(database: &Database) -> Self {
        match database {
            Database::Sqlite { path, .. } => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(Duration::from_secs(5)).unwrap();
                connection.execute_batch("BEGIN IMMEDIATE").unwrap();
                Hold::Sqlite(connection)
            }
            Database::Postgres { url } => {
                let client = postgres::connect(url).await;
                client
                    .batch_execute("BEGIN; LOCK TABLE transfers IN ACCESS EXCLUSIVE MODE")
                    .await
                    .unwrap();
                Hold::Postgres(client)
            }
        }
    }

    async fn release(self) {
        match self {
            Hold::Sqlite(connection) => connection.execute_batch("ROLLBACK").unwrap(),
            Hold::Postgres(client) => client.batch_execute("ROLLBACK").await.unwrap(),
        }
    }
}

async fn begin(gateway: &Gateway, body: &Value) -> Connection {
    gateway.begin(&serde_json::to_vec(body).unwrap(), &[]).await
}

/// A stream of which something has come, and after that moment a store that takes nothing.
async fn held_stream(gateway: &Gateway, body: &Value) -> (Connection, Hold) {
    let mut stream = begin(gateway, &streamed(body.clone())).await;
    stream.read_until("text_delta").await;
    let hold = Hold::on(&gateway.database).await;
    (stream, hold)
}

async fn says_nothing(connection: &mut Connection, wanted: &str) {
    assert!(
        timeout(SILENCE, connection.read_until(wanted)).await.is_err(),
        "{wanted} came before its row"
    );
}

async fn rows(gateway: &Gateway, status: &str) -> i64 {
    gateway
        .database
        .number(&format!("select count(*) from routing_outcomes where outcome_status = '{status}'"))
        .await
}

#[actix_rt::test]
async fn content_flows_and_the_last_word_waits_for_the_row() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let sound = "[[mock tokens=10 delay_ms=30]]";
        let broken = "[[mock tokens=10 delay_ms=30 fault=fin_at at=8]]";
        for (prompt, last_content, last_word, status) in [
            (sound, "message_delta", "message_stop", "succeeded"),
            (broken, "text_delta", "event: error", "failed_midstream"),
        ] {
            for (number, body) in [routed(prompt), native(routed(prompt))].iter().enumerate() {
                let (mut stream, hold) = held_stream(&gateway, body).await;
                stream.read_until(last_content).await;
                says_nothing(&mut stream, last_word).await;
                assert_eq!(rows(&gateway, status).await, number as i64);
                hold.release().await;
                stream.read_until(last_word).await;
                assert_eq!(
                    rows(&gateway, status).await,
                    number as i64 + 1,
                    "the row is there when the client hears that this was all"
                );
                assert!(stream.answer().await.complete);
            }
        }
        assert_eq!(gateway.server.counters().unacknowledged.value(), 0);
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn in_every_dialect_the_word_that_is_held_back_is_the_last_one() {
    let prompt = "[[mock tokens=10 delay_ms=30]]";
    let chat = json!({"model": "ainfera-inference", "stream": true, "messages": [{"role": "user", "content": prompt}]});
    let responses = json!({"model": "ainfera-inference", "stream": true, "input": prompt});
    let gateway = Gateway::start().await;
    for (rows_before, (path, body, content, last_content, last_word)) in [
        (
            "/v1/chat/completions",
            chat,
            "\"content\":",
            "\"finish_reason\":\"stop\"",
            "data: [DONE]",
        ),
        (
            "/v1/responses",
            responses,
            "response.output_text.delta",
            "response.output_item.done",
            "response.completed",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut stream = Connection::open(gateway.address).await;
        let headers = [("x-api-key", gateway.key.as_str()), ("content-type", "application/json")];
        stream.send("POST", path, &headers, &serde_json::to_vec(&body).unwrap()).await;
        stream.read_until(content).await;
        let hold = Hold::on(&gateway.database).await;
        stream.read_until(last_content).await;
        says_nothing(&mut stream, last_word).await;
        hold.release().await;
        stream.read_until(last_word).await;
        assert_eq!(rows(&gateway, "succeeded").await, rows_before as i64 + 1, "{path}");
        assert!(stream.answer().await.complete);
    }
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_whole_answer_and_a_refusal_wait_for_the_row_too() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        for (prompt, http_status, status) in [
            ("a whole one [[mock tokens=3 first_ms=200]]", 200, "succeeded"),
            (
                "a failed one [[mock first_ms=200 fault=refuse_status status=500]]",
                503,
                "failed_provider_error",
            ),
        ] {
            let mut connection = begin(&gateway, &routed(prompt)).await;
            gateway.mock_has_request_containing(&prompt[..8]).await;
            let hold = Hold::on(&gateway.database).await;
            says_nothing(&mut connection, "HTTP/1.1").await;
            hold.release().await;
            assert_eq!(connection.answer().await.status, http_status);
            assert_eq!(rows(&gateway, status).await, 1);
        }
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_client_that_leaves_before_the_last_word_leaves_one_row_that_says_what_it_got() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let (mut stream, hold) =
            held_stream(&gateway, &routed("[[mock tokens=10 delay_ms=30]]")).await;
        stream.read_until("message_delta").await;
        gateway.mock.wait_idle().await;
        stream.reset();
        hold.release().await;
        gateway.settled().await;
        assert_eq!(rows(&gateway, "succeeded").await, 1);
        assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 1);
        assert_eq!(
            gateway.database.number("select count(*) from transfers where kind = 'post'").await,
            1
        );
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn the_last_word_waits_no_longer_than_its_deadline() {
    for database in Database::both().await {
        let plan = GatewayPlan {
            deadlines: "hold = \"5s\"\nacknowledge = \"250ms\"\n".to_owned(),
            ..GatewayPlan::default()
        };
        let gateway = Gateway::with(plan, database).await;
        let (mut stream, hold) =
            held_stream(&gateway, &routed("[[mock tokens=10 delay_ms=30]]")).await;
        let message = message_of(&stream.answer().await);
        assert_eq!(message["stop_reason"], "end_turn");
        assert_eq!(rows(&gateway, "succeeded").await, 0);
        assert_eq!(gateway.server.counters().unacknowledged.value(), 1);
        hold.release().await;
        gateway.settled().await;
        assert_eq!(rows(&gateway, "succeeded").await, 1);
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn the_last_word_goes_out_as_it_comes_where_the_operator_says_so() {
    for database in Database::both().await {
        let plan = GatewayPlan {
            settings: "[capture]\nacknowledge = \"after\"\n".to_owned(),
            ..GatewayPlan::default()
        };
        let gateway = Gateway::with(plan, database).await;
        let (mut stream, hold) =
            held_stream(&gateway, &routed("[[mock tokens=10 delay_ms=30]]")).await;
        message_of(&stream.answer().await);
        assert_eq!(rows(&gateway, "succeeded").await, 0);
        hold.release().await;
        gateway.settled().await;
        assert_eq!(
            (rows(&gateway, "succeeded").await, gateway.server.counters().unacknowledged.value()),
            (1, 0)
        );
        gateway.stop().await;
    }
}
