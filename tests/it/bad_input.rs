//! Bad input: the right status in Anthropic's envelope, the field named, nothing secret logged, and
//! no row unless the call was routed.

use serde_json::{Value, json};

use crate::support::gateway::{routed, streamed};
use crate::support::{Connection, Gateway};

fn with(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut body = routed("hi");
    change(&mut body);
    serde_json::to_vec(&body).unwrap()
}

#[actix_rt::test]
async fn each_mistake_gets_its_status_and_names_its_field() {
    let gateway = Gateway::start().await;
    let deep = format!(
        "{{\"model\":\"m\",\"max_tokens\":1,\"messages\":{}1{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let cases: Vec<(Vec<u8>, u16, &str, &str)> = vec![
        (b"{\"model\":".to_vec(), 400, "invalid_request_error", "body: invalid JSON"),
        (b"\xff\xfe".to_vec(), 400, "invalid_request_error", "body: invalid JSON"),
        (b"[]".to_vec(), 400, "invalid_request_error", "body"),
        (b"".to_vec(), 400, "invalid_request_error", "body: invalid JSON"),
        (
            with(|body| drop(body.as_object_mut().unwrap().remove("max_tokens"))),
            400,
            "invalid_request_error",
            "max_tokens: field required",
        ),
        (
            with(|body| drop(body.as_object_mut().unwrap().remove("model"))),
            400,
            "invalid_request_error",
            "model: field required",
        ),
        (
            with(|body| body["max_tokens"] = json!("many")),
            400,
            "invalid_request_error",
            "max_tokens: invalid type",
        ),
        (
            with(|body| body["max_tokens"] = json!(-1)),
            400,
            "invalid_request_error",
            "max_tokens: invalid value",
        ),
        (
            with(|body| body["messages"] = json!("hi")),
            400,
            "invalid_request_error",
            "messages: invalid type",
        ),
        (
            with(|body| body["messages"] = json!([])),
            400,
            "invalid_request_error",
            "messages: at least one",
        ),
        (
            with(|body| body["messages"][0]["role"] = json!("robot")),
            400,
            "invalid_request_error",
            "messages.0.role",
        ),
        (
            with(|body| body["messages"][0]["content"] = json!(5)),
            400,
            "invalid_request_error",
            "messages.0.content: invalid type",
        ),
        (
            with(|body| body["messages"][0]["content"] = json!([{"type": "hologram"}])),
            400,
            "invalid_request_error",
            "messages.0.content.0.type: unknown content block type `hologram`",
        ),
        (
            with(|body| body["stream"] = json!("yes")),
            400,
            "invalid_request_error",
            "stream: invalid type",
        ),
        (
            with(|body| body["tools"] = json!([{"name": "f"}])),
            400,
            "invalid_request_error",
            "tools.0.input_schema: field required",
        ),
        (
            with(|body| body["task_type"] = json!("poetry")),
            400,
            "invalid_request_error",
            "task_type: unknown variant",
        ),
        (
            with(|body| body["routing_hint"] = json!({"min_quality": "high"})),
            400,
            "invalid_request_error",
            "routing_hint.min_quality",
        ),
        (
            with(|body| body["routing_hint"] = json!({"quality_floor": "best"})),
            400,
            "invalid_request_error",
            "routing_hint.quality_floor",
        ),
        (deep.into_bytes(), 400, "invalid_request_error", "body: nested deeper"),
        (
            with(|body| body["model"] = json!("gpt-17")),
            422,
            "invalid_request_error",
            "model: gpt-17: model is not in the catalogue",
        ),
        (
            with(|body| body["model"] = json!("unpriced")),
            422,
            "invalid_request_error",
            "model: unpriced: model has no price",
        ),
    ];
    for (body, status, error_type, message) in cases {
        for stream in [false, true] {
            let body = match serde_json::from_slice::<Value>(&body) {
                Ok(parsed) if stream && parsed.is_object() && parsed.get("stream").is_none() => {
                    serde_json::to_vec(&streamed(parsed)).unwrap()
                }
                _ => body.clone(),
            };
            let answer = gateway.post(&body, &[]).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            assert_eq!(answer.status, status, "{shown}: {}", answer.text());
            let (got_type, got_message) = answer.error();
            assert_eq!(got_type, error_type, "{shown}");
            assert!(got_message.starts_with(message), "{shown}: {got_message}");
        }
    }
    gateway.settled().await;
    assert_eq!(
        gateway.database.number("select count(*) from routing_outcomes").await,
        0,
        "none of these was routed"
    );
    assert_eq!(gateway.mock.requests().len(), 0, "no provider heard of any of these");
}

