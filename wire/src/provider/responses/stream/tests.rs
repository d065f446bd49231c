use super::*;
use crate::error::provider_error::FaultKind;
use crate::error::provider_error::Lack;
use crate::event::{Block, Delta};

fn heard(relay: RelayMode, datas: &[&str]) -> (Vec<ProviderEvent>, Result<(), StreamFault>) {
    let mut reader =
        ResponsesReader::new(relay, "the-slug", "seed".to_owned(), ToolNames::unchanged());
    let mut out = Vec::new();
    for data in datas {
        let event = SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
        if let Err(fault) = reader.read(event, &mut out) {
            return (out, Err(fault));
        }
    }
    let end = reader.finish();
    (out, end)
}

const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"theirs","status":"in_progress"}}"#;
const CALL: &str = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","model":"theirs","status":"completed","output":[]}}"#;

#[test]
fn a_native_client_gets_every_event_once_and_our_name_for_the_model() {
    let unknown = r#"{"type":"response.hologram.beamed","x": 1}"#;
    let (out, end) = heard(RelayMode::Native, &[CREATED, unknown, CALL, COMPLETED]);
    assert_eq!(end, Ok(()));
    let frames: Vec<String> = out
        .iter()
        .filter_map(|out| out.native.as_ref())
        .map(|native| format!("{} {}", native.name, String::from_utf8_lossy(&native.data)))
        .collect();
    let ours = |data: &str| data.replace("theirs", "the-slug");
    let expected = [
        format!("response.created {}", ours(CREATED)),
        format!("response.hologram.beamed {unknown}"),
        format!("response.output_item.done {CALL}"),
        format!("response.completed {}", ours(COMPLETED)),
    ];
    assert_eq!(frames, expected);
    // the end is what the client waits for: the frame that says it is on no earlier event
    assert_eq!(out.last().unwrap().event, StreamEvent::End);
    assert!(out.last().unwrap().native.is_some());
    assert_eq!(
        out[2].event,
        StreamEvent::BlockStart(Block::ToolUse { id: "c".into(), name: "f".into() })
    );
    assert_eq!(out[3].event, StreamEvent::Delta(Delta::ToolInput("{}".into())));
    assert!(out[2].native.is_none() && out[3].native.is_none() && out[4].native.is_some());
}

#[test]
fn what_is_no_json_is_no_dialect_and_an_illegal_name_goes_out_as_none() {
    let (out, _) = heard(RelayMode::Native, &[CREATED, r#"{"type":"response.a\nb"}"#]);
    assert_eq!(out.last().unwrap().native.as_ref().unwrap().name, "");
    let (_, end) = heard(RelayMode::Translated, &[CREATED, "<html>"]);
    assert!(matches!(end, Err(StreamFault::Malformed(_))), "{end:?}");
}

#[test]
fn errors_have_their_kinds() {
    for (data, kind) in [
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"slow"}"#,
            FaultKind::RateLimited,
        ),
        (r#"{"type":"error","error":{"code":"slow_down","message":"m"}}"#, FaultKind::Overloaded),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"m"}}"#,
            FaultKind::ModelLacks(Lack::Window),
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"insufficient_quota","message":"m"}}}"#,
            FaultKind::OutOfFunds,
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"invalid_image_format","message":"m"}}}"#,
            FaultKind::InvalidRequest,
        ),
        (r#"{"type":"response.failed","response":{"error":null}}"#, FaultKind::Api),
    ] {
        let (_, end) = heard(RelayMode::Translated, &[CREATED, data]);
        assert!(
            matches!(end, Err(StreamFault::ErrorEvent { kind: out, .. }) if out == kind),
            "{data}: {end:?}"
        );
    }
}

#[test]
fn what_a_response_that_failed_used_is_told() {
    let failed = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"},"usage":{"input_tokens":9,"output_tokens":4}}}"#;
    let (out, end) = heard(RelayMode::Translated, &[CREATED, failed]);
    assert!(matches!(end, Err(StreamFault::ErrorEvent { .. })), "{end:?}");
    let StreamEvent::FailedUsage(usage) = out.last().unwrap().event else { panic!("{out:?}") };
    assert_eq!((usage.input_tokens, usage.output_tokens), (9, 4));
}

const DELTA: &str =
    r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"hi"}"#;

