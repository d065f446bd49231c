use super::*;
use crate::model_table::ModelAbilities;
use crate::provider::chat::profile::profile_of;
use ainfera_schema::ProviderKind;

fn said(
    kind: ProviderKind,
    upstream_name: &str,
    edit: impl FnOnce(&mut Value),
) -> Result<(Value, Vec<String>), String> {
    let mut body =
        json!({"model": "m", "max_tokens": 5000, "messages": [{"role": "user", "content": "hi"}]});
    edit(&mut body);
    let reasoning = (upstream_name == "thinker").then_some(Reasoning::Always);
    let abilities =
        ModelAbilities::named(kind, upstream_name, reasoning).with_max_output_tokens(Some(4000));
    let target =
        Target { profile: profile_of(kind).unwrap(), upstream_name, maker: "maker", abilities };
    let (request, _) = Request::parse(&body.to_string().into()).unwrap();
    let encoded = translated(&request, &target, Texts::Whole).map_err(|bad| bad.to_string())?;
    Ok((Value::Object(encoded.body), encoded.coercions.texts()))
}

fn call(id: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "f", "input": {}})
}

#[test]
fn p015_no_empty_text_and_results_in_the_order_of_their_calls() {
    let (chat, coercions) = said(ProviderKind::Openai, "m", |body| {
        body["messages"] = json!([{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [call("a"), call("b")]},
            {"role": "user", "content": [{"type": "text", "text": "so"}, {"type": "tool_result", "tool_use_id": "b", "content": "2"},
                {"type": "tool_result", "tool_use_id": "a", "content": "1"}]}]);
    })
    .unwrap();
    let roles: Vec<(&str, &str)> = chat["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            (message["role"].as_str().unwrap(), message["content"].as_str().unwrap_or("null"))
        })
        .collect();
    assert_eq!(
        roles,
        [("user", "hi"), ("assistant", "null"), ("tool", "1"), ("tool", "2"), ("user", "so")]
    );
    assert!(coercions.contains(&"messages.0.content.0=dropped:empty".to_owned()));
}

#[test]
fn p016_an_image_of_a_tool_result_survives_as_what_the_user_says() {
    let (chat, coercions) = said(ProviderKind::Openai, "m", |body| {
        let image = json!({"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}});
        body["messages"] = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": [call("a")]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [image]}]}]);
    })
    .unwrap();
    assert_eq!(chat["messages"][3]["content"][1]["image_url"]["url"], "https://a.example/b.png");
    assert!(
        coercions.contains(&"messages.2.content.0.content.0=moved:user message".to_owned()),
        "{coercions:?}"
    );
}

#[test]
fn p019_choices_are_carried() {
    let with = |kind, choice: Value| {
        let (chat, _) = said(kind, "m", |body| {
            body["tools"] = json!([{"name": "f", "input_schema": {}}]);
            body["tool_choice"] = choice;
        })
        .unwrap();
        (chat["tool_choice"].clone(), chat.get("parallel_tool_calls").cloned())
    };
    assert_eq!(
        with(ProviderKind::Openai, json!({"type": "any", "disable_parallel_tool_use": true})),
        (json!("required"), Some(json!(false)))
    );
    assert_eq!(with(ProviderKind::Mistral, json!({"type": "any"})), (json!("any"), None));
    assert_eq!(
        with(ProviderKind::Groq, json!({"type": "tool", "name": "f"})).0,
        json!({"type": "function", "function": {"name": "f"}})
    );
    assert_eq!(
        with(
            ProviderKind::GeminiCompatible,
            json!({"type": "auto", "disable_parallel_tool_use": true})
        ),
        (json!("auto"), None)
    );
}

#[test]
fn p020_limits_and_efforts_fit_the_target() {
    let think = |kind, name, budget: u64| {
        said(kind, name, |body| {
            body["thinking"] = json!({"type": "enabled", "budget_tokens": budget})
        })
        .unwrap()
    };
    for (budget, effort) in
        [(1024, "low"), (4095, "low"), (4096, "medium"), (16_383, "medium"), (16_384, "high")]
    {
        let (chat, coercions) = think(ProviderKind::Openai, "thinker", budget);
        assert_eq!(
            (&chat["reasoning_effort"], &chat["max_completion_tokens"]),
            (&json!(effort), &json!(4000)),
            "{budget}"
        );
        assert!(
            coercions.contains(&"thinking=moved:reasoning_effort".to_owned())
                && coercions.contains(&"max_tokens=clamped:4000".to_owned())
        );
    }
    let (chat, coercions) = think(ProviderKind::Mistral, "m", 1024);
    assert_eq!((chat.get("reasoning_effort"), &chat["max_tokens"]), (None, &json!(4000)));
    assert!(coercions.contains(&"thinking=dropped:model_refuses".to_owned()));
}

#[test]
fn p084_a_server_tool_cannot_be_said() {
    let refused = said(ProviderKind::Openai, "m", |body| {
        body["tools"] = json!([{"type": "web_search_20250305", "name": "web_search"}])
    });
    assert_eq!(refused.unwrap_err(), "tools.0.type: only Anthropic's own API has this tool");
}
