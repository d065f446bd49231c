//! Every script and every fault, by every client dialect through every provider dialect, streamed
//! and whole: the answers, their bills and their rows agree.

use ainfera_wire::client::ClientDialect;
use serde_json::{Value, json};

use crate::support::client_dialect::{CLIENTS, Client};
use crate::support::database::Database;
use crate::support::gateway::MODELS;
use crate::support::reading::{Read, frames_of, read};
use crate::support::{Answer, Gateway, GatewayPlan};

/// An order to the scripted provider, the kinds of blocks that a Messages client gets for it, and
/// why they end.
struct Script(&'static str, &'static [&'static str], &'static str);

const SCRIPTS: [Script; 19] = [
    Script("hello", &["text", "tool_use"], "tool_use"),
    Script("[[mock tokens=1]]", &["text", "tool_use"], "tool_use"),
    Script("[[mock tokens=40]]", &["text", "tool_use"], "tool_use"),
    Script("[[mock tools=0 tokens=6]]", &["text"], "end_turn"),
    Script("[[mock tools=0 tokens=500]]", &["text"], "max_tokens"),
    Script("[[mock tools=1]]", &["text", "tool_use"], "tool_use"),
    Script("[[mock tools=3]]", &["text", "tool_use", "tool_use", "tool_use"], "tool_use"),
    Script("[[mock tools=2 text=none]]", &["tool_use", "tool_use"], "tool_use"),
    Script("[[mock tools=2 interleave=true]]", &["text", "tool_use", "tool_use"], "tool_use"),
    Script(
        "[[mock tools=3 interleave=true text=none]]",
        &["tool_use", "tool_use", "tool_use"],
        "tool_use",
    ),
    Script("[[mock thinking=3 tokens=5]]", &["thinking", "text", "tool_use"], "tool_use"),
    Script("[[mock thinking=3 tools=0 tokens=2]]", &["thinking", "text"], "end_turn"),
    Script("[[mock usage=cache tokens=5]]", &["text", "tool_use"], "tool_use"),
    Script("[[mock usage=none tokens=5]]", &["text", "tool_use"], "tool_use"),
    Script("[[mock stop=refusal tokens=2]]", &["text"], "refusal"),
    Script("[[mock fault=split_utf8 tokens=6]]", &["text", "tool_use"], "tool_use"),
    Script("[[mock tools=1 drip comments tokens=4]]", &["text", "tool_use"], "tool_use"),
    Script("[[mock tools=1 split_utf8 crlf comments tokens=4]]", &["text", "tool_use"], "tool_use"),
    Script(MISSING_TERMINATOR, &["text", "tool_use"], "tool_use"),
];

/// In the dialects of Responses and of Gemini the last event says how the answer ends: without it
/// there is no answer.
const MISSING_TERMINATOR: &str = "[[mock fault=missing_terminator tokens=6]]";

/// Faults that come before any content, so that every candidate fails.
const BEFORE_CONTENT: [&str; 23] = [
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
    "fin_at at=1",
    "rst_at at=0",
    "garbage_at at=0",
    "bad_json_at at=0",
    "error_event_at at=0",
    "error_event_at at=1",
    "wrong_content_type",
    "redirect",
];

/// Faults that cut a stream at one of its events.
const CUTS: [&str; 6] =
    ["fin_at", "fin_mid_chunk", "rst_at", "garbage_at", "bad_json_at", "error_event_at"];

/// A way to a provider: which of its models answers, and how a call gets there.
#[derive(Clone, Copy)]
struct Way {
    slug: &'static str,
    to: To,
    /// How many events a stream of four tokens has before the one that ends it.
    events: usize,
    native: Option<ClientDialect>,
}

#[derive(Clone, Copy, PartialEq)]
enum To {
    /// The router's choice above this floor.
    Floor(&'static str),
    Name,
}

const CHAT: Way =
    Way { slug: MODELS[0], to: To::Floor("0.5"), events: 6, native: Some(ClientDialect::Chat) };
const ANTHROPIC: Way = Way {
    slug: MODELS[1],
    to: To::Floor("0.88"),
    events: 8,
    native: Some(ClientDialect::Messages),
};
const RESPONSES: Way = Way {
    slug: "of-responses",
    to: To::Floor("0.96"),
    events: 12,
    native: Some(ClientDialect::Responses),
};
const GEMINI: Way = Way {
    slug: "of-gemini",
    to: To::Floor("0.98"),
    events: 6,
    native: Some(ClientDialect::Gemini),
};
const PINNED_RESPONSES: Way = Way { to: To::Name, ..RESPONSES };
const PINNED_GEMINI: Way = Way { to: To::Name, ..GEMINI };
const WHOLE_RESPONSES: Way = Way { slug: "whole-responses", to: To::Name, ..RESPONSES };
const WHOLE_GEMINI: Way = Way { slug: "whole-gemini", to: To::Name, ..GEMINI };
const PINNED_ANTHROPIC: Way = Way { slug: MODELS[3], to: To::Name, ..ANTHROPIC };

async fn gateway(deadlines: &str) -> Gateway {
    let mut tables = String::new();
    for (name, kind, price) in [("responses", "openai_responses", 20), ("gemini", "gemini", 30)] {
        tables.push_str(&format!(
            "[[providers]]\nid = \"{name}\"\nkind = \"{kind}\"\nbase_url = \"MOCK\"\n"
        ));
        let q_prior = if name == "responses" { "0.97" } else { "0.99" };
        tables.push_str(&format!(
            "[[models]]\nslug = \"of-{name}\"\nprovider = \"{name}\"\nq_prior = \"{q_prior}\"\nm_allowed = true\n\
             price = {{ input = \"{price}\", output = \"80\" }}\n"
        ));
        tables.push_str(&format!(
            "[[models]]\nslug = \"whole-{name}\"\nprovider = \"{name}\"\nstreams = false\nprice = {{ input = \"3\", output = \"15\" }}\n"
        ));
    }
    let deadlines = format!("hold = \"5s\"\n{deadlines}");
    Gateway::with(
        GatewayPlan { more_tables: tables, deadlines, ..GatewayPlan::default() },
        Database::sqlite(),
    )
    .await
}

impl Way {
    fn body(self, client: Client, prompt: &str) -> Value {
        let mut body = client.body(prompt);
        match self.to {
            To::Floor(floor) => body["routing_hint"] = json!({"min_quality": floor}),
            To::Name => body["model"] = json!(self.slug),
        }
        body
    }

    /// The same call, past the router.
    fn pinned(self, client: Client, prompt: &str) -> Value {
        Way { to: To::Name, ..self }.body(client, prompt)
    }

    fn takes(self, script: &str) -> bool {
        script != MISSING_TERMINATOR || [CHAT.slug, ANTHROPIC.slug].contains(&self.slug)
    }
}

async fn inference(gateway: &Gateway, answer: &Answer) -> Value {
    gateway.settled().await;
    gateway
        .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
        .await
        .json()
}

/// What of a call's record is about its end and its money.
pub async fn bill(gateway: &Gateway, answer: &Answer) -> Value {
    let row = inference(gateway, answer).await;
    ["outcome_status", "usage", "usage_basis", "cost_usd", "stop_reason", "model_used"]
        .iter()
        .map(|member| row[*member].clone())
        .collect()
}

async fn scripts_through(way: Way) {
    let gateway = gateway("").await;
    for script in SCRIPTS.iter().filter(|script| way.takes(script.0)) {
        for client in CLIENTS {
            one_script(&gateway, way, client, script).await;
        }
    }
    gateway.stop().await;
}

async fn one_script(gateway: &Gateway, way: Way, client: Client, script: &Script) {
    let case = format!("{client:?} {} {}", way.slug, script.0);
    let body = way.body(client, script.0);
    let answer = client.ask(gateway, &body).await;
    let (said, billed) = (client.of_whole(&answer), bill(gateway, &answer).await);
    assert_eq!(answer.header("x-ainfera-model"), Some(way.slug), "{case}");
    let basis = if script.0.contains("usage=none") { "estimated" } else { "reported" };
    assert_eq!((&billed[0], &billed[2]), (&json!("succeeded"), &json!(basis)), "{case}: {billed}");
    let buckets = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    let input: u64 = buckets.iter().map(|bucket| billed[1][*bucket].as_u64().unwrap_or(0)).sum();
    let billed_tokens = [input, billed[1]["output_tokens"].as_u64().unwrap()];
    // a provider of the client's own dialect that says nothing of usage has nothing added to its
    // answer
    if way.native != Some(client.dialect) || basis == "reported" {
        assert_eq!(client.tokens(&said), billed_tokens, "{case}: {billed}");
    }
    if client.dialect == ClientDialect::Messages {
        let kinds: Vec<&str> = said["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["type"].as_str().unwrap())
            .collect();
        // with tools a vendor may want its reasoning back, so the caller gets it unasked
        let expected = script.1.to_vec();
        assert_eq!((kinds, &said["stop_reason"]), (expected, &json!(script.2)), "{case}");
        for call in
            said["content"].as_array().unwrap().iter().filter(|block| block["type"] == "tool_use")
        {
            assert_eq!(call["input"], json!({"city": "Paris", "days": 1}), "{case}");
        }
    }
    if !client.has_streams() {
        return;
    }
    let stream = client.ask(gateway, &client.streamed(body.clone())).await;
    let of_stream = client.of_stream(&stream);
    assert_eq!(client.without_ids(of_stream.clone()), client.without_ids(said), "{case}");
    assert_eq!(bill(gateway, &stream).await, billed, "{case}");
    if [ClientDialect::Chat, ClientDialect::Responses].contains(&client.dialect) {
        assert_eq!(of_stream["model"], body["model"], "{case}");
        if client.dialect == ClientDialect::Responses {
            let status = if ["max_tokens", "refusal"].contains(&script.2) {
                "incomplete"
            } else {
                "completed"
            };
            assert_eq!(of_stream["status"], status, "{case}");
        }
        if client.dialect == ClientDialect::Chat || way.native != Some(client.dialect) {
            what_openais_dialects_say_besides(client, &stream, &of_stream, &billed, &case);
        }
    }
}

fn what_openais_dialects_say_besides(
    client: Client,
    stream: &Answer,
    said: &Value,
    billed: &Value,
    case: &str,
) {
    for (member, header) in
        [("inference_id", "x-ainfera-inference-id"), ("receipt_id", "x-ainfera-receipt-id")]
    {
        assert_eq!(said["ainfera"][member].as_str(), stream.header(header), "{case}");
    }
    assert_eq!(
        said["usage"]["total_tokens"],
        json!(client.tokens(said).iter().sum::<u64>()),
        "{case}"
    );
    if client.dialect == ClientDialect::Responses {
        let cached = &said["usage"]["input_tokens_details"]["cached_tokens"];
        assert_eq!(*cached, billed[1]["cache_read_input_tokens"], "{case}: {billed}");
        for frame in frames_of(&stream.text()).iter().filter(|frame| frame.name.ends_with(".delta"))
        {
            assert!(frame.json["item_id"].is_string(), "{case}: {}", frame.data);
        }
    }
}

async fn faults_before_content_through(way: Way) {
    let gateway = gateway("").await;
    let mut calls = 0;
    for fault in BEFORE_CONTENT {
        let request_fault = fault.contains("status=400") || fault.contains("status=413");
        let expected: &[u16] = match (request_fault, way.to) {
            (true, _) => &[400, 413],
            (false, To::Floor(_)) => &[503],
            (false, To::Name) => &[429, 502, 529],
        };
        let mut first = None;
        for client in CLIENTS {
            let body = way.body(client, &format!("[[mock fault={fault} tools=0 tokens=5]]"));
            let whole = client.ask(&gateway, &body).await;
            let refusal = client.refusal(&whole);
            let case = format!("{client:?} {} {fault}: {} {refusal:?}", way.slug, whole.status);
            // Google's clients know no 529
            let is_overload = client.dialect == ClientDialect::Gemini && whole.status == 503;
            let is_overload = is_overload && way.to == To::Name;
            let status = if is_overload { 529 } else { whole.status };
            assert!(expected.contains(&status), "{case}");
            let retry_after = whole.header("retry-after").map(str::to_owned);
            let known = (status, refusal.message.clone(), retry_after);
            assert_eq!(first.get_or_insert_with(|| known.clone()), &known, "{case}");
            let openai = [ClientDialect::Chat, ClientDialect::Responses].contains(&client.dialect);
            let by_router = openai && !request_fault && way.to != To::Name;
            assert!(!by_router || refusal.code == "all_routed_models_failed", "{case}");
            calls += 1;
            if client.has_streams() {
                let stream = client.ask(&gateway, &client.streamed(body)).await;
                assert_eq!(
                    (stream.status, client.refusal(&stream)),
                    (whole.status, refusal),
                    "{case}"
                );
                assert_eq!(stream.header("retry-after"), whole.header("retry-after"), "{case}");
                calls += 1;
            }
        }
    }
    gateway.settled().await;
    let table = if way.to == To::Name { "closed_calls where" } else { "routing_outcomes where" };
    let failed = format!("select count(*) from {table} outcome_status = 'failed_provider_error'");
    assert_eq!(gateway.database.number(&failed).await, calls, "{}", way.slug);
    gateway.stop().await;
}

async fn faults_after_content_through(way: Way) {
    let gateway = gateway("idle = \"700ms\"\n").await;
    let mut calls = 0;
    for fault in CUTS.into_iter().chain(["hang_at"]) {
        for client in CLIENTS {
            let body = way.body(client, &format!("[[mock tools=0 tokens=30 fault={fault} at=6]]"));
            let whole = client.ask(&gateway, &body).await;
            let case = format!("{client:?} {} {fault}: {}", way.slug, whole.text());
            assert_eq!(whole.status, 502, "{case}");
            let refusal = client.refusal(&whole);
            let is_coded =
                client.dialect == ClientDialect::Messages || refusal.code == "stream_incomplete";
            assert!(is_coded, "{case}");
            calls += 1;
            if client.has_streams() {
                let stream = client.ask(&gateway, &client.streamed(body)).await;
                assert_eq!((stream.status, stream.complete), (200, true), "{case}");
                let Read::Failed { error, text, .. } = read(client.dialect, &stream.text()) else {
                    panic!("{case}: success was invented: {}", stream.text())
                };
                assert!(!text.is_empty() && error["message"].is_string(), "{case}: {error}");
                let kinds: &[&str] = if client.dialect == ClientDialect::Gemini {
                    assert!(error["code"].is_u64(), "{case}: {error}");
                    assert_paid_and_broken(&inference(&gateway, &stream).await, &case);
                    calls += 1;
                    continue;
                } else if client.dialect == ClientDialect::Messages {
                    &["api_error", "overloaded_error"]
                } else {
                    &["server_error"]
                };
                assert!(kinds.contains(&error["type"].as_str().unwrap()), "{case}: {error}");
                assert!(
                    client.dialect != ClientDialect::Messages
                        || error["details"]["error_code"] == "stream_incomplete",
                    "{error}"
                );
                assert_paid_and_broken(&inference(&gateway, &stream).await, &case);
                calls += 1;
            }
        }
    }
    gateway.settled().await;
    for condition in ["outcome_status = 'failed_midstream' and cost_actual_usd > 0", "1 = 1"] {
        let rows = format!("select count(*) from routing_outcomes where {condition}");
        assert_eq!(gateway.database.number(&rows).await, calls, "{}: {condition}", way.slug);
    }
    gateway.stop().await;
}

/// One attempt and no other after it, and what was said is billed.
fn assert_paid_and_broken(row: &Value, case: &str) {
    assert_eq!(
        (&row["outcome_status"], &row["usage_basis"]),
        (&json!("failed_midstream"), &json!("estimated")),
        "{case}: {row}"
    );
    assert_eq!(row["attempts"].as_array().unwrap().len(), 1, "{case}: {row}");
    assert_ne!(row["cost_usd"], "0", "{case}: {row}");
}

async fn cuts_anywhere_through(way: Way) {
    let gateway = gateway("").await;
    for client in CLIENTS.into_iter().filter(|client| client.has_streams()) {
        for cut in CUTS {
            for at in 0..way.events {
                let body =
                    way.pinned(client, &format!("[[mock fault={cut} at={at} tools=0 tokens=4]]"));
                let answer = client.ask(&gateway, &client.streamed(body)).await;
                let case = format!(
                    "{client:?} {} {cut} at {at}: {} {}",
                    way.slug,
                    answer.status,
                    answer.text()
                );
                if answer.status == 200 {
                    assert!(
                        matches!(read(client.dialect, &answer.text()), Read::Failed { .. }),
                        "{case}"
                    );
                } else {
                    assert!(matches!(answer.status, 502 | 503 | 529), "{case}");
                    client.refusal(&answer);
                }
            }
        }
    }
    gateway.stop().await;
}

macro_rules! through_every_way {
    ($($check:ident: $($way:ident)*;)*) => { $(mod $check { $(
        #[actix_rt::test]
        #[expect(non_snake_case, reason = "it is named like its way")]
        async fn $way() {
            super::$check(super::$way).await;
        }
    )* })* };
}

through_every_way! {
    scripts_through: CHAT ANTHROPIC RESPONSES GEMINI WHOLE_RESPONSES WHOLE_GEMINI;
    faults_before_content_through: CHAT ANTHROPIC RESPONSES GEMINI
        PINNED_ANTHROPIC PINNED_RESPONSES PINNED_GEMINI
        WHOLE_RESPONSES WHOLE_GEMINI;
    faults_after_content_through: CHAT ANTHROPIC RESPONSES GEMINI;
    cuts_anywhere_through: CHAT ANTHROPIC RESPONSES GEMINI;
}
