//! What users reported of single models, with the values that are right, in each client dialect.

use ainfera_schema::{Model, ProviderKind};
use serde_json::{Value, json};

use super::wishes::{ClientOf, tool, tool_schema};
use super::{all_models, refusal, sent};

fn named_model(upstream_name: &str) -> Model {
    let (_, mut model) = all_models().swap_remove(0);
    model.upstream_name = upstream_name.to_owned();
    model.max_output_tokens = None;
    model
}

/// One wish in each dialect.
fn in_each_dialect(messages: Value, chat: Value, responses: Value) -> [(ClientOf, Value); 3] {
    let with = |mut body: Value, more: Value| {
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    };
    let turns = json!([{"role": "user", "content": "What is the weather in Oslo?"}]);
    let plain = json!({"model": "m", "max_tokens": 100, "messages": turns});
    [
        (ClientOf::Messages, with(plain.clone(), messages)),
        (ClientOf::Chat, with(plain, chat)),
        (ClientOf::Responses, with(json!({"model": "m", "input": "hi"}), responses)),
    ]
}

/// What a Claude model gets of a body, and what is named.
fn at_claude(name: &str, client: ClientOf, body: &Value) -> (Value, Vec<String>) {
    let (sent, named, path) = sent(client, body, ProviderKind::Anthropic, &named_model(name));
    assert_eq!(refusal(&path, &sent), None, "{name} {client:?} {sent}");
    (sent, named)
}

#[test]
fn sampling_is_left_out_where_a_claude_model_refuses_it() {
    let cold = json!({"temperature": 0});
    for (client, body) in in_each_dialect(cold.clone(), cold.clone(), cold) {
        for name in ["claude-opus-4-7", "claude-sonnet-5", "claude-opus-5-5", "claude-haiku-5-5"] {
            let (sent, named) = at_claude(name, client, &body);
            assert_eq!(sent.get("temperature"), None, "{name} {client:?}");
            assert!(named.contains(&"temperature=dropped:model_refuses".to_owned()), "{named:?}");
        }
    }
    let both = json!({"temperature": 0.2, "top_p": 0.9});
    for (client, body) in in_each_dialect(both.clone(), both.clone(), both) {
        let (sent, named) = at_claude("claude-haiku-4-5-20251001", client, &body);
        assert_eq!((&sent["temperature"], sent.get("top_p")), (&json!(0.2), None), "{client:?}");
        assert!(named.contains(&"top_p=dropped:model_refuses".to_owned()), "{named:?}");
    }
}

#[test]
fn an_effort_is_said_as_each_claude_model_takes_it() {
    let asked = |effort: &str| {
        let messages = match effort {
            "none" => json!({"thinking": {"type": "disabled"}}),
            effort => json!({"output_config": {"effort": effort}}),
        };
        let responses = json!({"reasoning": {"effort": effort, "summary": "auto"}});
        in_each_dialect(messages, json!({"reasoning_effort": effort}), responses)
    };
    for (client, body) in asked("medium") {
        let (sent, named) = at_claude("claude-haiku-4-5", client, &body);
        assert_eq!(sent.get("output_config"), None, "{client:?}");
        assert!(named.iter().any(|one| one.contains("effort=dropped")), "{client:?} {named:?}");
    }
    for (client, body) in asked("none") {
        let (sent, named) = at_claude("claude-opus-5-5", client, &body);
        assert_eq!((&sent["output_config"]["effort"], sent.get("thinking")), (&json!("low"), None));
        assert!(named.iter().any(|one| one.ends_with("=clamped:low")), "{client:?} {named:?}");
        let (sent, named) = at_claude("claude-sonnet-5-5", client, &body);
        assert_eq!(sent["thinking"]["type"], "between_tools", "{client:?}");
        assert!(named.iter().any(|one| one.ends_with("=clamped:between_tools")), "{named:?}");
    }
    for (client, body) in asked("high").into_iter().filter(|(of, _)| *of != ClientOf::Messages) {
        let (sent, _) = at_claude("claude-opus-4-7", client, &body);
        assert_eq!(sent["output_config"]["effort"], "high", "{client:?}");
        assert_eq!(sent["thinking"]["type"], "adaptive", "{client:?}");
    }
}

#[test]
fn a_schema_is_said_as_claude_takes_it() {
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 10},
        "note": {"type": "string", "maxLength": 280}}, "required": ["score"]});
    let labelled = json!({"name": "n", "schema": schema});
    let format = json!({"type": "json_schema", "schema": schema, "name": "n"});
    let each = in_each_dialect(
        json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}),
        json!({"response_format": {"type": "json_schema", "json_schema": labelled}}),
        json!({"text": {"format": format}}),
    );
    for (client, body) in each {
        let (sent, named) = at_claude("claude-haiku-4-5", client, &body);
        let sent = &sent["output_config"]["format"]["schema"];
        assert_eq!(sent["additionalProperties"], false, "{client:?}");
        let description = &sent["properties"]["score"]["description"];
        assert_eq!(description, "(minimum: 1, maximum: 10)", "{client:?}");
        for change in ["minimum=moved:description", "additionalProperties=clamped:false"] {
            assert!(named.iter().any(|one| one.ends_with(change)), "{client:?} {named:?}");
        }
    }
}

#[test]
fn a_forced_tool_and_a_begun_answer_become_instructions() {
    let schema = tool_schema(0);
    let tools = |client| json!([tool(client, schema.clone(), false)]);
    let each = in_each_dialect(
        json!({"tools": tools(ClientOf::Messages), "tool_choice": {"type": "any"}}),
        json!({"tools": tools(ClientOf::Chat), "tool_choice": "required"}),
        json!({"tools": tools(ClientOf::Responses), "tool_choice": "required"}),
    );
    for (client, body) in each {
        for name in ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"] {
            let (sent, named) = at_claude(name, client, &body);
            assert_eq!(sent["tool_choice"]["type"], "auto", "{client:?}");
            assert!(sent["system"].to_string().contains("must answer by calling"), "{client:?}");
            assert!(named.contains(&"tool_choice=moved:an instruction".to_owned()), "{named:?}");
        }
    }
    let begun = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "{"}]);
    let messages = json!({"messages": begun});
    for (client, body) in in_each_dialect(messages.clone(), messages, json!({"input": begun})) {
        let (sent, named) = at_claude("claude-opus-4-7", client, &body);
        assert_eq!(sent["messages"][2]["role"], "user", "{client:?}");
        assert!(named.iter().any(|one| one.contains("an instruction to continue")), "{named:?}");
    }
}

#[test]
fn kimi_and_glm_get_what_their_makers_take() {
    let everything = json!({"temperature": 0.2, "top_p": 0.9, "presence_penalty": 0.1, "reasoning_effort": "none",
        "max_tokens": 200_000});
    let [_, (client, body), _] = in_each_dialect(json!({}), everything, json!({}));
    for (maker, name) in
        [("moonshot", "kimi-k3"), ("moonshot", "kimi-k3.1-pro"), ("zai", "glm-5.3")]
    {
        let kind = ProviderKind::OpenaiCompatible;
        let (sent, named, _) = sent(client, &body, kind, &named_model(name));
        assert_eq!(refusal(&format!("/{maker}/v1/chat/completions"), &sent), None, "{name} {sent}");
        assert!(named.contains(&"reasoning_effort=clamped:low".to_owned()), "{name} {named:?}");
    }
}
