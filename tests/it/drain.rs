//! A stop: no new calls, running streams finish or are cut at the deadline, every row is there.

use std::process::ExitCode;

use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed};
use crate::support::{Gateway, GatewayPlan};

#[actix_rt::test]
async fn running_streams_finish_and_new_calls_are_refused() {
    let gateway = Gateway::start().await;
    let body = serde_json::to_vec(&streamed(routed("[[mock tokens=20 delay_ms=30]]"))).unwrap();
    let mut running = gateway.begin(&body, &[]).await;
    let mut late = gateway.begin(&body, &[]).await;
    running.read_until("content_block_delta").await;
    late.read_until("content_block_delta").await;
    gateway.server.gate().close();
    let refused = gateway.call(&routed("hi")).await;
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(gateway.get("/readyz").await.status, 503);
    let Gateway { server, database, mock, .. } = gateway;
    let drained = server.drain().await;
    assert_eq!(format!("{drained:?}"), format!("{:?}", ExitCode::SUCCESS));
    message_of(&running.answer().await);
    message_of(&late.answer().await);
    assert_eq!(
        database
            .number("select count(*) from routing_outcomes where outcome_status = 'succeeded'")
            .await,
        2
    );
    assert_eq!(database.number("select count(*) from intents").await, 0);
    mock.wait_idle().await;
}

#[actix_rt::test]
async fn at_the_deadline_streams_are_cut_and_have_their_rows() {
    let plan =
        GatewayPlan { deadlines: "drain = \"300ms\"\n".to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let body =
        serde_json::to_vec(&streamed(routed("[[mock tokens=5 fault=hang_at at=4]]"))).unwrap();
    let mut hanging = Vec::new();
    for _ in 0..10 {
        let mut connection = gateway.begin(&body, &[]).await;
        connection.read_until("content_block_delta").await;
        hanging.push(connection);
    }
    let Gateway { server, database, mock, .. } = gateway;
    let drained = server.drain().await;
    assert_eq!(format!("{drained:?}"), format!("{:?}", ExitCode::SUCCESS));
    assert_eq!(database.number("select count(*) from routing_outcomes").await, 10);
    assert_eq!(database.number("select count(*) from intents").await, 0);
    mock.wait_idle().await;
}
