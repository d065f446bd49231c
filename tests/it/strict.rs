//! A strict call arrives as it was sent, or is refused with the fields named, before anybody was
//! asked.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{MODELS, message_of, routed, streamed};
use crate::support::{Answer, Connection, Gateway, GatewayPlan};

const STRICT: [(&str, &str); 1] = [("x-ainfera-strict", "true")];
const EXACT: [(&str, &str); 1] = [("x-ainfera-strict", "exact")];

/// The same call to nobody but the cheapest model, which speaks Chat Completions.
fn affordable_to_one(mut body: Value) -> Value {
    body["routing_hint"] = json!({"budget_cap_usd": "0.003"});
    body
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

#[actix_rt::test]
async fn who_would_lose_something_is_passed_over_at_no_cost() {
    let gateway = Gateway::start().await;
    let body = with(routed("hi"), "service_tier", json!("auto"));
    let answer = gateway.call(&streamed(body.clone())).await;
    assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[0]));
    assert_eq!(answer.header("x-ainfera-coercions"), Some("service_tier=dropped:no_equivalent"));

    let strict = gateway.call_with(&streamed(body), &STRICT).await;
    message_of(&strict);
    assert_eq!(
        (strict.header("x-ainfera-model"), strict.header("x-ainfera-coercions")),
        (Some(MODELS[1]), None)
    );
    gateway.settled().await;
    let path =
        format!("/v1/inferences/{}/decision", strict.header("x-ainfera-inference-id").unwrap());
    let decision = gateway.get(&path).await.json();
    let dropped = decision["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|candidate| candidate["model_slug"] == MODELS[0])
        .unwrap();
    assert_eq!(dropped["drop_reason"], "coercion_refused", "{decision}");
    assert_eq!(gateway.mock.requests().len(), 2, "one for each call");
}

#[actix_rt::test]
async fn another_name_is_no_loss_but_not_exact() {
    let gateway = Gateway::start().await;
    let body = with(routed("hi"), "stop_sequences", json!(["STOP"]));
    let answer = gateway.call_with(&body, &STRICT).await;
    assert_eq!(answer.header("x-ainfera-coercions"), Some("stop_sequences=renamed:stop"));
    assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[0]));
    let answer = gateway.call_with(&body, &EXACT).await;
    assert_eq!(
        (answer.header("x-ainfera-model"), answer.header("x-ainfera-coercions")),
        (Some(MODELS[1]), None)
    );
}

#[actix_rt::test]
async fn a_strict_call_without_a_candidate_is_refused_by_its_fields_and_leaves_one_row() {
    let gateway = Gateway::start().await;
    let body = affordable_to_one(with(routed("hi"), "service_tier", json!("auto")));
    for (body, rows) in [(body.clone(), 1), (streamed(body), 2)] {
        let answer = gateway.call_with(&body, &STRICT).await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (422, "invalid_request_error"),
            "{}",
            answer.text()
        );
        let details = &answer.json()["error"]["details"];
        assert_eq!(details["error_code"], "coercion_refused");
        assert_eq!(
            details["coercions"],
            json!({MODELS[0]: ["service_tier=dropped:no_equivalent"]})
        );
        assert!(
            answer.error().1.contains("mistral-large-3: service_tier=dropped:no_equivalent"),
            "{}",
            answer.text()
        );
        gateway.settled().await;
        let outcomes =
            "select count(*) from routing_outcomes where outcome_status = 'rejected_strict'";
        assert_eq!(gateway.database.number(outcomes).await, rows);
    }
    assert_eq!(gateway.mock.requests().len(), 0);
    let wallet = gateway.get(&format!("/v1/wallets/{}", gateway.agent_id)).await.json();
    assert_eq!(
        (&wallet["balance_usd"], &wallet["held_usd"]),
        (&json!("1000"), &json!("0")),
        "{wallet}"
    );
}

