//! Facts about actix-web and awc that the design rests on. If an upgrade changes one, this says so
//! first.

use std::time::Duration;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use ainfera_actors::provider::transport::connector::Way;
use ainfera_actors::provider::transport::pool::{KEEP_ALIVE, Pool};
use ainfera_actors::provider::transport::target::Target;
use ainfera_mock::{MockSettings, MockUpstream};
use futures_util::StreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support::gateway::{native, routed, streamed};
use crate::support::{Connection, Gateway};

const LONG: Duration = Duration::from_secs(10);

/// A server that answers every connection with these bytes and closes it.
async fn raw_upstream(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    actix_web::rt::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0u8; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(bytes).await;
        }
    });
    format!("http://{address}")
}

/// As the gateway has one for each provider.
fn pool(url: &str) -> Pool {
    Pool::new(
        Way { target: Target::of(url).unwrap(), tls: None, proxy: None, limit: LONG },
        KEEP_ALIVE,
    )
}

async fn body_of(url: &str) -> Vec<Result<Bytes, String>> {
    let response = pool(url).post(url).send_body("x").await.expect("head");
    response.map(|chunk| chunk.map_err(|error| error.to_string())).collect().await
}

#[actix_rt::test]
async fn awc_cannot_tell_a_truncated_body_from_a_whole_one() {
    for cut in [
        &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello",
    ] {
        let chunks = body_of(&raw_upstream(cut).await).await;
        assert!(
            chunks.iter().all(Result::is_ok),
            "awc reports truncation now: the readers could rely on it ({chunks:?})"
        );
    }
}

/// The HTTP client alone would take it for an empty one: the transport tells it otherwise.
#[actix_rt::test]
async fn a_body_that_ends_with_the_connection_is_read() {
    let chunks = body_of(&raw_upstream(b"HTTP/1.1 200 OK\r\n\r\nhello").await).await;
    let bytes: Vec<u8> = chunks.into_iter().flatten().flat_map(|chunk| chunk.to_vec()).collect();
    assert_eq!(bytes, b"hello");
}

/// The HTTP client alone would take it for the answer, and the answer for that to the next request.
#[actix_rt::test]
async fn interim_responses_are_left_out() {
    let url = raw_upstream(
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    assert_eq!(pool(&url).post(&url).send_body("x").await.unwrap().status().as_u16(), 200);
}

#[actix_rt::test]
async fn the_client_follows_no_redirect() {
    let url = raw_upstream(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let response = pool(&url).post(&url).send_body("secret").await.unwrap();
    assert_eq!(response.status().as_u16(), 307);
}

#[actix_rt::test]
async fn dropping_a_response_closes_the_providers_socket() {
    let mock = MockUpstream::start(MockSettings::default()).await.unwrap();
    let body = json!({"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "[[mock tokens=5 fault=hang_at at=3]]"}]});
    let url = format!("{}/v1/messages", mock.base_url());
    let mut response = pool(&url)
        .post(&url)
        .insert_header(("anthropic-version", "2023-06-01"))
        .send_json(&body)
        .await
        .unwrap();
    response.next().await.unwrap().unwrap();
    assert_eq!(mock.stats().connections_open, 1);
    drop(response);
    timeout(LONG, mock.wait_idle()).await.expect("the provider never saw the close");
}

#[actix_rt::test]
async fn more_than_a_hundred_streams_run_on_one_client() {
    let mock = MockUpstream::start(MockSettings::default()).await.unwrap();
    let body = json!({"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "[[mock tokens=5 fault=hang_at at=3]]"}]});
    let url = format!("{}/v1/messages", mock.base_url());
    let client = pool(&url);
    let opens = (0..130).map(|_| {
        client.post(&url).insert_header(("anthropic-version", "2023-06-01")).send_json(&body)
    });
    let open: Vec<_> = timeout(LONG, futures_util::future::join_all(opens))
        .await
        .expect("a stream waits for a permit");
    assert!(open.iter().all(Result::is_ok));
}

/// A body that fails after two frames: what the client gets of it.
#[actix_rt::test]
async fn a_failing_body_takes_its_head_with_it() {
    let server = HttpServer::new(|| {
        App::new().route(
            "/",
            web::get().to(|| async {
                let frames = futures_util::stream::iter([
                    Ok(Bytes::from_static(b"one")),
                    Err(std::io::Error::other("broken")),
                ]);
                HttpResponse::Ok().streaming(frames)
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    actix_web::rt::spawn(server);
    let mut connection = Connection::open(address).await;
    connection.send("GET", "/", &[], b"").await;
    while connection.read_some().await {}
    assert!(
        !connection.has("one"),
        "actix-web flushes before it fails now: the body could be allowed to fail"
    );
    handle.stop(false).await;
}

/// Nagle's algorithm on the accepted socket would hold every second frame back for the client's
/// delayed acknowledgement, 40 ms. Counted, not timed: forty frames of their own, each in its own
/// read, arrive although the client never sends anything.
#[actix_rt::test]
async fn the_listening_socket_has_nodelay() {
    let gateway = Gateway::start().await;
    let body =
        serde_json::to_vec(&streamed(native(routed("[[mock tokens=200 delay_ms=1]]")))).unwrap();
    let mut connection = gateway.begin(&body, &[]).await;
    let mut reads = 0;
    while !connection.has("message_stop") {
        assert!(connection.read_some().await);
        reads += 1;
    }
    // with Nagle's algorithm 200 frames a millisecond apart come in about six bunches
    assert!(reads > 40, "{reads} reads: frames come in bunches");
}

#[actix_rt::test]
async fn a_client_that_closes_while_everything_is_silent_is_noticed() {
    let gateway = Gateway::start().await;
    for prompt in ["[[mock fault=hang_before_head]]", "[[mock tokens=9 fault=hang_at at=5]]"] {
        for reset in [false, true] {
            let name = format!("{prompt}, reset: {reset}");
            let body = serde_json::to_vec(&streamed(routed(&name))).unwrap();
            let mut connection = gateway.begin(&body, &[]).await;
            if prompt.contains("hang_at") {
                connection.read_until("text_delta").await;
            } else {
                gateway.mock_has_request_containing(&name).await;
            }
            if reset {
                connection.reset();
            } else {
                drop(connection);
            }
            // no ping is due for ten seconds: only the socket itself can tell
            timeout(Duration::from_secs(5), gateway.mock.wait_idle())
                .await
                .unwrap_or_else(|_| panic!("{name}: not noticed"));
        }
    }
    gateway.settled().await;
    assert_eq!(
        gateway
            .database
            .number("select count(*) from routing_outcomes where outcome_status = 'client_gone'")
            .await,
        4
    );
    assert_eq!(
        gateway.database.number("select count(*) from routing_outcomes where outcome_status = 'client_gone' and cost_actual_usd = 0").await,
        0
    );
}

#[actix_rt::test]
async fn a_whole_answers_client_that_leaves_is_noticed_too() {
    let gateway = Gateway::start().await;
    let body = serde_json::to_vec(&routed("[[mock fault=hang_before_head]]")).unwrap();
    let connection = gateway.begin(&body, &[]).await;
    gateway.mock_has_request_containing("hang_before_head").await;
    drop(connection);
    timeout(Duration::from_secs(5), gateway.mock.wait_idle()).await.expect("not noticed");
    gateway.settled().await;
    assert_eq!(
        gateway
            .database
            .number("select count(*) from routing_outcomes where outcome_status = 'client_gone'")
            .await,
        1
    );
}
