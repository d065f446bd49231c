//! Every attempt says at which price it was billed, and the attempts add up to the call, however it
//! ended.

use ainfera_schema::{Price, TokenUsage, Usd};
use serde_json::Value;

use crate::support::database::Database;
use crate::support::gateway::{MODELS, routed, streamed};
use crate::support::{Gateway, GatewayPlan};

/// How a client behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Reads,
    LeavesMidstream,
}

/// The call's costs, computed again from what is shown of its attempts.
fn adds_up(inference: &Value, about: &str) {
    let attempts = inference["attempts"].as_array().unwrap();
    let mut sum = Usd::ZERO;
    for attempt in attempts {
        let price: Price = serde_json::from_value(attempt["price"].clone()).unwrap();
        assert_eq!(
            (price.input, price.output),
            expected_price(attempt["model"].as_str().unwrap()),
            "{about}"
        );
        let usage: TokenUsage = serde_json::from_value(attempt["usage"].clone()).unwrap();
        let cost: Usd = attempt["cost_usd"].as_str().unwrap().parse().unwrap();
        assert_eq!(price.cost(&usage).unwrap(), cost, "{about}: {attempt}");
        sum = sum.checked_add(cost).unwrap();
    }
    let cost: Usd = inference["cost_usd"].as_str().unwrap().parse().unwrap();
    assert!(cost > Usd::ZERO, "{about}: {inference}");
    assert_eq!(sum, cost, "{about}: {inference}");
}

fn expected_price(model: &str) -> (rust_decimal::Decimal, rust_decimal::Decimal) {
    let (input, output) = if model == MODELS[0] { ("2", "6") } else { ("1.25", "10") };
    (input.parse().unwrap(), output.parse().unwrap())
}

/// The one that the audit told of last.
async fn last_inference(gateway: &Gateway) -> String {
    let events = gateway.get(&format!("/v1/audit/{}?limit=500", gateway.agent_id)).await.json();
    let events = events["events"].as_array().unwrap().iter().rev();
    events.filter_map(|event| event["payload"]["inference_id"].as_str()).next().unwrap().to_owned()
}

#[actix_rt::test]
async fn the_attempts_add_up_to_the_call_however_it_ended() {
    let failover =
        format!("[[mock model=up-{} fault=refuse_status status=500 tokens=9]]", MODELS[0]);
    // the caller hears no thoughts; they were made all the same before the provider broke off
    let thought =
        format!("[[mock model=up-{} thinking=40 tokens=9 fault=fin_at at=20]]", MODELS[0]);
    let cases = [
        (failover.as_str(), Client::Reads, "succeeded", 2),
        (thought.as_str(), Client::Reads, "succeeded", 2),
        ("[[mock tokens=9]]", Client::Reads, "succeeded", 1),
        ("[[mock tokens=9 fault=fin_at at=6]]", Client::Reads, "failed_midstream", 1),
        ("[[mock tokens=400 delay_ms=20]]", Client::LeavesMidstream, "client_gone", 1),
    ];
    for database in Database::both().await {
        let name = database.name();
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        for (prompt, client, status, attempts) in cases {
            let about = format!("{name}: {prompt}");
            let body = serde_json::to_vec(&streamed(routed(prompt))).unwrap();
            let mut connection = gateway.begin(&body, &[]).await;
            connection.read_until("content_block_delta").await;
            match client {
                Client::Reads => drop(connection.answer().await),
                Client::LeavesMidstream => connection.reset(),
            }
            gateway.settled().await;
            let inference_id = last_inference(&gateway).await;
            let inference = gateway.get(&format!("/v1/inferences/{inference_id}")).await.json();
            assert_eq!(inference["outcome_status"], status, "{about}: {inference}");
            assert_eq!(inference["attempts"].as_array().unwrap().len(), attempts, "{about}");
            adds_up(&inference, &about);
            let costs_something = inference["attempts"][0]["usage"]["output_tokens"] != 0;
            assert_eq!(
                costs_something,
                !prompt.contains("fault=refuse_status"),
                "{about}: {inference}"
            );
        }
        gateway.stop().await;
    }
}
