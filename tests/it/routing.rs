//! Who answers: floors, hints, pins, aliases, task types; and what the decision's record says.

use serde_json::{Value, json};

use crate::support::Gateway;
use crate::support::gateway::{MODELS, message_of, routed, streamed};

async fn served_by(gateway: &Gateway, hint: Value) -> Option<String> {
    let mut body = routed("hi");
    body["routing_hint"] = hint;
    gateway.call(&body).await.header("x-ainfera-model").map(str::to_owned)
}

#[actix_rt::test]
async fn the_cheapest_model_that_clears_the_floor_answers() {
    let gateway = Gateway::start().await;
    for (hint, model) in [
        (json!({}), Some(MODELS[0])),
        (json!({"min_quality": "0.80"}), Some(MODELS[0])),
        (json!({"min_quality": "0.81"}), Some(MODELS[1])),
        (json!({"min_quality": 0.91}), Some(MODELS[2])),
        (json!({"quality_floor": "frontier"}), Some(MODELS[1])),
        (json!({"min_quality": "0.94"}), Some(MODELS[3])),
        (json!({"min_quality": "0.96"}), None),
        (json!({"min_quality": "0.94", "budget_cap_usd": "0.000001"}), None),
    ] {
        assert_eq!(served_by(&gateway, hint.clone()).await.as_deref(), model, "{hint}");
    }
}

#[actix_rt::test]
async fn the_dial_does_nothing_while_its_gate_is_shut() {
    let gateway = Gateway::start().await;
    for preference in ["quality", "balanced", "cost", "whatever"] {
        let mut body = routed("hi");
        body["routing_preference"] = json!(preference);
        assert_eq!(
            gateway.call(&body).await.header("x-ainfera-model"),
            Some(MODELS[0]),
            "{preference}"
        );
    }
}

#[actix_rt::test]
async fn a_live_dial_moves_the_default_floor() {
    let plan = crate::support::GatewayPlan {
        settings: "[routing]\ndefault_floor = \"0.75\"\npreference_live = true\n".to_owned(),
        ..Default::default()
    };
    let gateway = Gateway::with(plan, crate::support::database::Database::sqlite()).await;
    for (preference, model) in
        [("quality", MODELS[1]), ("balanced", MODELS[0]), ("cost", MODELS[0])]
    {
        let mut body = routed("hi");
        body["routing_preference"] = json!(preference);
        assert_eq!(
            gateway.call(&body).await.header("x-ainfera-model"),
            Some(model),
            "{preference}"
        );
    }
}

#[actix_rt::test]
async fn aliases_are_routed_and_never_shown() {
    let gateway = Gateway::start().await;
    for alias in ["ainfera-inference", "ainfera-auto", "ainfera-mithril", "ainfera/auto"] {
        let mut body = routed("hi");
        body["model"] = json!(alias);
        let answer = gateway.call(&body).await;
        assert_eq!(answer.header("x-ainfera-model"), Some(MODELS[0]), "{alias}");
        gateway.settled().await;
        let inference = gateway
            .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
            .await
            .json();
        assert_eq!(inference["model"], "ainfera-inference");
    }
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 4);
}

#[actix_rt::test]
async fn a_pin_leaves_no_row_but_an_audit_mark() {
    let gateway = Gateway::start().await;
    for model in ["claude-opus-4-7", "gpt-5-5"] {
        let mut body = routed("hi");
        body["model"] = json!(model);
        let answer = gateway.call(&streamed(body)).await;
        assert_eq!(message_of(&answer)["model"], model);
    }
    gateway.settled().await;
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 0);
    assert_eq!(
        gateway.database.number("select count(*) from inferences where kind = 'direct'").await,
        2
    );
    let events = gateway.get(&format!("/v1/audit/{}", gateway.agent_id)).await.json();
    let routed: Vec<&Value> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["event_type"] == "inference.routed")
        .collect();
    assert_eq!(routed.len(), 2);
    assert!(routed.iter().all(|event| event["payload"]["router"] == "direct"));
}

#[actix_rt::test]
async fn the_record_says_what_was_considered_and_why() {
    let gateway = Gateway::start().await;
    let mut body = routed("hi");
    body["task_type"] = json!("code");
    body["routing_hint"] = json!({"min_quality": "0.81"});
    let answer = gateway.call(&body).await;
    gateway.settled().await;
    let decision = gateway
        .get(&format!(
            "/v1/inferences/{}/decision",
            answer.header("x-ainfera-inference-id").unwrap()
        ))
        .await
        .json();
    assert_eq!(decision["decision_rule"], "cheapest_clearing_floor");
    assert_eq!(decision["ruleset_hash"], "07dbdce7");
    assert_eq!(decision["policy_version"], "balanced@1.0.0+07dbdce7");
    assert_eq!(decision["chosen_model_slug"], MODELS[1]);
    let dropped: Vec<&Value> = decision["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|candidate| candidate["model_slug"] == MODELS[0])
        .collect();
    assert_eq!(dropped[0]["drop_reason"], "below_quality_floor");
    assert!(!decision["cost_projected"].is_null() && !decision["cost_actual"].is_null());
    let inference = gateway
        .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
        .await
        .json();
    assert_eq!(
        (&inference["task_type"], &inference["task_type_source"]),
        (&json!("code"), &json!("caller"))
    );
    assert_eq!(inference["cell"], format!("code:{}:balanced", MODELS[1]));
}

#[actix_rt::test]
async fn what_was_kept_can_be_read_and_adds_up() {
    let gateway = Gateway::start().await;
    for _ in 0..3 {
        gateway.call(&routed("hi")).await;
    }
    gateway.settled().await;
    let ledger = gateway.get(&format!("/v1/ledger/{}", gateway.agent_id)).await.json();
    let amount = |value: &Value| value.as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap();
    let sum: rust_decimal::Decimal = ledger["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| amount(&entry["amount_usd"]))
        .sum();
    assert_eq!(sum, amount(&ledger["balance_usd"]));
    assert_eq!(ledger["entries"].as_array().unwrap().len(), 4, "three charges and the funding");
    assert_eq!(ledger["held_usd"], "0");
    let verdict = gateway.get(&format!("/v1/audit/{}/verify", gateway.agent_id)).await.json();
    assert_eq!(verdict["valid"], true, "{verdict}");
    let models = gateway.get("/v1/models").await.json();
    assert!(
        models
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["slug"] == "ainfera-inference" && model["type"] == "router")
    );
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.contains("ainfera_dispatch_without_capture_total 0"), "{metrics}");
    assert!(metrics.contains("ainfera_outcomes_total{status=\"succeeded\"} 3"), "{metrics}");
    let other = gateway.get("/v1/ledger/018f0000-0000-7000-8000-000000000000").await;
    assert_eq!(other.status, 404);
}
