//! Responses over a WebSocket: each `response.create` is a call like one over HTTP, with one row
//! and the same bill.

mod endings;
mod limits;

use serde_json::{Value, json};

use crate::responses_client::{TABLES, WAYS, ask, gateway, gateway_on, routed, text, whole};
use crate::support::database::Database;
use crate::support::websocket::WebSocket;
use crate::support::{Gateway, GatewayPlan};

/// The message that asks for this call.
fn create(mut body: Value) -> Value {
    body["type"] = json!("response.create");
    body
}

fn after(mut message: Value, previous: &Value) -> Value {
    message["previous_response_id"] = previous["id"].clone();
    message
}

/// The response of the last event, which says that it is complete.
fn response_of(events: &[Value]) -> Value {
    let last = &events[events.len() - 1];
    assert_eq!(last["type"], "response.completed", "{last}");
    last["response"].clone()
}

async fn rows(gateway: &Gateway) -> i64 {
    gateway.settled().await;
    gateway.database.number("select count(*) from inferences").await
}

#[actix_rt::test]
async fn a_turn_leaves_one_row_with_the_bill_of_the_same_call_over_http() {
    for database in Database::both().await {
        let gateway = gateway_on(database).await;
        for (kind, model, floor) in WAYS {
            let body = routed(floor, "how are you? [[mock tokens=20]]");
            let over_http = whole(&ask(&gateway, &body).await);
            let mut socket = WebSocket::open(&gateway).await;
            let events = socket.ask(&create(body)).await;
            assert_eq!(
                (&events[0]["type"], &events[0]["model"]),
                (&json!("ainfera.call"), &json!(model)),
                "{kind}"
            );
            assert_eq!(events[1]["type"], "response.created", "{kind}");
            let response = response_of(&events);
            assert_eq!(text(&response), text(&over_http), "{kind}");
            assert_eq!(response["usage"], over_http["usage"], "{kind}");
            gateway.settled().await;
            let same = format!(
                "select count(*) from routing_outcomes where chosen_model_slug = '{model}'"
            );
            assert_eq!(gateway.database.number(&same).await, 2, "{kind}");
            let bills = same.replace("count(*)", "count(distinct cost_actual_usd)");
            assert_eq!(gateway.database.number(&bills).await, 1, "{kind}");
        }
        assert_eq!(rows(&gateway).await, 8);
        gateway.stop().await;
    }
}

