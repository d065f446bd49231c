//! nginx with TLS before the scripted provider, as the fronts of vendors are: it closes idle
//! connections when it likes, limits the requests of one connection, ends bodies by closing, and
//! reloads. The provider hears each call once, and each is answered.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{calls, spread};
use crate::programs::nginx::Nginx;
use crate::support::gateway::{GatewayPlan, MODELS, message_of, routed, streamed};
use crate::support::process::Site;
use crate::support::provider;

/// With the breaker and the retry budget of production.
fn production() -> GatewayPlan {
    GatewayPlan { health: String::new(), ..GatewayPlan::default() }
}

async fn behind(server: &str) -> (Nginx, Site) {
    let mock = provider::start(ainfera_mock::MockSettings::default()).await;
    let upstream = mock.base_url();
    let nginx = Nginx::start(&format!(
        "server {{ listen PORT0 ssl; TLS {server}\nlocation / {{ proxy_pass {upstream}; proxy_http_version 1.1; proxy_buffering off; proxy_ssl_verify off; }} }}"
    ))
    .await;
    let site = Site::around(&production(), None, mock, &nginx.https());
    (nginx, site)
}

fn pinned(prompt: &str) -> Value {
    let mut body = routed(prompt);
    body["model"] = json!(MODELS[3]);
    body
}

/// Each of `lanes` makes calls one after another and pauses between them for about as long as nginx
/// keeps an idle connection.
#[actix_rt::test]
async fn no_pinned_call_fails_behind_a_front_that_closes_idle_connections_after_a_second() {
    const LANES: usize = 20;
    let (_nginx, site) = behind("keepalive_timeout 1s;").await;
    let process = site.serve(&[]);
    let each = calls(3, 50);
    let statuses = spread(LANES, LANES, |lane| {
        let (site, process) = (&site, &process);
        async move {
            let mut statuses = Vec::new();
            for turn in 0..each {
                let answer = site.call(process.address, &streamed(pinned("hello"))).await;
                statuses.push((answer.status, answer.complete));
                tokio::time::sleep(Duration::from_millis(985 + ((lane + turn) % 8) as u64 * 5))
                    .await;
            }
            statuses
        }
    })
    .await;
    let failed: Vec<_> =
        statuses.into_iter().flatten().filter(|seen| *seen != (200, true)).collect();
    assert!(
        failed.is_empty(),
        "{} of {} failed: {failed:?}\n{}",
        failed.len(),
        LANES * each,
        process.log()
    );
    assert_eq!(
        site.mock.stats().requests,
        (LANES * each) as u64,
        "the provider hears each call once"
    );
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn connections_with_few_requests_each_lose_no_call() {
    let (_nginx, site) = behind("keepalive_requests 3;").await;
    let process = site.serve(&[]);
    let count = calls(100, 1000);
    let body = streamed(pinned("hello"));
    let answers = spread(count, 8, |_| site.call(process.address, &body)).await;
    for answer in &answers {
        message_of(answer);
    }
    assert_eq!(site.mock.stats().requests, count as u64);
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_body_that_ends_with_its_connection_is_whole() {
    let (_nginx, site) = behind("chunked_transfer_encoding off;").await;
    let process = site.serve(&[]);
    for (body, stop) in [
        (streamed(routed("[[mock tokens=50]]")), "end_turn"),
        (streamed(pinned("[[mock tokens=50]]")), "end_turn"),
    ] {
        assert_eq!(message_of(&site.call(process.address, &body).await)["stop_reason"], stop);
    }
    let whole = site.call(process.address, &routed("[[mock tokens=50]]")).await;
    assert_eq!((whole.status, whole.json()["stop_reason"].as_str()), (200, Some("end_turn")));
    // the end of the connection is no success: the provider's own end is missing
    let cut = site
        .call(process.address, &streamed(routed("[[mock tokens=50 fault=fin_at at=20]]")))
        .await;
    assert!(!cut.text().contains("message_stop"), "{}", cut.text());
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_front_that_compresses_whatever_it_may_is_understood() {
    let (_nginx, site) =
        behind("gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;").await;
    let process = site.serve(&[]);
    message_of(&site.call(process.address, &streamed(routed("[[mock tokens=50]]"))).await);
    assert_eq!(site.call(process.address, &routed("[[mock tokens=50]]")).await.status, 200);
    let refused =
        site.call(process.address, &pinned("[[mock fault=refuse_status status=400]]")).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_front_that_reloads_under_load_loses_no_call_and_asks_for_none_twice() {
    let (nginx, site) = behind("").await;
    let process = site.serve(&[]);
    let count = calls(200, 2000);
    let body = streamed(pinned("[[mock tokens=5 delay_ms=1]]"));
    let answers = spread(count, 8, |number| {
        if number % 50 == 25 {
            nginx.reload();
        }
        site.call(process.address, &body)
    })
    .await;
    for answer in &answers {
        message_of(answer);
    }
    assert_eq!(site.mock.stats().requests, count as u64);
    assert_eq!(process.stop().await, Some(0));
}
