use ainfera_schema::TokenUsage;

use super::*;
use crate::oddity::Oddity;
use crate::provider::chat::own_reasoning::ReasoningOwner;
use crate::signature::Issuer;

fn read(datas: &[&str]) -> (Vec<StreamEvent>, Result<(), StreamFault>) {
    read_as(Reasoning::Shown(ReasoningOwner::new(Issuer::Deepseek, "m", "m")), datas)
}

fn read_as(reasoning: Reasoning, datas: &[&str]) -> (Vec<StreamEvent>, Result<(), StreamFault>) {
    let reader =
        ChatReader::new("x".to_owned(), ToolNames::unchanged(), reasoning, ChatRelay::Translated);
    let mut reader = reader.stopping_at(vec!["STOP".to_owned()]);
    let mut out = Vec::new();
    for data in datas {
        let event = SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
        if let Err(fault) = reader.read(event, &mut out) {
            return (out.into_iter().map(|out| out.event).collect(), Err(fault));
        }
    }
    let end = reader.finish(&mut out);
    (out.into_iter().map(|out| out.event).collect(), end)
}

const ROLE: &str = r#"{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
const HI: &str = r#"{"choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":20,"prompt_tokens_details":{"cached_tokens":4}}}"#;

fn finish_of(events: &[StreamEvent]) -> (StopReason, TokenUsage) {
    events
        .iter()
        .find_map(|event| match event {
            StreamEvent::Finish { stop, usage } => Some((stop.reason, *usage)),
            _ => None,
        })
        .unwrap()
}

#[test]
fn text_usage_and_end() {
    let (events, end) = read(&[ROLE, HI, FINISH, USAGE, "[DONE]"]);
    assert_eq!(end, Ok(()));
    assert_eq!(
        events[1..4],
        [
            StreamEvent::BlockStart(Block::Text),
            StreamEvent::Delta(Delta::Text("hi".into())),
            StreamEvent::BlockStop
        ]
    );
    // 6 fresh + 4 cached; output is what the total has beyond the prompt
    let usage = TokenUsage {
        input_tokens: 6,
        cache_read_input_tokens: 4,
        output_tokens: 10,
        ..TokenUsage::default()
    };
    assert_eq!(finish_of(&events), (StopReason::EndTurn, usage));
    assert_eq!(events.last(), Some(&StreamEvent::End));
}

#[test]
fn no_finish_reason_is_no_success() {
    assert_eq!(read(&[ROLE, HI]).1, Err(StreamFault::Truncated));
    assert_eq!(read(&[ROLE, "[DONE]"]).1, Err(StreamFault::Truncated));
    assert_eq!(
        read(&[ROLE, HI, FINISH]).1,
        Ok(()),
        "a stream that ends without [DONE] after its finish reason is whole"
    );
}

#[test]
fn p011_stop_reasons_follow_what_was_said() {
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
    assert_eq!(finish_of(&read(&[ROLE, call, FINISH]).0).0, StopReason::ToolUse);
    let tool_calls = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
    assert_eq!(finish_of(&read(&[ROLE, HI, tool_calls]).0).0, StopReason::EndTurn);
}

#[test]
fn a_stop_sequence_is_told_where_the_engine_tells_it() {
    let finish = |member: &str| {
        format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"stop",{member}}}]}}"#)
    };
    for told in [r#""stop_reason":"STOP""#, r#""matched_stop":"STOP""#] {
        let (events, _) = read(&[ROLE, HI, &finish(told)]);
        let stop = events
            .iter()
            .find_map(|event| {
                if let StreamEvent::Finish { stop, .. } = event { Some(stop.clone()) } else { None }
            })
            .unwrap();
        assert_eq!(
            (stop.reason, stop.sequence.as_deref()),
            (StopReason::StopSequence, Some("STOP")),
            "{told}"
        );
    }
    for told in [r#""stop_reason":128009"#, r#""stop_reason":"stop""#, r#""stop_reason":null"#] {
        assert_eq!(finish_of(&read(&[ROLE, HI, &finish(told)]).0).0, StopReason::EndTurn, "{told}");
    }
}

