use super::*;
use crate::client::openai::declared_tools::DeclaredTools;
use crate::client::responses::whole::ResponseObject;
use crate::error::client_error::ClientError;
use crate::event::{Native, Stop};

pub(super) fn names() -> AnswerNames {
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

fn declared_tools() -> DeclaredTools {
    let mut tools = DeclaredTools::default();
    tools.flat(ToolKind::Custom, "patch", None);
    tools.flat(ToolKind::Function, "create_event", Some("mcp__calendar__"));
    for kind in CLIENT_RUN {
        tools.flat(kind, kind.own_name().unwrap(), None);
    }
    tools
}

const CLIENT_RUN: [ToolKind; 5] = [
    ToolKind::LocalShell,
    ToolKind::Shell,
    ToolKind::ApplyPatch,
    ToolKind::Computer,
    ToolKind::ToolSearch,
];

pub(super) fn events(provider_event: &[ProviderEvent]) -> Vec<(String, Value)> {
    let client = ResponsesClient { tools: declared_tools(), ..ResponsesClient::default() };
    let mut frames = ResponsesFrames::new(names(), client);
    let mut events = Vec::new();
    for provider_event in provider_event {
        frames.json(provider_event, &mut |name, json| {
            events.push((name.to_owned(), serde_json::from_slice(json).unwrap()))
        });
    }
    events
}

pub(super) fn said(events: Vec<StreamEvent>) -> Vec<ProviderEvent> {
    events.into_iter().map(ProviderEvent::translated).collect()
}

pub(super) fn finish(reason: StopReason) -> [StreamEvent; 2] {
    let usage = TokenUsage {
        input_tokens: 4,
        cache_read_input_tokens: 6,
        output_tokens: 3,
        thinking_tokens: 1,
        ..TokenUsage::default()
    };
    [
        StreamEvent::Finish { stop: Stop { reason, sequence: None, word: None }, usage },
        StreamEvent::End,
    ]
}

pub(super) fn answer() -> Vec<StreamEvent> {
    let mut answer = vec![
        StreamEvent::Start { upstream_id: None, usage: TokenUsage::default() },
        StreamEvent::BlockStart(Block::Thinking),
        StreamEvent::Delta(Delta::Thinking("hm".into())),
        StreamEvent::Delta(Delta::Signature("sig".into())),
        StreamEvent::BlockStop,
        StreamEvent::BlockStart(Block::Text),
        StreamEvent::Delta(Delta::Text("a".into())),
        StreamEvent::Delta(Delta::Text("b".into())),
        StreamEvent::BlockStop,
        StreamEvent::BlockStart(Block::ToolUse { id: "c1".into(), name: "f".into() }),
        StreamEvent::Delta(Delta::ToolInput("".into())),
        StreamEvent::BlockStop,
        StreamEvent::BlockStart(Block::ToolUse { id: "c2".into(), name: "patch".into() }),
        StreamEvent::Delta(Delta::ToolInput("{\"input\":\"x\\n".into())),
        StreamEvent::Delta(Delta::ToolInput("y\"}".into())),
        StreamEvent::BlockStop,
    ];
    answer.extend(finish(StopReason::ToolUse));
    answer
}

#[test]
fn p006_items_and_events_are_numbered_without_gaps() {
    let events = events(&said(answer()));
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (at, (name, event)) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at);
        assert_eq!(event["type"], *name);
    }
    let added: Vec<u64> = events
        .iter()
        .filter(|(name, _)| name.ends_with("item.added"))
        .map(|(_, event)| event["output_index"].as_u64().unwrap())
        .collect();
    assert_eq!(added, [0, 1, 2, 3]);
}

#[test]
fn the_last_event_carries_the_whole_answer() {
    let events = events(&said(answer()));
    let mut whole = ResponseObject::default();
    events.iter().for_each(|(name, event)| whole.add(name, event.to_string().as_bytes()));
    let whole = whole.into_value();
    assert_eq!(whole["status"], "completed");
    assert_eq!(whole["usage"]["input_tokens"], 10);
    assert_eq!(whole["usage"]["output_tokens_details"]["reasoning_tokens"], 1);
    assert_eq!(
        whole["output"],
        json!([
            {"id": "rs_d_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "ainfera.anthropic.sig"},
            {"id": "msg_d_1", "type": "message", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}]},
            {"id": "fc_d_2", "type": "function_call", "status": "completed", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"id": "ctc_d_3", "type": "custom_tool_call", "status": "completed", "call_id": "c2", "name": "patch", "input": "x\ny"},
        ])
    );
}

