//! Two models, of which the cheaper one refuses every call, in every form that providers refuse in:
//! all calls are answered by the other.

use std::time::Duration;

use ainfera_mock::MockSettings;

use crate::load::{calls, spread};
use crate::programs::nginx::Nginx;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, MODELS, message_of, routed, streamed};
use crate::support::process::Site;
use crate::support::provider;

/// What nginx says, as lines of its configuration.
const FORMS: [(&str, &str); 9] = [
    ("429 without a wait", "return 429 '{}';"),
    (
        "429 with a date",
        "add_header retry-after 'Wed, 21 Oct 2037 07:28:00 GMT' always; return 429 '{}';",
    ),
    ("429 with a fraction", "add_header retry-after 30.5 always; return 429 '{}';"),
    ("429 in milliseconds", "add_header retry-after-ms 900 always; return 429 '{}';"),
    ("429 with a reset", "add_header x-ratelimit-reset-requests 1m30s always; return 429 '{}';"),
    ("401", "return 401 '{}';"),
    ("403", "return 403 '{}';"),
    ("404", "return 404 '{}';"),
    ("503", "return 503 '{}';"),
];

const REFUSING: &str = r#"
[[providers]]
id = "refusing"
kind = "anthropic"
base_url = "NGINX"
[[models]]
slug = "cheap"
provider = "refusing"
maker = "cheap"
q_prior = "0.9"
m_allowed = true
price = { input = "0.1", output = "0.1" }
"#;

async fn refusing(answer: &str) -> (Nginx, Site) {
    let nginx = Nginx::start(&format!("server {{ listen PORT0 ssl; TLS default_type application/json; location / {{ {answer} }} }}")).await;
    let mock =
        provider::start(MockSettings { recorded_requests: 0, ..MockSettings::default() }).await;
    let provider_url = mock.base_url();
    let more_tables = REFUSING.replace("NGINX", &nginx.https());
    let plan = GatewayPlan { health: String::new(), more_tables, ..GatewayPlan::default() };
    (nginx, Site::around(&plan, None, mock, &provider_url))
}

#[actix_rt::test]
async fn every_call_is_answered_whatever_form_the_refusal_has() {
    let count = calls(60, 600);
    for (form, answer) in FORMS {
        let (nginx, site) = refusing(answer).await;
        let process = site.serve(&[]);
        let body = streamed(routed("hello"));
        for answer in spread(count, 10, |_| site.call(process.address, &body)).await {
            message_of(&answer);
            assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[0]), "{form}");
        }
        assert_eq!(site.mock.stats().requests, count as u64, "{form}");
        let heard = nginx.served();
        assert!(
            (1..=count / 2).contains(&heard),
            "{form}: the refusing provider was asked {heard} times"
        );
        let database = Database::at(&site.folder.path().join("a.db"));
        assert_eq!(process.stop().await, Some(0));
        let rows = "select count(*) from routing_outcomes where outcome_status = 'succeeded'";
        assert_eq!(database.number(rows).await, i64::try_from(count).unwrap(), "{form}");
    }
}

/// A steady load is what a retry budget by the second does not carry.
#[actix_rt::test]
async fn fifty_calls_a_second_are_answered_while_a_model_refuses() {
    let (nginx, site) = refusing(FORMS[0].1).await;
    let process = site.serve(&[]);
    let count = calls(50, 1000);
    let begin = tokio::time::Instant::now();
    let answers = spread(count, count, |number| {
        let (site, process) = (&site, &process);
        async move {
            tokio::time::sleep_until(
                begin + Duration::from_millis(20) * u32::try_from(number).unwrap(),
            )
            .await;
            site.call(process.address, &streamed(routed("hello"))).await
        }
    })
    .await;
    for answer in &answers {
        message_of(answer);
    }
    assert_eq!(site.mock.stats().requests, count as u64);
    assert!(nginx.served() < count, "{} refusals for {count} calls", nginx.served());
    assert_eq!(process.stop().await, Some(0));
}