/// The second turn sends the new item alone; the provider hears the whole conversation, also where
/// another vendor answers than before.
#[actix_rt::test]
async fn a_call_goes_on_from_the_response_before_it_at_any_provider() {
    let gateway = gateway().await;
    for (first, _, first_floor) in WAYS {
        for (second, _, second_floor) in WAYS {
            let mut socket = WebSocket::open(&gateway).await;
            let begin = create(routed(first_floor, format!("from {first} to {second}")));
            let answered = response_of(&socket.ask(&begin).await);
            let next = after(create(routed(second_floor, "and then?")), &answered);
            response_of(&socket.ask(&next).await);
            let requests = gateway.mock.requests();
            let heard = requests.last().unwrap().body.to_string();
            assert!(heard.contains("and then?"), "{heard}");
            assert!(heard.contains(&format!("from {first} to {second}")), "{heard}");
            assert!(heard.contains("You said"), "{first} {second}: {heard}");
            assert!(!heard.contains("previous_response_id"), "{heard}");
        }
    }
    assert_eq!(rows(&gateway).await, 32);
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_tool_loop_sends_nothing_but_the_results() {
    for database in Database::both().await {
        let gateway = gateway_on(database).await;
        for (kind, _, floor) in WAYS {
            let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
            let tools = json!([{"type": "function", "name": "get_weather", "parameters": parameters, "strict": false}]);
            let mut begin = create(routed(floor, "weather? [[mock thinking=2 tools=1]]"));
            begin["tools"] = tools.clone();
            let mut socket = WebSocket::open(&gateway).await;
            let first = response_of(&socket.ask(&begin).await);
            let output = first["output"].as_array().unwrap();
            let call = output.iter().find(|item| item["type"] == "function_call").unwrap();
            let result = json!([{"type": "function_call_output", "call_id": call["call_id"], "output": "forty-two degrees"}]);
            let mut next = after(create(routed(floor, result)), &first);
            next["tools"] = tools;
            let second = response_of(&socket.ask(&next).await);
            assert!(text(&second).contains("forty-two degrees"), "{kind}: {second}");
        }
        assert_eq!(rows(&gateway).await, 8);
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn a_warm_up_costs_nothing_and_the_next_call_goes_on_from_it() {
    let gateway = gateway().await;
    let mut socket = WebSocket::open(&gateway).await;
    let mut warm_up = create(routed("0.5", "remember this"));
    warm_up["generate"] = json!(false);
    let warm = response_of(&socket.ask(&warm_up).await);
    assert_eq!(warm["output"], json!([]));
    assert_eq!(gateway.mock.requests().len(), 0);
    let next = after(create(routed("0.5", "go on")), &warm);
    response_of(&socket.ask(&next).await);
    let heard = gateway.mock.requests().last().unwrap().body.to_string();
    assert!(heard.contains("remember this") && heard.contains("go on"), "{heard}");
    assert_eq!(rows(&gateway).await, 1);
    gateway.stop().await;
}

/// The first event tells what only the headers tell over HTTP.
#[actix_rt::test]
async fn what_changed_on_the_way_is_told_in_the_first_event() {
    let gateway = gateway().await;
    let mut socket = WebSocket::open(&gateway).await;
    let mut body = routed("0.88", "hi");
    body["top_logprobs"] = json!(3);
    let told = ask(&gateway, &body).await;
    let events = socket.ask(&create(body)).await;
    let coercions: Vec<&str> = events[0]["coercions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert_eq!(told.header("x-ainfera-coercions"), Some(&*coercions.join(", ")));
    assert!(coercions.contains(&"top_logprobs=dropped:no_equivalent"), "{coercions:?}");
    let response = response_of(&events);
    assert_eq!(response["ainfera"]["coercions"], events[0]["coercions"]);
    let inference = events[0]["inference_id"].as_str().unwrap();
    assert_eq!(gateway.get(&format!("/v1/inferences/{inference}")).await.status, 200);
    gateway.stop().await;
}

/// A key belongs to one message: the same message again gets the same answer, without a row.
#[actix_rt::test]
async fn a_call_with_its_own_key_is_answered_once() {
    for database in Database::both().await {
        let gateway = gateway_on(database).await;
        let mut message = create(routed("0.5", "once [[mock tokens=9]]"));
        message["idempotency_key"] = json!("the-key");
        let mut answers = Vec::new();
        for _ in 0..2 {
            let mut socket = WebSocket::open(&gateway).await;
            let events = socket.ask(&message).await;
            answers.push((events[0]["idempotent_replayed"].clone(), response_of(&events)));
        }
        assert_eq!([&answers[0].0, &answers[1].0], [&json!(false), &json!(true)]);
        assert_eq!(answers[0].1, answers[1].1);
        message["input"] = json!("something else");
        let events = WebSocket::open(&gateway).await.ask(&message).await;
        assert_eq!((&events[0]["type"], &events[0]["status"]), (&json!("error"), &json!(422)));
        assert_eq!(rows(&gateway).await, 1);
        gateway.stop().await;
    }
}

/// Each mistake is one event that names the field, and the connection goes on.
#[actix_rt::test]
async fn mistakes_are_events_that_name_the_field() {
    let gateway = gateway().await;
    let mut socket = WebSocket::open(&gateway).await;
    let answered = response_of(&socket.ask(&create(routed("0.5", "hi"))).await);
    let item = json!([{"role": "nobody", "content": "x"}]);
    for (message, field, code) in [
        (json!({"type": "response.steer"}), "type", Value::Null),
        (json!([1]), "message", Value::Null),
        (create(json!({"model": "ainfera-inference", "input": 7})), "input", Value::Null),
        (create(json!({"input": "hi"})), "model", Value::Null),
        (json!({"type": "response.cancel"}), "type", Value::Null),
        (create(json!({"model": "m", "stream_id": "a"})), "stream_id", Value::Null),
        (after(create(routed("0.5", item)), &answered), "input.0.role", Value::Null),
        (
            after(create(routed("0.5", "hi")), &json!({"id": "resp_of_nobody"})),
            "previous_response_id",
            json!("previous_response_not_found"),
        ),
    ] {
        let events = socket.ask(&message).await;
        assert_eq!(events.len(), 1, "{message}: {events:?}");
        let error = &events[0]["error"];
        assert_eq!((&events[0]["type"], &events[0]["status"]), (&json!("error"), &json!(400)));
        assert_eq!((&error["param"], &error["code"]), (&json!(field), &code), "{message}: {error}");
    }
    let again = after(create(routed("0.5", "still there")), &answered);
    response_of(&socket.ask(&again).await);
    assert_eq!(rows(&gateway).await, 2);
    gateway.stop().await;
}

#[actix_rt::test]
async fn calls_that_come_at_once_are_answered_one_after_the_other() {
    let gateway = gateway().await;
    let mut socket = WebSocket::open(&gateway).await;
    for number in 0..4 {
        socket.say(&create(routed("0.5", format!("number {number} [[mock delay_ms=2]]")))).await;
    }
    for number in 0..4 {
        let response = response_of(&socket.answer().await);
        assert!(text(&response).contains(&format!("number {number}")), "{response}");
    }
    assert_eq!(rows(&gateway).await, 4);
    gateway.stop().await;
}
