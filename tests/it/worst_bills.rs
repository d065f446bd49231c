//! Calls of every kind race against every kind of limit, before providers that bill the most that
//! an honest vendor may: nobody spends more than the limit, no bill is above what was reserved for
//! it, and most of the limit can be used.

use ainfera_schema::{TenantId, Usd};
use ainfera_store::{CapChange, Owner, WalletChange};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::StreamExt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::database::Database;
use crate::support::raw_provider::{RawProvider, Reply};
use crate::support::{Gateway, GatewayPlan};

const CALLS: usize = 1_000;
const AT_ONCE: usize = 100;

/// Also what results of searches fill.
const WINDOW: u64 = 60_000;
const PAGES: u64 = 3;
/// What the vendor adds around a conversation.
const FRAMING: u64 = 180;
/// The vendor's published rules for a picture of 800 by 600 pixels, and for the largest.
const CLAUDE_PICTURE: u64 = 29 * 22;
const CLAUDE_LARGEST: u64 = 4_784;
const OPENAI_PICTURE: u64 = (25 * 19 * 162_u64).div_ceil(100);

/// A limit that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    DailyCap,
    Wallet,
    TenantCap,
    PerCallCap,
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn picture() -> String {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([0, 0, 3, 32, 0, 0, 2, 88, 8, 2, 0, 0, 0, 0, 0, 0, 0]);
    BASE64.encode(png)
}

fn pdf() -> String {
    let kids: Vec<String> = (0..PAGES).map(|page| format!("{} 0 R", page + 10)).collect();
    let mut file = format!(
        "%PDF-1.7\n1 0 obj << /Pages 2 0 R >> endobj\n2 0 obj << /Kids [{}] /Count {PAGES} >> endobj\n",
        kids.join(" ")
    );
    for page in 0..PAGES {
        file.push_str(&format!("{} 0 obj << /Type /Page /Contents 3 0 R >> endobj\n", page + 10));
    }
    file.push_str(
        "3 0 obj << /Length 24 >>\nstream\n(All of one page's text) Tj\nendstream\nendobj\n",
    );
    BASE64.encode(file)
}

