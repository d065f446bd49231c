//! `POST /v1/responses`: what is passed on, what is named, what is refused, and what is given
//! again.

use serde_json::{Value, json};

use crate::responses_client::{
    NATIVE, PATH, WAYS, ask, both, error_of, gateway, gateway_on, plan, routed, text, whole, with,
};
use crate::support::database::Database;
use crate::support::gateway::{MODELS, streamed};
use crate::support::reading::{frames_of, response_of};
use crate::support::{Connection, Gateway, GatewayPlan};

fn floor_of(kind: &str) -> &'static str {
    WAYS.iter().find(|(known, ..)| *known == kind).unwrap().2
}

#[actix_rt::test]
async fn a_provider_of_the_same_dialect_gets_the_body_as_it_came_and_its_events_come_back() {
    let gateway = gateway().await;
    let mut body = routed(
        floor_of(NATIVE),
        json!([{"role": "user", "content": "[[mock tokens=2 pad=9]] hi", "a_member_of_tomorrow": [1, {"x": null}]}]),
    );
    for (member, value) in [
        ("task_type", json!("chat")),
        ("agent_id", json!(gateway.agent_id.to_string())),
        ("metadata", json!({"k": "v"})),
        ("prompt_cache_key", json!("key")),
        ("text", json!({"verbosity": "low"})),
        ("tools", json!([{"type": "web_search"}])),
        ("temperature", json!(1.75)),
    ] {
        body[member] = value;
    }
    let answer = ask(&gateway, &streamed(body.clone())).await;
    let response = response_of(&answer);
    assert_eq!(
        answer.header("x-ainfera-coercions"),
        Some("max_tool_calls=added:20"),
        "searches without end have no highest price"
    );
    assert_eq!(
        response["model"], "ainfera-inference",
        "a provider's name for the model is its own affair"
    );
    assert!(
        response["id"].as_str().unwrap().starts_with("resp_mock"),
        "the rest is as it came: {response}"
    );
    let all: Vec<Value> = frames_of(&answer.text()).into_iter().map(|frame| frame.json).collect();
    let mut deltas = all.iter().filter(|event| event["type"] == "response.output_text.delta");
    assert!(
        deltas.all(|event| event["obfuscation"] == "xxxxxxxxx"),
        "members that nobody here knows survive: {}",
        answer.text()
    );
    let heard = gateway.mock.requests().last().unwrap().body.clone();
    assert_eq!((&heard["model"], &heard["stream"]), (&json!("up-of-responses"), &json!(true)));
    assert_eq!(heard["max_tool_calls"], 20);
    for own in ["routing_hint", "task_type", "agent_id"] {
        assert!(heard.get(own).is_none(), "{own} stays here: {heard}");
    }
    for member in [
        "input",
        "metadata",
        "prompt_cache_key",
        "text",
        "tools",
        "temperature",
        "max_output_tokens",
    ] {
        assert_eq!(heard[member], body[member], "{member}");
    }
}

