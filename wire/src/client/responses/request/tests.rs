use super::*;
use crate::disclosure::coercion::Coercions;
use crate::model_table::ModelAbilities;
use crate::provider::anthropic::form::form as form_of;
use ainfera_schema::ProviderKind;

fn call(body: Value) -> Call {
    Call::from_responses(Bytes::from(body.to_string()), ClientHeaders::default(), &|text| {
        text.len() as u64 / 4
    })
    .unwrap()
}

fn form(body: Value) -> (Value, Vec<String>) {
    let call = call(body);
    let form = form_of(
        &call.request,
        &call.request.model,
        &ModelAbilities::named(ProviderKind::Anthropic, &call.request.model, None),
        &mut Coercions::default(),
    )
    .unwrap();
    (serde_json::to_value(form).unwrap(), call.translation.unwrap().lost.texts())
}

fn refused(body: Value) -> String {
    Call::from_responses(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1)
        .unwrap_err()
        .to_string()
}

#[test]
fn p017_a_history_of_items_is_said_in_anthropics_form() {
    let (form, lost) = form(json!({
        "model": "m", "instructions": "be brief", "max_output_tokens": 50, "parallel_tool_calls": false, "store": false,
        "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "high"},
        "input": [
            {"role": "user", "content": "weather?"},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "ainfera.anthropic.sig"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "let me see", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "weather", "arguments": "{\"city\":\"Rome\"}", "status": "completed"},
            {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "*** x"},
            {"type": "function_call_output", "call_id": "a", "output": "sun"},
            {"type": "custom_tool_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "ok"}, {"type": "input_image", "image_url": "https://x/y.png"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "and now?"}]},
        ],
        "tools": [
            {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": false},
            {"type": "custom", "name": "patch", "description": "edits"},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "weather"},
    }));
    assert_eq!(
        form,
        json!({
            "model": "m", "max_tokens": 50, "stream": true,
            "system": [{"type": "text", "text": "be brief"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "text", "text": "let me see"},
                    {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Rome"}},
                    {"type": "tool_use", "id": "b", "name": "patch", "input": {"input": "*** x"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "sun"}]},
                    {"type": "tool_result", "tool_use_id": "b", "content": [
                        {"type": "text", "text": "ok"}, {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}]},
                    {"type": "text", "text": "and now?"},
                ]},
            ],
            "tools": [
                {"name": "weather", "input_schema": {"type": "object"}, "strict": false},
                {"name": "patch", "input_schema": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}, "description": "edits"},
            ],
            "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": true},
            "output_config": {"effort": "high"},
        })
    );
    assert_eq!(lost, ["tools.2=dropped:no_equivalent"]);
}

#[test]
fn each_mistake_names_its_own_field() {
    let input = |input: Value| json!({"model": "m", "input": input});
    for (body, expected) in [
        (json!({"input": "x"}), "model: field required"),
        (json!({"model": "m"}), "input: at least one item is required"),
        (input(json!(7)), "input: must be a string or an array of items"),
        (
            input(json!([{"role": "bot", "content": "x"}])),
            "input.0.role: must be one of user, assistant, system, developer",
        ),
        (
            input(json!([{"type": "function_call_output", "call_id": "z", "output": "r"}])),
            "input.0.call_id: no call `z` before it",
        ),
        (
            input(
                json!([{"type": "function_call", "call_id": "a", "name": "f", "arguments": "{"}]),
            ),
            "input.0.arguments: must be a JSON object, as a string",
        ),
        (
            json!({"model": "m", "input": "x", "max_output_tokens": 0}),
            "max_output_tokens: must be an integer of at least 1",
        ),
        (
            json!({"model": "m", "input": "x", "tools": [{"name": "f"}]}),
            "tools.0.type: field required",
        ),
        (
            json!({"model": "m", "input": "x", "text": {"format": {"type": "xml"}}}),
            "text.format.type: must be one of text, json_object, json_schema",
        ),
    ] {
        assert_eq!(refused(body), expected);
    }
}

