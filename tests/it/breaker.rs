//! Providers that are known to be broken or full are not asked, and trying again has a budget.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::database::Database;
use crate::support::gateway::{MODELS, message_of, routed, streamed};
use crate::support::{Answer, Gateway, GatewayPlan};

/// With the breaker and the budget of production.
async fn gateway_with(health: &str, each_provider: &str) -> Gateway {
    let plan = GatewayPlan {
        health: health.to_owned(),
        each_provider: each_provider.to_owned(),
        ..GatewayPlan::default()
    };
    Gateway::with(plan, Database::sqlite()).await
}

fn asked(gateway: &Gateway, model: &str) -> usize {
    gateway.mock.requests().iter().filter(|request| is_for(&request.body, model)).count()
}

fn is_for(body: &Value, model: &str) -> bool {
    body["model"] == json!(format!("up-{model}"))
}

async fn pinned(gateway: &Gateway, model: &str) -> Answer {
    let mut body = routed("hi");
    body["model"] = json!(model);
    gateway.call(&body).await
}

async fn breaker_state(gateway: &Gateway, model: &str) -> String {
    let metrics = gateway.get("/metrics").await.text();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("ainfera_provider_breaker_state{") && line.contains(model));
    line.and_then(|line| line.rsplit(' ').next()).unwrap_or_default().to_owned()
}

#[actix_rt::test]
async fn a_broken_provider_is_left_alone_and_clients_get_their_answers() {
    let gateway = gateway_with("", "").await;
    let prompt = format!("[[mock model=up-{} fault=refuse_status status=500]]", MODELS[0]);
    for _ in 0..200 {
        let answer = gateway.call(&routed(&prompt)).await;
        assert_eq!(
            (answer.status, answer.header("x-ainfera-model")),
            (200, Some(MODELS[1])),
            "{}",
            answer.text()
        );
    }
    let hammered = asked(&gateway, MODELS[0]);
    assert!((5..=12).contains(&hammered), "{hammered} calls to a broken provider");
    assert_eq!(breaker_state(&gateway, MODELS[1]).await, "0");
    gateway.settled().await;
    let attempts = gateway
        .database
        .number("select count(*) from routing_outcomes where outcome_status = 'succeeded'")
        .await;
    assert_eq!(attempts, 200);
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_provider_that_is_well_again_is_used_again() {
    let gateway = gateway_with("", "").await;
    let prompt = format!("[[mock model=up-{} fault=refuse_status status=500 times=6]]", MODELS[0]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let (mut calls, mut tried) = (0, 0);
    loop {
        let answer = gateway.call(&streamed(routed(&prompt))).await;
        message_of(&answer);
        calls += 1;
        // the scripted provider keeps its last requests only
        tried += gateway
            .mock
            .requests()
            .iter()
            .rev()
            .take(2)
            .filter(|request| is_for(&request.body, MODELS[0]))
            .count();
        if answer.header("x-ainfera-model") == Some(MODELS[0]) {
            break;
        }
        assert!(Instant::now() < deadline, "it never came back");
    }
    assert!(calls > 7, "while it was open others were used");
    assert_eq!(tried, 7, "five failures, a probe that failed, a probe that did not");
    assert_eq!(breaker_state(&gateway, MODELS[0]).await, "0");
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_provider_that_asks_for_a_pause_gets_it() {
    let gateway = gateway_with("[breaker]\nlongest_pause = \"15m\"\n", "").await;
    let prompt = format!(
        "[[mock model=up-{} fault=refuse_status status=429 retry_after=600 times=1]]",
        MODELS[0]
    );
    message_of(&gateway.call(&streamed(routed(&prompt))).await);
    assert_eq!(breaker_state(&gateway, MODELS[0]).await, "2");
    let answer = gateway.call(&streamed(routed("hi"))).await;
    message_of(&answer);
    gateway.settled().await;
    let inference = gateway
        .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
        .await
        .json();
    assert_eq!(
        inference["attempts"].as_array().unwrap().len(),
        1,
        "an attempt that was not made is not recorded"
    );
    let refused = pinned(&gateway, MODELS[0]).await;
    assert_eq!((refused.status, refused.error().0.as_str()), (429, "rate_limit_error"));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((570..=600).contains(&seconds), "{seconds}");
    assert_eq!(asked(&gateway, MODELS[0]), 1);
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_full_provider_is_passed_over() {
    let gateway = gateway_with("", "max_concurrent = 1\n").await;
    let hanging =
        serde_json::to_vec(&streamed(routed("[[mock tokens=20 fault=hang_at at=6]]"))).unwrap();
    let mut held = Vec::new();
    for model in [MODELS[0], MODELS[1]] {
        let mut connection = gateway.begin(&hanging, &[]).await;
        connection.read_until("text_delta").await;
        assert_eq!(asked(&gateway, model), 1, "the second call goes to the next candidate");
        held.push(connection);
    }
    let full = gateway.call(&routed("hi")).await;
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")), "{}", full.text());
    assert_eq!(full.json()["error"]["type"], "overloaded_error");
    assert_eq!(full.json()["error"]["details"]["error_code"], "all_routed_models_failed");
    let full = pinned(&gateway, MODELS[0]).await;
    assert_eq!(
        (full.status, full.header("retry-after"), full.error().0.as_str()),
        (529, Some("1"), "overloaded_error")
    );
    assert_eq!(gateway.mock.requests().len(), 2);
    for connection in held {
        connection.reset();
    }
    gateway.settled().await;
    let answer = gateway.call(&streamed(routed("hi"))).await;
    message_of(&answer);
    assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[0]), "the seat is free again");
    gateway.stop().await;
}

#[actix_rt::test]
async fn beyond_the_budget_a_call_ends_with_its_last_error() {
    let gateway = gateway_with(
        "[breaker]\nenabled = false\n[retry]\nbudget_percent = 50\nfloor_per_second = 0\n",
        "",
    )
    .await;
    let prompt = format!("[[mock model=up-{} fault=refuse_status status=500]]", MODELS[0]);
    for status in [503, 200, 503, 200] {
        let answer = gateway.call(&routed(&prompt)).await;
        assert_eq!(answer.status, status, "every second call may fail over: {}", answer.text());
    }
    assert_eq!(gateway.mock.requests().len(), 6);
    assert_eq!(
        breaker_state(&gateway, MODELS[0]).await,
        "",
        "without breakers there is no state to show"
    );
    gateway.stop().await;
}
