use super::*;
use crate::client::chat::whole::ChatCompletion;

fn names() -> AnswerNames {
    AnswerNames {
        request_id: "req_1".to_owned(),
        digits: "d".to_owned(),
        model: "the-model".to_owned(),
        agent_id: "agent".to_owned(),
        inference_id: "inference".to_owned(),
        receipt_id: "receipt".to_owned(),
        created_s: 7,
        estimated_input_tokens: 9,
        coercions: Default::default(),
    }
}

fn chunks(usage_chunk: UsageChunk, events: &[ProviderEvent]) -> Vec<String> {
    let mut frames = ChatFrames::new(names(), usage_chunk);
    let mut chunks = Vec::new();
    for provider_event in events {
        frames.json(provider_event, &mut |name, json| {
            if let Some(name) = shown(name, usage_chunk) {
                assert_eq!(name, "");
                chunks.push(String::from_utf8(json.to_vec()).unwrap());
            }
        });
    }
    chunks
}

fn said(events: Vec<StreamEvent>) -> Vec<ProviderEvent> {
    events.into_iter().map(ProviderEvent::translated).collect()
}

fn finish(reason: StopReason) -> StreamEvent {
    let usage = TokenUsage {
        input_tokens: 4,
        cache_read_input_tokens: 6,
        output_tokens: 3,
        thinking_tokens: 1,
        ..TokenUsage::default()
    };
    StreamEvent::Finish { stop: Stop { reason, sequence: None, word: None }, usage }
}

fn call(id: &'static str, name: &'static str, pieces: &[&'static str]) -> Vec<StreamEvent> {
    let begun = [StreamEvent::BlockStart(Block::ToolUse { id: id.into(), name: name.into() })];
    let pieces = pieces.iter().map(|piece| StreamEvent::Delta(Delta::ToolInput((*piece).into())));
    begun.into_iter().chain(pieces).chain([StreamEvent::BlockStop]).collect()
}

#[test]
fn p004_parallel_calls_have_an_index_an_id_and_a_name_each() {
    let events = [
        call("a", "f", &["", "{\"x\":", "1}"]),
        call("b", "g", &[""]),
        vec![finish(StopReason::ToolUse), StreamEvent::End],
    ]
    .concat();
    let chunks = chunks(UsageChunk::Unwanted, &said(events));
    let calls: Vec<Value> = chunks
        .iter()
        .filter_map(|chunk| {
            serde_json::from_str::<Value>(chunk)
                .ok()?
                .pointer("/choices/0/delta/tool_calls/0")
                .cloned()
        })
        .collect();
    assert_eq!(
        calls,
        [
            json!({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": "{\"x\":"}}),
            json!({"index": 0, "function": {"arguments": "1}"}}),
            json!({"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}),
            json!({"index": 1, "function": {"arguments": "{}"}}),
        ]
    );
    assert_eq!(chunks.last().unwrap(), "[DONE]");
}

#[test]
fn p052_usage_is_told_to_those_who_asked() {
    let events = || {
        said(vec![
            StreamEvent::BlockStart(Block::Text),
            StreamEvent::Delta(Delta::Text("hi".into())),
            finish(StopReason::EndTurn),
            StreamEvent::End,
        ])
    };
    assert!(chunks(UsageChunk::Unwanted, &events()).iter().all(|chunk| !chunk.contains("usage")));
    let chunks = chunks(UsageChunk::Wanted, &events());
    let told: Value = serde_json::from_str(&chunks[chunks.len() - 2]).unwrap();
    assert_eq!(told["choices"], json!([]));
    assert_eq!(told["usage"]["prompt_tokens"], 10);
    assert_eq!(told["usage"]["total_tokens"], 13);
    assert_eq!(told["usage"]["prompt_tokens_details"]["cached_tokens"], 6);
    assert_eq!(told["usage"]["completion_tokens_details"]["reasoning_tokens"], 1);
}

#[test]
fn recorded_usage_is_given_again_to_those_who_ask() {
    let recorded = "data: {\"a\":1}\n\nevent: usage\ndata: {\"usage\":{}}\n\ndata: [DONE]\n\n";
    assert_eq!(replayed(recorded, UsageChunk::Unwanted), "data: {\"a\":1}\n\ndata: [DONE]\n\n");
    assert_eq!(
        replayed(recorded, UsageChunk::Wanted),
        "data: {\"a\":1}\n\ndata: {\"usage\":{}}\n\ndata: [DONE]\n\n"
    );
}

#[test]
fn p021_each_end_has_its_word() {
    for (reason, word) in [
        (StopReason::EndTurn, "stop"),
        (StopReason::StopSequence, "stop"),
        (StopReason::MaxTokens, "length"),
        (StopReason::ContextWindowExceeded, "length"),
        (StopReason::ToolUse, "tool_calls"),
        (StopReason::Refusal, "content_filter"),
        (StopReason::Compaction, "stop"),
    ] {
        assert_eq!(finish_reason(&Stop { reason, sequence: None, word: None }), word);
    }
}

#[test]
fn a_providers_chunks_go_out_as_they_came_and_nothing_is_said_twice() {
    let native =
        |name: &'static str, data: &'static str| Native { name: name.into(), data: data.into() };
    let events = [
        ProviderEvent {
            event: StreamEvent::Other,
            native: Some(native(
                CHUNK,
                r#"{"id":"x","odd":1,"choices":[{"delta":{"content":"hi"}}]}"#,
            )),
        },
        ProviderEvent::translated(StreamEvent::Delta(Delta::Text("hi".into()))),
        ProviderEvent {
            event: StreamEvent::Other,
            native: Some(native(FINISH, r#"{"id":"x","choices":[{"finish_reason":"stop"}]}"#)),
        },
        ProviderEvent {
            event: StreamEvent::Other,
            native: Some(native(USAGE, r#"{"choices":[],"usage":{}}"#)),
        },
        ProviderEvent::translated(finish(StopReason::EndTurn)),
        ProviderEvent { event: StreamEvent::End, native: Some(native(CHUNK, "[DONE]")) },
    ];
    let chunks = chunks(UsageChunk::Unwanted, &events);
    assert_eq!(chunks[0], r#"{"id":"x","odd":1,"choices":[{"delta":{"content":"hi"}}]}"#);
    assert!(
        chunks[1].starts_with(
            r#"{"id":"x","choices":[{"finish_reason":"stop"}],"ainfera":{"receipt_id":"receipt""#
        ),
        "{}",
        chunks[1]
    );
    assert_eq!(chunks[2..], ["[DONE]"]);
}

#[test]
fn p022_the_whole_answer_is_what_its_chunks_say() {
    let mut events = said(vec![
        StreamEvent::BlockStart(Block::Thinking),
        StreamEvent::Delta(Delta::Thinking("hm".into())),
        StreamEvent::BlockStop,
    ]);
    events.extend(said(call("a", "f", &["{}"])));
    events.extend(said(vec![finish(StopReason::ToolUse), StreamEvent::End]));
    let mut whole = ChatCompletion::default();
    chunks(UsageChunk::Wanted, &events).iter().for_each(|chunk| whole.add(chunk.as_bytes()));
    let whole = whole.into_value();
    assert_eq!(
        whole["choices"],
        json!([{"index": 0, "message": {"role": "assistant", "content": null, "refusal": null, "reasoning_content": "hm", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, "logprobs": null, "finish_reason": "tool_calls"}])
    );
    assert_eq!(whole["ainfera"]["receipt_id"], "receipt");
    assert_eq!(whole["usage"]["total_tokens"], 13);
}
