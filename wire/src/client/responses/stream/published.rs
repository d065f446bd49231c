//! The members that the published schema of the response object asks for, in every event that
//! carries one. Source: the schema of Open Responses, read on 2026-12-01.

use super::tests::{answer, events, finish, names, said};
use super::*;
use crate::error::client_error::ClientError;

/// What a member may be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Whole,
    Number,
    Truth,
    List,
    Object,
    /// A tool choice is a word or an object.
    Choice,
    OrNull(&'static Kind),
}

use Kind::{Choice, List, Number, Object, OrNull, Text, Truth, Whole};

const MEMBERS: [(&str, Kind); 30] = [
    ("id", Text),
    ("object", Text),
    ("created_at", Whole),
    ("completed_at", OrNull(&Whole)),
    ("status", Text),
    ("incomplete_details", OrNull(&Object)),
    ("model", Text),
    ("previous_response_id", OrNull(&Text)),
    ("instructions", OrNull(&Text)),
    ("output", List),
    ("error", OrNull(&Object)),
    ("tools", List),
    ("tool_choice", Choice),
    ("truncation", Text),
    ("parallel_tool_calls", Truth),
    ("text", Object),
    ("top_p", Number),
    ("presence_penalty", Number),
    ("frequency_penalty", Number),
    ("top_logprobs", Whole),
    ("temperature", Number),
    ("reasoning", OrNull(&Object)),
    ("usage", OrNull(&Object)),
    ("max_output_tokens", OrNull(&Whole)),
    ("max_tool_calls", OrNull(&Whole)),
    ("store", Truth),
    ("background", Truth),
    ("service_tier", Text),
    ("safety_identifier", OrNull(&Text)),
    ("prompt_cache_key", OrNull(&Text)),
];

fn is(kind: Kind, value: &Value) -> bool {
    match kind {
        Text => value.is_string(),
        Whole => value.is_i64() || value.is_u64(),
        Number => value.is_number(),
        Truth => value.is_boolean(),
        List => value.is_array(),
        Object => value.is_object(),
        Choice => value.is_string() || value.is_object(),
        OrNull(kind) => value.is_null() || is(*kind, value),
    }
}

fn assert_published(name: &str, response: &Value) {
    for (member, kind) in MEMBERS {
        let value = response.get(member).unwrap_or_else(|| panic!("{name}: {member} is not there"));
        assert!(is(kind, value), "{name}: {member} is {value}");
    }
    assert!(response.get("metadata").is_some_and(Value::is_object), "{name}: metadata");
    for item in response["output"].as_array().unwrap() {
        assert!(item["id"].is_string(), "{name}: {item}");
        let encrypted = item.get("encrypted_content");
        assert!(encrypted.is_none_or(Value::is_string), "{name}: {item}");
    }
}

fn client(body: &str) -> ResponsesClient {
    let call = crate::client::call::Call::from_responses(
        bytes::Bytes::from(body.to_owned()),
        Default::default(),
        &|text| text.len() as u64,
    );
    match call.unwrap().client {
        crate::client::Client::Responses(client) => *client,
        other => panic!("{other:?}"),
    }
}

fn written(client: &ResponsesClient, events: Vec<StreamEvent>) -> Vec<(String, Value)> {
    let mut frames = ResponsesFrames::new(names(), client.clone());
    frames.set_time(12);
    let mut written = Vec::new();
    for event in said(events) {
        frames.json(&event, &mut |name, json| {
            written.push((name.to_owned(), serde_json::from_slice(json).unwrap()))
        });
    }
    written
}

#[test]
fn every_response_object_has_every_member_of_the_published_schema() {
    let client =
        client(r#"{"model": "m", "input": "hi", "tools": [{"type": "function", "name": "f"}]}"#);
    let mut seen = Vec::new();
    for reason in [StopReason::EndTurn, StopReason::MaxTokens] {
        let mut answer = answer();
        answer.truncate(answer.len() - 2);
        answer.extend(finish(reason));
        for (name, event) in written(&client, answer) {
            if let Some(response) = event.get("response") {
                assert_published(&name, response);
                seen.push((name, response["completed_at"].clone()));
            }
        }
    }
    let expected = [
        ("response.created", Value::Null),
        ("response.in_progress", Value::Null),
        ("response.completed", json!(12)),
        ("response.created", Value::Null),
        ("response.in_progress", Value::Null),
        ("response.incomplete", Value::Null),
    ];
    assert_eq!(seen, expected.map(|(name, at)| (name.to_owned(), at)));
}

#[test]
fn a_response_that_fails_has_them_too() {
    let mut frames = ResponsesFrames::new(names(), client(r#"{"model": "m", "input": "hi"}"#));
    let error = ClientError {
        error_type: "api_error",
        message: "no".to_owned(),
        code: None,
        field: None,
        details: None,
        request_id: String::new(),
        status: None,
        retry_after_s: None,
    };
    let mut failed = Value::Null;
    frames.error(&error, &mut |name, json| {
        if name == "response.failed" {
            failed = serde_json::from_slice(json).unwrap();
        }
    });
    assert_published("response.failed", &failed["response"]);
    assert_eq!(failed["response"]["error"], json!({"code": "server_error", "message": "no"}));
}

#[test]
fn reasoning_without_a_signature_has_no_encrypted_content() {
    let mut answer = vec![
        StreamEvent::BlockStart(Block::Thinking),
        StreamEvent::Delta(Delta::Thinking("hm".into())),
        StreamEvent::BlockStop,
    ];
    answer.extend(finish(StopReason::EndTurn));
    for (name, event) in events(&said(answer)) {
        if let Some(item) = event.get("item") {
            assert_eq!(item.get("encrypted_content"), None, "{name}");
        }
    }
}
