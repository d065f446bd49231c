//! The main path: what a streaming client gets, and the row it leaves.

use serde_json::{Value, json};

use crate::support::Gateway;
use crate::support::gateway::{message_of, native, routed, streamed, with_tools};
use crate::support::reading::frames_of;

fn names(stream: &str) -> Vec<String> {
    let mut names: Vec<String> = frames_of(stream)
        .into_iter()
        .map(|frame| frame.name)
        .filter(|name| name != "ping")
        .collect();
    names.dedup();
    names
}

#[actix_rt::test]
async fn a_routed_streamed_tool_call_and_the_one_row_it_leaves() {
    let gateway = Gateway::start().await;
    for (body, model) in
        [(routed("weather?"), "mistral-large-3"), (native(routed("weather?")), "gemini-3-1-pro")]
    {
        let answer = gateway.call(&streamed(with_tools(body))).await;
        let message = message_of(&answer);
        assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
        assert_eq!(answer.header("x-ainfera-stream-mode"), Some("native"));
        assert_eq!(answer.header("x-ainfera-model"), Some(model));
        assert!(answer.header("request-id").unwrap().starts_with("req_"));
        let order =
            ["message_start", "content_block_start", "content_block_delta", "content_block_stop"];
        assert_eq!(names(&answer.text())[..4], order);
        assert_eq!(names(&answer.text())[7..], ["message_delta", "message_stop"]);
        assert_eq!(message["stop_reason"], "tool_use");
        let content = message["content"].as_array().unwrap();
        let call = content.last().unwrap();
        assert_eq!((&call["type"], &call["name"]), (&json!("tool_use"), &json!("get_weather")));
        assert!(call["input"]["city"].is_string() && call["input"]["days"].is_number(), "{call}");
        gateway.settled().await;
        let inference = gateway
            .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
            .await
            .json();
        assert_eq!(inference["outcome_status"], "succeeded");
        assert_eq!(inference["model_used"], model);
        assert_eq!(inference["usage"]["output_tokens"], message["usage"]["output_tokens"]);
        assert_eq!(inference["usage_basis"], "reported");
    }
    assert_eq!(
        gateway
            .database
            .number("select count(*) from routing_outcomes where outcome_status = 'succeeded'")
            .await,
        2
    );
}

#[actix_rt::test]
async fn parallel_tool_calls_are_dense_sequential_blocks() {
    let gateway = Gateway::start().await;
    for directive in ["[[mock tools=3]]", "[[mock tools=3 interleave=true]]"] {
        for body in [routed(directive), native(routed(directive))] {
            // the strict reader refuses overlapping or missing indexes
            let message = message_of(&gateway.call(&streamed(with_tools(body))).await);
            let calls: Vec<&Value> = message["content"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|block| block["type"] == "tool_use")
                .collect();
            assert_eq!(calls.len(), 3, "{message}");
            let mut ids: Vec<&str> =
                calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
            ids.dedup();
            assert_eq!(ids.len(), 3);
            assert!(calls.iter().all(|call| call["input"]["city"].is_string()));
        }
    }
}

#[actix_rt::test]
async fn tool_results_go_back_in() {
    let gateway = Gateway::start().await;
    for make in [|body: Value| body, native] {
        let mut body = make(with_tools(routed("weather?")));
        let first = message_of(&gateway.call(&streamed(body.clone())).await);
        let call = first["content"]
            .as_array()
            .unwrap()
            .iter()
            .find(|block| block["type"] == "tool_use")
            .unwrap()
            .clone();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": first["content"]}));
        messages.push(json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "sunny, 21 degrees"}]},
        ]}));
        let second = message_of(&gateway.call(&streamed(body)).await);
        assert_eq!(second["stop_reason"], "end_turn");
        let text = second["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("sunny, 21 degrees"), "{text}");
    }
}

#[actix_rt::test]
async fn limits_stops_and_choices_reach_the_model() {
    let gateway = Gateway::start().await;
    for make in [|body: Value| body, native] {
        let mut short = make(routed("[[mock tokens=50]]"));
        short["max_tokens"] = json!(3);
        assert_eq!(message_of(&gateway.call(&streamed(short)).await)["stop_reason"], "max_tokens");

        let mut forbidden = make(with_tools(routed("weather?")));
        forbidden["tool_choice"] = json!({"type": "none"});
        assert_eq!(
            message_of(&gateway.call(&streamed(forbidden)).await)["stop_reason"],
            "end_turn"
        );

        let mut forced = make(with_tools(routed("weather?")));
        forced["tool_choice"] = json!({"type": "tool", "name": "get_time"});
        let message = message_of(&gateway.call(&streamed(forced)).await);
        assert_eq!(message["content"].as_array().unwrap().last().unwrap()["name"], "get_time");

        let mut system = make(routed("hi"));
        system["system"] = json!([{"type": "text", "text": "be brief"}]);
        system["stop_sequences"] = json!(["STOP"]);
        system["temperature"] = json!(0.5);
        message_of(&gateway.call(&streamed(system)).await);
    }
    let recorded = gateway.mock.requests();
    let last: Vec<&Value> = recorded.iter().rev().map(|request| &request.body).collect();
    let anthropic = last.iter().find(|body| body.get("system").is_some()).unwrap();
    assert_eq!(anthropic["system"][0]["text"], "be brief");
    assert_eq!(anthropic["stop_sequences"], json!(["STOP"]));
    assert_eq!(
        anthropic["model"], "up-gemini-3-1-pro",
        "the provider hears its own name for the model"
    );
    assert!(anthropic.get("routing_hint").is_none(), "members for the router stay here");
    let chat = last.iter().find(|body| body["messages"][0]["role"] == "system").unwrap();
    assert_eq!(chat["messages"][0]["content"], "be brief");
    assert_eq!((&chat["stop"], &chat["temperature"]), (&json!(["STOP"]), &json!(0.5)));
}

