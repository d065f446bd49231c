//! nginx with its defaults before the gateway: it speaks HTTP/1.0 to it, buffers answers, and takes
//! no head above 4 KiB.

use ainfera_mock::MockSettings;
use serde_json::{Value, json};

use crate::programs::nginx::Nginx;
use crate::support::client::Connection;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::{Process, Site};
use crate::support::provider;

struct Front {
    site: Site,
    process: Process,
    nginx: Nginx,
}

async fn front() -> Front {
    let mock = provider::start(MockSettings::default()).await;
    let provider_url = mock.base_url();
    let site = Site::around(&GatewayPlan::default(), None, mock, &provider_url);
    let process = site.serve(&[]);
    let nginx = Nginx::start(&format!(
        "server {{ listen PORT0; location / {{ proxy_pass http://{}; }} }}",
        process.address
    ))
    .await;
    Front { site, process, nginx }
}

impl Front {
    async fn begin(&self, body: &Value) -> Connection {
        self.site.begin(self.nginx.address(), body).await
    }
}

#[actix_rt::test]
async fn a_stream_arrives_event_by_event_through_a_front_that_buffers() {
    let front = front().await;
    // the provider says no more after the sixth event: what is held back would never come
    let mut client = front.begin(&streamed(routed("[[mock tokens=20 fault=hang_at at=6]]"))).await;
    client.read_until("text_delta").await;
    assert!(!client.has("message_stop"));
    client.reset();
    assert_eq!(front.process.stop().await, Some(0));
}

#[actix_rt::test]
async fn whole_answers_and_errors_pass_with_their_status() {
    let front = front().await;
    message_of(&front.begin(&streamed(routed("hello"))).await.answer().await);
    assert_eq!(front.begin(&routed("hello")).await.answer().await.status, 200);
    let nothing = json!({"model": "ainfera-inference", "max_tokens": 10, "messages": []});
    assert_eq!(front.begin(&nothing).await.answer().await.status, 400);
    assert_eq!(front.process.stop().await, Some(0));
}

/// Everything that a request can say and no provider here takes is named in the answer; the head
/// stays below what nginx reads.
#[actix_rt::test]
async fn an_answer_with_very_many_coercions_passes() {
    let front = front().await;
    let mut body = routed("hello");
    for number in 0..200 {
        body[format!("an_unknown_field_with_a_long_name_{number}")] = json!(number);
    }
    let answer = front.begin(&body).await.answer().await;
    assert!(answer.status != 502, "nginx takes the head for too large: {}", answer.text());
    assert_eq!(front.process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_client_that_leaves_nginx_leaves_the_provider_too() {
    let front = front().await;
    let mut client = front.begin(&streamed(routed("[[mock tokens=20 fault=hang_at at=6]]"))).await;
    client.read_until("text_delta").await;
    client.reset();
    front.site.mock.wait_idle().await;
    assert_eq!(front.site.mock.stats().aborted, 1);
    let path = front.site.folder.path().join("a.db");
    assert_eq!(front.process.stop().await, Some(0));
    let database = Database::at(&path);
    let gone = "select count(*) from routing_outcomes where outcome_status = 'client_gone'";
    assert_eq!(database.number(gone).await, 1);
}
