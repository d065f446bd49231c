//! `POST /v1/chat/completions`: what official clients of that dialect hear from providers of theirs
//! and of Anthropic's.

use ainfera_wire::client::ClientDialect;
use serde_json::{Value, json};

use crate::matrix::bill;
use crate::support::database::Database;
use crate::support::gateway::{MODELS, native as to_anthropic, routed, streamed};
use crate::support::reading::{Read, completion_of, frames_of, read};
use crate::support::{Answer, Connection, Gateway, GatewayPlan};

const PATH: &str = "/v1/chat/completions";

async fn ask(gateway: &Gateway, body: &Value) -> Answer {
    gateway.call_at(PATH, body, &[]).await
}

type Make = fn(Value) -> Value;

/// To a provider of the client's own dialect, and to one of Anthropic's.
const WAYS: [(&str, Make); 2] = [("native", |body| body), ("translated", to_anthropic)];

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn with_tools(body: Value) -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "description": "a tool", "parameters": parameters}});
    with(body, "tools", json!([tool("get_weather"), tool("get_time")]))
}

fn with_usage(body: Value) -> Value {
    with(body, "stream_options", json!({"include_usage": true}))
}

/// `error.type`, `error.code` and `error.message` of OpenAI's envelope.
fn error_of(answer: &Answer) -> (Value, Value, String) {
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"], "{body}");
    let error = &body["error"];
    assert_eq!(answer.header("x-request-id"), error["request_id"].as_str(), "{body}");
    assert!(error.get("param").is_some(), "{body}");
    (error["type"].clone(), error["code"].clone(), error["message"].as_str().unwrap().to_owned())
}

/// A `chat.completion` in the form of [`completion_of`].
fn whole(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(
        (&body["object"], body["choices"].as_array().unwrap().len()),
        (&json!("chat.completion"), 1),
        "{body}"
    );
    let choice = &body["choices"][0];
    let mut message = choice["message"].clone();
    assert!(
        message
            .as_object_mut()
            .unwrap()
            .shift_remove("refusal")
            .is_some_and(|refusal| refusal.is_null())
    );
    if message["content"] == "" {
        message["content"] = Value::Null;
    }
    json!({"id": body["id"], "model": body["model"], "usage": body["usage"], "ainfera": body["ainfera"],
        "message": message, "finish_reason": choice["finish_reason"]})
}

fn streamed_whole(answer: &Answer) -> Value {
    let mut completion = completion_of(answer);
    if completion["message"]["content"] == "" {
        completion["message"]["content"] = Value::Null;
    }
    completion
}

