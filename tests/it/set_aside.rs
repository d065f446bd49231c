//! Providers that refuse: every call is answered by another one, the refusal is told, and an
//! operator can see it and have it forgotten.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::GatewayPlan;
use crate::support::database::Database;
use crate::support::gateway::{Gateway, MODELS, message_of, routed, streamed};
use crate::support::process::Site;

/// With the breaker and the retry budget of production.
fn production() -> GatewayPlan {
    GatewayPlan { health: String::new(), ..GatewayPlan::default() }
}

fn asked(gateway: &Gateway, model: &str) -> usize {
    gateway
        .mock
        .requests()
        .iter()
        .filter(|request| request.body["model"] == json!(format!("up-{model}")))
        .count()
}

/// The cheapest model refuses so; the others are well. Returns how often the cheapest was asked for
/// 60 calls at once, three times.
async fn answered_in_spite_of(directive: &str) -> usize {
    let gateway = Gateway::with(production(), Database::sqlite()).await;
    let prompt = format!("[[mock model=up-{} {directive}]]", MODELS[0]);
    let body = streamed(routed(&prompt));
    for _ in 0..3 {
        let answers = join_all((0..60).map(|_| gateway.call(&body))).await;
        for answer in &answers {
            message_of(answer);
            assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[1]), "{directive}");
        }
    }
    gateway.settled().await;
    let succeeded = "select count(*) from routing_outcomes where outcome_status = 'succeeded'";
    assert_eq!(gateway.database.number(succeeded).await, 180, "{directive}");
    let heard = asked(&gateway, MODELS[0]);
    gateway.stop().await;
    heard
}

#[actix_rt::test]
async fn calls_are_answered_in_spite_of_every_form_of_refusal() {
    for status in [401, 402, 403, 404, 429] {
        let heard = answered_in_spite_of(&format!("fault=refuse_status status={status}")).await;
        // the first sixty are on their way when the first refusal comes
        assert!(heard <= 70, "{status}: the refusing provider was asked {heard} times");
    }
}

#[actix_rt::test]
async fn a_refused_key_is_seen_in_metrics_and_readiness_and_forgotten_on_command() {
    let site = Site::new(&production(), None).await;
    let process = site.serve(&[]);
    let refused = json!({"model": MODELS[0], "max_tokens": 64,
        "messages": [{"role": "user", "content": "[[mock fault=refuse_status status=401 times=1]]"}]});
    let answer = site.call(process.address, &refused).await;
    assert_eq!(answer.status, 502, "our key is not the caller's: {}", answer.text());
    process.logged("provider is set aside").await;

    let metrics = site.get(process.address, "/metrics").await.text();
    assert!(
        metrics.contains(
            "ainfera_provider_set_aside{provider=\"chat\",model=\"\",reason=\"key_refused\"} 1"
        ),
        "{metrics}"
    );
    let ready = site.get(process.address, "/readyz").await;
    assert_eq!(
        (ready.status, &ready.json()["set_aside"][0]["reason"]),
        (200, &json!("key_refused"))
    );
    let listed = site.command(&["providers", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(
        (&listed["set_aside"][0]["provider"], &listed["set_aside"][0]["model"]),
        (&json!("chat"), &Value::Null)
    );
    let listed = String::from_utf8(site.command(&["providers"]).stdout).unwrap();
    assert!(
        listed.contains("anthropic: asked\n") && listed.contains("chat: set aside for "),
        "{listed}"
    );

    let unknown = site.command(&["providers", "clear", "nowhere"]);
    assert!(
        !unknown.status.success()
            && String::from_utf8_lossy(&unknown.stderr).contains("no such provider")
    );
    let cleared = site.command(&["providers", "clear", "chat"]);
    assert_eq!(
        String::from_utf8_lossy(&cleared.stdout),
        "1 cleared\n",
        "{}",
        String::from_utf8_lossy(&cleared.stderr)
    );
    assert_eq!(site.get(process.address, "/readyz").await.json(), json!({"status": "ready"}));
    message_of(&site.call(process.address, &streamed(refused)).await);
    assert_eq!(process.stop().await, Some(0));
    let gone = site.command(&["providers"]);
    assert!(
        !gone.status.success()
            && String::from_utf8_lossy(&gone.stderr)
                .starts_with("no gateway of this configuration can be asked")
    );
}

#[actix_rt::test]
async fn what_a_model_cannot_do_goes_to_the_next_and_a_wrong_request_does_not() {
    let gateway = Gateway::with(production(), Database::sqlite()).await;
    let lacks = format!(
        "[[mock model=up-{} fault=refuse_status status=400 code=tools_not_supported]]",
        MODELS[0]
    );
    let answer = gateway.call(&streamed(routed(&lacks))).await;
    message_of(&answer);
    assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[1]));
    let wrong = format!("[[mock model=up-{} fault=refuse_status status=400]]", MODELS[0]);
    let before = gateway.mock.requests().len();
    let answer = gateway.call(&routed(&wrong)).await;
    assert_eq!(
        (answer.status, gateway.mock.requests().len() - before),
        (400, 1),
        "{}",
        answer.text()
    );
    let again = gateway.call(&streamed(routed("hi"))).await;
    assert_eq!(
        again.header("x-ainfera-model"),
        Some(MODELS[0]),
        "a caller's mistake sets nothing aside"
    );
    gateway.stop().await;
}
