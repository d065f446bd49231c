//! Calls that are sent again under the same `idempotency-key`: the provider is asked once, the
//! wallet charged once, and everybody gets that answer.

use ainfera_schema::OutcomeStatus;
use serde_json::Value;

use crate::support::client::Answer;
use crate::support::database::Database;
use crate::support::gateway::{message_of, native, routed, streamed, with_tools};
use crate::support::{Gateway, GatewayPlan};

const DUPLICATES: usize = 64;
const REPETITIONS: usize = 20;

async fn keyed(gateway: &Gateway, key: &str, body: &Value) -> Answer {
    gateway.call_with(body, &[("idempotency-key", key)]).await
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["details"]["error_code"].as_str().unwrap_or_default().to_owned()
}

/// Rows, charges and events, which a duplicate must not add to.
async fn traces(gateway: &Gateway) -> [i64; 4] {
    gateway.settled().await;
    let count = |table: &'static str| async move {
        gateway.database.number(&format!("select count(*) from {table}")).await
    };
    [
        count("routing_outcomes").await,
        count("inferences").await,
        count("transfers").await,
        count("audit_events").await,
    ]
}

async fn assert_sound(gateway: &Gateway) {
    gateway.settled().await;
    for invariant in gateway.server.store().invariants().await.unwrap() {
        assert!(invariant.holds, "{}: {}", invariant.name, invariant.detail);
    }
    assert_eq!(gateway.server.counters().dispatch_without_capture.value(), 0);
}