#[actix_rt::test]
async fn p023_money_that_is_not_there_is_402_also_for_a_stream() {
    let plan = GatewayPlan { funding: "0.00001".parse().unwrap(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    for body in [routed("hi"), streamed(routed("hi"))] {
        let answer = ask(&gateway, &body).await;
        let (kind, code, _) = error_of(&answer);
        assert_eq!(
            (answer.status, kind, code),
            (402, json!("insufficient_quota"), json!("insufficient_funds")),
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert_eq!(gateway.mock.requests().len(), 0);
}

#[actix_rt::test]
async fn p024_a_floor_that_no_candidate_clears_is_422_also_for_a_stream() {
    let gateway = Gateway::start().await;
    let body = with(routed("hi"), "routing_hint", json!({"min_quality": "0.99"}));
    for body in [body.clone(), streamed(body)] {
        let answer = ask(&gateway, &body).await;
        assert_eq!((answer.status, error_of(&answer).1), (422, json!("no_candidate_clears_floor")));
    }
    gateway.settled().await;
    assert_eq!(
        gateway
            .database
            .number("select count(*) from routing_outcomes where outcome_status = 'rejected_floor'")
            .await,
        2
    );
}

#[actix_rt::test]
async fn p026_p032_an_error_before_content_is_hidden_if_another_candidate_answers() {
    let gateway = Gateway::start().await;
    // after the chunk that names the role, or the message_start, and before any content
    for (model, make) in [(MODELS[0], (|body| body) as Make), (MODELS[1], to_anthropic)] {
        for fault in ["error_event_at at=1", "fin_at at=1", "empty_stream", "ping_only_then_end"] {
            let body = make(routed(&format!("hello [[mock model=up-{model} fault={fault}]]")));
            for body in [streamed(body.clone()), body] {
                let answer = ask(&gateway, &body).await;
                let said =
                    if body["stream"] == true { completion_of(&answer) } else { whole(&answer) };
                assert_ne!(answer.header("x-ainfera-model"), Some(model), "{fault}");
                assert_eq!(
                    (&said["message"]["content"], &said["finish_reason"]),
                    (&json!("You said: “hello”."), &json!("stop")),
                    "{fault}"
                );
            }
        }
    }
}

#[actix_rt::test]
async fn p004_p005_parallel_calls_have_their_own_index_id_and_arguments() {
    let gateway = Gateway::start().await;
    for directive in ["[[mock tools=3]]", "[[mock tools=3 interleave=true]]"] {
        for (way, make) in WAYS {
            let completion =
                completion_of(&ask(&gateway, &streamed(make(with_tools(routed(directive))))).await);
            let calls = completion["message"]["tool_calls"].as_array().unwrap();
            assert_eq!(
                (calls.len(), &completion["finish_reason"]),
                (3, &json!("tool_calls")),
                "{way} {directive}: {completion}"
            );
            for call in calls {
                let arguments: Value =
                    serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
                assert!(
                    arguments["city"].is_string() && arguments["days"].is_number(),
                    "{way} {directive}: {call}"
                );
            }
        }
    }
}

#[actix_rt::test]
async fn results_of_tools_go_back_in_and_reach_either_provider_in_its_own_words() {
    let gateway = Gateway::start().await;
    for (way, make) in WAYS {
        let mut body = make(with_tools(routed("weather? [[mock tools=2]]")));
        let first = whole(&ask(&gateway, &body).await);
        let ids: Vec<&str> = first["message"]["tool_calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["id"].as_str().unwrap())
            .collect();
        let mut messages = vec![
            json!({"role": "developer", "content": "be brief"}),
            body["messages"][0].clone(),
            first["message"].clone(),
        ];
        messages
            .push(json!({"role": "tool", "tool_call_id": ids[0], "content": "sunny, 21 degrees"}));
        messages.push(json!({"role": "tool", "tool_call_id": ids[1], "content": [{"type": "text", "text": "rain, 9 degrees"}]}));
        body["messages"] = json!(messages);
        for body in [streamed(body.clone()), body.clone()] {
            let answer = ask(&gateway, &body).await;
            let said = if body["stream"] == true { completion_of(&answer) } else { whole(&answer) };
            let text = said["message"]["content"].as_str().unwrap();
            assert!(
                text.contains("sunny, 21 degrees") && text.contains("rain, 9 degrees"),
                "{way}: {text}"
            );
            // servers that copy OpenAI know `system` for certain, and `developer` often not
            let changed = (way == "native").then_some("messages.0.role=renamed:system");
            assert_eq!(answer.header("x-ainfera-coercions"), changed, "{way}: nothing is lost");
        }
        let heard = gateway.mock.requests().last().unwrap().body.clone();
        match way {
            "native" => {
                let mut expected = body["messages"].clone();
                expected[0]["role"] = json!("system");
                assert_eq!(heard["messages"], expected, "all others as they came");
            }
            _ => {
                assert_eq!(heard["system"], json!([{"type": "text", "text": "be brief"}]));
                let results = heard["messages"][2]["content"].as_array().unwrap();
                assert_eq!(
                    (heard["messages"].as_array().unwrap().len(), results.len()),
                    (3, 2),
                    "one turn of results: {heard}"
                );
                assert_eq!(
                    (&results[0]["type"], &results[0]["tool_use_id"]),
                    (&json!("tool_result"), &json!(ids[0]))
                );
            }
        }
    }
}

#[actix_rt::test]
async fn a_provider_of_the_same_dialect_gets_the_body_as_it_came() {
    let gateway = Gateway::start().await;
    let mut body = with_tools(routed("hi"));
    for (member, value) in [
        ("routing_hint", json!({"quality_floor": "good"})),
        ("task_type", json!("chat")),
        ("routing_preference", json!("cost")),
        ("agent_id", json!(gateway.agent_id.to_string())),
        ("a_member_of_tomorrow", json!({"deep": [1, {"x": null}]})),
        ("seed", json!(7)),
        ("logit_bias", json!({"50256": -100})),
        ("temperature", json!(1.75)),
    ] {
        body[member] = value;
    }
    let answer = ask(&gateway, &streamed(body.clone())).await;
    completion_of(&answer);
    assert_eq!(
        (answer.header("x-ainfera-model"), answer.header("x-ainfera-coercions")),
        (Some(MODELS[0]), None)
    );
    let heard = gateway.mock.requests().last().unwrap().body.clone();
    assert_eq!((&heard["model"], &heard["stream"]), (&json!("up-mistral-large-3"), &json!(true)));
    assert_eq!(
        heard["stream_options"],
        json!({"include_usage": true}),
        "asked for whether or not the client did"
    );
    for own in ["routing_hint", "task_type", "routing_preference", "agent_id"] {
        assert!(heard.get(own).is_none(), "{own} stays here: {heard}");
    }
    for member in [
        "messages",
        "tools",
        "a_member_of_tomorrow",
        "seed",
        "logit_bias",
        "temperature",
        "max_tokens",
    ] {
        assert_eq!(heard[member], body[member], "{member}");
    }
}

#[actix_rt::test]
async fn a_providers_own_chunks_survive_with_unknown_members() {
    let gateway = Gateway::start().await;
    let answer = ask(&gateway, &streamed(routed("[[mock tokens=2 pad=9]]"))).await;
    completion_of(&answer);
    let all: Vec<Value> = frames_of(&answer.text()).into_iter().map(|frame| frame.json).collect();
    for chunk in all.iter().filter(|chunk| !chunk.is_null()) {
        assert_eq!(
            (&chunk["system_fingerprint"], &chunk["obfuscation"]),
            (&json!("fp_mock"), &json!("xxxxxxxxx")),
            "{chunk}"
        );
        assert!(chunk["id"].as_str().unwrap().starts_with("chatcmpl-mock"), "{chunk}");
        assert_eq!(
            chunk["model"], "ainfera-inference",
            "a provider's name for the model is its own affair"
        );
    }
    let whole = ask(&gateway, &routed("[[mock tokens=2]]")).await.json();
    assert_eq!(
        (&whole["system_fingerprint"], &whole["object"]),
        (&json!("fp_mock"), &json!("chat.completion"))
    );
}

#[actix_rt::test]
async fn p052_p053_usage_is_told_to_those_who_asked_for_it() {
    let gateway = Gateway::start().await;
    for (way, make) in WAYS {
        let body = streamed(make(routed("[[mock tokens=5 usage=cache]]")));
        let unasked = ask(&gateway, &body).await;
        assert!(completion_of(&unasked).get("usage").is_none(), "{way}");
        assert!(!unasked.text().contains("\"usage\""), "{way}: {}", unasked.text());
        let asked = completion_of(&ask(&gateway, &with_usage(body)).await);
        let usage = &asked["usage"];
        assert!(
            usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap() > 0,
            "{way}: {usage}"
        );
        let sum =
            usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
        assert_eq!(usage["total_tokens"], json!(sum), "{way}");
        // billed by the provider's count whether or not the client heard it
        assert_eq!(bill(&gateway, &unasked).await[2], "reported", "{way}");
    }
}

#[actix_rt::test]
async fn a_silent_provider_is_bridged_by_comments() {
    let plan = GatewayPlan {
        deadlines: "hold = \"100ms\"\nping = \"100ms\"\n".to_owned(),
        ..GatewayPlan::default()
    };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    for (way, make) in WAYS {
        let answer = ask(&gateway, &streamed(make(routed("[[mock first_ms=700 tokens=3]]")))).await;
        completion_of(&answer);
        assert!(answer.text().matches(": ping\n\n").count() >= 2, "{way}: {}", answer.text());
    }
}

#[actix_rt::test]
async fn a_failure_after_an_early_head_is_an_error_in_the_stream_and_no_done() {
    let plan = GatewayPlan {
        deadlines: "hold = \"100ms\"\nfirst_event = \"400ms\"\n".to_owned(),
        ..GatewayPlan::default()
    };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    for (way, make) in WAYS {
        let answer =
            ask(&gateway, &streamed(make(routed("[[mock fault=hang_before_head]]")))).await;
        assert_eq!(answer.status, 200, "{way}: the head was out before anybody failed");
        let Read::Failed { error, text, .. } = read(ClientDialect::Chat, &answer.text()) else {
            panic!("{way}: {}", answer.text())
        };
        assert_eq!(
            (text.as_str(), &error["code"]),
            ("", &json!("all_routed_models_failed")),
            "{way}: {error}"
        );
        assert!(!answer.text().contains("[DONE]"), "{way}: {}", answer.text());
    }
}

#[actix_rt::test]
async fn what_the_other_dialect_cannot_say_is_named_or_refused() {
    let gateway = Gateway::start().await;
    let mut body = to_anthropic(routed("hi"));
    for (member, value) in [
        ("seed", json!(7)),
        ("logprobs", json!(true)),
        ("temperature", json!(1.5)),
        ("user", json!("u")),
        ("stop", json!(["END"])),
        ("odd", json!(1)),
    ] {
        body[member] = value;
    }
    let answer = ask(&gateway, &streamed(body.clone())).await;
    completion_of(&answer);
    let mut coercions: Vec<&str> =
        answer.header("x-ainfera-coercions").unwrap().split(", ").collect();
    coercions.sort_unstable();
    let expected = [
        "logprobs=dropped:no_equivalent",
        "odd=dropped:unknown",
        "seed=dropped:no_equivalent",
        "stop=renamed:stop_sequences",
        "temperature=clamped:1",
    ];
    assert!(expected.iter().all(|expected| coercions.contains(expected)), "{coercions:?}");
    let heard = gateway.mock.requests().last().unwrap().body.clone();
    assert_eq!(
        (&heard["temperature"], &heard["stop_sequences"], &heard["metadata"]),
        (&json!(1), &json!(["END"]), &json!({"user_id": "u"}))
    );
    assert!(heard.get("odd").is_none() && heard.get("seed").is_none(), "{heard}");

    let strict = gateway
        .call_at(PATH, &with(body, "model", json!(MODELS[3])), &[("x-ainfera-strict", "true")])
        .await;
    assert_eq!(
        (strict.status, error_of(&strict).1),
        (422, json!("coercion_refused")),
        "{}",
        strict.text()
    );
    let named = strict.json()["error"]["details"]["coercions"][MODELS[3]].to_string();
    assert!(
        named.contains("seed=dropped:no_equivalent")
            && named.contains("temperature=dropped:model_refuses"),
        "{named}"
    );
}

#[actix_rt::test]
async fn fields_of_this_dialect_alone_go_to_its_own_providers_alone() {
    let gateway = Gateway::start().await;
    let mut body = routed("hi");
    body["messages"][0]["content"] = json!([{"type": "text", "text": "hi"}, {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]);
    let answer = ask(&gateway, &with(body.clone(), "model", json!(MODELS[3]))).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["param"], "messages.0.content.1.type");
    assert_eq!(gateway.mock.requests().len(), 0);
    for (model, asked) in [(MODELS[2], MODELS[2]), ("ainfera-inference", MODELS[0])] {
        whole(&ask(&gateway, &with(body.clone(), "model", json!(model))).await);
        let heard = gateway.mock.requests().last().unwrap().body.clone();
        assert_eq!(heard["messages"], body["messages"]);
        assert_eq!(heard["model"], format!("up-{asked}"));
    }
    // above this floor every model speaks another dialect
    let mut floored = body;
    floored["routing_hint"] = json!({"min_quality": "0.94"});
    let answer = ask(&gateway, &floored).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["param"], "messages.0.content.1.type");
}

#[actix_rt::test]
async fn p083_every_error_has_this_dialects_envelope() {
    let gateway = Gateway::start().await;
    let text = |body: &Value| body.to_string().into_bytes();
    let call = |id: &str| json!([{"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\":"}}]}]);
    for (body, param) in [
        (b"{\"model\":".to_vec(), "body"),
        (text(&with(routed("hi"), "messages", json!([]))), "messages"),
        (
            text(&with(routed("hi"), "messages", call("a"))),
            "messages.0.tool_calls.0.function.arguments",
        ),
        (
            text(&with(
                routed("hi"),
                "messages",
                json!([{"role": "tool", "tool_call_id": "x", "content": "y"}]),
            )),
            "messages.0.tool_call_id",
        ),
        (text(&with(routed("hi"), "n", json!(2))), "n"),
        (text(&with(routed("hi"), "task_type", json!("poetry"))), "task_type"),
    ] {
        let answer = gateway.begin_at(PATH, &body, &[]).await.answer().await;
        assert_eq!(
            (answer.status, error_of(&answer).0),
            (400, json!("invalid_request_error")),
            "{param}: {}",
            answer.text()
        );
        assert_eq!(answer.json()["error"]["param"], param);
    }
    let unknown = ask(&gateway, &with(routed("hi"), "model", json!("no-such-model"))).await;
    assert_eq!((unknown.status, error_of(&unknown).1), (422, json!("model_unavailable")));
    let toolless = ask(&gateway, &with(with_tools(routed("hi")), "model", json!("toolless"))).await;
    assert_eq!(
        (toolless.status, error_of(&toolless).1),
        (422, json!("tools_not_supported_by_backend"))
    );
    let mut connection = Connection::open(gateway.address).await;
    connection.send("POST", PATH, &[("authorization", "Bearer nonsense")], b"{}").await;
    let stranger = connection.answer().await;
    assert_eq!((stranger.status, error_of(&stranger).1), (401, json!("invalid_api_key")));
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-length: 99999999\r\n\r\n",
        gateway.key
    );
    connection.send_raw(head.as_bytes()).await;
    let large = connection.answer().await;
    assert_eq!(
        (large.status, error_of(&large).1),
        (413, json!("request_too_large")),
        "{}",
        large.text()
    );
    gateway.settled().await;
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 0);
    assert_eq!(gateway.mock.requests().len(), 0);
}