/// One of each kind of call, over and over: the endpoint and the body.
fn call(number: usize) -> (&'static str, Value) {
    let text = "9".repeat(300 + 37 * (number % 40));
    let messages = |model: &str, content: Value| json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": content}]});
    let search = |limits: Value| {
        let mut tool = json!({"type": "web_search_20250305", "name": "web_search"});
        tool.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let mut body = messages("claude", json!(text));
        body["tools"] = json!([tool]);
        body
    };
    let chat = |model: &str, content: Value| json!({"model": model, "messages": [{"role": "user", "content": content}]});
    let source = |media_type: &str, data: String| json!({"type": "base64", "media_type": media_type, "data": data});
    match number % 12 {
        0 => (
            "/v1/messages",
            messages(
                "claude",
                json!([{"type": "image", "source": source("image/png", picture())}]),
            ),
        ),
        1 => (
            "/v1/messages",
            messages(
                "claude",
                json!([{"type": "document", "source": source("application/pdf", pdf())}]),
            ),
        ),
        2 if number.is_multiple_of(5) => ("/v1/messages", search(json!({"max_uses": 2}))),
        3 if number.is_multiple_of(5) => ("/v1/messages", search(json!({}))),
        4 => {
            let kept = json!([{"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
            ("/v1/messages", messages("claude", kept))
        }
        // longer than where the dearer prices begin
        5 => ("/v1/messages", messages("claude", json!("7".repeat(7_000)))),
        6 => ("/v1/chat/completions", chat("gpt", json!(text))),
        7 => {
            let url = format!("data:image/png;base64,{}", picture());
            let mut body = chat("gpt", json!([{"type": "image_url", "image_url": {"url": url}}]));
            body["max_completion_tokens"] = json!(50);
            ("/v1/chat/completions", body)
        }
        8 => {
            let mut body = chat("gpt-of-project", json!(text));
            body["max_completion_tokens"] = json!(50);
            ("/v1/chat/completions", body)
        }
        9 => {
            let mut body = chat("gpt", json!(text));
            body["service_tier"] = json!("priority");
            body["max_completion_tokens"] = json!(50);
            ("/v1/chat/completions", body)
        }
        _ => ("/v1/messages", messages("claude", json!(text))),
    }
}

/// The characters of everything that is said, each a token of its own, and what pictures and pages
/// come to.
fn input_tokens(content: &Value, picture: u64) -> u64 {
    match content {
        Value::String(text) => text.len() as u64,
        Value::Array(parts) => parts.iter().map(|part| input_tokens(part, picture)).sum(),
        Value::Object(part) => match part["type"].as_str().unwrap() {
            "text" => part["text"].as_str().unwrap().len() as u64,
            "document" => PAGES * (CLAUDE_LARGEST + "All of one page's text".len() as u64),
            "image" | "image_url" => picture,
            other => panic!("{other}"),
        },
        _ => panic!("{content}"),
    }
}

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn stream(events: &[(&str, Value)]) -> Reply {
    let mut body = String::new();
    for (name, data) in events {
        if !name.is_empty() {
            body.push_str(&format!("event: {name}\n"));
        }
        body.push_str(&format!("data: {data}\n\n"));
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Reply::Say(format!("{head}{body}").into_bytes())
}

/// Everything is written into the cache, as long as was asked; every search that is allowed is
/// made, and what is found fills the window.
fn claude(request: &str) -> Reply {
    let body = body_of(request);
    let searches: u64 = body["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| tool["max_uses"].as_u64().unwrap())
        .sum();
    let read = FRAMING + input_tokens(&body["messages"][0]["content"], CLAUDE_PICTURE);
    let input = if searches > 0 { WINDOW } else { read };
    let hour = if request.contains("\"1h\"") { input } else { 0 };
    let usage = json!({"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": input,
        "cache_creation": {"ephemeral_5m_input_tokens": input - hour, "ephemeral_1h_input_tokens": hour},
        "server_tool_use": {"web_search_requests": searches}, "output_tokens": body["max_tokens"]});
    stream(&[
        (
            "message_start",
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
                "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage}}),
        ),
        (
            "content_block_start",
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Yes."}}),
        ),
        ("content_block_stop", json!({"type": "content_block_stop", "index": 0})),
        (
            "message_delta",
            json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": null}, "usage": usage}),
        ),
        ("message_stop", json!({"type": "message_stop"})),
    ])
}

/// A call that names no tier is served as the project is set, which is the dearest.
fn gpt(request: &str) -> Reply {
    let body = body_of(request);
    let tier = body["service_tier"].as_str().unwrap_or("priority").to_owned();
    let input = FRAMING + input_tokens(&body["messages"][0]["content"], OPENAI_PICTURE);
    let output = body["max_completion_tokens"].as_u64().unwrap();
    let chunk = |choices: Value, usage: Value| json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "service_tier": tier, "choices": choices, "usage": usage});
    let said = |delta: Value, reason: Value| json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
    let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
    let Reply::Say(mut answer) = stream(&[
        (
            "",
            chunk(said(json!({"role": "assistant", "content": "Yes."}), Value::Null), Value::Null),
        ),
        ("", chunk(said(json!({}), json!("length")), Value::Null)),
        ("", chunk(json!([]), usage)),
    ]) else {
        unreachable!()
    };
    let end = b"data: [DONE]\n\n";
    let text = String::from_utf8(answer).unwrap();
    let length = text.split_once("\r\n\r\n").unwrap().1.len();
    answer = text
        .replacen(
            &format!("content-length: {length}"),
            &format!("content-length: {}", length + end.len()),
            1,
        )
        .into_bytes();
    answer.extend(end);
    Reply::Say(answer)
}

async fn gateway(limit: Limit, amount: Usd, database: Database) -> Gateway {
    let (claudes, gpts) = (
        RawProvider::answering(None, |_, text| claude(text)).await,
        RawProvider::answering(None, |_, text| gpt(text)).await,
    );
    let mut more_tables = String::new();
    for (id, kind, address, more) in [
        ("claudes", "anthropic", claudes.address, ""),
        ("gpts", "openai", gpts.address, ""),
        ("gpts-of-project", "openai", gpts.address, "service_tier = \"project\"\n"),
    ] {
        more_tables.push_str(&format!(
            "[[providers]]\nid = {id:?}\nkind = {kind:?}\nbase_url = \"http://{address}\"\n{more}"
        ));
    }
    for (slug, upstream_name, provider) in [
        ("claude", "claude-opus-4-7", "claudes"),
        ("gpt", "gpt-5.4", "gpts"),
        ("gpt-of-project", "gpt-5.4", "gpts-of-project"),
    ] {
        more_tables.push_str(&format!(
            "[[models]]\nslug = {slug:?}\nupstream_name = {upstream_name:?}\nprovider = {provider:?}\ncontext_window = {WINDOW}\n\
             price = {{ input = \"1\", output = \"5\", cache_read = \"0.1\", cache_write = \"1.25\", cache_write_1h = \"2\", tiers = \
             [{{ above_input_tokens = 5000, input = \"2\", output = \"10\", cache_read = \"0.2\", cache_write = \"2.5\", cache_write_1h = \"4\" }}] }}\n"
        ));
    }
    let funding = if limit == Limit::Wallet { amount } else { usd("100000") };
    let gateway =
        Gateway::with(GatewayPlan { more_tables, funding, ..GatewayPlan::default() }, database)
            .await;
    let caps = |per_call, daily| WalletChange::Caps { per_call, daily, monthly: CapChange::Keep };
    let (owner, change) = match limit {
        Limit::Wallet => return gateway,
        Limit::DailyCap => {
            (Owner::Agent(gateway.agent_id), caps(CapChange::Keep, CapChange::Set(amount)))
        }
        Limit::PerCallCap => {
            (Owner::Agent(gateway.agent_id), caps(CapChange::Set(amount), CapChange::Remove))
        }
        Limit::TenantCap => {
            (Owner::Tenant(TenantId(Uuid::nil())), caps(CapChange::Keep, CapChange::Set(amount)))
        }
    };
    gateway.server.store().administer(owner, change).await.unwrap().unwrap();
    gateway
}

/// How the race went.
struct Race {
    let_in: usize,
    spent: Usd,
    dearest: Usd,
}

async fn race(gateway: &Gateway) -> Race {
    let calls = (0..CALLS).map(|number| async move {
        let (path, body) = call(number);
        let answer = gateway.call_at(path, &body, &[("anthropic-version", "2023-06-01")]).await;
        assert!(matches!(answer.status, 200 | 402), "{path} {}: {}", body["model"], answer.text());
        answer.status
    });
    let statuses: Vec<u16> =
        futures_util::stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    gateway.settled().await;
    let store = gateway.server.store();
    let wallet = store.wallet(Owner::Agent(gateway.agent_id)).await.unwrap().unwrap();
    assert_eq!((wallet.held_usd, wallet.balance_usd < Usd::ZERO), (Usd::ZERO, false));
    let broken: Vec<_> = store
        .invariants()
        .await
        .unwrap()
        .into_iter()
        .filter(|invariant| !invariant.holds)
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
    // a bill above its reservation would have been cut to it
    let implausible = "select count(*) from inferences where replace(cast(attempts as text), ' ', '') like '%\"implausible\":true%'";
    assert_eq!(gateway.database.number(implausible).await, 0);
    let nanos = match &gateway.database {
        Database::Sqlite { .. } => "coalesce(max(cost_usd), 0)",
        Database::Postgres { .. } => "cast(coalesce(max(cost_usd), 0) * 1000000000 as bigint)",
    };
    let dearest = gateway.database.number(&format!("select {nanos} from inferences")).await;
    Race {
        let_in: statuses.iter().filter(|status| **status == 200).count(),
        spent: wallet.spent_today_usd,
        dearest: Usd::from_nanos(dearest),
    }
}

async fn every_call_is_refused(limit: Limit, amount: &str) {
    let amount = usd(amount);
    for database in Database::both().await {
        let name = database.name();
        let gateway = gateway(limit, amount, database).await;
        let Race { let_in, spent, dearest } = race(&gateway).await;
        let used = if limit == Limit::PerCallCap { dearest } else { spent };
        let percent = used.nanos() * 100 / amount.nanos();
        let figures =
            format!("{name}, {limit:?} of ${amount}: {let_in} of {CALLS} let in, {percent} % used");
        #[expect(clippy::print_stderr, reason = "the figure that the test is about")]
        {
            eprintln!("{figures}");
        }
        assert!(used <= amount, "{figures}");
        assert!((1..CALLS).contains(&let_in), "{figures}");
        assert!(percent >= 60, "{figures}");
    }
}

#[actix_rt::test]
async fn a_daily_cap_holds_against_the_worst_bills() {
    every_call_is_refused(Limit::DailyCap, "4").await;
}

#[actix_rt::test]
async fn a_wallet_holds_against_the_worst_bills() {
    every_call_is_refused(Limit::Wallet, "4").await;
}

#[actix_rt::test]
async fn the_cap_of_a_tenant_holds_against_the_worst_bills() {
    every_call_is_refused(Limit::TenantCap, "4").await;
}

#[actix_rt::test]
async fn a_cap_on_one_call_holds_against_the_worst_bills() {
    every_call_is_refused(Limit::PerCallCap, "0.045").await;
}
