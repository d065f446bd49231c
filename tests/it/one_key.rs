//! With the key of one vendor alone, a tool loop of every client dialect works on each of its
//! built-in models, by the rules that the vendor publishes.

use ainfera::config::Config;
use ainfera_schema::{Model, ProviderKind};
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::{Gateway, GatewayPlan};

const KEYS: [&str; 8] = [
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "MISTRAL_API_KEY",
    "XAI_API_KEY",
    "GROQ_API_KEY",
    "TOGETHER_API_KEY",
    "DEEPSEEK_API_KEY",
];
const ASKED: &str = "[[mock tools=1]] What is the weather in Oslo?";

/// The same of a model that thinks before it calls.
const THINKING: &str = "[[mock tools=1 thinking=2]] What is the weather in Oslo?";

/// The built-in models that one key brings, and the kind of their provider.
fn built_in(key: &str) -> (ProviderKind, Vec<Model>) {
    let config = Config::from_environment(&|name| (name == key).then(|| "k".to_owned())).unwrap();
    (config.providers[0].kind, config.models)
}

/// A gateway whose models are the built-in ones, in front of a scripted provider that refuses what
/// this vendor refuses.
async fn gateway(kind: ProviderKind, models: &[Model]) -> Gateway {
    let word = kind.as_str();
    let mut more_tables =
        format!("[[providers]]\nid = \"vendor\"\nkind = \"{word}\"\nbase_url = \"MOCK/{word}\"\n");
    for model in models {
        more_tables.push_str(&format!(
            "[[models]]\nslug = \"vendor/{}\"\nupstream_name = \"{}\"\nprovider = \"vendor\"\nprice = {{ input = \"1\", output = \"1\" }}\n",
            model.slug, model.upstream_name
        ));
    }
    Gateway::with(GatewayPlan { more_tables, ..GatewayPlan::default() }, Database::sqlite()).await
}

fn parameters() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false})
}

async fn answered(gateway: &Gateway, path: &str, body: &Value) -> Value {
    let answer = gateway.call_at(path, body, &[]).await;
    assert_eq!(answer.status, 200, "{path} {}: {}", body["model"], answer.text());
    answer.json()
}

/// The body with members more.
fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// What is asked for in the first turn only.
fn unforced(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.remove("tool_choice");
    }
    body
}