#[actix_rt::test]
async fn an_answer_is_given_again_in_the_form_that_is_asked_for() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        for (way, make) in WAYS {
            let body = make(with_tools(routed("weather? [[mock tools=2]]")));
            let key = [("idempotency-key", way)];
            let first = gateway.call_at(PATH, &with_usage(streamed(body.clone())), &key).await;
            let original = streamed_whole(&first);
            gateway.settled().await;
            let asked = gateway.mock.requests().len();
            // the question is the same however its answer is delivered
            let again = gateway.call_at(PATH, &with_usage(streamed(body.clone())), &key).await;
            assert_eq!(
                (again.header("idempotent-replayed"), &streamed_whole(&again)),
                (Some("true"), &original),
                "{way}"
            );
            let whole_again = gateway.call_at(PATH, &with_usage(body.clone()), &key).await;
            assert_eq!(
                (whole_again.header("idempotent-replayed"), &whole(&whole_again)),
                (Some("true"), &original),
                "{way}"
            );
            // nor is whether it wants to hear of usage
            let unasked = gateway.call_at(PATH, &streamed(body.clone()), &key).await;
            assert_eq!(
                (unasked.header("idempotent-replayed"), completion_of(&unasked).get("usage")),
                (Some("true"), None),
                "{way}"
            );
            let other =
                gateway.call_at(PATH, &with_usage(make(routed("something else"))), &key).await;
            assert_eq!(
                (other.status, error_of(&other).1),
                (422, json!("idempotency_key_reused")),
                "{way}"
            );
            assert_eq!(gateway.mock.requests().len(), asked, "{way}");
        }
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn usage_that_the_first_stream_left_out_is_in_a_later_whole_answer() {
    let gateway = Gateway::start().await;
    for (way, make) in WAYS {
        let body = make(routed("[[mock tokens=4 usage=cache]]"));
        let key = [("idempotency-key", way)];
        let first = gateway.call_at(PATH, &streamed(body.clone()), &key).await;
        assert!(completion_of(&first).get("usage").is_none(), "{way}");
        gateway.settled().await;
        let usage = whole(&gateway.call_at(PATH, &body, &key).await)["usage"].clone();
        assert!(
            usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap() > 0,
            "{way}: {usage}"
        );
        let streamed_again = gateway.call_at(PATH, &with_usage(streamed(body)), &key).await;
        assert_eq!(
            (
                streamed_again.header("idempotent-replayed"),
                &completion_of(&streamed_again)["usage"]
            ),
            (Some("true"), &usage),
            "{way}"
        );
    }
}