#[actix_rt::test]
async fn tools_for_a_model_without_them_is_422_with_its_name() {
    let gateway = Gateway::start().await;
    let mut body = crate::support::gateway::with_tools(routed("hi"));
    body["model"] = json!("toolless");
    let answer = gateway.call(&body).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["error"]["details"]["error_code"], "tools_not_supported_by_backend");
    let message = answer.error().1;
    assert!(message.contains("toolless") && message.contains("hint"), "{message}");
}

#[actix_rt::test]
async fn a_body_that_is_too_large_is_413_before_it_is_read() {
    let gateway = Gateway::start().await;
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: t\r\nx-api-key: {}\r\ncontent-length: {}\r\n\r\n",
        gateway.key,
        33 << 20
    );
    connection.send_raw(head.as_bytes()).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.error().0.as_str()), (413, "request_too_large"));
    // and one that does not say how long it is
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: t\r\nx-api-key: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        gateway.key
    );
    connection.send_raw(head.as_bytes()).await;
    let piece = vec![b' '; 1 << 20];
    for _ in 0..33 {
        connection.send_raw(format!("{:x}\r\n", piece.len()).as_bytes()).await;
        connection.send_raw(&piece).await;
        connection.send_raw(b"\r\n").await;
    }
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.error().0.as_str()), (413, "request_too_large"));
}

#[actix_rt::test]
async fn a_large_body_within_the_limit_is_served() {
    let gateway = Gateway::start().await;
    let answer =
        gateway.call(&crate::support::gateway::native(routed(&"word ".repeat(4 << 20)))).await;
    // 20 MiB of words cost more than any context window, but nothing here refuses them for their
    // size
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[actix_rt::test]
async fn keys_are_needed_and_both_headers_work() {
    let gateway = Gateway::start().await;
    let body = serde_json::to_vec(&routed("hi")).unwrap();
    let (start, last) = gateway.key.split_at(gateway.key.len() - 1);
    let wrong = format!("{start}{}", if last == "x" { "y" } else { "x" });
    let bearer = format!("Bearer {}", gateway.key);
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[], 401),
        (&[("x-api-key", "nonsense")], 401),
        (&[("x-api-key", &wrong)], 401),
        (&[("authorization", "Basic abc")], 401),
        (&[("authorization", &bearer)], 200),
        (&[("x-api-key", &gateway.key), ("authorization", "Bearer other")], 200),
    ];
    for (headers, status) in cases {
        let mut connection = Connection::open(gateway.address).await;
        connection.send("POST", "/v1/messages", headers, &body).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 401 {
            assert_eq!(answer.error().0, "authentication_error");
            assert!(!answer.text().contains(&gateway.key));
        }
    }
}

#[actix_rt::test]
async fn unknown_paths_and_wrong_methods_are_answered_in_the_envelope() {
    let gateway = Gateway::start().await;
    for (method, path, status, error_type) in [
        ("GET", "/v1/nothing", 404, "not_found_error"),
        ("POST", "/v1/nothing", 404, "not_found_error"),
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("DELETE", "/v1/models", 405, "invalid_request_error"),
        ("GET", "/v1/inferences/not-a-uuid", 404, "not_found_error"),
    ] {
        let mut connection = Connection::open(gateway.address).await;
        connection.send(method, path, &[("x-api-key", &gateway.key)], b"").await;
        let answer = connection.answer().await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (status, error_type),
            "{method} {path}"
        );
    }
    for probe in ["/", "/api/hello", "/healthz", "/readyz"] {
        assert_eq!(gateway.get(probe).await.status, 200, "{probe}");
    }
}

#[actix_rt::test]
async fn another_encoding_and_a_strange_version_are_refused_by_name() {
    let gateway = Gateway::start().await;
    let answer = gateway.call_with(&routed("hi"), &[("content-encoding", "gzip")]).await;
    assert_eq!(answer.status, 415);
    let mut connection = Connection::open(gateway.address).await;
    let body = serde_json::to_vec(&routed("hi")).unwrap();
    connection
        .send(
            "POST",
            "/v1/messages?beta=true",
            &[("x-api-key", &gateway.key), ("anthropic-version", "latest")],
            &body,
        )
        .await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().1.starts_with("anthropic-version: "));
}
