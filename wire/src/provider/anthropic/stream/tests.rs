use super::*;
use crate::error::provider_error::FaultKind;
use crate::event::{Block, Delta};
use crate::tool_names::ToolNames;

fn read(datas: &[&str]) -> (Vec<ProviderEvent>, Result<(), StreamFault>) {
    read_as(RelayMode::Native, datas)
}

fn read_as(relay: RelayMode, datas: &[&str]) -> (Vec<ProviderEvent>, Result<(), StreamFault>) {
    let mut reader =
        AnthropicReader::new(relay, "the-slug", 9, "seed".to_owned(), ToolNames::unchanged());
    let mut out = Vec::new();
    for data in datas {
        let event = SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
        if let Err(fault) = reader.read(event, &mut out) {
            return (out, Err(fault));
        }
    }
    let end = reader.finish(&mut out);
    (out, end)
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"upstream","x":1,"usage":{"input_tokens":12,"cache_read_input_tokens":3,"output_tokens":1}}}"#;
const TEXT: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const HI: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"h\u0069"}}"#;
const STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
const ARGUMENTS: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#;
const DELTA: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}}"#;
const END: &str = r#"{"type":"message_stop"}"#;

#[test]
fn a_whole_answer_is_read_and_kept() {
    let (out, end) = read(&[START, TEXT, r#"{"type":"ping"}"#, HI, STOP, DELTA, END]);
    assert_eq!(end, Ok(()));
    let usage = TokenUsage {
        input_tokens: 12,
        cache_read_input_tokens: 3,
        output_tokens: 7,
        ..TokenUsage::default()
    };
    assert_eq!(out[3].event, StreamEvent::Delta(Delta::Text("hi".into())));
    assert_eq!(out[3].native.as_ref().unwrap().data, HI.as_bytes());
    assert_eq!(
        out[5].event,
        StreamEvent::Finish {
            stop: Stop {
                reason: StopReason::EndTurn,
                sequence: None,
                word: Some("end_turn".into())
            },
            usage
        }
    );
    assert_eq!(out[6].event, StreamEvent::End);
    let start = String::from_utf8(out[0].native.as_ref().unwrap().data.to_vec()).unwrap();
    assert!(start.contains(r#""model":"the-slug""#) && start.contains(r#""x":1"#), "{start}");
}

#[test]
fn p054_usage_is_the_highest_of_each_count_and_an_hour_is_told_from_minutes() {
    let start = r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":43,"cache_creation_input_tokens":300,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},"output_tokens":2}}}"#;
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":61,"cache_creation_input_tokens":300,"output_tokens":7}}"#;
    let (out, end) = read(&[start, delta, END]);
    assert_eq!(end, Ok(()));
    let StreamEvent::Finish { usage, .. } = out[1].event else { panic!("{out:?}") };
    let expected = TokenUsage {
        input_tokens: 61,
        cache_creation_input_tokens: 300,
        cache_creation_1h_input_tokens: 200,
        output_tokens: 7,
        ..TokenUsage::default()
    };
    assert_eq!(usage, expected);
}

#[test]
fn p036_an_end_of_bytes_is_not_success_unless_the_stop_reason_came() {
    assert_eq!(read(&[START, TEXT, HI]).1, Err(StreamFault::Truncated));
    assert_eq!(read(&[]).1, Err(StreamFault::Truncated));
    let (out, end) = read(&[START, TEXT, HI, STOP, DELTA]);
    assert_eq!(end, Ok(()));
    assert_eq!(out.last().unwrap().event, StreamEvent::End);
}

#[test]
fn disorder_is_refused() {
    for datas in [&[START, TEXT, START][..], &[TEXT], &[START, ARGUMENTS], &[DELTA], &[START, END]]
    {
        assert!(matches!(read(datas).1, Err(StreamFault::Malformed(_))), "{datas:?}");
    }
    assert!(matches!(read(&[START, "<html>"]).1, Err(StreamFault::Malformed(_))));
}

#[test]
fn a_start_that_is_said_twice_is_heard_once() {
    let (out, end) = read(&[START, START, TEXT, HI, STOP, DELTA, END]);
    assert_eq!(end, Ok(()));
    assert_eq!(out.iter().filter(|out| matches!(out.event, StreamEvent::Start { .. })).count(), 1);
}

#[test]
fn what_stands_complete_in_a_start_is_said_to_a_client_of_another_dialect() {
    let mut reader = AnthropicReader::new(
        RelayMode::Translated,
        "the-slug",
        5,
        "seed".to_owned(),
        ToolNames::unchanged(),
    );
    let mut out = Vec::new();
    let whole = r#"{"type":"message_start","message":{"id":"m","content":[{"type":"text","text":"hi"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}}"#;
    for data in [whole, END] {
        reader
            .read(
                SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) },
                &mut out,
            )
            .unwrap();
    }
    let said: Vec<StreamEvent> = out.into_iter().map(|out| out.event).collect();
    assert_eq!(
        said[1..7],
        [
            StreamEvent::BlockStart(Block::Text),
            StreamEvent::Delta(Delta::Text("hi".into())),
            StreamEvent::BlockStop,
            StreamEvent::BlockStart(Block::ToolUse { id: "t".into(), name: "f".into() }),
            StreamEvent::Delta(Delta::ToolInput("{\"a\":1}".into())),
            StreamEvent::BlockStop,
        ]
    );
    assert_eq!(said.last(), Some(&StreamEvent::End));
}

#[test]
fn arguments_of_a_server_tool_are_no_call_of_the_clients() {
    let server = r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}}"#;
    let piece = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}"#;
    let (out, _) = read(&[START, server, piece, STOP]);
    assert_eq!(out[1].event, StreamEvent::BlockStart(Block::Other));
    assert_eq!(out[2].event, StreamEvent::Delta(Delta::Other));
}

