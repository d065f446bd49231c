//! One conversation that goes from vendor to vendor: each gets back the reasoning that it made, and
//! never another's.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed, with_tools};
use crate::support::{Gateway, GatewayPlan};

const TABLES: &str = r#"
[[providers]]
id = "gemini"
kind = "gemini"
base_url = "MOCK"
[[providers]]
id = "responses"
kind = "openai_responses"
base_url = "MOCK"
[[models]]
slug = "gemini-new"
provider = "gemini"
upstream_name = "gemini-3-pro-preview"
price = { input = "2", output = "12" }
[[models]]
slug = "gpt-responses"
provider = "responses"
upstream_name = "gpt-5.5-pro"
price = { input = "5", output = "15" }
"#;

const HOPS: [&str; 6] = [
    "claude-opus-4-7",
    "gemini-new",
    "gpt-responses",
    "claude-opus-4-7",
    "gemini-new",
    "gpt-responses",
];

fn results_for(message: &Value) -> Value {
    let calls =
        message["content"].as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let results = calls.map(
        |call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "18 degrees"}),
    );
    json!({"role": "user", "content": results.collect::<Vec<_>>()})
}

/// The providers of Gemini and of Responses check: a signature that they did not make is a 400, and
/// so is a call of Gemini's without one.
#[actix_rt::test]
async fn p074_a_conversation_hops_between_vendors_and_back() {
    let gateway = Gateway::with(
        GatewayPlan { more_tables: TABLES.to_owned(), ..GatewayPlan::default() },
        Database::sqlite(),
    )
    .await;
    let mut body = with_tools(routed("[[mock thinking=2 tools=1 text=none]] go on"));
    body["tool_choice"] = json!({"type": "any"});
    let mut sent = Vec::new();
    for slug in HOPS {
        body["model"] = json!(slug);
        let answer = gateway.call(&streamed(body.clone())).await;
        let message = message_of(&answer);
        assert_eq!(message["stop_reason"], "tool_use", "{slug}");
        sent.push(gateway.mock.requests().last().unwrap().body.clone());
        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(json!({"role": "assistant", "content": message["content"]}));
        turns.push(results_for(&message));
    }
    let marked = |body: &Value| body.to_string().contains("ainfera.");
    assert!(!sent.iter().any(marked), "a mark of ours is nobody's business but the client's");
    // back at the first: its own reasoning of the first turn, and nothing of the others
    let thinking: Vec<&Value> = sent[3]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|turn| turn["content"].as_array().into_iter().flatten())
        .filter(|block| block["type"] == "thinking")
        .collect();
    assert_eq!(thinking.len(), 1, "{thinking:?}");
    let signatures: Vec<&str> = sent[4]["contents"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|content| content["parts"].as_array().unwrap())
        .filter_map(|part| part["thoughtSignature"].as_str())
        .collect();
    let own = signatures.iter().filter(|signature| signature.starts_with("bW9ja3NpZ25lZA")).count();
    // calls that others made are let through
    assert_eq!((own, signatures.len()), (1, 4), "{signatures:?}");
    let reasoning: Vec<&Value> = sent[5]["input"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["type"] == "reasoning")
        .collect();
    assert_eq!(reasoning.len(), 1, "{reasoning:?}");
    assert!(reasoning[0]["encrypted_content"].as_str().unwrap().starts_with("gAAAAmock"));
}
