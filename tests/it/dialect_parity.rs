//! The dialects of Responses and Gemini, live and whole: a client that wants a stream and one that does not hear the same, whatever happens.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed, with_tools};
use crate::support::{Answer, Gateway, GatewayPlan};

const SLUGS: [&str; 4] = ["live-responses", "whole-responses", "live-gemini", "whole-gemini"];

const SCRIPTS: [&str; 9] = [
    "hello",
    "[[mock tokens=1]]",
    "[[mock tools=3]]",
    "[[mock tools=2 text=none]]",
    "[[mock tools=2 interleave=true]]",
    "[[mock thinking=3 tokens=5]]",
    "[[mock usage=cache tokens=5]]",
    "[[mock usage=none tokens=5]]",
    "[[mock stop=refusal tokens=2]]",
];

const FAULTS: [&str; 21] = [
    "refuse_status status=400",
    "refuse_status status=401",
    "refuse_status status=403",
    "refuse_status status=404",
    "refuse_status status=413",
    "refuse_status status=429 retry_after=2",
    "refuse_status status=429 code=insufficient_quota",
    "refuse_status status=500",
    "refuse_status status=503",
    "refuse_status status=529",
    "reset_before_head",
    "close_before_head",
    "empty_stream",
    "ping_only_then_end",
    "fin_at at=0",
    "rst_at at=0",
    "garbage_at at=0",
    "bad_json_at at=0",
    "error_event_at at=0",
    "wrong_content_type",
    "redirect",
];

async fn gateway() -> Gateway {
    let mut tables = String::new();
    for (name, kind) in [("responses", "openai_responses"), ("gemini", "gemini")] {
        tables.push_str(&format!("[[providers]]\nid = \"{name}\"\nkind = \"{kind}\"\nbase_url = \"MOCK\"\n"));
        for (prefix, streams) in [("live", true), ("whole", false)] {
            tables.push_str(&format!(
                "[[models]]\nslug = \"{prefix}-{name}\"\nprovider = \"{name}\"\nstreams = {streams}\nprice = {{ input = \"3\", output = \"15\" }}\n"
            ));
        }
    }
    Gateway::with(GatewayPlan { more_tables: tables, ..GatewayPlan::default() }, Database::sqlite()).await
}

fn pinned(slug: &str, prompt: &str) -> Value {
    let mut body = with_tools(routed(prompt));
    body["model"] = json!(slug);
    body
}

/// Ids are minted for each answer, signatures are of one, and a stream has no place for the block `ainfera`; everything else must be the same.
fn comparable(mut message: Value) -> Value {
    if let Some(members) = message.as_object_mut() {
        members.remove("ainfera");
    }
    message["id"] = Value::Null;
    for block in message["content"].as_array_mut().unwrap() {
        for member in ["id", "signature"] {
            if block.get(member).is_some() {
                block[member] = Value::Null;
            }
        }
    }
    message
}

async fn bill(gateway: &Gateway, answer: &Answer) -> Value {
    gateway.settled().await;
    let inference = gateway.get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap())).await.json();
    json!([inference["outcome_status"], inference["usage"], inference["usage_basis"], inference["cost_usd"], inference["stop_reason"]])
}

#[actix_rt::test]
async fn every_script_gives_the_same_answer_and_bill() {
    let gateway = gateway().await;
    for script in SCRIPTS {
        for slug in SLUGS {
            let stream = gateway.call(&streamed(pinned(slug, script))).await;
            let whole = gateway.call(&pinned(slug, script)).await;
            assert_eq!(whole.status, 200, "{slug} {script}: {}", whole.text());
            assert_eq!(comparable(message_of(&stream)), comparable(whole.json()), "{slug} {script}");
            let billed = bill(&gateway, &stream).await;
            assert_eq!(billed, bill(&gateway, &whole).await, "{slug} {script}");
            let basis = if script.contains("usage=none") { "estimated" } else { "reported" };
            assert_eq!((&billed[0], &billed[2]), (&json!("succeeded"), &json!(basis)), "{slug} {script}: {billed}");
        }
    }
}

#[actix_rt::test]
async fn every_failure_before_content_has_the_same_status() {
    let gateway = gateway().await;
    for fault in FAULTS {
        for slug in SLUGS {
            let body = pinned(slug, &format!("[[mock fault={fault} tools=0 tokens=5]]"));
            let stream = gateway.call(&streamed(body.clone())).await;
            let whole = gateway.call(&body).await;
            assert_eq!((stream.status, stream.error()), (whole.status, whole.error()), "{slug} {fault}");
            let request_fault = fault.contains("status=400") || fault.contains("status=413");
            let expected: &[u16] = if request_fault { &[400, 413] } else { &[502, 529] };
            assert!(expected.contains(&stream.status), "{slug} {fault}: {} {}", stream.status, stream.text());
        }
    }
}

#[actix_rt::test]
async fn a_stream_that_is_cut_anywhere_is_never_taken_for_an_answer() {
    let gateway = gateway().await;
    for slug in ["live-responses", "live-gemini"] {
        let frames = if slug.contains("gemini") { 6 } else { 12 };
        for kind in ["fin_at", "fin_mid_chunk", "rst_at", "garbage_at", "bad_json_at", "error_event_at"] {
            for at in 0..frames {
                let answer = gateway.call(&streamed(pinned(slug, &format!("[[mock fault={kind} at={at} tools=0 tokens=4]]")))).await;
                let text = answer.text();
                let failed = answer.status >= 400 || text.contains("event: error");
                assert!(failed && !text.contains("message_stop"), "{slug} {kind} at {at}: {} {text}", answer.status);
            }
        }
    }
}