#[actix_rt::test]
async fn of_64_racing_duplicates_one_runs_20_times_over() {
    for database in Database::both().await {
        let name = database.name();
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        for repetition in 0..REPETITIONS {
            let mut body = routed(&format!("race {repetition}. [[mock tokens=3 first_ms=30]]"));
            if repetition % 2 == 1 {
                body = native(body);
            }
            let key = format!("race-{repetition}");
            let before = (traces(&gateway).await, gateway.mock.requests().len());
            // half of them want a stream
            let racing = (0..DUPLICATES).map(|number| {
                let body = if number % 2 == 0 { body.clone() } else { streamed(body.clone()) };
                let (gateway, key) = (&gateway, &key);
                async move { (number % 2 == 1, keyed(gateway, key, &body).await) }
            });
            let answers = futures_util::future::join_all(racing).await;
            let message = |(wanted_stream, answer): &(bool, Answer)| {
                if *wanted_stream { message_of(answer) } else { answer.json() }
            };
            let (answered, refused): (Vec<_>, Vec<_>) =
                answers.into_iter().partition(|(_, answer)| answer.status == 200);
            let originals: Vec<_> =
                answered.iter().filter(|(_, answer)| !is_replay(answer)).collect();
            assert_eq!(originals.len(), 1, "{name}");
            let original = message(originals[0]);
            for answer in &answered {
                assert_eq!(message(answer), original, "{name}");
                assert_eq!(
                    answer.1.header("x-ainfera-inference-id"),
                    originals[0].1.header("x-ainfera-inference-id")
                );
            }
            for (_, answer) in &refused {
                assert_eq!(
                    (answer.status, answer.error().0.as_str()),
                    (409, "conflict_error"),
                    "{name}: {}",
                    answer.text()
                );
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
            let after = (traces(&gateway).await, gateway.mock.requests().len());
            assert_eq!(after.1 - before.1, 1, "{name}: provider calls");
            assert_eq!(
                [0, 1, 2].map(|at| after.0[at] - before.0[at]),
                [1, 1, 1],
                "{name}: rows, inferences, charges"
            );
            // and once it is durable, everybody is answered
            let late = keyed(&gateway, &key, &body).await;
            assert!(is_replay(&late), "{name}: {}", late.text());
            assert_eq!(late.json(), original);
            assert_eq!(traces(&gateway).await, after.0, "{name}: a replay leaves nothing");
        }
        assert_sound(&gateway).await;
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn an_answer_is_given_again_in_the_form_that_is_asked_for() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        for (number, body) in [routed("[[mock tokens=5]]"), native(routed("[[mock tokens=5]]"))]
            .into_iter()
            .enumerate()
        {
            let body = with_tools(body);
            let tools = |body: &Value| {
                let mut body = body.clone();
                body["messages"][0]["content"] = "[[mock tools=2 delay_ms=1]]".into();
                body
            };
            for (kind, body) in [("text", body.clone()), ("tools", tools(&body))] {
                let (first_streamed, first_whole) =
                    (format!("{kind}-{number}-streamed"), format!("{kind}-{number}-whole"));
                let stream = keyed(&gateway, &first_streamed, &streamed(body.clone())).await;
                let whole = keyed(&gateway, &first_whole, &body).await;
                assert!(!is_replay(&stream) && !is_replay(&whole));
                let (stream_message, whole_message) = (message_of(&stream), whole.json());
                let traces_before = traces(&gateway).await;

                let stream_again = keyed(&gateway, &first_streamed, &streamed(body.clone())).await;
                assert!(is_replay(&stream_again));
                let without_pings: String = stream
                    .text()
                    .split_inclusive("\n\n")
                    .filter(|frame| !frame.starts_with("event: ping\n"))
                    .collect();
                assert_eq!(stream_again.text(), without_pings, "the same frames");
                assert_eq!(
                    stream_again.header("content-type"),
                    Some("text/event-stream; charset=utf-8")
                );
                assert_ne!(stream_again.header("request-id"), stream.header("request-id"));
                for header in [
                    "x-ainfera-inference-id",
                    "x-ainfera-receipt-id",
                    "x-ainfera-model",
                    "x-ainfera-coercions",
                ] {
                    assert_eq!(stream_again.header(header), stream.header(header), "{header}");
                }
                assert_eq!(keyed(&gateway, &first_streamed, &body).await.json(), stream_message);

                let whole_again = keyed(&gateway, &first_whole, &body).await;
                assert!(is_replay(&whole_again));
                assert_eq!(whole_again.json(), whole_message);
                assert_eq!(
                    message_of(&keyed(&gateway, &first_whole, &streamed(body.clone())).await),
                    whole_message
                );
                assert_eq!(traces(&gateway).await, traces_before);
            }
        }
        assert_sound(&gateway).await;
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_key_names_one_request_of_one_agent() {
    let gateway = Gateway::start().await;
    let body = routed("[[mock tokens=2]]");
    let first = keyed(&gateway, "one", &body).await;
    gateway.settled().await;
    let other = keyed(&gateway, "one", &routed("[[mock tokens=3]]")).await;
    assert_eq!(
        (other.status, code(&other).as_str()),
        (422, "idempotency_key_reused"),
        "{}",
        other.text()
    );
    // spaced and ordered otherwise it is the same request
    let spaced = format!(
        "{{ \"messages\": {}, \"max_tokens\" : 400,\n\"model\":\"ainfera-inference\" }}",
        serde_json::to_string(&body["messages"]).unwrap()
    );
    let again = gateway.post(spaced.as_bytes(), &[("idempotency-key", "one")]).await;
    assert!(is_replay(&again), "{}", again.text());
    assert_eq!(again.json(), first.json());
    // without a key nothing is remembered
    assert!(!is_replay(&gateway.call(&body).await));
    for bad in ["", "two words", &"k".repeat(256)] {
        let refused = keyed(&gateway, bad, &body).await;
        assert_eq!(refused.status, 400);
        assert!(refused.error().1.contains("idempotency-key"), "{}", refused.text());
    }
    gateway.settled().await;
    assert_eq!(gateway.database.number("select count(*) from idempotency_keys").await, 1);
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 2);
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_call_that_failed_before_it_cost_anything_may_run_again() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        // every candidate fails once
        let body = routed("[[mock times=3 fault=refuse_status status=500]]");
        let failed = keyed(&gateway, "again", &streamed(body.clone())).await;
        assert_eq!(failed.status, 503, "{}", failed.text());
        gateway.settled().await;
        let succeeded = keyed(&gateway, "again", &body).await;
        assert_eq!(succeeded.status, 200, "{}", succeeded.text());
        assert!(!is_replay(&succeeded));
        gateway.settled().await;
        assert!(is_replay(&keyed(&gateway, "again", &body).await));
        assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 2);
        assert_sound(&gateway).await;
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_call_that_cost_something_is_never_run_again() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let leaves = streamed(routed("[[mock tokens=400 delay_ms=50]]"));
        let mut connection = gateway
            .begin(&serde_json::to_vec(&leaves).unwrap(), &[("idempotency-key", "left")])
            .await;
        connection.read_until("content_block_delta").await;
        let running = keyed(&gateway, "left", &leaves).await;
        assert_eq!(
            (running.status, code(&running).as_str()),
            (409, "idempotency_key_in_flight"),
            "{}",
            running.text()
        );
        connection.reset();
        let breaks = streamed(routed("[[mock tokens=9 fault=fin_at at=5]]"));
        let broken = keyed(&gateway, "broken", &breaks).await;
        assert!(broken.text().contains("event: error"), "{}", broken.text());
        let traces_before = traces(&gateway).await;
        let asked = gateway.mock.requests().len();
        for (key, body, status) in [
            ("left", &leaves, OutcomeStatus::ClientGone),
            ("broken", &breaks, OutcomeStatus::FailedMidstream),
        ] {
            let again = keyed(&gateway, key, body).await;
            assert_eq!(
                (again.status, code(&again).as_str()),
                (409, "idempotency_replay_unavailable"),
                "{}",
                again.text()
            );
            assert_eq!(again.header("x-should-retry"), Some("false"));
            assert_eq!(again.error().0, "conflict_error");
            let earlier = &again.json()["error"]["details"]["earlier_call"];
            assert_eq!(earlier["status"], status.as_str());
            assert!(earlier["request_id"].as_str().unwrap().starts_with("req_"));
            assert!(earlier["usage"]["output_tokens"].as_u64().unwrap() > 0, "{earlier}");
            assert_ne!(earlier["cost_usd"], "0");
        }
        assert_eq!((traces(&gateway).await, gateway.mock.requests().len()), (traces_before, asked));
        assert_sound(&gateway).await;
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn an_answer_that_is_not_kept_is_not_made_again() {
    let settings = "[idempotency]\nretain_answers = false\n".to_owned();
    let gateway =
        Gateway::with(GatewayPlan { settings, ..GatewayPlan::default() }, Database::sqlite()).await;
    let body = routed("[[mock tokens=2]]");
    assert_eq!(keyed(&gateway, "one", &body).await.status, 200);
    gateway.settled().await;
    let again = keyed(&gateway, "one", &body).await;
    assert_eq!(
        (again.status, code(&again).as_str()),
        (409, "idempotency_replay_unavailable"),
        "{}",
        again.text()
    );
    assert_eq!(again.json()["error"]["details"]["earlier_call"]["status"], "succeeded");
    assert_eq!(gateway.mock.requests().len(), 1);
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_pinned_call_has_its_key_too() {
    let gateway = Gateway::start().await;
    let mut body = routed("[[mock tokens=2]]");
    body["model"] = "claude-opus-4-7".into();
    let first = keyed(&gateway, "pin", &body).await;
    let before = traces(&gateway).await;
    let again = keyed(&gateway, "pin", &body).await;
    assert!(is_replay(&again), "{}", again.text());
    assert_eq!(again.json(), first.json());
    assert_eq!(traces(&gateway).await, before);
    gateway.stop().await;
}

#[actix_rt::test]
async fn an_answer_over_a_mebibyte_is_not_kept() {
    let gateway = Gateway::start().await;
    let mut body = routed("[[mock tokens=20000]]");
    body["max_tokens"] = 32_000.into();
    let first = keyed(&gateway, "long", &streamed(body.clone())).await;
    assert!(first.body.len() > 1 << 20, "{}", first.body.len());
    gateway.settled().await;
    let again = keyed(&gateway, "long", &body).await;
    assert_eq!(
        (again.status, code(&again).as_str()),
        (409, "idempotency_replay_unavailable"),
        "{}",
        again.text()
    );
    gateway.stop().await;
}
