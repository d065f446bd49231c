//! Gemini behind the Anthropic dialect: every script, its own ways to fail, and signatures that go
//! back to the calls that they were made with.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed, with_tools};
use crate::support::{Gateway, GatewayPlan};

const TABLES: &str = r#"
[[providers]]
id = "gemini"
kind = "gemini"
base_url = "MOCK"
[[models]]
slug = "gemini-new"
provider = "gemini"
upstream_name = "gemini-3-pro-preview"
price = { input = "2", output = "12" }
[[models]]
slug = "gemini-old"
provider = "gemini"
upstream_name = "gemini-2.5-flash"
price = { input = "1", output = "4" }
"#;

async fn gateway() -> Gateway {
    Gateway::with(
        GatewayPlan { more_tables: TABLES.to_owned(), ..GatewayPlan::default() },
        Database::sqlite(),
    )
    .await
}

fn pinned(model: &str, prompt: &str) -> Value {
    let mut body = with_tools(routed(prompt));
    body["model"] = json!(model);
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

fn tool_results(message: &Value) -> Value {
    let calls =
        message["content"].as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let results =
        calls.map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": format!("{} degrees", call["name"])}));
    json!({"role": "user", "content": results.collect::<Vec<_>>()})
}

#[actix_rt::test]
async fn it_is_asked_at_its_own_address_in_its_own_words() {
    let gateway = gateway().await;
    message_of(&gateway.call(&streamed(pinned("gemini-old", "hi"))).await);
    let asked = &gateway.mock.requests()[0];
    assert_eq!(asked.path, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
}

#[actix_rt::test]
async fn its_own_failures_before_content_and_an_end_that_is_missing() {
    let gateway = gateway().await;
    for (fault, status, retry_after) in [
        ("refuse_status status=429 retry_after=3", 429, Some("3")),
        ("refuse_status status=400 code=invalid_api_key", 502, None),
        ("refuse_status status=400", 400, None),
        ("refuse_status status=400 code=context_length_exceeded", 400, None),
        ("refuse_status status=503", 529, None),
        ("empty_stream", 502, None),
        ("error_event_at at=0", 529, None),
        ("missing_terminator tokens=0 text=none", 502, None),
        ("bad_json_at at=0", 502, None),
    ] {
        let answer = gateway
            .call(&streamed(pinned(
                "gemini-old",
                &format!("[[mock tools=0 tokens=4 fault={fault}]]"),
            )))
            .await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
        assert!(
            retry_after.is_none() || retry_after == answer.header("retry-after"),
            "{fault}: {:?}",
            answer.headers
        );
        if fault.contains("context_length") {
            assert!(answer.error().1.contains("prompt is too long"), "{}", answer.text());
        }
    }
    // cut anywhere: `matrix.rs`
    let answer = gateway
        .call(&streamed(pinned("gemini-old", "[[mock fault=missing_terminator tools=0 tokens=6]]")))
        .await;
    let text = answer.text();
    assert_eq!(answer.status, 200);
    assert!(text.contains("event: error") && !text.contains("message_stop"), "{text}");
}

/// The provider refuses a call of its own without its signature, and a signature of somebody else.
#[actix_rt::test]
async fn p074_signatures_go_back_to_the_calls_that_they_were_made_with() {
    let gateway = gateway().await;
    let mut body = pinned("gemini-new", "[[mock tools=2 thinking=1]] look");
    let first = message_of(&gateway.call(&streamed(body.clone())).await);
    assert_eq!(kinds(&first), ["thinking", "text", "thinking", "tool_use", "tool_use"]);
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(json!({"role": "assistant", "content": first["content"]}));
    turns.push(tool_results(&first));
    let answer = gateway.call(&streamed(body.clone())).await;
    assert!(message_of(&answer)["content"].to_string().contains("degrees"));
    let asked = gateway.mock.requests().last().unwrap().body.clone();
    let parts = asked["contents"][1]["parts"].as_array().unwrap();
    let signed: Vec<bool> = parts.iter().map(|part| part["thoughtSignature"].is_string()).collect();
    assert_eq!(signed, [false, true, false], "{parts:?}");
    assert!(parts[1]["thoughtSignature"].as_str().unwrap().starts_with("bW9ja3NpZ25lZA"));
    let responses = asked["contents"][2]["parts"].as_array().unwrap();
    let names: Vec<&str> =
        responses.iter().map(|part| part["functionResponse"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["get_weather", "get_time"]);
    // the same history without what Gemini made: another vendor's signature is left out and named,
    // the call is let through
    body["messages"][1]["content"][2] =
        json!({"type": "thinking", "thinking": "hm", "signature": "EqQBCkYIARgC"});
    let answer = gateway.call(&body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer
            .header("x-ainfera-coercions")
            .unwrap()
            .contains("messages.1.content.2=dropped:other_issuer")
    );
}

/// An answer that is empty because the provider's filter ended it is an answer: asking others would
/// be going around it.
#[actix_rt::test]
async fn a_refusal_without_a_word_is_an_answer_in_every_dialect() {
    let gateway = gateway().await;
    for model in ["gemini-old", "mistral-large-3", "claude-opus-4-7"] {
        for script in
            ["[[mock stop=refusal text=none tools=0]]", "[[mock stop=refusal tokens=3 tools=0]]"]
        {
            let stream = gateway.call(&streamed(pinned(model, script))).await;
            let message = message_of(&stream);
            assert_eq!(message["stop_reason"], "refusal", "{model} {script}");
            let whole = gateway.call(&pinned(model, script)).await;
            assert_eq!(
                (whole.status, &whole.json()["stop_reason"]),
                (200, &message["stop_reason"]),
                "{model} {script}"
            );
            assert_eq!(whole.json()["content"], message["content"], "{model} {script}");
        }
    }
}