#[test]
fn thoughts_that_were_not_asked_for_are_counted_and_not_said() {
    let thought = r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#;
    let (events, end) = read_as(
        Reasoning::Hidden(ReasoningOwner::new(Issuer::Chat, "m", "m")),
        &[ROLE, thought, HI, FINISH],
    );
    assert_eq!((&events[1], end), (&StreamEvent::HiddenReasoning { bytes: 2 }, Ok(())));
    assert_eq!(events[2], StreamEvent::BlockStart(Block::Text));
    let (events, _) = read(&[ROLE, thought, HI, FINISH]);
    assert_eq!(
        events[1..3],
        [
            StreamEvent::BlockStart(Block::Thinking),
            StreamEvent::Delta(Delta::Thinking("hm".into()))
        ]
    );
}

#[test]
fn errors_inside_a_200_are_errors() {
    for data in [
        r#"{"error":{"message":"no","type":"overloaded"}}"#,
        r#"[{"error":{"code":503}}]"#,
        r#"{"x_groq":{"error":"no"}}"#,
    ] {
        assert!(matches!(read(&[ROLE, data]).1, Err(StreamFault::ErrorEvent { .. })), "{data}");
    }
    assert!(matches!(read(&[ROLE, "nonsense"]).1, Err(StreamFault::Malformed(_))));
}

#[test]
fn p003_empty_lists_of_calls_make_no_call() {
    let (events, _) =
        read(&[ROLE, r#"{"choices":[{"delta":{"content":"x","tool_calls":[]}}]}"#, FINISH]);
    assert!(
        !events.iter().any(|event| matches!(event, StreamEvent::BlockStart(Block::ToolUse { .. })))
    );
    let (events, _) =
        read(&[ROLE, r#"{"choices":[{"delta":{"content":null,"tool_calls":null}}]}"#, FINISH]);
    assert_eq!(events.len(), 3);
}

#[test]
fn a_call_closes_the_text_and_text_closes_the_call() {
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}]}}]}"#;
    let (events, _) = read(&[ROLE, HI, call, HI, FINISH]);
    let open: Vec<&StreamEvent> = events
        .iter()
        .filter(|event| matches!(event, StreamEvent::BlockStart(_) | StreamEvent::BlockStop))
        .collect();
    for pair in open.chunks(2) {
        assert!(matches!(pair, [StreamEvent::BlockStart(_), StreamEvent::BlockStop]), "{open:?}");
    }
    assert_eq!(open.len(), 6);
}

#[test]
fn the_last_word_after_an_answer_is_its_end_without_a_finish_reason() {
    let (events, end) = read(&[ROLE, HI, "[DONE]"]);
    assert_eq!((end, finish_of(&events).0), (Ok(()), StopReason::EndTurn));
    assert!(events.contains(&StreamEvent::Oddity(Oddity::NoFinishReason)));
    let call = |arguments: &str| {
        format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"id":"call_abcdef","function":{{"name":"f","arguments":{arguments:?}}}}}]}}}}]}}"#
        )
    };
    let (events, end) = read(&[ROLE, &call("{}"), "[DONE]"]);
    assert_eq!((end, finish_of(&events).0), (Ok(()), StopReason::ToolUse));
    assert_eq!(read(&[ROLE, &call("{\"x\":"), "[DONE]"]).1, Err(StreamFault::Truncated));
}

#[test]
fn what_an_answer_that_failed_used_is_told() {
    let abort = r#"{"choices":[{"delta":{},"finish_reason":"abort"}]}"#;
    let (events, end) = read(&[ROLE, HI, abort, USAGE, "[DONE]"]);
    assert!(matches!(end, Err(StreamFault::ErrorEvent { .. })), "{end:?}");
    let usage = events.iter().find_map(|event| match event {
        StreamEvent::FailedUsage(usage) => Some(usage.output_tokens),
        _ => None,
    });
    assert_eq!(usage, Some(10));
}