#[actix_rt::test]
async fn what_the_other_dialects_cannot_say_is_named_under_the_callers_names_or_refused() {
    let gateway = gateway().await;
    let mut body = routed(
        floor_of("anthropic"),
        json!([{"role": "user", "content": [{"type": "input_text", "text": "hi", "odd": 1}]}]),
    );
    for (member, value) in [
        ("metadata", json!({"k": "v"})),
        (
            "text",
            json!({"verbosity": "low", "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}}),
        ),
        ("include", json!(["reasoning.encrypted_content", "web_search_call.action.sources"])),
        ("temperature", json!(1.5)),
        ("safety_identifier", json!("u")),
        ("reasoning", json!({"effort": "minimal", "summary": "auto"})),
        ("tools", json!([{"type": "web_search"}])),
        ("store", json!(false)),
        ("truncation", json!("disabled")),
    ] {
        body[member] = value;
    }
    let answer = ask(&gateway, &streamed(body.clone())).await;
    let response = response_of(&answer);
    assert_eq!(
        (&response["metadata"], &response["store"]),
        (&json!({"k": "v"}), &json!(false)),
        "what was asked is repeated"
    );
    let mut coercions: Vec<&str> =
        answer.header("x-ainfera-coercions").unwrap().split(", ").collect();
    coercions.sort_unstable();
    let expected = [
        "include.1=dropped:no_equivalent",
        "input.0.content.0.odd=dropped:unknown",
        "max_output_tokens=renamed:max_tokens",
        "metadata=dropped:no_equivalent",
        "reasoning.effort=clamped:low",
        "reasoning.summary=dropped:no_equivalent",
        "temperature=clamped:1",
        "text.format.name=dropped:no_equivalent",
        "text.format.schema.additionalProperties=clamped:false",
        "text.verbosity=dropped:no_equivalent",
        "tools.0=dropped:no_equivalent",
    ];
    assert_eq!(coercions, expected);
    let heard = gateway.mock.requests().last().unwrap().body.clone();
    assert_eq!((&heard["temperature"], &heard["metadata"]), (&json!(1), &json!({"user_id": "u"})));
    assert_eq!(
        (&heard["output_config"]["effort"], heard.get("tools")),
        (&json!("low"), None),
        "{heard}"
    );

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
        named.contains("temperature=dropped:model_refuses")
            && named.contains("text.verbosity=dropped:no_equivalent"),
        "{named}"
    );
}

#[actix_rt::test]
async fn p074_reasoning_goes_back_to_its_issuer_and_is_named_for_all_others() {
    let gateway = gateway().await;
    for (maker, _, floor) in WAYS {
        let body = with(
            routed(floor, "[[mock thinking=2]] hi"),
            "include",
            json!(["reasoning.encrypted_content"]),
        );
        let item = response_of(&ask(&gateway, &streamed(body.clone())).await)["output"][0].clone();
        assert_eq!(item["type"], "reasoning", "{maker}");
        // reasoning without a signature can be given back to no provider
        let taken_back = item["encrypted_content"].is_string();
        let input = json!([{"role": "user", "content": "hi"}, item, {"role": "assistant", "content": "yes?"}, {"role": "user", "content": "go on"}]);
        for (asked, model, _) in WAYS {
            let next = with(with(body.clone(), "input", input.clone()), "model", json!(model));
            let answer = ask(&gateway, &next).await;
            whole(&answer);
            let named = answer
                .header("x-ainfera-coercions")
                .is_some_and(|named| named.contains("input.1=dropped:other_issuer"));
            assert_eq!(
                named,
                !taken_back || asked != maker,
                "{maker} to {asked}: {:?}",
                answer.header("x-ainfera-coercions")
            );
        }
    }
}

#[actix_rt::test]
async fn p022_what_refers_to_something_kept_is_refused_unless_its_keeper_is_asked() {
    let gateway = gateway().await;
    for (member, value) in [
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("prompt", json!({"id": "pmpt_1"})),
        ("background", json!(true)),
    ] {
        for body in [
            with(routed("0.5", "hi"), member, value.clone()),
            with(with(routed("0.5", "hi"), member, value), "model", json!(MODELS[3])),
        ] {
            for body in [streamed(body.clone()), body] {
                let answer = ask(&gateway, &body).await;
                assert_eq!(
                    (answer.status, error_of(&answer).0),
                    (400, json!("invalid_request_error")),
                    "{member}: {}",
                    answer.text()
                );
                assert_eq!(answer.json()["error"]["param"], member);
            }
        }
    }
    assert_eq!(gateway.mock.requests().len(), 0);
    // its keeper judges itself
    let pinned = with(
        with(routed("0.5", "hi"), "previous_response_id", json!("resp_1")),
        "model",
        json!("of-responses"),
    );
    let answer = ask(&gateway, &pinned).await;
    assert_eq!(answer.status, 400);
    assert!(
        error_of(&answer).2.contains("Previous response with id 'resp_1' not found"),
        "{}",
        answer.text()
    );
    assert_eq!(gateway.mock.requests().len(), 1);
}

#[actix_rt::test]
async fn p083_every_error_has_openais_envelope() {
    let gateway = gateway().await;
    for path in ["/v1/responses/resp_1", "/v1/responses/resp_1/input_items"] {
        let missing = gateway.get(path).await;
        assert_eq!(
            (missing.status, error_of(&missing).1),
            (404, json!("not_found")),
            "{path}: {}",
            missing.text()
        );
    }
    let listed = gateway.get(PATH).await;
    assert_eq!((listed.status, error_of(&listed).0), (405, json!("invalid_request_error")));
    let call = |arguments: &str| json!([{"role": "user", "content": "x"}, {"type": "function_call", "call_id": "a", "name": "f", "arguments": arguments}]);
    for (body, param) in [
        (b"{\"model\":".to_vec(), "body"),
        (routed("0.5", json!([])).to_string().into_bytes(), "input"),
        (routed("0.5", json!(7)).to_string().into_bytes(), "input"),
        (routed("0.5", call("{\"a\":")).to_string().into_bytes(), "input.1.arguments"),
        (
            routed("0.5", json!([{"type": "function_call_output", "call_id": "x", "output": "y"}]))
                .to_string()
                .into_bytes(),
            "input.0.call_id",
        ),
        (
            with(routed("0.5", "hi"), "max_output_tokens", json!(0)).to_string().into_bytes(),
            "max_output_tokens",
        ),
        (
            with(routed("0.5", "hi"), "task_type", json!("poetry")).to_string().into_bytes(),
            "task_type",
        ),
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
    let unknown = ask(&gateway, &with(routed("0.5", "hi"), "model", json!("no-such-model"))).await;
    assert_eq!((unknown.status, error_of(&unknown).1), (422, json!("model_unavailable")));
    let mut connection = Connection::open(gateway.address).await;
    connection.send("POST", PATH, &[("authorization", "Bearer nonsense")], b"{}").await;
    let stranger = connection.answer().await;
    assert_eq!((stranger.status, error_of(&stranger).1), (401, json!("invalid_api_key")));
    gateway.settled().await;
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 0);
    let floor = streamed(routed("0.999", "hi"));
    let answer = ask(&gateway, &floor).await;
    assert_eq!((answer.status, error_of(&answer).1), (422, json!("no_candidate_clears_floor")));
    assert_eq!(gateway.mock.requests().len(), 0);
}

#[actix_rt::test]
async fn p032_an_error_before_content_is_hidden_if_another_candidate_answers() {
    let gateway = gateway().await;
    for (kind, model, floor) in WAYS.into_iter().filter(|(kind, ..)| *kind != "gemini") {
        for fault in ["error_event_at at=1", "fin_at at=1", "empty_stream"] {
            let body = routed(floor, format!("hello [[mock model=up-{model} fault={fault}]]"));
            for response in both(&gateway, &body).await {
                assert_eq!(
                    (text(&response).as_str(), &response["status"]),
                    ("You said: “hello”.", &json!("completed")),
                    "{kind} {fault}"
                );
            }
        }
    }
}

#[actix_rt::test]
async fn an_answer_is_given_again_in_the_form_that_is_asked_for() {
    for database in Database::both().await {
        let gateway = gateway_on(database).await;
        for (kind, _, floor) in WAYS {
            let body = routed(floor, "[[mock thinking=2 tokens=3]] hi");
            let key = [("idempotency-key", kind)];
            let original = response_of(&gateway.call_at(PATH, &streamed(body.clone()), &key).await);
            gateway.settled().await;
            let asked = gateway.mock.requests().len();
            let again = gateway.call_at(PATH, &streamed(body.clone()), &key).await;
            assert_eq!(
                (again.header("idempotent-replayed"), &response_of(&again)),
                (Some("true"), &original),
                "{kind}"
            );
            let whole_again = gateway.call_at(PATH, &body, &key).await;
            assert_eq!(
                (whole_again.header("idempotent-replayed"), &whole(&whole_again)),
                (Some("true"), &original),
                "{kind}"
            );
            // and the other way round
            let key = format!("{kind}-whole");
            let key = [("idempotency-key", key.as_str())];
            let original = whole(&gateway.call_at(PATH, &body, &key).await);
            gateway.settled().await;
            assert_eq!(
                response_of(&gateway.call_at(PATH, &streamed(body.clone()), &key).await),
                original,
                "{kind}"
            );
            let other = gateway.call_at(PATH, &routed(floor, "something else"), &key).await;
            assert_eq!(
                (other.status, error_of(&other).1),
                (422, json!("idempotency_key_reused")),
                "{kind}"
            );
            assert_eq!(gateway.mock.requests().len(), asked + 1, "{kind}");
        }
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_silent_provider_is_bridged_by_comments() {
    let plan = plan("hold = \"100ms\"\nping = \"100ms\"\n");
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    for (kind, _, floor) in WAYS {
        let answer =
            ask(&gateway, &streamed(routed(floor, "[[mock first_ms=700 tokens=3]]"))).await;
        response_of(&answer);
        assert!(answer.text().matches(": ping\n\n").count() >= 2, "{kind}: {}", answer.text());
    }
}

#[actix_rt::test]
async fn a_schema_for_the_answer_reaches_every_kind_of_provider() {
    let gateway = gateway().await;
    let schema: Value = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false});
    let format = json!({"format": {"type": "json_schema", "name": "answer", "strict": true, "schema": schema}});
    for (kind, _, floor) in WAYS {
        let answer = ask(&gateway, &with(routed(floor, "hi"), "text", format.clone())).await;
        whole(&answer);
        let heard = gateway.mock.requests().last().unwrap().body.clone();
        let arrived = match kind {
            "openai_compatible" => &heard["response_format"]["json_schema"]["schema"],
            "anthropic" => &heard["output_config"]["format"]["schema"],
            "openai_responses" => &heard["text"]["format"]["schema"],
            _ => &heard["generationConfig"]["responseJsonSchema"],
        };
        assert_eq!(*arrived, schema, "{kind}: {heard}");
    }
}

#[actix_rt::test]
async fn what_the_user_says_while_a_tool_runs_is_heard_by_every_kind_of_provider() {
    let gateway = gateway().await;
    let input = json!([
        {"role": "user", "content": "go"},
        {"type": "function_call", "call_id": "call_abcdefghi", "name": "f", "arguments": "{}"},
        {"role": "user", "content": "hurry up"},
        {"type": "function_call_output", "call_id": "call_abcdefghi", "output": "it is done"},
    ]);
    let tool = json!([{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": false}]);
    for (kind, _, floor) in WAYS {
        let answer =
            ask(&gateway, &with(routed(floor, input.clone()), "tools", tool.clone())).await;
        whole(&answer);
        let heard = gateway.mock.requests().last().unwrap().body.to_string();
        assert!(heard.contains("hurry up") && heard.contains("it is done"), "{kind}: {heard}");
        let named = answer
            .header("x-ainfera-coercions")
            .unwrap_or_default()
            .contains("input.3=moved:before the user message");
        assert_eq!(named, kind != NATIVE, "{kind}");
    }
}

#[actix_rt::test]
async fn p023_money_that_is_not_there_is_402_also_for_a_stream() {
    let plan = GatewayPlan { funding: "0.00001".parse().unwrap(), ..plan("hold = \"5s\"\n") };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    for body in [routed("0.5", "hi"), streamed(routed("0.5", "hi"))] {
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
