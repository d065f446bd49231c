//! Anthropic's dialect on both sides: bytes go through as they came, in both directions. The
//! provider here is a bare socket that keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::database::Database;
use crate::support::{Gateway, GatewayPlan};

/// A provider that gives every request the same bytes.
struct RawProvider {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl RawProvider {
    async fn answering(response: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        actix_rt::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let request = answer(socket, &response).await;
                kept.lock().unwrap().push(request);
            }
        });
        Self { address, heard }
    }

    /// The head, in small letters, and the body of the only request.
    fn heard(&self) -> (String, String) {
        let heard = self.heard.lock().unwrap();
        assert_eq!(heard.len(), 1, "{heard:?}");
        let (head, body) = heard[0].split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    }
}

/// Reads one request, answers, and closes.
async fn answer(mut socket: TcpStream, response: &str) -> String {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap()
                .parse::<usize>()
                .unwrap();
            if body.len() >= length {
                break;
            }
        }
        assert_ne!(socket.read_buf(&mut received).await.unwrap(), 0, "the request was cut");
    }
    socket.write_all(response.as_bytes()).await.unwrap();
    String::from_utf8(received).unwrap()
}

fn response(status: u16, content_type: &str, more_headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{more_headers}connection: close\r\n\r\n{body}"
    )
}

async fn gateway_before(provider: &RawProvider) -> Gateway {
    let more_tables = format!(
        "[[providers]]\nid = \"raw\"\nkind = \"anthropic\"\nbase_url = \"http://{}\"\n\
         [[models]]\nslug = \"the-slug\"\nprovider = \"raw\"\nupstream_name = \"claude-9\"\nprice = {{ input = \"3\", output = \"15\" }}\n",
        provider.address
    );
    Gateway::with(GatewayPlan { more_tables, ..GatewayPlan::default() }, Database::sqlite()).await
}

/// With spaces, escapes and numbers that a JSON library would write otherwise.
const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-9\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1,\"new_count\":1.50},\"new\":{\"a\": [1e2]}}      }\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}   }\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0 }\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"b3BhcXVl\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: future_event\ndata: {\"type\":\"future_event\",\"of\":{\"what\":\"nobody\\u0020knows\"}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"text\",\"text\":\"\",\"citations\":[]}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u00e9llo \\ud83d\\ude00\",\"new\":0.10}     }\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"future_delta\",\"x\":1}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9,\"input_tokens\":25},\"context_management\":{\"applied_edits\":[]}  }\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"   }\n\n",
);

/// Every member that is ours, the router's or unknown; blocks in an order of their own;
/// cache_control wherever it may stand.
const REQUEST: &str = r#"{ "model" : "the-slug", "new_field":{"b": 1.0, "a":[1e2,"\u00e9"]},"max_tokens":50, "stream":true, "task_type":"code",
 "system":[{"type":"text","text":"x-billing: 1"},{"cache_control":{"type":"ephemeral","ttl":"1h"},"type":"text","text":"be brief"}],
 "context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]},
 "tools":[{"name":"f","input_schema":{"type":"object","x-new":0.10},"cache_control":{"type":"ephemeral"},"defer_loading":false}],
 "messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"},"new":null}]},
  {"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"c2ln"},{"type":"redacted_thinking","data":"AA=="},{"type":"thinking","thinking":"b" ,"signature":"c2lnMg=="},
   {"id":"toolu_1","type":"tool_use","name":"f","input":{"z":1,"a":2.50},"cache_control":{"type":"ephemeral"}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"r"}],"cache_control":{"type":"ephemeral"}}]},
  {"role":"system","content":"midway"}], "routing_hint":{"budget":"1"}}"#;

fn as_sent() -> String {
    let inner = REQUEST
        .trim_start_matches("{ \"model\" : \"the-slug\", ")
        .trim_end_matches(", \"routing_hint\":{\"budget\":\"1\"}}");
    let inner = inner.replace(
        "\"max_tokens\":50, \"stream\":true, \"task_type\":\"code\",\n \"system\"",
        "\"max_tokens\":50,\"system\"",
    );
    let inner = inner
        .replace(",\n \"context_management\"", ",\"context_management\"")
        .replace(",\n \"tools\"", ",\"tools\"");
    let inner = inner.replace(",\n \"messages\"", ",\"messages\"");
    format!("{{\"model\":\"claude-9\",{inner},\"stream\":true}}")
}