#[test]
fn members_of_another_type_do_not_hide_the_answer() {
    for odd in [
        r#""id":17"#,
        r#""usage":[]"#,
        r#""usage":{"prompt_tokens":-1,"completion_tokens":"x"}"#,
        r#""error":{}"#,
        r#""error":false"#,
        r#""error":{"code":null,"message":""}"#,
        r#""x_groq":"no","service_tier":[]"#,
        r#""created":"now","object":null,"model":3"#,
    ] {
        let hi = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"hi"}}}}],{odd}}}"#);
        let (events, end) = read(&[ROLE, &hi, FINISH]);
        assert_eq!(end, Ok(()), "{odd}");
        assert!(events.contains(&StreamEvent::Delta(Delta::Text("hi".into()))), "{odd}");
    }
    for odd in [
        r#""refusal":false"#,
        r#""tool_calls":{}"#,
        r#""tool_calls":"none""#,
        r#""tool_calls":[null,3,{}]"#,
        r#""reasoning_content":{"a":1}"#,
        r#""extra_content":[]"#,
        r#""role":7,"function_call":{}"#,
    ] {
        let hi = format!(r#"{{"choices":[{{"index":"0","delta":{{"content":"hi",{odd}}}}}]}}"#);
        let (events, end) = read(&[ROLE, &hi, FINISH]);
        assert_eq!((end, finish_of(&events).0), (Ok(()), StopReason::EndTurn), "{odd}");
        assert!(events.contains(&StreamEvent::Delta(Delta::Text("hi".into()))), "{odd}");
    }
}

#[test]
fn a_call_whose_id_or_index_is_of_another_type_is_called() {
    for odd in [r#""index":"0""#, r#""index":0.0"#, r#""id":12345678901"#, r#""index":null"#] {
        let call = format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{{odd},"function":{{"name":"f","arguments":"{{}}"}}}}]}}}}]}}"#
        );
        let (events, end) = read(&[ROLE, &call, FINISH]);
        assert_eq!((end, finish_of(&events).0), (Ok(()), StopReason::ToolUse), "{odd}");
    }
}

fn owner() -> ReasoningOwner {
    ReasoningOwner::new(Issuer::Deepseek, "m", "m")
}

/// The events of an answer whose model writes its thoughts into its text.
fn read_tagged(reasoning: Reasoning, datas: &[&str]) -> Vec<StreamEvent> {
    let reader =
        ChatReader::new("x".to_owned(), ToolNames::unchanged(), reasoning, ChatRelay::Translated);
    let mut reader = reader.thinking_in_tags();
    let mut out = Vec::new();
    for data in datas {
        let event = SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
        reader.read(event, &mut out).unwrap();
    }
    reader.finish(&mut out).unwrap();
    out.into_iter().map(|out| out.event).collect()
}

#[test]
fn thoughts_between_tags_are_thinking_and_a_call_after_them_is_a_call() {
    const BEGINS: &str = r#"{"choices":[{"index":0,"delta":{"content":"<thi"}}]}"#;
    const GOES_ON: &str = r#"{"choices":[{"index":0,"delta":{"content":"nk>hm</th"}}]}"#;
    const ENDS: &str =
        r#"{"choices":[{"index":0,"delta":{"content":"ink>\n\n<think> is a tag"}}]}"#;
    const CALL: &str = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#;
    let pieces = [ROLE, BEGINS, GOES_ON, ENDS, CALL, FINISH, "[DONE]"];
    let events = read_tagged(Reasoning::Shown(owner()), &pieces);
    assert_eq!(
        events[1..8],
        [
            StreamEvent::BlockStart(Block::Thinking),
            StreamEvent::Delta(Delta::Thinking("hm".into())),
            StreamEvent::Delta(Delta::Signature(owner().mark(ReasoningMember::ReasoningContent),)),
            StreamEvent::BlockStop,
            StreamEvent::BlockStart(Block::Text),
            StreamEvent::Delta(Delta::Text("<think> is a tag".into())),
            StreamEvent::BlockStop,
        ]
    );
    assert_eq!(finish_of(&events).0, StopReason::ToolUse);
    let hidden = read_tagged(Reasoning::Hidden(owner()), &pieces);
    assert_eq!(hidden[1], StreamEvent::HiddenReasoning { bytes: 2 });
}
