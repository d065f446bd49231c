//! Streamed and whole answers agree: same status, error type and message before content; same blocks, usage and cost after.

use serde_json::{Value, json};

use crate::support::gateway::{message_of, native, routed, streamed, with_tools};
use crate::support::{Answer, Gateway, GatewayPlan};

pub const SCRIPTS: [&str; 12] = [
    "hello",
    "[[mock tokens=1]]",
    "[[mock tokens=40]]",
    "[[mock tools=1]]",
    "[[mock tools=3]]",
    "[[mock tools=2 text=none]]",
    "[[mock tools=2 interleave=true]]",
    "[[mock thinking=3 tokens=5]]",
    "[[mock usage=cache tokens=5]]",
    "[[mock usage=none tokens=5]]",
    "[[mock fault=split_utf8 tokens=6]]",
    "[[mock fault=missing_terminator tokens=6]]",
];

/// Faults that come before any content, so that every candidate fails.
pub const FAULTS: [&str; 22] = [
    "refuse_status status=400",
    "refuse_status status=401",
    "refuse_status status=403",
    "refuse_status status=404",
    "refuse_status status=413",
    "refuse_status status=429 retry_after=2",
    "refuse_status status=500",
    "refuse_status status=503",
    "refuse_status status=529",
    "reset_before_head",
    "close_before_head",
    "empty_stream",
    "ping_only_then_end",
    "fin_at at=0",
    "fin_at at=1",
    "rst_at at=0",
    "garbage_at at=0",
    "bad_json_at at=0",
    "error_event_at at=0",
    "error_event_at at=1",
    "wrong_content_type",
    "redirect",
];

/// Ids are minted per answer; everything else must be the same.
fn without_ids(mut message: Value) -> Value {
    message["id"] = Value::Null;
    for block in message["content"].as_array_mut().unwrap() {
        if block["type"] == "tool_use" {
            block["id"] = Value::Null;
        }
    }
    message
}

pub async fn bill(gateway: &Gateway, answer: &Answer) -> Value {
    gateway.settled().await;
    let inference = gateway.get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap())).await.json();
    json!([
        inference["outcome_status"],
        inference["usage"],
        inference["usage_basis"],
        inference["cost_usd"],
        inference["stop_reason"],
        inference["model_used"]
    ])
}

#[actix_rt::test]
async fn every_script_gives_the_same_answer_streamed_and_whole() {
    let gateway = Gateway::start().await;
    for script in SCRIPTS {
        for body in [with_tools(routed(script)), with_tools(native(routed(script)))] {
            let stream = gateway.call(&streamed(body.clone())).await;
            let whole = gateway.call(&body).await;
            assert_eq!(whole.status, 200, "{script}: {}", whole.text());
            assert_eq!(whole.header("content-type"), Some("application/json"));
            let (from_stream, from_whole) = (message_of(&stream), whole.json());
            assert_eq!(from_whole["type"], "message");
            assert_eq!(without_ids(from_stream), without_ids(from_whole), "{script}");
            assert_eq!(bill(&gateway, &stream).await, bill(&gateway, &whole).await, "{script}");
        }
    }
}

#[actix_rt::test]
async fn every_failure_before_content_has_the_same_status_streamed_and_whole() {
    let gateway = Gateway::start().await;
    let mut rows = 0;
    for fault in FAULTS {
        for (kind, make) in [("routed", (|body| body) as fn(Value) -> Value), ("native", native), ("pinned", pinned)] {
            let body = make(routed(&format!("[[mock fault={fault} tokens=5]]")));
            let stream = gateway.call(&streamed(body.clone())).await;
            let whole = gateway.call(&body).await;
            assert!(stream.status >= 400, "{kind} {fault}: {}", stream.text());
            assert_eq!(stream.status, whole.status, "{kind} {fault}");
            assert_eq!(stream.error(), whole.error(), "{kind} {fault}");
            assert_eq!(stream.header("retry-after"), whole.header("retry-after"), "{kind} {fault}");
            assert_eq!(stream.header("content-type"), Some("application/json"));
            let request_fault = fault.contains("status=400") || fault.contains("status=413");
            match (kind, request_fault) {
                (_, true) => assert!(matches!(stream.status, 400 | 413), "{kind} {fault}: {}", stream.status),
                ("pinned", false) => assert!(matches!(stream.status, 502 | 529), "{kind} {fault}: {}", stream.status),
                (_, false) => assert_eq!(stream.status, 503, "{kind} {fault}"),
            }
            if kind != "pinned" {
                rows += 2;
            }
        }
    }
    gateway.settled().await;
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes where outcome_status = 'failed_provider_error'").await, rows);
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, rows);
}

pub fn pinned(mut body: Value) -> Value {
    body["model"] = json!("claude-opus-4-7");
    body
}

#[actix_rt::test]
async fn a_hang_before_content_times_out_the_same_way() {
    let plan = GatewayPlan { deadlines: "first_event = \"300ms\"\n".to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, crate::support::database::Database::sqlite()).await;
    for fault in ["hang_before_head", "hang_at at=0"] {
        let body = routed(&format!("[[mock fault={fault}]]"));
        let (stream, whole) = (gateway.call(&streamed(body.clone())).await, gateway.call(&body).await);
        assert_eq!((stream.status, stream.error()), (whole.status, whole.error()), "{fault}");
        assert_eq!(stream.status, 503);
    }
}
