//! A provider of the Responses dialect behind the Anthropic one: every script, failures, and what
//! goes back to it in the next turn.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed, with_tools};
use crate::support::{Gateway, GatewayPlan};

const TABLES: &str = r#"
[[providers]]
id = "responses"
kind = "openai_responses"
base_url = "MOCK"
[[models]]
slug = "gpt-responses"
provider = "responses"
upstream_name = "gpt-5.5-pro"
price = { input = "5", output = "15" }
[[models]]
slug = "responses-toolless"
provider = "responses"
supports_tools = false
price = { input = "5", output = "15" }
"#;

async fn gateway() -> Gateway {
    Gateway::with(
        GatewayPlan { more_tables: TABLES.to_owned(), ..GatewayPlan::default() },
        Database::sqlite(),
    )
    .await
}

fn pinned(prompt: &str) -> Value {
    let mut body = with_tools(routed(prompt));
    body["model"] = json!("gpt-responses");
    body
}

fn kinds(message: &Value) -> Vec<&str> {
    message["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect()
}

#[actix_rt::test]
async fn it_is_asked_at_its_own_address_in_its_own_words() {
    let gateway = gateway().await;
    message_of(&gateway.call(&streamed(pinned("hi"))).await);
    let asked = &gateway.mock.requests()[0];
    assert_eq!(asked.path, "/v1/responses");
    assert_eq!(
        (&asked.body["model"], &asked.body["store"]),
        (&json!("gpt-5.5-pro"), &json!(false))
    );
}

#[actix_rt::test]
async fn its_own_failures_before_content_and_an_end_that_is_missing() {
    let gateway = gateway().await;
    for (fault, status) in [
        ("refuse_status status=429 retry_after=2", 429),
        ("refuse_status status=401", 502),
        ("refuse_status status=400", 400),
        ("empty_stream", 502),
        ("error_event_at at=1", 529),
        ("fin_at at=2", 502),
        ("bad_json_at at=0", 502),
    ] {
        let answer = gateway
            .call(&streamed(pinned(&format!("[[mock fault={fault} tools=0 tokens=4]]"))))
            .await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
    }
    // cut anywhere: `matrix.rs`
    let answer =
        gateway.call(&streamed(pinned("[[mock fault=missing_terminator tools=0 tokens=6]]"))).await;
    let text = answer.text();
    assert_eq!(answer.status, 200);
    assert!(text.contains("event: error") && !text.contains("message_stop"), "{text}");
}

/// The provider refuses a reasoning item that it did not make, and a result without its call.
#[actix_rt::test]
async fn p074_reasoning_goes_back_to_its_issuer_alone() {
    let gateway = gateway().await;
    let mut body = pinned("[[mock thinking=2 tools=1]] look");
    let first = message_of(&gateway.call(&streamed(body.clone())).await);
    assert_eq!(kinds(&first), ["thinking", "text", "tool_use"]);
    let call = &first["content"][2];
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "18 degrees"}]});
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(json!({"role": "assistant", "content": first["content"]}));
    turns.push(result);
    let answer = gateway.call(&streamed(body.clone())).await;
    assert!(message_of(&answer)["content"].to_string().contains("18 degrees"));
    let asked = gateway.mock.requests().last().unwrap().body.clone();
    let item = &asked["input"][1];
    assert_eq!(
        (&item["type"], item["summary"][0]["text"].as_str()),
        (&json!("reasoning"), Some("The user wants an "))
    );
    assert!(item["encrypted_content"].as_str().unwrap().starts_with("gAAAAmock"));
    // one of Anthropic's own is left out and named
    body["messages"][1]["content"][0] =
        json!({"type": "thinking", "thinking": "hm", "signature": "EqQBCkYIARgC"});
    let answer = gateway.call(&body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer
            .header("x-ainfera-coercions")
            .unwrap()
            .contains("messages.1.content.0=dropped:other_issuer")
    );
}

#[actix_rt::test]
async fn tools_for_a_tier_without_them_is_422_with_its_name() {
    let gateway = gateway().await;
    let mut body = with_tools(routed("hi"));
    body["model"] = json!("responses-toolless");
    for body in [streamed(body.clone()), body] {
        let answer = gateway.call(&body).await;
        assert_eq!(answer.status, 422);
        assert_eq!(
            answer.json()["error"]["details"]["error_code"],
            "tools_not_supported_by_backend"
        );
        let message = answer.error().1;
        assert!(message.contains("responses-toolless") && message.contains("hint"), "{message}");
    }
    assert_eq!(gateway.mock.requests().len(), 0);
}

/// The data of every event that has a name, in order.
fn events(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[actix_rt::test]
async fn a_client_of_the_same_dialect_hears_the_provider_itself() {
    let gateway = gateway().await;
    let tool = json!({"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}, "additionalProperties": false}});
    let body = json!({"model": "gpt-responses", "input": [{"role": "user", "content": "[[mock tools=1 thinking=2]] hi", "x_new": 1}], "stream": true,
        "tools": [tool], "store": false, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "k", "task_type": "code"});
    let answer = gateway.call_at("/v1/responses", &body, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ainfera-coercions"), None);
    let asked = gateway.mock.requests().last().unwrap().body.clone();
    assert_eq!(
        (&asked["prompt_cache_key"], &asked["input"][0]["x_new"], &asked["model"]),
        (&json!("k"), &json!(1), &json!("gpt-5.5-pro"))
    );
    assert_eq!(asked.get("task_type"), None);
    let events = events(&answer.text());
    let numbers: Vec<u64> =
        events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>(), "each event once, in order");
    let last = &events.last().unwrap()["response"];
    assert_eq!((&last["model"], &last["status"]), (&json!("gpt-responses"), &json!("completed")));
    assert!(last["id"].as_str().unwrap().starts_with("resp_mock"), "as it came: {last}");
    assert!(last["output"][0]["encrypted_content"].as_str().unwrap().starts_with("gAAAAmock"));
    gateway.settled().await;
    let inference = gateway
        .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
        .await
        .json();
    assert_eq!(
        (&inference["outcome_status"], &inference["stop_reason"]),
        (&json!("succeeded"), &json!("tool_use"))
    );
    assert_eq!(inference["usage"]["output_tokens"], last["usage"]["output_tokens"]);
    // the same, whole
    let mut whole = body;
    whole["stream"] = json!(false);
    let answer = gateway.call_at("/v1/responses", &whole, &[]).await;
    let response = answer.json();
    let kinds: Vec<&str> = response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!(response["usage"], last["usage"]);
}
