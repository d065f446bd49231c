//! Who may connect, and how much a client may send.

use tokio_tungstenite::tungstenite::Message;

use super::*;

#[actix_rt::test]
async fn the_upgrade_is_refused_as_a_call_would_be() {
    let gateway = gateway().await;
    let bearer = format!("Bearer {}", gateway.key);
    let refused = async |headers: &[(&str, &str)]| {
        WebSocket::open_with(gateway.address, headers).await.err().expect("refused")
    };
    let (status, body) = refused(&[]).await;
    assert_eq!(status, 401, "{body}");
    let (status, body) = refused(&[("authorization", "Bearer ainf_nobody")]).await;
    assert_eq!(status, 401, "{body}");
    let keyed = [("authorization", &*bearer), ("idempotency-key", "k")];
    let (status, body) = refused(&keyed).await;
    assert!(status == 400 && body.contains("idempotency_key"), "{body}");
    let strict = [("authorization", &*bearer), ("x-ainfera-strict", "perhaps")];
    let (status, body) = refused(&strict).await;
    assert!(status == 400 && body.contains("x-ainfera-strict"), "{body}");
    let plain = gateway.get("/v1/responses").await;
    assert_eq!(plain.status, 405, "{}", plain.text());
    gateway.stop().await;
}

#[actix_rt::test]
async fn headers_of_the_handshake_hold_for_every_call() {
    let gateway = gateway().await;
    let bearer = format!("Bearer {}", gateway.key);
    let headers = [("authorization", &*bearer), ("x-ainfera-strict", "exact")];
    let mut socket = WebSocket::open_with(gateway.address, &headers).await.unwrap();
    let model = crate::support::gateway::MODELS[0];
    let message = create(json!({"model": model, "input": "hi", "max_tool_calls": 3}));
    for _ in 0..2 {
        let events = socket.ask(&message).await;
        assert_eq!((&events[0]["type"], &events[0]["status"]), (&json!("error"), &json!(422)));
    }
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_binary_message_is_refused_and_the_connection_goes_on() {
    let gateway = gateway().await;
    let mut socket = WebSocket::open(&gateway).await;
    socket.send(Message::binary(b"{}".to_vec())).await;
    let told = socket.event().await;
    assert_eq!(told["error"]["param"], "message", "{told}");
    response_of(&socket.ask(&create(routed("0.5", "hi"))).await);
    gateway.stop().await;
}

/// A message may be as large as a body; more is refused with the status of a body.
#[actix_rt::test]
async fn a_message_that_is_too_large_is_refused_and_closes_with_1009() {
    let plan = GatewayPlan {
        settings: "[limits]\nbody_bytes = 65536\n".to_owned(),
        more_tables: TABLES.to_owned(),
        ..GatewayPlan::default()
    };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let mut socket = WebSocket::open(&gateway).await;
    response_of(&socket.ask(&create(routed("0.5", "x".repeat(60_000)))).await);
    let mut previous = response_of(&socket.ask(&create(routed("0.5", "x".repeat(30_000)))).await);
    // together with the conversation before it, this one is too large
    let next = after(create(routed("0.5", "x".repeat(60_000))), &previous);
    let events = socket.ask(&next).await;
    assert_eq!(events[0]["status"], 413, "{events:?}");
    previous["id"] =
        response_of(&socket.ask(&after(create(routed("0.5", "y")), &previous)).await)["id"].clone();
    socket.say(&create(routed("0.5", "x".repeat(70_000)))).await;
    let told = socket.event().await;
    assert_eq!((&told["type"], &told["status"]), (&json!("error"), &json!(413)));
    assert_eq!(socket.closing_code().await, 1009);
    assert_eq!(rows(&gateway).await, 3);
    gateway.stop().await;
}

#[actix_rt::test]
async fn open_connections_are_counted() {
    let gateway = gateway().await;
    let open = async || {
        let metrics = gateway.get("/metrics").await.text();
        let line = metrics.lines().find(|line| line.starts_with("ainfera_websockets_open "));
        line.unwrap().split_once(' ').unwrap().1.to_owned()
    };
    assert_eq!(open().await, "0");
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = WebSocket::open(&gateway).await;
        response_of(&socket.ask(&create(routed("0.5", "hi"))).await);
        sockets.push(socket);
    }
    assert_eq!(open().await, "3");
    drop(sockets);
    while open().await != "0" {
        tokio::task::yield_now().await;
    }
    gateway.stop().await;
}
