//! Cases that users of gateways complained of, each by its number: a stream as a provider sent it,
//! and what an Anthropic client hears.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use ainfera_fidelity::caller;
use ainfera_fidelity::provider::Upstream;
use ainfera_fidelity::replay::{Passed, Reads, pass};
use ainfera_schema::ProviderKind;
use ainfera_wire::client::ClientDialect;
use serde_json::{Value, json};

const ROLE: &str =
    r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
const TEXT: &str = r#"{"choices":[{"index":0,"delta":{"content":"let me see"}}]}"#;
const CALL: &str = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_Xq81VbT0aa","type":"function","function":{"name":"any","arguments":"{\"a\": \""}}]}}]}"#;
const REST: &str = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"b\\\"c\", \"n\": [1,"}}]}}]}"#;
const LAST: &str = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":" 2]}"}}]}}]}"#;
const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#;
const USAGE: &str =
    r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}"#;

/// Chunks of a Chat provider through the wire, to a client of `dialect`.
fn heard_in(dialect: ClientDialect, chunks: &[&str]) -> Passed {
    let call = caller::call(dialect).unwrap();
    let upstream = Upstream::of(ProviderKind::Openai);
    let request = upstream.request(&call).unwrap();
    let body: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    pass(&call, &upstream, &request, body.as_bytes(), Reads::One)
}

/// The data of every event.
fn events(passed: &Passed) -> Vec<Value> {
    let text = String::from_utf8(passed.bytes.clone()).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn anthropic(chunks: &[&str]) -> Vec<Value> {
    events(&heard_in(ClientDialect::Messages, chunks))
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[test]
fn p001_a_call_after_text_closes_the_text_and_loses_no_byte() {
    let events = anthropic(&[ROLE, TEXT, CALL, REST, LAST, FINISH, USAGE, "[DONE]"]);
    assert_eq!(
        kinds(&events),
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert_eq!(events[5]["delta"]["partial_json"], "{\"a\": \"");
}

#[test]
fn p002_every_piece_of_the_arguments_arrives_and_together_they_are_the_same_json() {
    let events = anthropic(&[ROLE, CALL, REST, LAST, FINISH, USAGE, "[DONE]"]);
    let pieces: String =
        events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&pieces).unwrap(), json!({"a": "b\"c", "n": [1, 2]}));
}

#[test]
fn p008_no_delta_comes_for_a_block_that_has_not_begun() {
    // arguments before the name that they belong to, and of the second call before the first is
    // complete
    let early =
        r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}}]}"#;
    let named = r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"call_Kc27RnP5bb","function":{"name":"any","arguments":""}}]}}]}"#;
    let events = anthropic(&[ROLE, CALL, early, REST, named, LAST, FINISH, USAGE, "[DONE]"]);
    let mut open = None;
    for event in &events {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(open, None, "{event}");
                open = event["index"].as_u64();
            }
            "content_block_delta" => assert_eq!(event["index"].as_u64(), open, "{event}"),
            "content_block_stop" => assert_eq!(event["index"].as_u64(), open.take(), "{event}"),
            _ => {}
        }
    }
    let begun: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "content_block_start").collect();
    assert_eq!(
        begun
            .iter()
            .map(|event| event["content_block"]["id"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["call_Xq81VbT0aa", "call_Kc27RnP5bb"]
    );
}

#[test]
fn p009_an_end_has_a_start_and_only_one_also_where_the_provider_sends_nothing_but_usage() {
    let stop = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    for chunks in [
        &[USAGE, stop, "[DONE]"][..],
        &[ROLE, ROLE, TEXT, stop, USAGE, "[DONE]"],
        &[stop, USAGE, "[DONE]"],
    ] {
        let events = anthropic(chunks);
        let kinds = kinds(&events);
        assert_eq!(kinds.first(), Some(&"message_start"), "{kinds:?}");
        assert_eq!(kinds.last(), Some(&"message_stop"), "{kinds:?}");
        for once in ["message_start", "message_delta", "message_stop"] {
            assert_eq!(
                kinds.iter().filter(|kind| **kind == once).count(),
                1,
                "{once} in {kinds:?}"
            );
        }
    }
}

#[test]
fn p040_an_error_in_a_stream_is_an_object_that_official_clients_can_read() {
    for (dialect, message) in [
        (ClientDialect::Messages, "/error/message"),
        (ClientDialect::Chat, "/error/message"),
        (ClientDialect::Responses, "/message"),
    ] {
        let passed = heard_in(
            dialect,
            &[ROLE, TEXT, r#"{"error":{"message":"no more","type":"server_error"}}"#],
        );
        assert!(passed.fault.is_some());
        let events = events(&passed);
        let told = events
            .iter()
            .find(|event| event.pointer(message).is_some_and(Value::is_string))
            .unwrap_or_else(|| panic!("{events:?}"));
        assert!(told.pointer(message).unwrap().as_str().unwrap().contains("no more"), "{told}");
        let text = String::from_utf8(passed.bytes).unwrap();
        for end in ["[DONE]", "message_stop", "response.completed"] {
            assert!(!text.contains(end), "{end} in {text}");
        }
    }
}

#[test]
fn p051_the_usage_of_a_start_has_every_member_that_clients_read() {
    let events = anthropic(&[ROLE, TEXT, FINISH, USAGE, "[DONE]"]);
    let usage = &events[0]["message"]["usage"];
    for member in
        ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"]
    {
        assert!(usage[member].is_u64(), "{member} in {usage}");
    }
    assert!(usage["input_tokens"].as_u64() > Some(0), "{usage}");
    let delta = events.iter().find(|event| event["type"] == "message_delta").unwrap();
    assert_eq!(
        (&delta["usage"]["input_tokens"], &delta["usage"]["output_tokens"]),
        (&json!(12), &json!(5))
    );
}
