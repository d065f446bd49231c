//! `POST /v1/responses`: what official clients of that dialect hear from providers of every kind.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{MODELS, streamed};
use crate::support::reading::response_of;
use crate::support::{Answer, Gateway, GatewayPlan};

pub const PATH: &str = "/v1/responses";

/// Dearer and better than the usual ones, so that a floor decides who is asked.
pub const TABLES: &str = r#"
[[providers]]
id = "responses"
kind = "openai_responses"
base_url = "MOCK"
[[providers]]
id = "gemini"
kind = "gemini"
base_url = "MOCK"
[[models]]
slug = "of-responses"
provider = "responses"
upstream_name = "up-of-responses"
q_prior = "0.97"
price = { input = "20", output = "80" }
m_allowed = true
[[models]]
slug = "of-gemini"
provider = "gemini"
upstream_name = "up-of-gemini"
q_prior = "0.99"
price = { input = "30", output = "90" }
m_allowed = true
"#;

/// Kinds of providers: which model answers first, and the floor below which it is not asked.
pub const WAYS: [(&str, &str, &str); 4] = [
    ("openai_compatible", MODELS[0], "0.5"),
    ("anthropic", MODELS[1], "0.88"),
    ("openai_responses", "of-responses", "0.96"),
    ("gemini", "of-gemini", "0.98"),
];

pub const NATIVE: &str = "openai_responses";

pub async fn gateway() -> Gateway {
    gateway_on(Database::sqlite()).await
}

pub async fn gateway_on(database: Database) -> Gateway {
    Gateway::with(plan(&GatewayPlan::default().deadlines), database).await
}

pub fn plan(deadlines: &str) -> GatewayPlan {
    GatewayPlan {
        more_tables: TABLES.to_owned(),
        deadlines: deadlines.to_owned(),
        ..GatewayPlan::default()
    }
}

pub fn routed(floor: &str, input: impl Into<Value>) -> Value {
    json!({"model": "ainfera-inference", "input": input.into(), "max_output_tokens": 400, "routing_hint": {"min_quality": floor}})
}

pub fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn with_tools(body: Value) -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]});
    let tool = |name: &str| json!({"type": "function", "name": name, "description": "a tool", "parameters": parameters, "strict": false});
    with(body, "tools", json!([tool("get_weather"), tool("get_time")]))
}

pub async fn ask(gateway: &Gateway, body: &Value) -> Answer {
    gateway.call_at(PATH, body, &[]).await
}

/// A response that came whole.
pub fn whole(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let response = answer.json();
    assert_eq!(response["object"], "response");
    response
}

/// As a stream and in one piece.
pub async fn both(gateway: &Gateway, body: &Value) -> [Value; 2] {
    [response_of(&ask(gateway, &streamed(body.clone())).await), whole(&ask(gateway, body).await)]
}

fn kinds(response: &Value) -> Vec<&str> {
    response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect()
}

pub fn text(response: &Value) -> String {
    let items =
        response["output"].as_array().unwrap().iter().filter(|item| item["type"] == "message");
    items
        .flat_map(|item| item["content"].as_array().unwrap())
        .map(|part| part["text"].as_str().unwrap())
        .collect()
}

/// `error.type`, `error.code` and `error.message` of OpenAI's envelope.
pub fn error_of(answer: &Answer) -> (Value, Value, String) {
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"], "{body}");
    let error = &body["error"];
    assert_eq!(answer.header("x-request-id"), error["request_id"].as_str(), "{body}");
    assert!(error.get("param").is_some(), "{body}");
    (error["type"].clone(), error["code"].clone(), error["message"].as_str().unwrap().to_owned())
}

#[actix_rt::test]
async fn p004_p005_parallel_calls_are_items_of_their_own() {
    let gateway = gateway().await;
    for directive in ["[[mock tools=3]]", "[[mock tools=3 interleave=true text=none]]"] {
        for (kind, _, floor) in WAYS {
            for response in both(&gateway, &with_tools(routed(floor, directive))).await {
                let calls: Vec<&Value> = response["output"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|item| item["type"] == "function_call")
                    .collect();
                assert_eq!(
                    (calls.len(), &response["status"]),
                    (3, &json!("completed")),
                    "{kind} {directive}: {response}"
                );
                for (at, call) in calls.iter().enumerate() {
                    assert!(
                        calls[..at].iter().all(|other| other["call_id"] != call["call_id"]),
                        "{kind} {directive}: {call}"
                    );
                    let arguments: Value =
                        serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
                    assert!(
                        arguments["city"].is_string() && arguments["days"].is_number(),
                        "{kind} {directive}: {call}"
                    );
                }
            }
        }
    }
}