async fn messages_loop(gateway: &Gateway, model: &str, asked: &str, more: &Value) {
    let body = json!({"model": model, "max_tokens": 20_000, "messages": [{"role": "user", "content": asked}],
        "tools": [{"name": "get_weather", "input_schema": parameters()}]});
    let body = with(body, more);
    let first = answered(gateway, "/v1/messages", &body).await;
    let call =
        first["content"].as_array().unwrap().iter().find(|block| block["type"] == "tool_use");
    let call = call.unwrap_or_else(|| panic!("{model} {more}: {first}"));
    let result = json!([{"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}]);
    let mut body = unforced(body);
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(json!({"role": "assistant", "content": first["content"]}));
    turns.push(json!({"role": "user", "content": result}));
    let last = answered(gateway, "/v1/messages", &body).await;
    assert_eq!(last["stop_reason"], "end_turn", "{model} {more}");
}

/// Whether a client gives back all of an answer, or only what its own types know.
#[derive(Debug, Clone, Copy, PartialEq)]
enum GivenBack {
    Everything,
    ContentAndCalls,
}

async fn chat_loop(
    gateway: &Gateway,
    model: &str,
    asked: &str,
    more: &Value,
    given_back: GivenBack,
) {
    let messages =
        json!([{"role": "developer", "content": "Be brief."}, {"role": "user", "content": asked}]);
    let body = json!({"model": model, "messages": messages,
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": parameters(), "strict": true}}]});
    let body = with(body, more);
    let first = answered(gateway, "/v1/chat/completions", &body).await;
    let message = match given_back {
        GivenBack::Everything => first["choices"][0]["message"].clone(),
        GivenBack::ContentAndCalls => {
            let said = &first["choices"][0]["message"];
            json!({"role": "assistant", "content": said["content"], "tool_calls": said["tool_calls"]})
        }
    };
    let id = message["tool_calls"][0]["id"].clone();
    assert!(id.is_string(), "{model} {more}: {first}");
    let mut body = unforced(body);
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(message);
    turns.push(json!({"role": "tool", "tool_call_id": id, "content": "sunny"}));
    let last = answered(gateway, "/v1/chat/completions", &body).await;
    assert_eq!(last["choices"][0]["finish_reason"], "stop", "{model} {more}");
}

/// As Codex asks: for encrypted reasoning, and with nothing kept.
async fn responses_loop(gateway: &Gateway, model: &str, asked: &str, more: &Value) {
    let body = json!({"model": model, "store": false, "include": ["reasoning.encrypted_content"],
        "input": [{"role": "user", "content": asked}],
        "tools": [{"type": "function", "name": "get_weather", "parameters": parameters(), "strict": true}]});
    let body = with(body, more);
    let first = answered(gateway, "/v1/responses", &body).await;
    let output = first["output"].as_array().unwrap();
    let call = output
        .iter()
        .find(|item| item["type"] == "function_call")
        .unwrap_or_else(|| panic!("{model} {more}: {first}"));
    let result =
        json!({"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"});
    let mut body = unforced(body);
    let input = body["input"].as_array_mut().unwrap();
    input.extend(output.iter().cloned());
    input.push(result);
    let last = answered(gateway, "/v1/responses", &body).await;
    assert_eq!(last["status"], "completed", "{model} {more}: {last}");
}

/// Every manner in which clients ask, of one model.
async fn all_loops(gateway: &Gateway, slug: &str) {
    let sampling = json!({"temperature": 0.2, "top_p": 0.9});
    for asked in [ASKED, THINKING] {
        for more in [
            json!({}),
            sampling.clone(),
            json!({"temperature": 1, "top_k": 40, "tool_choice": {"type": "any"}}),
            json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}),
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
            json!({"thinking": {"type": "disabled"}, "tool_choice": {"type": "tool", "name": "get_weather"}}),
        ] {
            messages_loop(gateway, slug, asked, &more).await;
        }
        for given_back in [GivenBack::Everything, GivenBack::ContentAndCalls] {
            let forced =
                with(sampling.clone(), &json!({"tool_choice": "required", "max_tokens": 4000}));
            chat_loop(gateway, slug, asked, &forced, given_back).await;
            chat_loop(
                gateway,
                slug,
                asked,
                &json!({"stop": ["END"], "presence_penalty": 0.1, "parallel_tool_calls": false}),
                given_back,
            )
            .await;
        }
        for effort in ["none", "minimal", "low", "medium", "high", "xhigh", "max"] {
            chat_loop(
                gateway,
                slug,
                asked,
                &json!({"reasoning_effort": effort}),
                GivenBack::ContentAndCalls,
            )
            .await;
            responses_loop(gateway, slug, asked, &json!({"reasoning": {"effort": effort}})).await;
        }
        responses_loop(
            gateway,
            slug,
            asked,
            &with(sampling.clone(), &json!({"tool_choice": "required"})),
        )
        .await;
    }
}

#[actix_rt::test]
async fn a_tool_loop_of_every_dialect_works_on_every_built_in_model_of_every_vendor() {
    for key in KEYS {
        let (kind, models) = built_in(key);
        let gateway = gateway(kind, &models).await;
        for model in models.iter().filter(|model| model.supports_tools) {
            all_loops(&gateway, &format!("vendor/{}", model.slug)).await;
        }
        assert_eq!(
            (gateway.mock.stats().refused, gateway.mock.refusals()),
            (0, Vec::new()),
            "{key}: the provider refused nothing"
        );
    }
}

#[actix_rt::test]
async fn a_claude_model_gets_nothing_that_it_refuses_from_an_openai_client() {
    let (kind, models) = built_in("ANTHROPIC_API_KEY");
    let gateway = gateway(kind, &models).await;
    let schema =
        json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 1}}});
    for model in &models {
        for effort in ["none", "low", "high"] {
            let body = json!({"model": format!("vendor/{}", model.slug), "reasoning_effort": effort, "temperature": 0,
                "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "{"}],
                "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}});
            let answer = gateway.call_at("/v1/chat/completions", &body, &[]).await;
            assert_eq!(answer.status, 200, "{} {effort}: {}", model.slug, answer.text());
            let named = answer.header("x-ainfera-coercions").unwrap_or_default().to_owned();
            assert!(named.contains("minimum=moved:description"), "{}: {named}", model.slug);
        }
    }
}