#[test]
fn what_refers_to_something_kept_is_for_its_keeper() {
    let native_only = |body: Value| call(body).native_only.unwrap().to_string();
    assert_eq!(
        native_only(json!({"model": "m", "input": "x", "previous_response_id": "resp_1"})),
        "previous_response_id: nothing is kept here from one call to the next: send the whole conversation in `input`"
    );
    assert!(
        native_only(json!({"model": "m", "previous_response_id": "resp_1"}))
            .starts_with("previous_response_id")
    );
    assert!(
        native_only(json!({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]}))
            .starts_with("input.0.type")
    );
    assert!(
        native_only(json!({"model": "m", "input": "x", "background": true}))
            .starts_with("background")
    );
}

#[test]
fn what_the_form_cannot_say_is_named() {
    let (_, lost) = form(json!({
        "model": "m", "input": "x", "store": true, "truncation": "auto", "metadata": {"a": "b"}, "text": {"verbosity": "low"},
        "reasoning": {"effort": "minimal", "summary": "auto"}, "new_thing": 1, "include": ["file_search_call.results"],
        "top_logprobs": null, "background": false,
    }));
    assert_eq!(
        lost,
        [
            "reasoning.summary=dropped:no_equivalent",
            "include.0=dropped:no_equivalent",
            "store=dropped:no_equivalent",
            "truncation=dropped:no_equivalent",
            "new_thing=dropped:unknown",
        ]
    );
}

#[test]
fn what_the_user_says_before_a_result_comes_after_it() {
    let (form, lost) = form(json!({"model": "m", "input": [
        {"role": "user", "content": "go"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"role": "user", "content": "hurry"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2", "odd": 1}]},
    ]}));
    let told: Vec<&Value> = form["messages"][2]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| &block["type"])
        .collect();
    assert_eq!(told, ["tool_result", "tool_result", "text"]);
    assert_eq!(
        lost,
        ["input.5.output.0.odd=dropped:unknown", "input.5=moved:before the user message"]
    );
    let call = call(json!({"model": "m", "input": [
        {"role": "user", "content": "go"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"role": "user", "content": "hurry"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "2"}]},
    ]}));
    let source_map = call.translation.unwrap().source_map;
    for (path, from) in [
        ("messages.2.content.0.content.0", "input.3.output.0"),
        ("messages.2.content.1", "input.2.content"),
        ("messages.1.content.0.input", "input.1.arguments"),
    ] {
        assert_eq!(source_map.source_of(path).as_deref(), Some(from), "{path}");
    }
}

#[test]
fn tools_that_the_client_runs_are_functions_with_names_of_their_own() {
    let function = |name: &str| json!({"type": "function", "name": name, "description": "d", "parameters": {"type": "object"}});
    let (form, lost) = form(json!({"model": "m", "input": "x", "tools": [
        function("get"),
        {"type": "namespace", "name": "mcp__calendar__", "description": "c", "tools": [function("create_event")]},
        {"type": "namespace", "name": "crm", "tools": [function("get")]},
        {"type": "tool_search", "execution": "client", "description": "find", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}},
        {"type": "tool_search"},
        {"type": "local_shell"},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "apply_patch"},
        {"type": "computer_use_preview", "display_width": 800, "display_height": 600, "environment": "linux"},
        {"type": "web_search"},
    ], "tool_choice": {"type": "function", "name": "create_event", "namespace": "mcp__calendar__"}}));
    let tools = form["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let expected = [
        "get",
        "mcp__calendar__create_event",
        "crm__get",
        "tool_search",
        "local_shell",
        "shell",
        "apply_patch",
        "computer",
    ];
    assert_eq!(names, expected);
    assert!(tools.iter().all(|tool| tool["input_schema"]["type"] == "object"));
    assert!(tools[7]["description"].as_str().unwrap().contains("800 by 600"));
    assert_eq!(form["tool_choice"]["name"], "mcp__calendar__create_event");
    assert_eq!(
        lost,
        [
            "tools.1.description=dropped:no_equivalent",
            "tools.1.tools.0.name=renamed:mcp__calendar__create_event",
            "tools.2.tools.0.name=renamed:crm__get",
            "tools.3.type=moved:function",
            "tools.4=dropped:no_equivalent",
            "tools.5.type=moved:function",
            "tools.6.type=moved:function",
            "tools.7=dropped:no_equivalent",
            "tools.8.type=moved:function",
            "tools.9.type=moved:function",
            "tools.10=dropped:no_equivalent",
        ]
    );
}