/// A client sends back every item of the answer, as it came, and the results after them.
#[actix_rt::test]
async fn p017_a_round_trip_with_reasoning_calls_and_their_results() {
    let gateway = gateway().await;
    for (kind, _, floor) in WAYS {
        let body = with(
            with_tools(routed(floor, "weather? [[mock thinking=2 tools=2]]")),
            "include",
            json!(["reasoning.encrypted_content"]),
        );
        for first in both(&gateway, &body).await {
            assert_eq!(
                kinds(&first),
                ["reasoning", "message", "function_call", "function_call"],
                "{kind}"
            );
            let mut input = vec![
                json!({"role": "developer", "content": "be brief"}),
                json!({"role": "user", "content": "weather?"}),
            ];
            input.extend(first["output"].as_array().unwrap().clone());
            let ids: Vec<&Value> = first["output"].as_array().unwrap()[2..]
                .iter()
                .map(|call| &call["call_id"])
                .collect();
            input.push(json!({"type": "function_call_output", "call_id": ids[0], "output": "sunny, 21 degrees"}));
            let parts = json!([{"type": "input_text", "text": "rain, 9 degrees"}]);
            input.push(json!({"type": "function_call_output", "call_id": ids[1], "output": parts}));
            let next = with(body.clone(), "input", json!(input));
            for response in both(&gateway, &next).await {
                let said = text(&response);
                assert!(
                    said.contains("sunny, 21 degrees") && said.contains("rain, 9 degrees"),
                    "{kind}: {said}"
                );
            }
            let heard = gateway.mock.requests().last().unwrap().body.clone();
            if kind == NATIVE {
                assert_eq!(heard["input"], next["input"], "as it came");
            }
        }
    }
}

#[actix_rt::test]
async fn a_tool_that_takes_any_text_gets_it_and_its_call_goes_back_in() {
    let gateway = gateway().await;
    let patch = json!({"type": "custom", "name": "apply_patch", "description": "edits a file"});
    let order = r#"fix it [[mock call=apply_patch arguments={"input":"***\u0020Begin\n\"ä\""}]]"#;
    for (kind, _, floor) in WAYS.into_iter().filter(|(kind, ..)| *kind != NATIVE) {
        for response in both(&gateway, &with(routed(floor, order), "tools", json!([patch]))).await {
            let call = response["output"].as_array().unwrap().last().unwrap();
            assert_eq!(
                (&call["type"], &call["name"]),
                (&json!("custom_tool_call"), &json!("apply_patch")),
                "{kind}: {response}"
            );
            assert_eq!(
                (&call["input"], call.get("arguments")),
                (&json!("*** Begin\n\"ä\""), None),
                "{kind}"
            );
        }
    }
    let input = json!([
        {"role": "user", "content": "fix it"},
        {"type": "custom_tool_call", "call_id": "call_abcdefghi", "name": "apply_patch", "input": "*** Begin\n\"ä\""},
        {"type": "custom_tool_call_output", "call_id": "call_abcdefghi", "output": "patched 3 lines"},
    ]);
    for (kind, _, floor) in WAYS {
        for response in
            both(&gateway, &with(routed(floor, input.clone()), "tools", json!([patch]))).await
        {
            assert!(text(&response).contains("patched 3 lines"), "{kind}: {response}");
        }
        let heard = gateway.mock.requests().last().unwrap().body.clone();
        match kind {
            NATIVE => assert_eq!((&heard["input"], &heard["tools"]), (&input, &json!([patch]))),
            "anthropic" => assert_eq!(
                heard["messages"][1]["content"][0]["input"],
                json!({"input": "*** Begin\n\"ä\""})
            ),
            _ => assert!(heard.to_string().contains("*** Begin"), "{kind}: {heard}"),
        }
    }
}

#[actix_rt::test]
async fn p010_an_image_in_a_result_arrives() {
    let gateway = gateway().await;
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let input = json!([
        {"role": "user", "content": "look"},
        {"type": "function_call", "call_id": "call_abcdefghi", "name": "get_weather", "arguments": "{\"city\":\"Rome\",\"days\":1}"},
        {"type": "function_call_output", "call_id": "call_abcdefghi", "output": [
            {"type": "input_text", "text": "a picture:"},
            {"type": "input_image", "image_url": format!("data:image/png;base64,{picture}"), "detail": "auto"},
        ]},
    ]);
    for (kind, _, floor) in WAYS {
        let answer = ask(&gateway, &with_tools(routed(floor, input.clone()))).await;
        assert!(text(&whole(&answer)).contains("a picture:"), "{kind}");
        let heard = gateway.mock.requests().last().unwrap().body.clone();
        let moved = "input.2.output.1=moved:user message";
        match kind {
            NATIVE => {
                assert_eq!((&heard["input"], answer.header("x-ainfera-coercions")), (&input, None))
            }
            "anthropic" => {
                let image = &heard["messages"][2]["content"][0]["content"][1];
                assert_eq!(
                    image["source"],
                    json!({"type": "base64", "media_type": "image/png", "data": picture})
                );
                assert!(
                    !answer.header("x-ainfera-coercions").unwrap_or_default().contains("input")
                );
            }
            "openai_compatible" => {
                let message = heard["messages"].as_array().unwrap().last().unwrap();
                assert_eq!(message["role"], "user");
                assert!(message.to_string().contains(picture), "{message}");
                assert!(
                    answer
                        .header("x-ainfera-coercions")
                        .is_some_and(|named| named.split(", ").any(|named| named == moved))
                );
            }
            _ => assert!(heard.to_string().contains(picture), "{kind}: {heard}"),
        }
    }
}

#[actix_rt::test]
async fn p021_a_limit_makes_the_answer_incomplete() {
    let gateway = gateway().await;
    for (kind, _, floor) in WAYS {
        let body = with(routed(floor, "[[mock tokens=40]]"), "max_output_tokens", json!(16));
        for response in both(&gateway, &body).await {
            assert_eq!(
                (&response["status"], &response["error"]),
                (&json!("incomplete"), &Value::Null),
                "{kind}"
            );
            assert_eq!(
                response["incomplete_details"],
                json!({"reason": "max_output_tokens"}),
                "{kind}"
            );
            assert_eq!(response["usage"]["output_tokens"], json!(16), "{kind}");
        }
    }
}