#[test]
fn p021_an_answer_that_is_cut_or_refused_is_not_complete() {
    for (reason, name, why) in [
        (StopReason::MaxTokens, "response.incomplete", json!({"reason": "max_output_tokens"})),
        (StopReason::Refusal, "response.incomplete", json!({"reason": "content_filter"})),
        (
            StopReason::ContextWindowExceeded,
            "response.incomplete",
            json!({"reason": "max_output_tokens"}),
        ),
        (StopReason::EndTurn, "response.completed", Value::Null),
    ] {
        let events = events(&said(finish(reason).to_vec()));
        let (last, event) = events.last().unwrap();
        assert_eq!((last.as_str(), &event["response"]["incomplete_details"]), (name, &why));
    }
}

#[test]
fn p025_a_failure_is_told_and_nothing_is_completed() {
    let mut frames = ResponsesFrames::new(names(), ResponsesClient::default());
    let mut told = Vec::new();
    let mut visit = |name: &str, json: &[u8]| {
        told.push((name.to_owned(), serde_json::from_slice::<Value>(json).unwrap()))
    };
    frames.json(&ProviderEvent::translated(StreamEvent::BlockStart(Block::Text)), &mut visit);
    let error = ClientError {
        error_type: "overloaded_error",
        message: "no".to_owned(),
        code: Some("stream_incomplete"),
        field: None,
        details: None,
        request_id: String::new(),
        status: None,
        retry_after_s: None,
    };
    frames.error(&error, &mut visit);
    let [.., (first, error), (second, failed)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("error", "response.failed"));
    assert_eq!(
        (&error["code"], &error["error"]["message"]),
        (&json!("stream_incomplete"), &json!("no"))
    );
    assert_eq!(
        (&failed["response"]["status"], &failed["response"]["error"]["message"]),
        (&json!("failed"), &json!("no"))
    );
}