#[test]
fn an_error_inside_the_stream_is_an_error() {
    let (_, end) = read(&[
        START,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    ]);
    assert_eq!(
        end,
        Err(StreamFault::ErrorEvent {
            kind: FaultKind::Overloaded,
            message: "Overloaded".to_owned()
        })
    );
}

#[test]
fn what_is_new_passes_through() {
    let (out, _) = read(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"hologram","data":1}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"beam_delta","beam":2}}"#,
        STOP,
        r#"{"type":"weather.changed"}"#,
    ]);
    assert_eq!(out[1].event, StreamEvent::BlockStart(Block::Other));
    assert_eq!(out[2].event, StreamEvent::Delta(Delta::Other));
    assert_eq!(out[4].event, StreamEvent::Other);
    assert_eq!(out[4].native.as_ref().unwrap().name, "weather.changed");
}

/// What a client of another dialect hears, without oddities.
fn said(datas: &[&str]) -> Vec<StreamEvent> {
    let (out, end) = read_as(RelayMode::Translated, datas);
    assert_eq!(end, Ok(()), "{datas:?}");
    let said = out.into_iter().map(|out| out.event);
    said.filter(|event| !matches!(event, StreamEvent::Oddity(_))).collect()
}

fn block(index: usize, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

fn piece(index: usize, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

#[test]
fn blocks_in_turns_are_said_one_after_the_other() {
    let text = block(0, r#"{"type":"text","text":""}"#);
    let call = block(1, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let hello = piece(0, r#"{"type":"text_delta","text":"a"}"#);
    let more = piece(0, r#"{"type":"text_delta","text":"b"}"#);
    let arguments = piece(1, r#"{"type":"input_json_delta","partial_json":"{}"}"#);
    let stop = r#"{"type":"content_block_stop","index":1}"#;
    let datas = [START, &text, &call, &arguments, &hello, stop, &more, STOP, DELTA, END];
    let expected = [
        StreamEvent::BlockStart(Block::Text),
        StreamEvent::Delta(Delta::Text("a".into())),
        StreamEvent::Delta(Delta::Text("b".into())),
        StreamEvent::BlockStop,
        StreamEvent::BlockStart(Block::ToolUse { id: "t".into(), name: "f".into() }),
        StreamEvent::Delta(Delta::ToolInput("{}".into())),
        StreamEvent::BlockStop,
    ];
    assert_eq!(said(&datas)[1..8], expected);
    let (out, _) = read(&datas);
    let natives: Vec<&Bytes> =
        out.iter().filter_map(|out| Some(&out.native.as_ref()?.data)).collect();
    let unchanged = datas[1..8].iter().map(|data| data.as_bytes());
    assert!(
        natives[1..8].iter().map(|data| &data[..]).eq(unchanged),
        "a native client gets the order"
    );
}

#[test]
fn a_block_that_never_began_or_never_ended_is_heard() {
    let hello = piece(3, r#"{"type":"text_delta","text":"a"}"#);
    let text = |text: &'static str| StreamEvent::Delta(Delta::Text(text.into()));
    let heard = said(&[START, &hello, DELTA, END]);
    assert_eq!(heard[1..3], [StreamEvent::BlockStart(Block::Text), text("a")]);
    let second = block(1, r#"{"type":"text","text":""}"#);
    let world = piece(1, r#"{"type":"text_delta","text":"b"}"#);
    let heard = said(&[START, TEXT, HI, &second, &world, DELTA, END]);
    assert_eq!(
        heard[2..6],
        [text("hi"), StreamEvent::BlockStop, StreamEvent::BlockStart(Block::Text), text("b")]
    );
}

#[test]
fn a_call_is_announced_to_every_client() {
    let call = block(0, r#"{"type":"tool_use","name":"f","input":{}}"#);
    let heard = said(&[START, &call, STOP, DELTA, END]);
    assert_eq!(
        heard[1],
        StreamEvent::BlockStart(Block::ToolUse { id: "toolu_seed0".into(), name: "f".into() })
    );
    let StreamEvent::Finish { stop, .. } = &heard[3] else { panic!("{heard:?}") };
    assert_eq!(stop.reason, StopReason::ToolUse);
    let (out, _) = read(&[START, &call, STOP, DELTA, END]);
    let natives: String = out
        .iter()
        .filter_map(|out| Some(String::from_utf8_lossy(&out.native.as_ref()?.data).into_owned()))
        .collect();
    assert!(natives.contains(r#""stop_reason":"tool_use""#), "{natives}");
    assert!(natives.contains(r#""id":"toolu_seed0""#), "{natives}");
}

#[test]
fn a_last_word_after_content_is_an_end_without_a_stop_reason() {
    for last in [END, "[DONE]"] {
        let heard = said(&[START, TEXT, HI, STOP, last]);
        let StreamEvent::Finish { stop, .. } = &heard[4] else { panic!("{heard:?}") };
        assert_eq!((stop.reason, heard.last()), (StopReason::EndTurn, Some(&StreamEvent::End)));
        let (out, _) = read(&[START, TEXT, HI, STOP, last]);
        let names: Vec<&str> =
            out.iter().filter_map(|out| Some(&*out.native.as_ref()?.name)).collect();
        assert_eq!(names[4..], ["message_delta", "message_stop"]);
    }
    let call = block(0, r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
    let open = read(&[START, &call, ARGUMENTS, "[DONE]"]).1;
    assert_eq!(open, Err(StreamFault::Truncated), "its arguments may go on");
    assert_eq!(read(&[START, "[DONE]"]).1, Err(StreamFault::Truncated));
}

#[test]
fn an_unknown_stop_reason_is_a_failure() {
    let moonphase = DELTA.replace("end_turn", "moonphase");
    for relay in [RelayMode::Native, RelayMode::Translated] {
        let (out, end) = read_as(relay, &[START, TEXT, HI, STOP, &moonphase, END]);
        assert!(matches!(end, Err(StreamFault::ErrorEvent { .. })), "{end:?}");
        let StreamEvent::FailedUsage(usage) = out.last().unwrap().event else { panic!("{out:?}") };
        assert_eq!(usage.output_tokens, 7);
    }
}

#[test]
fn members_of_another_type_do_not_hide_the_answer() {
    let start = START.replace(r#""input_tokens":12"#, r#""input_tokens":-900"#);
    let floats = DELTA.replace(r#""output_tokens":7"#, r#""output_tokens":7.0"#);
    let odd_index = HI.replace(r#""index":0"#, r#""index":"0""#);
    let no_index = HI.replace(r#""index":0"#, r#""index":[]"#);
    let no_kind = HI.replace(r#""type":"text_delta""#, r#""type":0"#);
    let id = START.replace(r#""msg_1""#, "17");
    let details = DELTA.replace(r#"{"output_tokens":7}"#, "[]");
    for datas in [
        [&start, HI, DELTA],
        [START, HI, &floats],
        [START, &odd_index, DELTA],
        [START, &no_index, DELTA],
        [START, &no_kind, DELTA],
        [&id, HI, &details],
    ] {
        let [start, hi, delta] = datas;
        let all = [start, TEXT, hi, STOP, r#""what?""#, delta, END];
        assert!(said(&all).contains(&StreamEvent::Delta(Delta::Text("hi".into()))), "{datas:?}");
        let (out, end) = read(&all);
        assert_eq!(end, Ok(()), "{datas:?}");
        let natives: Vec<&[u8]> =
            out.iter().filter_map(|out| Some(&out.native.as_ref()?.data[..])).collect();
        assert_eq!(natives[1..], [TEXT, hi, STOP, delta, END].map(str::as_bytes), "{datas:?}");
    }
}
