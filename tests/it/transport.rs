//! The network between the gateway and its providers: TLS, proxies, connections that break. What
//! counts is what the provider heard.

use std::net::SocketAddr;
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::certificates::{Authority, Fault};
use crate::support::database::Database;
use crate::support::raw_provider::{RawProvider, RawProxy, Reply, Which};
use crate::support::{Answer, Gateway, GatewayPlan};

const STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\
    \"model\":\"up\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
    event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello.\"}}\n\n\
    event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
    event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\n\
    event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const WHOLE: &str = "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"up\",\"content\":[{\"type\":\"text\",\"text\":\"Hello.\"}],\
    \"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":3}}";

fn with_length(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn good() -> Vec<u8> {
    with_length("200 OK", "text/event-stream", STREAM)
}

/// A gateway with one more provider of Anthropic's dialect, whose table says `more`, and its model
/// `far`.
async fn gateway(base_url: &str, more: &str) -> Gateway {
    let plan = GatewayPlan {
        more_tables: format!(
            "[[providers]]\nid = \"far\"\nkind = \"anthropic\"\nbase_url = \"{base_url}\"\n{more}\n[[models]]\nslug = \"far\"\nprovider = \"far\"\n\
             price = {{ input = \"1\", output = \"1\" }}\n"
        ),
        ..GatewayPlan::default()
    };
    Gateway::with(plan, Database::sqlite()).await
}

fn pinned() -> Value {
    json!({"model": "far", "max_tokens": 50, "messages": [{"role": "user", "content": "hello there"}]})
}

fn ca_file(authority: &Authority) -> String {
    format!("ca_file = {:?}", authority.ca_file())
}

/// How many calls have a row in which this is true.
async fn rows(gateway: &Gateway, condition: &str) -> usize {
    gateway.settled().await;
    let counted = gateway
        .database
        .number(&format!("SELECT count(*) FROM inferences WHERE {condition}"))
        .await;
    usize::try_from(counted).unwrap()
}

fn message(answer: &Answer) -> String {
    answer.error().1
}

#[actix_rt::test]
async fn a_provider_with_a_certificate_of_its_own_is_reached_over_both_versions_of_tls() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let provider = RawProvider::start(Some(authority.server(Fault::None, &[version])), |_| {
            Reply::Say(good())
        })
        .await;
        for host in ["localhost", "127.0.0.1"] {
            let gateway = gateway(
                &format!("https://{host}:{}", provider.address.port()),
                &ca_file(&authority),
            )
            .await;
            let before = provider.heard().len();
            for _ in 0..3 {
                assert_eq!(gateway.call(&pinned()).await.status, 200, "{version:?} {host}");
            }
            let heard = provider.heard();
            assert_eq!(heard.len(), before + 3);
            let host_line = format!("host: {host}:{}", provider.address.port());
            assert!(
                heard
                    .iter()
                    .skip(before)
                    .all(|request| request.to_ascii_lowercase().contains(&host_line)),
                "{heard:?}"
            );
        }
    }
}

#[actix_rt::test]
async fn a_certificate_that_is_wrong_is_named_to_the_caller_and_nothing_is_sent() {
    let authority = Authority::new();
    let trusted = ca_file(&authority);
    let own = Authority::new();
    let cases = [
        (Fault::None, ca_file(&own), "its certificate is from an issuer that is not trusted"),
        (Fault::Expired, trusted.clone(), "its certificate has expired"),
        (Fault::NotYetValid, trusted.clone(), "its certificate is not valid yet"),
        (Fault::OtherName, trusted.clone(), "its certificate is for another name"),
    ];
    for (fault, more, cause) in cases {
        let provider =
            RawProvider::start(Some(authority.server(fault, &[&TLS13])), |_| Reply::Say(good()))
                .await;
        let gateway =
            gateway(&format!("https://localhost:{}", provider.address.port()), &more).await;
        let answer = gateway.call(&pinned()).await;
        assert_eq!(answer.status, 502, "{fault:?}");
        assert!(
            message(&answer).ends_with(&format!("cannot connect to the provider: {cause}")),
            "{}",
            message(&answer)
        );
        assert_eq!(provider.heard().len(), 0, "{fault:?}");
        assert_eq!(
            rows(&gateway, "attempts LIKE '%connect_failed%' AND cost_usd = 0").await,
            1,
            "{fault:?}"
        );
    }
}

