//! Faults that a review found in the system this one replaces, each as a test that would find it
//! again.

use ainfera_schema::policy::SpendPolicy;
use serde_json::json;

use crate::support::database::Database;
use crate::support::gateway::{message_of, native, routed, streamed, with_tools};
use crate::support::{Gateway, GatewayPlan};

/// "A stream turns a routing failure into a 200 with an empty end_turn."
#[actix_rt::test]
async fn a_routing_failure_of_a_stream_is_a_status_and_not_an_empty_answer() {
    let gateway = Gateway::start().await;
    let mut body = routed("hi");
    body["routing_hint"] = json!({"min_quality": "0.99"});
    for body in [streamed(body.clone()), body] {
        let answer = gateway.call(&body).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.json()["error"]["details"]["error_code"], "no_candidate_clears_floor");
        assert!(!answer.text().contains("end_turn"));
    }
    let all_fail = gateway.call(&streamed(routed("[[mock fault=refuse_status status=500]]"))).await;
    assert_eq!(all_fail.status, 503);
    assert_eq!(all_fail.json()["error"]["details"]["error_code"], "all_routed_models_failed");
    gateway.settled().await;
    let rejected = "select count(*) from routing_outcomes where outcome_status = 'rejected_floor' and inference_id is null and chosen_model_slug is null";
    assert_eq!(gateway.database.number(rejected).await, 2);
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes where outcome_status = 'failed_provider_error'").await, 1);
}

/// "Billing errors escape the stream as a 500."
#[actix_rt::test]
async fn a_billing_refusal_of_a_stream_is_402_and_has_its_row() {
    let capped = SpendPolicy {
        per_call_cap_usd: Some("0.0000001".parse().unwrap()),
        ..SpendPolicy::default()
    };
    let poor = GatewayPlan { funding: "0.0000001".parse().unwrap(), ..GatewayPlan::default() };
    let broke = GatewayPlan {
        spend_policy: SpendPolicy {
            daily_cap_usd: Some("0.0000001".parse().unwrap()),
            ..SpendPolicy::default()
        },
        ..GatewayPlan::default()
    };
    let capped = GatewayPlan { spend_policy: capped, ..GatewayPlan::default() };
    for (plan, row) in [(poor, "rejected_funds"), (broke, "rejected_cap"), (capped, "rejected_cap")]
    {
        let gateway = Gateway::with(plan, Database::sqlite()).await;
        for body in [streamed(routed("hi")), routed("hi")] {
            let answer = gateway.call(&body).await;
            assert_eq!(answer.status, 402, "{row}: {}", answer.text());
            assert_eq!(answer.error().0, "billing_error");
            assert_eq!(answer.header("x-should-retry"), Some("false"));
        }
        gateway.settled().await;
        let rows = format!(
            "select count(*) from routing_outcomes where outcome_status = '{row}' and inference_id is null"
        );
        assert_eq!(gateway.database.number(&rows).await, 2, "{row}");
        assert_eq!(gateway.mock.requests().len(), 0);
    }
}

/// "Tool blocks are dropped on one of the two paths."
#[actix_rt::test]
async fn tool_blocks_are_there_streamed_and_whole_in_both_dialects() {
    let gateway = Gateway::start().await;
    for body in
        [with_tools(routed("[[mock tools=2]]")), with_tools(native(routed("[[mock tools=2]]")))]
    {
        let whole = gateway.call(&body).await.json();
        let stream = message_of(&gateway.call(&streamed(body)).await);
        for message in [whole, stream] {
            let calls = message["content"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|block| block["type"] == "tool_use")
                .count();
            assert_eq!((calls, &message["stop_reason"]), (2, &json!("tool_use")), "{message}");
        }
    }
}
