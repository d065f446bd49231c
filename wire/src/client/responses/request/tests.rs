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