#[actix_rt::test]
async fn plain_http_on_a_tls_port_and_the_reverse_are_named() {
    let authority = Authority::new();
    let plain = RawProvider::start(None, |_| {
        Reply::SayAndClose(b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n".to_vec())
    })
    .await;
    // a server that takes the first bytes of TLS for a request line says so at once
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers = async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(
                &mut socket,
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
            )
            .await;
        }
    };
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    actix_web::rt::spawn(answers);
    let gateway_of_tls = gateway(&format!("https://{address}"), &ca_file(&authority)).await;
    let answer = gateway_of_tls.call(&pinned()).await;
    assert!(
        message(&answer).contains("it does not speak TLS on this port; is it http://?"),
        "{}",
        message(&answer)
    );
    assert_eq!(plain.heard().len(), 0);

    let secure =
        RawProvider::start(Some(authority.server(Fault::None, &[&TLS13])), |_| Reply::Say(good()))
            .await;
    let gateway_of_plain = gateway(&format!("http://{}", secure.address), "").await;
    let answer = gateway_of_plain.call(&pinned()).await;
    assert!(
        message(&answer).contains("the provider speaks TLS on this port"),
        "{}",
        message(&answer)
    );
    assert_eq!(secure.heard().len(), 0);
}

/// A balancer closes what was idle just as the next request comes.
#[actix_rt::test]
async fn a_kept_connection_that_is_closed_loses_no_call_and_is_in_the_record() {
    let authority = Authority::new();
    for tls in [None, Some(authority.server(Fault::None, &[&TLS13]))] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let closes_the_second = |which: Which| {
            if which.request == 0 { Reply::Say(good()) } else { Reply::SayAndClose(Vec::new()) }
        };
        let provider = RawProvider::start(tls, closes_the_second).await;
        let more = if scheme == "https" { ca_file(&authority) } else { String::new() };
        let gateway =
            gateway(&format!("{scheme}://localhost:{}", provider.address.port()), &more).await;
        let calls = 20;
        for _ in 0..calls {
            assert_eq!(gateway.call(&pinned()).await.status, 200, "{scheme}");
        }
        let stale = rows(&gateway, "attempts LIKE '%stale_connection%succeeded%'").await;
        // two workers: the first call of each has a fresh connection
        assert!(stale >= calls - 2, "{scheme}: {stale}");
        assert_eq!(provider.heard().len(), calls + stale, "{scheme}");
    }
}

#[actix_rt::test]
async fn a_request_that_may_have_been_worked_on_is_not_sent_again() {
    // at once, on a fresh connection; and on a kept one, after some work
    for works in [Duration::ZERO, Duration::from_millis(700)] {
        let fresh = works.is_zero();
        let resets = move |which: Which| {
            if which.request == 0 && !fresh {
                Reply::Say(good())
            } else {
                Reply::Reset { after: works }
            }
        };
        let provider = RawProvider::start(None, resets).await;
        let gateway = gateway(&format!("http://{}", provider.address), "").await;
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(gateway.call(&pinned()).await.status);
        }
        assert_eq!(
            provider.heard().len(),
            statuses.len(),
            "each call was heard once: {statuses:?}"
        );
        assert!(statuses.contains(&502), "{statuses:?}");
        let broken = rows(&gateway, "attempts LIKE '%truncated%'").await;
        assert_eq!(broken, statuses.iter().filter(|status| **status == 502).count());
        let free = rows(&gateway, "attempts LIKE '%truncated%' AND cost_usd = 0").await;
        assert_eq!(free, 0, "what may have been worked on has an estimated cost");
    }
}

#[actix_rt::test]
async fn half_a_head_is_not_asked_for_twice() {
    let provider = RawProvider::start(None, |which| match which.request {
        0 => Reply::Say(good()),
        _ => Reply::SayAndClose(b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec()),
    })
    .await;
    let gateway = gateway(&format!("http://{}", provider.address), "").await;
    let mut broken = 0;
    for _ in 0..6 {
        broken += usize::from(gateway.call(&pinned()).await.status == 502);
    }
    assert!(broken >= 2, "{broken}");
    assert_eq!(provider.heard().len(), 6);
}

#[actix_rt::test]
async fn the_body_decides_what_an_answer_is() {
    let chunked = |body: &str| {
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x};note=x\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes()
    };
    let early = [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_vec(),
        good(),
    ]
    .concat();
    let replies = [
        ("another content type", Reply::Say(with_length("200 OK", "text/plain", STREAM))),
        (
            "JSON under the type of a stream",
            Reply::Say(with_length("200 OK", "text/event-stream", WHOLE)),
        ),
        (
            "a stream under the type of JSON",
            Reply::Say(with_length("200 OK", "application/json", STREAM)),
        ),
        ("201", Reply::Say(with_length("201 Created", "application/json", WHOLE))),
        ("no type, chunks", Reply::Say(chunked(STREAM))),
        ("interim responses", Reply::Say(early)),
        (
            "to the end of the connection",
            Reply::SayAndClose(format!("HTTP/1.1 200 OK\r\n\r\n{STREAM}").into_bytes()),
        ),
        ("HTTP/1.0", Reply::SayAndClose(format!("HTTP/1.0 200 OK\r\n\r\n{WHOLE}").into_bytes())),
        (
            "a mark before it",
            Reply::Say(with_length("200 OK", "application/json", &format!("\u{feff}{WHOLE}"))),
        ),
    ];
    let count = replies.len();
    let script = replies.clone();
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let next = move |_: Which| {
        script[turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % count].1.clone()
    };
    let provider = RawProvider::start(None, next).await;
    let gateway = gateway(&format!("http://{}", provider.address), "").await;
    for (name, _) in replies {
        let answer = gateway.call(&pinned()).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.json()["content"][0]["text"], "Hello.", "{name}");
    }
    assert_eq!(provider.heard().len(), count);
}

