//! Before the first content a failure is invisible. What happens after it: `matrix.rs`.

use ainfera_wire::client::ClientDialect;
use serde_json::Value;

use crate::support::database::Database;
use crate::support::gateway::{MODELS, message_of, native, routed, streamed};
use crate::support::reading::{Read, read};
use crate::support::{Gateway, GatewayPlan};

const BEFORE_CONTENT: [&str; 19] = [
    "refuse_status status=401",
    "refuse_status status=404",
    "refuse_status status=429 retry_after=1",
    "refuse_status status=500",
    "refuse_status status=503",
    "refuse_status status=529",
    "reset_before_head",
    "close_before_head",
    "empty_stream",
    "ping_only_then_end",
    "fin_at at=0",
    "fin_at at=1",
    "rst_at at=1",
    "garbage_at at=0",
    "bad_json_at at=1",
    "error_event_at at=0",
    "error_event_at at=1",
    "wrong_content_type",
    "redirect",
];

#[actix_rt::test]
async fn a_failure_before_content_is_invisible_and_recorded() {
    let gateway = Gateway::start().await;
    for fault in BEFORE_CONTENT {
        for (body, broken, healthy) in
            [(routed as fn(&str) -> Value, 0, 1), (|prompt: &str| native(routed(prompt)), 1, 2)]
        {
            // only the first choice is broken
            let answer = gateway
                .call(&streamed(body(&format!(
                    "[[mock model=up-{} fault={fault}]]",
                    MODELS[broken]
                ))))
                .await;
            let message = message_of(&answer);
            assert_eq!(message["stop_reason"], "end_turn", "{fault}");
            assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[healthy]), "{fault}");
            gateway.settled().await;
            let inference = gateway
                .get(&format!(
                    "/v1/inferences/{}",
                    answer.header("x-ainfera-inference-id").unwrap()
                ))
                .await
                .json();
            let is_stale = |attempt: &&Value| attempt["result"] == "stale_connection";
            let all = inference["attempts"].as_array().unwrap();
            assert!(
                all.iter().filter(is_stale).all(|attempt| attempt["cost_usd"] == "0"),
                "{fault}"
            );
            let attempts: Vec<&Value> = all.iter().filter(|attempt| !is_stale(attempt)).collect();
            assert_eq!(attempts.len(), 2, "{fault}");
            assert_eq!(attempts[0]["model"], MODELS[broken], "{fault}");
            // a provider that has the request and says nothing at all may have worked on it
            let unanswered = ["reset_before_head", "close_before_head"].contains(&fault);
            assert_eq!(attempts[0]["cost_usd"] != "0", unanswered, "{fault}: {}", attempts[0]);
            assert_ne!(attempts[0]["result"], "succeeded", "{fault}");
            assert_eq!(attempts[1]["result"], "succeeded");
            let cost = |value: &Value| {
                value["cost_usd"].as_str().unwrap().parse::<ainfera_schema::Usd>().unwrap()
            };
            let sum = cost(attempts[0]).checked_add(cost(attempts[1])).unwrap();
            assert_eq!(sum, cost(&inference), "attempts add up to the call");
        }
    }
}

#[actix_rt::test]
async fn the_next_candidate_follows_a_timeout() {
    let plan =
        GatewayPlan { deadlines: "first_event = \"300ms\"\n".to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    for fault in ["hang_before_head", "hang_at at=0"] {
        let answer = gateway
            .call(&streamed(routed(&format!("[[mock model=up-{} fault={fault}]]", MODELS[0]))))
            .await;
        message_of(&answer);
        assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[1]), "{fault}");
    }
}

#[actix_rt::test]
async fn failover_still_works_after_the_hold_deadline() {
    let plan = GatewayPlan {
        deadlines: "hold = \"50ms\"\nping = \"10s\"\n".to_owned(),
        ..GatewayPlan::default()
    };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let answer = gateway
        .call(&streamed(routed(&format!(
            "[[mock model=up-{} first_ms=300 fault=fin_at at=1]]",
            MODELS[0]
        ))))
        .await;
    assert_eq!(message_of(&answer)["stop_reason"], "end_turn");
    let answer = gateway.call(&streamed(routed("[[mock first_ms=200 fault=fin_at at=1]]"))).await;
    assert_eq!(answer.status, 200, "the 200 was out before anybody failed");
    assert!(matches!(read(ClientDialect::Messages, &answer.text()), Read::Failed { .. }));
}

#[actix_rt::test]
async fn no_more_than_the_configured_attempts_are_made() {
    let plan = GatewayPlan { settings: "max_attempts = 2\n".to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let answer = gateway.call(&routed("[[mock fault=refuse_status status=500]]")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(gateway.mock.requests().len(), 2);
}

#[actix_rt::test]
async fn a_request_that_the_provider_calls_wrong_is_not_tried_elsewhere() {
    let gateway = Gateway::start().await;
    let answer = gateway.call(&streamed(routed("[[mock fault=refuse_status status=400]]"))).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (400, "invalid_request_error"));
    assert_eq!(gateway.mock.requests().len(), 1);
}

#[actix_rt::test]
async fn a_hang_before_content_times_out_the_same_way_streamed_and_whole() {
    let plan =
        GatewayPlan { deadlines: "first_event = \"300ms\"\n".to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    for fault in ["hang_before_head", "hang_at at=0"] {
        let body = routed(&format!("[[mock fault={fault}]]"));
        let (stream, whole) =
            (gateway.call(&streamed(body.clone())).await, gateway.call(&body).await);
        assert_eq!((stream.status, stream.error()), (whole.status, whole.error()), "{fault}");
        assert_eq!(stream.status, 503);
    }
}