#[actix_rt::test]
async fn cached_tokens_are_counted_and_priced_apart() {
    let gateway = Gateway::start().await;
    for (make, input, output) in
        [((|body: Value| body) as fn(Value) -> Value, "2", "6"), (native, "1.25", "10")]
    {
        let answer = gateway.call(&streamed(make(routed("[[mock usage=cache tokens=7]]")))).await;
        let usage = message_of(&answer)["usage"].clone();
        let count = |key: &str| usage[key].as_u64().unwrap();
        assert!(count("cache_read_input_tokens") > 0, "{usage}");
        gateway.settled().await;
        let inference = gateway
            .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
            .await
            .json();
        let prompt = count("input_tokens")
            + count("cache_read_input_tokens")
            + count("cache_creation_input_tokens");
        // no cache prices are configured: every prompt token costs what a fresh one does, once
        let price = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
        let expected = (price(input) * rust_decimal::Decimal::from(prompt)
            + price(output) * rust_decimal::Decimal::from(count("output_tokens")))
            / rust_decimal::Decimal::from(1_000_000);
        assert_eq!(price(inference["cost_usd"].as_str().unwrap()), expected.normalize());
    }
}

#[actix_rt::test]
async fn a_silent_upstream_is_bridged_by_pings() {
    let plan = crate::support::GatewayPlan {
        deadlines: "hold = \"100ms\"\nping = \"100ms\"\n".to_owned(),
        ..Default::default()
    };
    let gateway = Gateway::with(plan, crate::support::database::Database::sqlite()).await;
    let answer =
        gateway.call(&streamed(routed("[[mock first_ms=700 tokens=3 delay_ms=300]]"))).await;
    let all = frames_of(&answer.text());
    let pings = all.iter().filter(|frame| frame.name == "ping").count();
    assert!(pings >= 3, "{pings} pings");
    assert_eq!(all[0].name, "ping", "the 200 was sent before the provider said anything");
    message_of(&answer);
}

#[actix_rt::test]
async fn split_and_dripped_bytes_are_the_same_answer() {
    let gateway = Gateway::start().await;
    for make in [|body: Value| body, native] {
        for fault in ["split_utf8", "drip", "crlf", "comments", "missing_terminator"] {
            let message = message_of(
                &gateway
                    .call(&streamed(make(routed(&format!("[[mock tokens=4 fault={fault}]]")))))
                    .await,
            );
            assert_eq!(message["stop_reason"], "end_turn", "{fault}");
            assert!(
                !message["content"][0]["text"].as_str().unwrap().contains('\u{fffd}'),
                "{fault}"
            );
        }
    }
}

#[actix_rt::test]
async fn bytes_that_are_no_utf8_are_read_as_every_client_of_the_format_reads_them() {
    let gateway = Gateway::start().await;
    for make in [|body: Value| body, native] {
        let message = message_of(
            &gateway
                .call(&streamed(make(routed("[[mock tokens=30 fault=bad_utf8_at at=6]]"))))
                .await,
        );
        assert_eq!(message["stop_reason"], "end_turn");
        assert!(message["content"][0]["text"].as_str().unwrap().contains('\u{fffd}'), "{message}");
    }
}

#[actix_rt::test]
async fn unknown_members_and_beta_headers_survive_the_native_path_and_are_named_on_the_other() {
    let gateway = Gateway::start().await;
    let mut body = routed("hi");
    body["context_management"] = json!({"edits": [{"type": "clear"}]});
    body["service_tier"] = json!("auto");
    let headers = [
        ("anthropic-beta", "one-2025-01-01, two-2025-02-02"),
        ("anthropic-beta", "three-2025-03-03"),
    ];
    let answer = gateway.call_with(&streamed(native(body.clone())), &headers).await;
    message_of(&answer);
    assert_eq!(answer.header("x-ainfera-coercions"), None);
    let sent = gateway.mock.requests().last().unwrap().clone();
    assert_eq!(sent.body["context_management"], body["context_management"]);
    assert_eq!(
        sent.header("anthropic-beta"),
        Some("one-2025-01-01, two-2025-02-02,three-2025-03-03")
    );
    let answer = gateway.call_with(&streamed(body), &headers).await;
    message_of(&answer);
    let coercions = answer.header("x-ainfera-coercions").unwrap();
    for field in [
        "context_management=dropped:no_equivalent",
        "service_tier=dropped:no_equivalent",
        "anthropic-beta=dropped:no_equivalent",
    ] {
        assert!(coercions.contains(field), "{coercions}");
    }
}