#[actix_rt::test]
async fn what_is_compressed_or_a_page_is_a_clear_failure() {
    for (head, body, cause) in [
        ("content-encoding: gzip\r\n", &b"\x1f\x8b\x08\x00"[..], "compressed"),
        ("", b"\x1f\x8b\x08\x00", "compressed"),
        ("content-type: text/html\r\n", b"<html>sign in</html>", "a page of HTML"),
    ] {
        let bytes = [
            format!("HTTP/1.1 200 OK\r\n{head}content-length: {}\r\n\r\n", body.len()).as_bytes(),
            body,
        ]
        .concat();
        let provider = RawProvider::start(None, move |_| Reply::Say(bytes.clone())).await;
        let gateway = gateway(&format!("http://{}", provider.address), "").await;
        let answer = gateway.call(&pinned()).await;
        assert_eq!(answer.status, 502);
        assert!(message(&answer).contains(cause), "{}", message(&answer));
    }
}

#[actix_rt::test]
async fn floods_cost_little() {
    let framing = |_: Which| {
        let extension = "x".repeat(8 << 20);
        Reply::SayAndClose(
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;{extension}")
                .into_bytes(),
        )
    };
    let heads = |_: Which| {
        Reply::SayAndClose(
            [b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-y: z\r\n".repeat(1 << 20)].concat(),
        )
    };
    let errors = |_: Which| {
        let text = "long\\n".repeat(1 << 20);
        Reply::SayAndClose(
            format!("HTTP/1.1 500 Bad\r\n\r\n{{\"error\":{{\"message\":\"{text}").into_bytes(),
        )
    };
    for (provider, cause) in [
        (RawProvider::start(None, framing).await, "all framing"),
        (RawProvider::start(None, heads).await, "head is longer"),
        (RawProvider::start(None, errors).await, "long\nlong"),
    ] {
        let gateway = gateway(&format!("http://{}", provider.address), "").await;
        let answer = gateway.call(&pinned()).await;
        assert_eq!(answer.status, 502);
        let message = message(&answer);
        assert!(
            message.contains(cause) && message.len() < 3000,
            "{} bytes: {}",
            message.len(),
            &message[..message.len().min(200)]
        );
    }
}

#[actix_rt::test]
async fn a_proxy_is_asked_to_connect_and_its_failures_are_named() {
    let authority = Authority::new();
    let provider =
        RawProvider::start(Some(authority.server(Fault::None, &[&TLS13])), |_| Reply::Say(good()))
            .await;
    let base_url = format!("https://localhost:{}", provider.address.port());
    let through = |address: SocketAddr| {
        format!("{}\nproxy = \"http://me:secret%21@{address}\"", ca_file(&authority))
    };
    let proxy = RawProxy::start(None).await;
    let reached = gateway(&base_url, &through(proxy.address)).await;
    assert_eq!(reached.call(&pinned()).await.status, 200);
    let asked = proxy.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0]
            .starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", provider.address.port())),
        "{asked:?}"
    );
    assert!(asked[0].contains("proxy-authorization: Basic bWU6c2VjcmV0IQ=="), "{asked:?}");
    assert!(!provider.heard()[0].contains("proxy-authorization"));

    for (answer, cause) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "asks for a user name and password"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "it refuses to connect: 403"),
    ] {
        let refusing = RawProxy::start(Some(answer)).await;
        let refused = gateway(&base_url, &through(refusing.address)).await.call(&pinned()).await;
        assert!(
            message(&refused).contains(cause) && !message(&refused).contains("secret"),
            "{}",
            message(&refused)
        );
    }
    let closed_port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let unreachable = gateway(&base_url, &through(closed_port)).await.call(&pinned()).await;
    assert!(
        message(&unreachable).contains("by way of the proxy: it cannot be reached"),
        "{}",
        message(&unreachable)
    );
    assert_eq!(provider.heard().len(), 1);
}
