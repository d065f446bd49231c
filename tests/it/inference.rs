//! The flat `POST /v1/inference`: one question, one answer without nesting, and errors whose
//! `error` is a string.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{MODELS, native as to_anthropic, routed, streamed};
use crate::support::{Answer, Gateway, GatewayPlan};

const PATH: &str = "/v1/inference";

async fn ask(gateway: &Gateway, body: &Value) -> Answer {
    gateway.call_at(PATH, body, &[]).await
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

/// `code` and `message` of a flat error.
fn error_of(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let text = |member: &str| {
        body[member].as_str().unwrap_or_else(|| panic!("{member}: {body}")).to_owned()
    };
    assert_eq!(text("error"), text("code"));
    assert_eq!(answer.header("request-id"), Some(text("request_id").as_str()));
    (text("code"), text("message"))
}

#[actix_rt::test]
async fn an_answer_is_flat_and_its_money_a_string() {
    let gateway = Gateway::start().await;
    for (make, model, provider, native_word) in [
        ((|body| body) as fn(Value) -> Value, MODELS[0], "chat", "stop"),
        (to_anthropic, MODELS[1], "anthropic", "end_turn"),
    ] {
        let answer = ask(&gateway, &make(routed("hi"))).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/json")),
            "{}",
            answer.text()
        );
        gateway.settled().await;
        let row = gateway
            .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
            .await
            .json();
        assert_eq!(
            answer.json(),
            json!({
                "agent_id": gateway.agent_id.to_string(), "inference_id": row["inference_id"], "receipt_id": answer.header("x-ainfera-receipt-id"),
                "content": "You said: “hi”.", "content_blocks": null, "model_used": model, "provider": provider,
                "finish_reason": "stop", "finish_reason_native": native_word,
                "input_tokens": row["usage"]["input_tokens"], "output_tokens": row["usage"]["output_tokens"], "cost_usd": row["cost_usd"],
            })
        );
        assert!(
            row["cost_usd"].as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap()
                > rust_decimal::Decimal::ZERO,
            "{row}"
        );
    }
}

#[actix_rt::test]
async fn tools_are_called_in_blocks() {
    let gateway = Gateway::start().await;
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": parameters}}]);
    for (make, native_word) in
        [((|body| body) as fn(Value) -> Value, "tool_calls"), (to_anthropic, "tool_use")]
    {
        let answer =
            ask(&gateway, &make(with(routed("[[mock tools=2 tokens=3]]"), "tools", tools.clone())))
                .await
                .json();
        assert_eq!(
            (&answer["finish_reason"], &answer["finish_reason_native"]),
            (&json!("tool_calls"), &json!(native_word)),
            "{answer}"
        );
        let blocks = answer["content_blocks"].as_array().unwrap();
        assert_eq!(
            blocks.iter().map(|block| block["type"].as_str().unwrap()).collect::<Vec<_>>(),
            ["text", "tool_use", "tool_use"]
        );
        assert_eq!(blocks[0]["text"], answer["content"]);
        assert!(
            blocks[1..]
                .iter()
                .all(|call| call["name"] == "get_weather" && call["input"]["city"].is_string()),
            "{answer}"
        );
        assert_ne!(blocks[1]["id"], blocks[2]["id"]);
    }
}

#[actix_rt::test]
async fn a_stream_is_not_implemented_and_a_hint_says_where() {
    let gateway = Gateway::start().await;
    let answer = ask(&gateway, &streamed(routed("hi"))).await;
    let (code, message) = error_of(&answer);
    assert_eq!(
        (answer.status, code.as_str(), answer.header("x-should-retry")),
        (501, "streaming_not_supported", Some("false"))
    );
    assert!(message.contains("/v1/chat/completions"), "{message}");
    assert_eq!(gateway.mock.requests().len(), 0);
}

#[actix_rt::test]
async fn members_for_the_router_stay_here() {
    let gateway = Gateway::start().await;
    let mut body = routed("hi");
    let own = [
        ("agent_id", json!(gateway.agent_id.to_string())),
        ("task_type", json!("code")),
        ("routing_hint", json!({"min_quality": "0.88"})),
        ("routing_preference", json!("balanced")),
    ];
    for (member, value) in &own {
        body[*member] = value.clone();
    }
    let answer = ask(&gateway, &body).await;
    assert_eq!(
        (answer.status, answer.header("x-ainfera-coercions")),
        (200, None),
        "{}",
        answer.text()
    );
    let heard = gateway.mock.requests()[0].body.clone();
    assert!(own.iter().all(|(member, _)| heard.get(*member).is_none()), "{heard}");
    gateway.settled().await;
    assert_eq!(
        gateway
            .database
            .number("select count(*) from routing_outcomes where task_type = 'code'")
            .await,
        1
    );
}

#[actix_rt::test]
async fn what_the_gateway_itself_refuses_is_flat_too() {
    let gateway = Gateway::start().await;
    for (body, status, code, message) in [
        (
            with(routed("hi"), "messages", json!([])),
            400,
            "invalid_request_error",
            "messages: at least one",
        ),
        (with(routed("hi"), "model", json!("nobody")), 422, "model_unavailable", "model: nobody"),
        (
            with(routed("hi"), "routing_hint", json!({"min_quality": "0.99"})),
            422,
            "no_candidate_clears_floor",
            "no_candidate_clears_floor",
        ),
    ] {
        let answer = ask(&gateway, &body).await;
        let (got, text) = error_of(&answer);
        assert_eq!((answer.status, got.as_str()), (status, code), "{}", answer.text());
        assert!(text.starts_with(message), "{text}");
    }
}

#[actix_rt::test]
async fn the_same_key_gets_the_same_answer() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let key = [("idempotency-key", "k")];
        let first = gateway.call_at(PATH, &routed("hi"), &key).await;
        gateway.settled().await;
        let again = gateway.call_at(PATH, &routed("hi"), &key).await;
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (200, Some("true")),
            "{}",
            again.text()
        );
        assert_eq!(again.json(), first.json());
        assert_eq!(gateway.mock.requests().len(), 1);
        gateway.stop().await;
    }
}