#[test]
fn only_a_response_that_is_known_to_be_whole_is_success() {
    let ended = |kind: &str, response: &str| {
        let last = format!(r#"{{"type":"response.{kind}","response":{response}}}"#);
        let (out, end) = heard(RelayMode::Translated, &[CREATED, DELTA, &last]);
        let reasons = out.into_iter().find_map(|out| match out.event {
            StreamEvent::Finish { stop, .. } => Some(stop.reason),
            _ => None,
        });
        end.map(|()| reasons)
    };
    for (kind, response, reason) in [
        ("completed", r#"{"status":"completed"}"#, StopReason::EndTurn),
        ("completed", r#"{"status":7,"error":{},"output":{}}"#, StopReason::EndTurn),
        ("completed", r#"{"status":"completed","error":false}"#, StopReason::EndTurn),
        (
            "incomplete",
            r#"{"incomplete_details":{"reason":"max_output_tokens"}}"#,
            StopReason::MaxTokens,
        ),
        ("incomplete", r#"{"incomplete_details":[]}"#, StopReason::MaxTokens),
        (
            "incomplete",
            r#"{"incomplete_details":{"reason":"content_filter"}}"#,
            StopReason::Refusal,
        ),
    ] {
        assert_eq!(ended(kind, response), Ok(Some(reason)), "{kind} {response}");
    }
    for (kind, response) in [
        ("incomplete", r#"{"incomplete_details":{"reason":"moonphase"}}"#),
        ("failed", "{}"),
        ("cancelled", "{}"),
        ("completed", r#"{"status":"cancelled"}"#),
        ("completed", r#"{"status":"completed","error":{"message":"no"}}"#),
    ] {
        let end = ended(kind, response);
        assert!(matches!(end, Err(StreamFault::ErrorEvent { .. })), "{kind} {response}: {end:?}");
    }
}

#[test]
fn a_last_word_after_whole_items_is_an_end() {
    let (out, end) = heard(RelayMode::Native, &[CREATED, CALL, "[DONE]"]);
    assert_eq!(end, Ok(()));
    let last = out.last().unwrap().native.as_ref().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&last.data).unwrap();
    assert_eq!(
        (&*last.name, &said["response"]["status"]),
        ("response.completed", &json!("completed"))
    );
    assert_eq!(
        (&said["response"]["id"], &said["response"]["model"]),
        (&json!("resp_1"), &json!("the-slug"))
    );
    let (_, end) = heard(RelayMode::Native, &[CREATED, DELTA, "[DONE]"]);
    assert_eq!(end, Err(StreamFault::Truncated), "the item has not ended");
}

#[test]
fn members_of_another_type_do_not_hide_the_answer() {
    let texts = |datas: &[&str]| {
        let (out, end) = heard(RelayMode::Translated, datas);
        assert_eq!(end, Ok(()), "{datas:?}");
        out.iter().any(|out| out.event == StreamEvent::Delta(Delta::Text("hi".into())))
    };
    for odd in [
        DELTA.replace(r#""output_index":0"#, r#""output_index":"0""#),
        DELTA.replace(r#""content_index":0"#, r#""content_index":null,"error":{},"item":false"#),
        DELTA.replace(r#""content_index":0"#, r#""code":5,"message":[],"response":"r""#),
    ] {
        assert!(texts(&[CREATED, &odd, COMPLETED]), "{odd}");
    }
    let usage = COMPLETED.replace(
        r#""output":[]"#,
        r#""usage":{"input_tokens":100,"output_tokens":-3,"input_tokens_details":0}"#,
    );
    assert!(texts(&[CREATED, DELTA, &usage]));
    let id = CREATED.replace(r#""resp_1""#, "17");
    assert!(texts(&[&id, DELTA, r#""what?""#, COMPLETED]));
}

#[test]
fn arguments_may_be_the_object_itself_and_are_said_once() {
    let object = CALL.replace(r#""{}""#, r#"{"a":1}"#);
    let piece =
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"a\":1}"}"#;
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}"#;
    for datas in [&[CREATED, &object, COMPLETED][..], &[CREATED, added, piece, &object, COMPLETED]]
    {
        let (out, end) = heard(RelayMode::Translated, datas);
        assert_eq!(end, Ok(()));
        let pieces: String = out
            .iter()
            .filter_map(|out| match &out.event {
                StreamEvent::Delta(Delta::ToolInput(piece)) => Some(piece.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(pieces, r#"{"a":1}"#, "{datas:?}");
    }
}
