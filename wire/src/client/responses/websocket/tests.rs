use serde_json::json;

use super::*;

fn create(message: Value) -> ResponseCreate {
    match ClientMessage::parse(Bytes::from(message.to_string())).unwrap() {
        ClientMessage::Create(create) => create,
        other => panic!("{other:?}"),
    }
}

fn refused(message: &str) -> String {
    ClientMessage::parse(Bytes::from(message.to_owned())).unwrap_err().field
}

#[test]
fn the_body_is_the_message_without_what_is_the_transports() {
    let create = create(
        json!({"type": "response.create", "model": "m", "input": "hi", "generate": true, "idempotency_key": "k", "stream": true}),
    );
    assert_eq!(create.body(None).unwrap(), r#"{"model":"m","input":"hi","stream":true}"#);
    assert_eq!((create.idempotency_key.as_deref(), create.purpose), (Some("k"), Purpose::Answer));
}

#[test]
fn what_is_wrong_with_a_message_is_named() {
    for (message, field) in [
        ("{", "message"),
        ("[1]", "message"),
        ("{}", "type"),
        (r#"{"type":"response.steer"}"#, "type"),
        (r#"{"type":7}"#, "type"),
        (r#"{"type":"response.create","stream_id":"a"}"#, "stream_id"),
        (r#"{"type":"response.create","stream":false}"#, "stream"),
        (r#"{"type":"response.create","background":true}"#, "background"),
        (r#"{"type":"response.create","generate":1}"#, "generate"),
        (r#"{"type":"response.create","previous_response_id":7}"#, "previous_response_id"),
    ] {
        assert_eq!(refused(message), field, "{message}");
    }
}

#[test]
fn a_call_goes_on_from_the_conversation_before_it() {
    let mut watch = AnswerWatch::default();
    watch.observe(
        b"response.output_item.done",
        br#"{"item":{"type":"message","role":"assistant"}}"#,
    );
    watch.observe(b"", br#"{"type":"response.completed","response":{"id":"resp_1","output":[]}}"#);
    assert!(watch.has_ended());
    let previous =
        watch.into_previous(Bytes::from_static(br#"{"model":"m","input":"hi"}"#)).unwrap();
    assert_eq!((&*previous.id, previous.items()), ("resp_1", 2));
    let next = create(
        json!({"type": "response.create", "model": "m", "input": [{"n": 1}], "previous_response_id": "resp_1"}),
    );
    let body: Value = serde_json::from_slice(&next.body(Some(&previous)).unwrap()).unwrap();
    let input = json!([
        {"type": "message", "role": "user", "content": "hi"},
        {"type": "message", "role": "assistant"},
        {"n": 1}
    ]);
    assert_eq!(body, json!({"model": "m", "stream": true, "input": input}));
    assert_eq!(previous.callers_field("input.2.role"), "input.0.role");
    assert_eq!(previous.callers_field("input.0.role"), "previous_response_id.0.role");
    assert_eq!(previous.callers_field("model"), "model");
}

#[test]
fn reasoning_is_kept_if_it_is_encrypted_and_told_if_it_is_not() {
    let previous = |encrypted: &str| {
        let mut watch = AnswerWatch::default();
        let output =
            format!(r#"[{{"type":"reasoning","encrypted_content":{encrypted}}},{{"type":"m"}}]"#);
        let event = format!(r#"{{"response":{{"id":"r","output":{output}}}}}"#);
        watch.observe(b"response.completed", event.as_bytes());
        let previous = watch.into_previous(Bytes::from_static(b"{}")).unwrap();
        (previous.items(), previous.losses().count())
    };
    assert_eq!(previous("\"x\""), (2, 0));
    assert_eq!(previous("null"), (1, 1));
}

#[test]
fn nothing_goes_on_from_an_answer_that_failed() {
    let mut watch = AnswerWatch::default();
    watch.observe(b"response.created", br#"{"response":{"id":"resp_1"}}"#);
    watch.observe(b"response.failed", br#"{"response":{"id":"resp_1"}}"#);
    assert!(watch.has_ended() && watch.id() == Some("resp_1"));
    assert!(watch.into_previous(Bytes::new()).is_none());
}

#[test]
fn a_warm_up_is_answered_without_output() {
    let [created, completed] = warm_up_events("resp_1", "m", 7);
    let mut watch = AnswerWatch::default();
    watch.observe(b"", created.as_bytes());
    assert!(!watch.has_ended());
    watch.observe(b"", completed.as_bytes());
    assert!(watch.into_previous(Bytes::from_static(b"{}")).is_some_and(|kept| kept.items() == 0));
}