#[actix_rt::test]
async fn a_pin_that_would_lose_something_is_refused_and_its_record_says_what() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let mut body = with(routed("hi"), "service_tier", json!("auto"));
        body["model"] = json!(MODELS[0]);
        for body in [body.clone(), streamed(body.clone())] {
            let answer = gateway.call_with(&body, &STRICT).await;
            assert_eq!(
                (answer.status, &answer.json()["error"]["details"]["error_code"]),
                (422, &json!("coercion_refused"))
            );
            gateway.settled().await;
            let call = record_of(&gateway, &answer).await;
            assert_eq!((&call["kind"], &call["cost_usd"]), (&json!("direct"), &json!("0")));
        }
        body["model"] = json!(MODELS[1]);
        message_of(&gateway.call_with(&streamed(body), &STRICT).await);
        assert_eq!(gateway.mock.requests().len(), 1);
        gateway.settled().await;
        assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 0);
        assert_sound(&gateway).await;
    }
}

#[actix_rt::test]
async fn the_record_of_a_routed_strict_call_says_what_each_model_would_have_lost() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let body = affordable_to_one(with(routed("hi"), "service_tier", json!("auto")));
        let answer = gateway.call_with(&body, &STRICT).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        gateway.settled().await;
        let call = record_of(&gateway, &answer).await;
        assert_eq!(call["kind"], "routed");
        assert_sound(&gateway).await;
    }
}

/// What `GET /v1/calls` says of a refused strict call of one model.
async fn record_of(gateway: &Gateway, answer: &Answer) -> Value {
    let path = format!("/v1/calls/{}", answer.header("request-id").unwrap());
    let call = gateway.get(&path).await.json();
    assert_eq!(call["outcome_status"], "rejected_strict", "{call}");
    assert_eq!(
        call["refusal"],
        json!({"reason": "coercion_refused", "coercions": [format!("{}: service_tier=dropped:no_equivalent", MODELS[0])]}),
        "{call}"
    );
    call
}

/// The rows agree with each other, and the audit chain holds.
async fn assert_sound(gateway: &Gateway) {
    for invariant in gateway.server.store().invariants().await.unwrap() {
        assert!(invariant.holds, "{}: {}", invariant.name, invariant.detail);
    }
    let audit = gateway.get(&format!("/v1/audit/{}/verify", gateway.agent_id)).await.json();
    assert_eq!(audit["valid"], true, "{audit}");
}

#[actix_rt::test]
async fn a_word_that_is_not_known_does_not_mean_that_anything_goes() {
    let gateway = Gateway::start().await;
    let answer = gateway.call_with(&routed("hi"), &[("x-ainfera-strict", "yes")]).await;
    assert_eq!(
        (answer.status, answer.error().1.as_str()),
        (400, "x-ainfera-strict: must be one of true, exact, false")
    );
    message_of(&gateway.call_with(&streamed(routed("hi")), &[("x-ainfera-strict", "false")]).await);
}

#[actix_rt::test]
async fn a_client_of_another_dialect_is_refused_in_its_own_words_and_names() {
    let gateway = Gateway::start().await;
    let ask = |model: &str| {
        json!({"model": model, "max_tokens": 50, "seed": 7, "messages": [{"role": "user", "content": "hi"}]}).to_string()
    };
    let chat = async |model: &str| {
        let mut connection = Connection::open(gateway.address).await;
        let headers = [("x-api-key", gateway.key.as_str()), STRICT[0]];
        connection.send("POST", "/v1/chat/completions", &headers, ask(model).as_bytes()).await;
        connection.answer().await
    };
    let refused = chat(MODELS[1]).await;
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, &error["code"]),
        (422, &json!("coercion_refused")),
        "{}",
        refused.text()
    );
    assert_eq!(error["details"]["coercions"], json!({MODELS[1]: ["seed=dropped:no_equivalent"]}));
    assert_eq!(chat(MODELS[0]).await.status, 200, "who speaks its dialect loses nothing");
    let routed = chat("ainfera-inference").await;
    assert_eq!((routed.status, routed.header("x-ainfera-model")), (200, Some(MODELS[0])));
}
