use super::*;
use crate::disclosure::coercion::Coercions;
use crate::model_table::ModelAbilities;
use crate::provider::anthropic::form::form as form_of;
use ainfera_schema::ProviderKind;

fn form(body: Value) -> (Value, Vec<String>, Translation) {
    let said = translated(body.to_string().as_bytes()).unwrap();
    let lost = said.translation.lost.texts();
    (
        serde_json::to_value(
            form_of(
                &said.request,
                &said.request.model,
                &ModelAbilities::named(ProviderKind::Anthropic, &said.request.model, None),
                &mut Coercions::default(),
            )
            .unwrap(),
        )
        .unwrap(),
        lost,
        said.translation,
    )
}

fn refused(body: Value) -> String {
    translated(body.to_string().as_bytes()).err().unwrap().to_string()
}

fn with(member: &str, value: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body[member] = value;
    body
}

#[test]
fn a_conversation_with_tools_is_said_in_anthropics_form() {
    let call = |id: &str, city: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": format!("{{\"city\":\"{city}\"}}")}});
    let (form, lost, _) = form(json!({
        "model": "m", "max_completion_tokens": 50, "stop": "END", "stream": true, "parallel_tool_calls": false,
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "weather?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]},
            {"role": "assistant", "content": "", "tool_calls": [call("a", "Rome"), call("b", "Oslo")]},
            {"role": "tool", "tool_call_id": "a", "content": "sun"},
            {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "snow"}]},
            {"role": "user", "content": "and now?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": "required",
    }));
    assert_eq!(
        form,
        json!({
            "model": "m", "max_tokens": 50, "stream": true,
            "system": [{"type": "text", "text": "be brief"}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "weather?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Rome"}},
                    {"type": "tool_use", "id": "b", "name": "weather", "input": {"city": "Oslo"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "sun"}]},
                    {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "snow"}]},
                    {"type": "text", "text": "and now?"},
                ]},
            ],
            "tools": [{"name": "weather", "input_schema": {"type": "object"}, "description": "d", "strict": true}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "stop_sequences": ["END"],
        })
    );
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn each_mistake_names_its_own_field() {
    let messages = |messages: Value| json!({"model": "m", "messages": messages});
    for (body, expected) in [
        (json!({"messages": [{"role": "user", "content": "x"}]}), "model: field required"),
        (json!({"model": "m"}), "messages: field required"),
        (messages(json!([])), "messages: at least one message is required"),
        (
            messages(json!([{"role": "bot", "content": "x"}])),
            "messages.0.role: must be one of system, developer, user, assistant, tool",
        ),
        (messages(json!([{"role": "user"}])), "messages.0.content: field required"),
        (
            messages(json!([{"role": "user", "content": 7}])),
            "messages.0.content: must be a string or an array of parts",
        ),
        (
            messages(
                json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,abc"}}]}]),
            ),
            "messages.0.content.0.image_url.url: data URLs must be base64",
        ),
        (
            messages(
                json!([{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}]}]),
            ),
            "messages.0.tool_calls.0.function.arguments: must be a JSON object, as a string",
        ),
        (
            messages(
                json!([{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "z", "content": "r"}]),
            ),
            "messages.1.tool_call_id: no call `z` in the assistant message before it",
        ),
        (with("n", json!(2)), "n: one answer at a time: must be 1"),
        (with("max_tokens", json!(0)), "max_tokens: must be an integer of at least 1"),
        (with("stop", json!([1])), "stop.0: must be a string"),
        (with("tool_choice", json!("required")), "tool_choice: there are no tools to choose from"),
        (
            with("response_format", json!({"type": "xml"})),
            "response_format.type: must be one of text, json_object, json_schema",
        ),
        (
            with("reasoning_effort", json!("enormous")),
            "reasoning_effort: must be one of none, minimal, low, medium, high, xhigh, max",
        ),
    ] {
        assert_eq!(refused(body), expected);
    }
}

#[test]
fn what_the_form_cannot_say_is_named() {
    let mut body = with("seed", json!(7));
    for (name, value) in [
        ("logprobs", json!(true)),
        ("new_thing", json!(1)),
        ("frequency_penalty", json!(null)),
        ("temperature", json!(1.5)),
    ] {
        body[name] = value;
    }
    let (form, lost, translation) = form(body);
    assert_eq!(lost, ["logprobs=dropped:no_equivalent", "new_thing=dropped:unknown"]);
    assert_eq!(
        form["temperature"],
        json!(1.5),
        "clamped for whom it is too hot, not for everybody"
    );
    assert_eq!(translation.native_only, None);
}

#[test]
fn a_limit_is_never_missing() {
    assert_eq!(form(with("seed", json!(1))).0["max_tokens"], json!(DEFAULT_MAX_TOKENS));
    let (limited, _, translation) = form(with("max_tokens", json!(9)));
    assert_eq!(limited["max_tokens"], json!(9));
    assert_eq!(translation.source_map.source_of("max_tokens").unwrap(), "max_tokens");
}

#[test]
fn p019_allowed_tools_are_the_only_ones_that_are_said() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    let mut body = with("tools", json!([tool("a"), tool("b"), tool("c")]));
    body["tool_choice"] = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "c"}}]}});
    let (form, lost, translation) = form(body);
    assert_eq!(form["tools"][0]["name"], "c");
    assert_eq!(form["tools"].as_array().unwrap().len(), 1);
    assert_eq!(form["tool_choice"], json!({"type": "any"}));
    assert_eq!(lost, ["tool_choice.allowed_tools=moved:tools"]);
    assert_eq!(
        translation.source_map.source_of("tools.0.input_schema").unwrap(),
        "tools.2.function.parameters"
    );
}

#[test]
fn what_only_openai_understands_is_for_openai_to_judge() {
    for (member, value, field) in [
        ("functions", json!([]), "functions"),
        ("tools", json!([{"type": "custom", "custom": {"name": "f"}}]), "tools.0.type"),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
            "messages.0.content.0.type",
        ),
        ("modalities", json!(["text", "audio"]), "modalities"),
    ] {
        assert_eq!(form(with(member, value)).2.native_only.unwrap().field, field);
    }
}

#[test]
fn instructions_stay_where_they_stand_but_for_those_amid_results() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let (form, lost, _) = form(json!({"model": "claude-opus-4-8", "messages": [
        {"role": "system", "content": "one"},
        {"role": "user", "content": "go"},
        {"role": "developer", "content": "two"},
        {"role": "assistant", "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "system", "content": "three"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "and?"},
    ]}));
    assert_eq!(form["system"], json!([{"type": "text", "text": "one"}]));
    let told: Vec<(&str, &str)> = form["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            let last = message["content"].as_array().unwrap().last().unwrap();
            (message["role"].as_str().unwrap(), last["text"].as_str().unwrap_or_default())
        })
        .collect();
    let expected = [
        ("user", "go"),
        ("system", "two"),
        ("assistant", ""),
        ("user", ""),
        // the user goes on after them, which the API refuses of instructions
        ("user", "<system>\nthree\n</system>"),
        ("user", "and?"),
    ];
    assert_eq!(told, expected);
    assert_eq!(form["messages"][3]["content"].as_array().unwrap().len(), 2, "both results");
    assert_eq!(lost, ["messages.6=moved:before the instructions"]);
}