#[test]
fn a_providers_events_go_out_as_they_came_and_nothing_is_said_twice() {
    let native = |name: &'static str, data: &'static str| {
        Some(Native { name: name.into(), data: data.into() })
    };
    let provider_event = [
        ProviderEvent {
            event: StreamEvent::Start { upstream_id: None, usage: TokenUsage::default() },
            native: native("response.created", r#"{"odd":1}"#),
        },
        ProviderEvent::translated(StreamEvent::BlockStart(Block::Text)),
        ProviderEvent {
            event: StreamEvent::Delta(Delta::Text("a".into())),
            native: native("response.output_text.delta", r#"{"delta":"a"}"#),
        },
    ];
    assert_eq!(
        events(&provider_event),
        [
            ("response.created".to_owned(), json!({"odd": 1})),
            ("response.output_text.delta".to_owned(), json!({"delta": "a"}))
        ]
    );
}

#[test]
fn p025_a_native_response_that_fails_is_the_one_that_began() {
    let mut frames = ResponsesFrames::new(names(), ResponsesClient::default());
    let mut told = Vec::new();
    let mut visit =
        |_: &str, json: &[u8]| told.push(serde_json::from_slice::<Value>(json).unwrap());
    for (name, data) in [
        ("response.created", r#"{"response":{"id":"theirs","status":"in_progress","odd":1}}"#),
        ("response.output_text.delta", r#"{"delta":"a"}"#),
    ] {
        let native = Some(Native { name: name.into(), data: data.into() });
        frames.json(&ProviderEvent { event: StreamEvent::Other, native }, &mut visit);
    }
    let error = ClientError {
        error_type: "api_error",
        message: "no".to_owned(),
        code: Some("stream_incomplete"),
        field: None,
        details: None,
        request_id: String::new(),
        status: None,
        retry_after_s: None,
    };
    frames.error(&error, &mut visit);
    let failed = json!({"id": "theirs", "status": "failed", "odd": 1, "error": {"code": "stream_incomplete", "message": "no"}});
    assert_eq!(
        told[3],
        json!({"type": "response.failed", "sequence_number": 3, "response": failed})
    );
}

#[test]
fn p021_what_was_cut_is_incomplete_and_what_was_not_is_complete() {
    let mut cut = vec![
        StreamEvent::BlockStart(Block::Text),
        StreamEvent::Delta(Delta::Text("a".into())),
        StreamEvent::BlockStop,
        StreamEvent::BlockStart(Block::ToolUse { id: "c1".into(), name: "f".into() }),
        StreamEvent::Delta(Delta::ToolInput("{\"city\":\"Ro".into())),
        StreamEvent::BlockStop,
    ];
    cut.extend(finish(StopReason::MaxTokens));
    let events = events(&said(cut));
    let done: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "response.output_item.done")
        .map(|(_, event)| &event["item"])
        .collect();
    assert_eq!(
        (&done[0]["status"], &done[0]["content"][0]["text"]),
        (&json!("completed"), &json!("a"))
    );
    assert_eq!(
        (&done[1]["status"], &done[1]["arguments"]),
        (&json!("incomplete"), &json!("{\"city\":\"Ro"))
    );
    assert_eq!(events.last().unwrap().1["response"]["output"], json!(done));
}

/// The items of an answer that calls one tool, in all its forms: as it was added, as it was done,
/// and in the whole response.
fn called(name: &str, arguments: &[&str]) -> [Value; 3] {
    let call = Block::ToolUse { id: "call_1".into(), name: name.into() };
    let pieces =
        arguments.iter().map(|piece| StreamEvent::Delta(Delta::ToolInput((*piece).into())));
    let mut answer = vec![
        StreamEvent::Start { upstream_id: None, usage: TokenUsage::default() },
        StreamEvent::BlockStart(call),
    ];
    answer.extend(pieces);
    answer.push(StreamEvent::BlockStop);
    answer.extend(finish(StopReason::ToolUse));
    let mut whole = ResponseObject::default();
    let events = events(&said(answer));
    for (name, event) in &events {
        whole.add(name, event.to_string().as_bytes());
    }
    let item = |wanted: &str| {
        let found = events.iter().find(|(name, _)| name == wanted);
        found.unwrap_or_else(|| panic!("no {wanted}")).1["item"].clone()
    };
    let [added, done] = ["response.output_item.added", "response.output_item.done"].map(item);
    [added, done, whole.into_value()["output"][0].clone()]
}

#[test]
fn a_call_comes_back_as_the_tool_that_the_client_declared() {
    let action = json!({"type": "exec", "command": ["ls", "-l"], "env": {}});
    let commands = json!({"commands": ["ls"], "timeout_ms": 9, "max_output_length": null});
    let operation = json!({"type": "create_file", "path": "a", "diff": "+b"});
    let actions = json!([{"type": "click", "x": 1, "y": 2}]);
    for (name, arguments, expected) in [
        (
            "mcp__calendar__create_event",
            r#"{"title":"x"}"#,
            json!({"id": "fc_d_0", "type": "function_call", "name": "create_event", "namespace": "mcp__calendar__", "arguments": "{\"title\":\"x\"}"}),
        ),
        (
            "local_shell",
            r#"{"command":["ls","-l"]}"#,
            json!({"id": "lsh_d_0", "type": "local_shell_call", "action": action}),
        ),
        (
            "shell",
            r#"{"commands":"ls","timeout_ms":9}"#,
            json!({"id": "sh_d_0", "type": "shell_call", "action": commands}),
        ),
        (
            "apply_patch",
            r#"{"type":"create_file","path":"a","diff":"+b"}"#,
            json!({"id": "apc_d_0", "type": "apply_patch_call", "operation": operation}),
        ),
        (
            "computer",
            r#"{"actions":[{"type":"click","x":1,"y":2}]}"#,
            json!({"id": "cu_d_0", "type": "computer_call", "actions": actions, "pending_safety_checks": []}),
        ),
        (
            "tool_search",
            r#"{"query":"calendar"}"#,
            json!({"id": "tsc_d_0", "type": "tool_search_call", "execution": "client", "arguments": {"query": "calendar"}}),
        ),
    ] {
        let (one, other) = arguments.split_at(5);
        let [added, done, whole] = called(name, &[one, other]);
        let mut expected = expected;
        expected["call_id"] = json!("call_1");
        expected["status"] = json!("completed");
        assert_eq!(done, expected, "{name}");
        assert_eq!(whole, expected, "{name}");
        assert_eq!((&added["type"], &added["call_id"]), (&expected["type"], &expected["call_id"]));
    }
}

#[test]
fn arguments_that_are_not_what_was_asked_for_make_a_call_that_the_client_can_refuse() {
    let [_, done, whole] = called("shell", &["{\"cmd\":", "\"ls\"}"]);
    let expected = json!({"id": "fc_d_0", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "shell", "arguments": "{\"cmd\":\"ls\"}"});
    assert_eq!(done, expected);
    assert_eq!(whole, expected);
}