#[actix_rt::test]
async fn p072_p073_p076_p079_p080_p085_a_call_arrives_as_it_was_sent() {
    let provider = RawProvider::answering(response(200, "text/event-stream", "", STREAM)).await;
    let gateway = gateway_before(&provider).await;
    let headers = [
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "context-management-2025-06-27, never-heard-of-it"),
        ("anthropic-beta", "third-2026"),
        ("anthropic-user-profile-id", "profile-7"),
        ("anthropic-workspace-id", "wrkspc_8"),
        ("anthropic-new-thing", "new"),
        ("anthropic-dangerous-direct-browser-access", "true"),
        ("x-claude-code-session-id", "session-9"),
        ("x-stainless-lang", "js"),
    ];
    let answer = gateway
        .begin_at("/v1/messages?beta=true", REQUEST.as_bytes(), &headers)
        .await
        .answer()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ainfera-coercions"), None);
    let (head, body) = provider.heard();
    assert_eq!(body, as_sent());
    for wanted in [
        "post /v1/messages http/1.1",
        "anthropic-version: 2023-06-01",
        "anthropic-beta: context-management-2025-06-27, never-heard-of-it,third-2026",
        "anthropic-user-profile-id: profile-7",
        "anthropic-workspace-id: wrkspc_8",
        "anthropic-new-thing: new",
    ] {
        assert!(head.lines().any(|line| line == wanted), "{wanted}: {head}");
    }
    for kept_here in [
        "x-claude-code",
        "x-stainless",
        "browser-access",
        "x-api-key",
        "authorization",
        &gateway.key.to_ascii_lowercase(),
    ] {
        assert!(!head.contains(kept_here), "{kept_here}: {head}");
    }
}

#[actix_rt::test]
async fn p072_p073_an_answer_comes_back_as_it_was_said() {
    let provider = RawProvider::answering(response(200, "text/event-stream", "", STREAM)).await;
    let gateway = gateway_before(&provider).await;
    let answer = gateway.begin(REQUEST.as_bytes(), &[]).await.answer().await;
    assert_eq!(
        answer.text(),
        STREAM.replace("\"model\":\"claude-9\"", "\"model\":\"the-slug\"").replacen(
            "}}      }",
            "}}}",
            1
        )
    );
    gateway.settled().await;
    let row = gateway
        .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
        .await
        .json();
    assert_eq!(
        (&row["usage"]["input_tokens"], &row["usage"]["output_tokens"]),
        (&json!(25), &json!(9))
    );
}

#[actix_rt::test]
async fn p072_p073_a_whole_answer_has_every_block_in_its_place() {
    let provider = RawProvider::answering(response(200, "text/event-stream", "", STREAM)).await;
    let gateway = gateway_before(&provider).await;
    let answer = gateway
        .begin(REQUEST.replace("\"stream\":true", "\"stream\":false").as_bytes(), &[])
        .await
        .answer()
        .await;
    assert_eq!(provider.heard().1, as_sent(), "also a whole answer is asked for as a stream");
    let message = answer.json();
    let blocks = json!([
        {"type": "thinking", "thinking": "", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "b3BhcXVl"},
        // members of deltas that nobody knows are the block's
        {"type": "text", "text": "héllo 😀", "citations": [], "new": 0.1, "x": 1}
    ]);
    assert_eq!(message["content"], blocks);
    assert_eq!(
        (&message["new"], &message["usage"]["new_count"]),
        (&json!({"a": [100.0]}), &json!(1.5))
    );
    assert_eq!(message["context_management"], json!({"applied_edits": []}));
}

/// Agents match the wording: it is the provider's own.
#[actix_rt::test]
async fn a_refusal_is_in_the_providers_own_words() {
    for (status, kind, words) in [
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        (400, "invalid_request_error", "messages.3: role 'system' is not supported on this model"),
        (413, "request_too_large", "Request exceeds the maximum size"),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_theirs"}).to_string();
        let provider =
            RawProvider::answering(response(status, "application/json", "", &body)).await;
        let gateway = gateway_before(&provider).await;
        let answer = gateway.begin(REQUEST.as_bytes(), &[]).await.answer().await;
        assert_eq!((answer.status, answer.error()), (status, (kind.to_owned(), words.to_owned())));
        assert_ne!(
            answer.header("request-id"),
            Some("req_theirs"),
            "our own id is the one that leads to the row"
        );
    }
}

#[actix_rt::test]
async fn the_time_that_a_provider_asks_for_reaches_the_caller() {
    let body =
        json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}})
            .to_string();
    let provider =
        RawProvider::answering(response(429, "application/json", "retry-after: 17\r\n", &body))
            .await;
    let gateway = gateway_before(&provider).await;
    let answer = gateway.begin(REQUEST.as_bytes(), &[]).await.answer().await;
    let after: u64 = answer
        .header("retry-after")
        .unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()))
        .parse()
        .unwrap();
    assert!((15..=17).contains(&after), "{after}");
}

#[actix_rt::test]
async fn p079_anthropic_headers_go_to_anthropic_alone_and_are_named() {
    let gateway = Gateway::start().await;
    let body: Value = json!({"model": "gpt-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}], "context_management": {"edits": []}});
    let headers = [
        ("anthropic-beta", "context-management-2025-06-27"),
        ("anthropic-workspace-id", "wrkspc_8"),
    ];
    let answer = gateway.call_with(&body, &headers).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let coercions = answer.header("x-ainfera-coercions").unwrap();
    for name in ["anthropic-beta", "anthropic-workspace-id", "context_management"] {
        assert!(coercions.contains(&format!("{name}=dropped")), "{name}: {coercions}");
    }
    let requests = gateway.mock.requests();
    let asked = requests.last().unwrap();
    assert!(
        !asked.headers.iter().any(|(name, _)| name.starts_with("anthropic-")),
        "{:?}",
        asked.headers
    );
    assert!(!asked.body.to_string().contains("context_management"), "{}", asked.body);
}