#[test]
fn what_tools_of_the_client_did_is_told_in_turns() {
    let (form, lost) = form(json!({"model": "m", "tools": [{"type": "shell"}], "input": [
        {"role": "user", "content": "go"},
        {"type": "function_call", "call_id": "a", "name": "create_event", "namespace": "mcp__calendar__", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "ok"},
        {"type": "shell_call", "id": "sh_1", "call_id": "b", "status": "completed", "action": {"commands": ["ls"], "timeout_ms": null}},
        {"type": "shell_call_output", "call_id": "b", "output": [{"stdout": "x", "stderr": "y", "outcome": {"type": "exit", "exit_code": 1}}]},
        {"type": "local_shell_call", "id": "lsh_1", "call_id": "c", "action": {"type": "exec", "command": ["ls"], "env": {}}},
        {"type": "local_shell_call_output", "id": "c", "output": "z"},
        {"type": "apply_patch_call", "call_id": "d", "operation": {"type": "delete_file", "path": "p"}},
        {"type": "apply_patch_call_output", "call_id": "d", "status": "failed", "output": "no such file"},
        {"type": "computer_call", "call_id": "e", "action": {"type": "screenshot"}, "pending_safety_checks": []},
        {"type": "computer_call_output", "call_id": "e", "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,AA=="}},
        {"type": "tool_search_call", "call_id": "f", "execution": "client", "arguments": {"query": "q"}},
        {"type": "tool_search_output", "call_id": "f", "execution": "client", "tools": [
            {"type": "namespace", "name": "mcp__calendar__", "tools": [{"type": "function", "name": "create_event", "parameters": {"type": "object"}}]}]},
    ]}));
    let turns = form["messages"].as_array().unwrap();
    let blocks: Vec<&Value> =
        turns.iter().flat_map(|turn| turn["content"].as_array().unwrap()).collect();
    let calls: Vec<(&str, &Value)> = blocks
        .iter()
        .filter(|block| block["type"] == "tool_use")
        .map(|block| (block["name"].as_str().unwrap(), &block["input"]))
        .collect();
    assert_eq!(
        calls,
        [
            ("mcp__calendar__create_event", &json!({})),
            ("shell", &json!({"commands": ["ls"]})),
            ("local_shell", &json!({"command": ["ls"]})),
            ("apply_patch", &json!({"type": "delete_file", "path": "p"})),
            ("computer", &json!({"action": {"type": "screenshot"}})),
            ("tool_search", &json!({"query": "q"})),
        ]
    );
    let results: Vec<&Value> =
        blocks.iter().filter(|block| block["type"] == "tool_result").copied().collect();
    let text = |at: usize| results[at]["content"][0]["text"].as_str().unwrap_or_default();
    assert_eq!(text(1), "x\nstderr:\ny\n(exit code 1)");
    assert_eq!((text(2), text(3), &results[3]["is_error"]), ("z", "no such file", &json!(true)));
    assert_eq!(results[4]["content"][0]["source"]["type"], "base64");
    assert!(text(5).ends_with("mcp__calendar__create_event"), "{}", text(5));
    let names: Vec<&Value> =
        form["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["shell", "mcp__calendar__create_event"]);
    assert_eq!(
        lost,
        [
            "tools.0.type=moved:function",
            "input.12.tools.0.tools.0.name=renamed:mcp__calendar__create_event"
        ]
    );
}
