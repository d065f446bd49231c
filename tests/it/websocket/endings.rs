//! How calls and connections end: by the client, by the gateway, by the provider.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::*;
use crate::support::process::Site;

const GONE: &str = "select count(*) from routing_outcomes where outcome_status = 'client_gone'";

fn long() -> Value {
    create(routed("0.5", "[[mock tokens=2000 delay_ms=10]]"))
}

async fn begun(gateway: &Gateway) -> WebSocket {
    let mut socket = WebSocket::open(gateway).await;
    socket.say(&long()).await;
    socket.event_of_type("response.output_text.delta").await;
    socket
}

#[actix_rt::test]
async fn a_client_that_leaves_ends_its_call_and_the_row_says_so() {
    for database in Database::both().await {
        let gateway = gateway_on(database).await;
        begun(&gateway).await.reset();
        gateway.settled().await;
        assert_eq!(gateway.database.number(GONE).await, 1);
        let mut orderly = begun(&gateway).await;
        orderly.send(Message::Close(None::<CloseFrame>)).await;
        gateway.settled().await;
        assert_eq!(gateway.database.number(GONE).await, 2);
        let billed = format!("{GONE} and cost_actual_usd > 0");
        assert_eq!(gateway.database.number(&billed).await, 2);
        gateway.mock.wait_idle().await;
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_cancelled_call_ends_at_its_provider_and_the_connection_goes_on() {
    for database in Database::both().await {
        let gateway = gateway_on(database).await;
        let mut socket = begun(&gateway).await;
        socket.say(&json!({"type": "response.cancel"})).await;
        let cancelled = socket.event_of_type("response.cancelled").await;
        assert_eq!(cancelled["response"]["status"], "cancelled");
        assert!(cancelled["response"]["id"].as_str().unwrap().starts_with("resp_"));
        gateway.mock.wait_idle().await;
        response_of(&socket.ask(&create(routed("0.5", "hi"))).await);
        assert_eq!(rows(&gateway).await, 2);
        assert_eq!(gateway.database.number(GONE).await, 1);
        gateway.stop().await;
    }
}

/// A provider that breaks after content: the last event says so, and the next call works.
#[actix_rt::test]
async fn an_answer_that_breaks_off_has_failed_and_the_connection_goes_on() {
    let gateway = gateway().await;
    let mut socket = WebSocket::open(&gateway).await;
    let mut answered = response_of(&socket.ask(&create(routed("0.5", "hi"))).await);
    for (kind, _, floor) in WAYS {
        let broken = create(routed(floor, "[[mock tokens=40 fault=rst_at at=20]]"));
        socket.say(&broken).await;
        socket.event_of_type("error").await;
        let failed = socket.event_of_type("response.failed").await;
        assert_eq!(failed["response"]["status"], "failed", "{kind}");
        let again = after(create(routed(floor, "and now?")), &answered);
        answered = response_of(&socket.ask(&again).await);
    }
    assert_eq!(rows(&gateway).await, 9);
    gateway.stop().await;
}

/// The row says `client_gone` as over HTTP, and the provider is not read further than what the
/// buffers between hold.
#[actix_rt::test]
async fn a_client_that_does_not_read_stops_its_provider() {
    let plan = crate::responses_client::plan("stall = \"500ms\"\n");
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let mut socket = WebSocket::open(&gateway).await;
    socket.narrow();
    socket.say(&create(routed("0.5", "[[mock tokens=200000 pad=2000]]"))).await;
    gateway.mock_has_request_containing("pad=2000").await;
    gateway.settled().await;
    gateway.mock.wait_idle().await;
    let stalled = "select count(*) from routing_outcomes where outcome_status <> 'completed' and output_tokens < 200000";
    assert_eq!(gateway.database.number(stalled).await, 1);
    drop(socket);
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_stop_lets_calls_end_and_closes_connections_with_1001() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let mut process = site.serve(&[]);
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str())];
    let mut idle = WebSocket::open_with(process.address, &headers).await.unwrap();
    let mut busy = WebSocket::open_with(process.address, &headers).await.unwrap();
    busy.say(&create(
        json!({"model": "ainfera-inference", "input": "[[mock tokens=60 delay_ms=20]]"}),
    ))
    .await;
    busy.event_of_type("response.output_text.delta").await;
    process.signal("TERM");
    assert_eq!(idle.closing_code().await, 1001);
    response_of(&busy.answer().await);
    assert_eq!(busy.closing_code().await, 1001);
    assert_eq!(process.ended().await, Some(0), "{}", process.log());
}

#[actix_rt::test]
async fn a_connection_has_a_longest_life_and_its_last_call_ends_well() {
    let plan = crate::responses_client::plan("websocket = \"300ms\"\n");
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let mut socket = WebSocket::open(&gateway).await;
    let events = socket.ask(&create(routed("0.5", "[[mock tokens=20 delay_ms=50]]"))).await;
    response_of(&events);
    let told = socket.event().await;
    assert_eq!(told["error"]["code"], "websocket_connection_limit_reached", "{told}");
    assert_eq!(socket.closing_code().await, 1000);
    assert_eq!(rows(&gateway).await, 1);
    gateway.stop().await;
}

#[actix_rt::test]
async fn silence_is_filled_with_pings_and_pings_are_answered() {
    let plan = crate::responses_client::plan("ping = \"50ms\"\n");
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let mut socket = WebSocket::open(&gateway).await;
    assert!(matches!(socket.hear().await, Message::Ping(_)));
    socket.send(Message::Ping("are you there".into())).await;
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        assert!(tokio::time::Instant::now() < patience, "no pong");
        if socket.hear().await == Message::Pong("are you there".into()) {
            break;
        }
    }
    gateway.stop().await;
}
