//! Each vendor's habits, in front of a provider that refuses what that vendor refuses.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{message_of, streamed};
use crate::support::{Gateway, GatewayPlan};

/// Kind, first segment of the path at the scripted provider, and two models: one that answers at
/// once, one that thinks first.
const VENDORS: [(&str, &str, &str, &str); 8] = [
    ("openai", "openai", "gpt-4.1", "gpt-5.5"),
    ("mistral", "mistral", "mistral-large", "magistral"),
    ("together", "together", "llama-4", "openai/gpt-oss-120b"),
    ("xai", "xai", "grok-2", "grok-4"),
    ("groq", "groq", "llama-3", "openai/gpt-oss-20b"),
    ("deepseek", "deepseek", "deepseek-chat", "deepseek-reasoner"),
    ("gemini_compatible", "gemini", "gemini-2.0", "gemini-2.5"),
    ("openrouter", "openrouter", "some/model", "some/thinker"),
];

const LONG_NAME: &str = "mcp__a_very_long_server_name_of_somebody__a_very_long_tool_name_indeed";

async fn gateway() -> Gateway {
    let mut more_tables = String::new();
    for (kind, segment, ..) in VENDORS {
        more_tables.push_str(&format!(
            "[[providers]]\nid = \"{kind}\"\nkind = \"{kind}\"\nbase_url = \"MOCK/{segment}\"\n"
        ));
        for model in models_of(kind) {
            more_tables.push_str(&format!("[[models]]\nslug = \"{kind}/{model}\"\nupstream_name = \"{model}\"\nprovider = \"{kind}\"\n"));
            more_tables.push_str("price = { input = \"1\", output = \"1\" }\n");
        }
    }
    Gateway::with(GatewayPlan { more_tables, ..GatewayPlan::default() }, Database::sqlite()).await
}

fn models_of(kind: &str) -> [&'static str; 2] {
    VENDORS.iter().find(|vendor| vendor.0 == kind).map(|vendor| [vendor.2, vendor.3]).unwrap()
}

/// What an agent sends in the middle of its work.
fn agents_call(model: &str) -> Value {
    json!({
        "model": model, "max_tokens": 500,
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "weather"}, {"type": "text", "text": "in Oslo"}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": LONG_NAME, "input": {"city": "Oslo"}},
                {"type": "tool_use", "id": "toolu_with_an_id_of_more_than_forty_characters", "name": "get_time", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_with_an_id_of_more_than_forty_characters", "content": "noon", "is_error": true},
                {"type": "tool_result", "tool_use_id": "toolu_01A09q90qw90lq917835lq9", "content": [{"type": "text", "text": "sunny"}]},
                {"type": "text", "text": "and tomorrow?"},
            ]},
            {"role": "system", "content": "answer in Norwegian"},
        ],
        "tools": [
            {"name": LONG_NAME, "description": "weather", "input_schema": {"$schema": "s", "type": "object", "additionalProperties": false,
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "exclusiveMinimum": 0}, "unit": {"const": "c"}}}},
            {"name": "get_time", "input_schema": {"type": "object"}},
        ],
        "tool_choice": {"type": "tool", "name": LONG_NAME, "disable_parallel_tool_use": true},
        "stop_sequences": ["##1", "##2", "##3", "##4", "##5"], "temperature": 0.2, "top_p": 0.9, "top_k": 40,
        "thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}, "metadata": {"user_id": "u"},
    })
}

#[actix_rt::test]
async fn every_vendor_takes_what_an_agent_sends_in_the_middle_of_its_work() {
    let gateway = gateway().await;
    for (kind, ..) in VENDORS {
        for model in models_of(kind) {
            let body = agents_call(&format!("{kind}/{model}"));
            let streamed_answer = gateway.call(&streamed(body.clone())).await;
            let whole_answer = gateway.call(&body).await;
            assert_eq!(whole_answer.status, 200, "{kind} {model}: {}", whole_answer.text());
            let coercions = whole_answer.header("x-ainfera-coercions").unwrap();
            // who thinks at this vendor cannot be made to call: it is asked to, and has its results
            // already
            let is_asked_only = coercions.contains("tool_choice=moved:an instruction");
            assert_eq!(is_asked_only, model == "deepseek-reasoner", "{kind} {model}: {coercions}");
            for message in [message_of(&streamed_answer), whole_answer.json()] {
                if is_asked_only {
                    assert_eq!(message["stop_reason"], "end_turn", "{kind} {model}: {message}");
                    continue;
                }
                assert_eq!(message["stop_reason"], "tool_use", "{kind} {model}: {message}");
                let call = message["content"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|block| block["type"] == "tool_use")
                    .unwrap();
                assert_eq!(
                    call["name"], LONG_NAME,
                    "p013, {kind} {model}: the caller hears its own name"
                );
            }
            assert!(
                coercions.contains("system.0.cache_control=dropped:no_equivalent"),
                "{kind}: {coercions}"
            );
            assert!(
                coercions.contains("messages.1.content.0=dropped:other_issuer"),
                "{kind}: {coercions}"
            );
            let sent = gateway.mock.requests().last().unwrap().clone();
            assert_eq!(
                (&sent.body["model"], &sent.body["stream"]),
                (&json!(model), &json!(true)),
                "{kind}"
            );
        }
    }
}

#[actix_rt::test]
async fn p012_a_call_keeps_its_id_through_the_turns_of_a_conversation() {
    let gateway = gateway().await;
    let ids = |body: &Value| -> Vec<String> {
        let messages = body["messages"].as_array().unwrap().iter();
        messages.filter_map(|message| message["tool_call_id"].as_str().map(str::to_owned)).collect()
    };
    let mut body = agents_call("mistral/mistral-large");
    let first = message_of(&gateway.call(&streamed(body.clone())).await);
    let before = ids(&gateway.mock.requests().last().unwrap().body);
    let call = first["content"]
        .as_array()
        .unwrap()
        .iter()
        .find(|block| block["type"] == "tool_use")
        .unwrap();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": first["content"]}));
    messages.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "rain"}]}));
    message_of(&gateway.call(&streamed(body)).await);
    let after = ids(&gateway.mock.requests().last().unwrap().body);
    assert_eq!(after[..2], before, "those of earlier turns");
    assert_eq!(after.len(), 3);
}

#[actix_rt::test]
async fn p074_reasoning_goes_back_to_its_maker_alone() {
    let gateway = gateway().await;
    let mut body = agents_call("deepseek/deepseek-chat");
    body["messages"] = json!([{"role": "user", "content": "[[mock thinking=2 tools=1]] weather?"}]);
    let first = message_of(&gateway.call(&streamed(body.clone())).await);
    let thought = first["content"]
        .as_array()
        .unwrap()
        .iter()
        .find(|block| block["type"] == "thinking")
        .unwrap()
        .clone();
    let call = first["content"]
        .as_array()
        .unwrap()
        .iter()
        .find(|block| block["type"] == "tool_use")
        .unwrap();
    let result = json!([{"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}]);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": first["content"]}));
    messages.push(json!({"role": "user", "content": result}));
    message_of(&gateway.call(&streamed(body.clone())).await);
    let sent = gateway.mock.requests().last().unwrap().body.clone();
    assert_eq!(sent["messages"][2]["reasoning_content"], thought["thinking"], "{sent}");

    for (model, place) in
        [("mistral/mistral-large", "/messages/2"), ("claude-opus-4-7", "/messages/1")]
    {
        body["model"] = json!(model);
        let answer = gateway.call(&streamed(body.clone())).await;
        message_of(&answer);
        assert!(
            answer
                .header("x-ainfera-coercions")
                .unwrap()
                .contains("messages.1.content.0=dropped:other_issuer"),
            "{model}"
        );
        let sent = gateway.mock.requests().last().unwrap().body.clone();
        let turn = sent.pointer(place).unwrap().to_string();
        assert!(
            turn.contains(call["name"].as_str().unwrap()) || turn.contains("mcp__"),
            "{model}: {turn}"
        );
        assert!(
            !turn.contains(thought["thinking"].as_str().unwrap()) && !turn.contains("ainfera."),
            "{model}: {turn}"
        );
    }
}

#[actix_rt::test]
async fn tools_that_must_not_be_called_are_not_called() {
    let gateway = gateway().await;
    for (kind, ..) in VENDORS {
        let mut body = agents_call(&format!("{kind}/{}", models_of(kind)[0]));
        body["tool_choice"] = json!({"type": "none"});
        let answer = gateway.call(&streamed(body)).await;
        assert_eq!(message_of(&answer)["stop_reason"], "end_turn", "{kind}");
        let named =
            answer.header("x-ainfera-coercions").unwrap().contains("tools=dropped:vendor_refuses");
        assert_eq!(named, kind == "together", "{kind}");
    }
}

#[actix_rt::test]
async fn an_image_goes_to_no_model_without_vision() {
    let gateway = gateway().await;
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}});
    let ask = |model: &str| json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": [image]}]});
    let answer = gateway.call(&ask("deepseek/deepseek-chat")).await;
    assert_eq!(
        (answer.status, answer.error().1.as_str()),
        (400, "messages.0.content.0: this model takes no images")
    );
    assert_eq!(gateway.mock.requests().len(), 0);
    assert_eq!(gateway.call(&ask("openai/gpt-4.1")).await.status, 200);
}

#[actix_rt::test]
async fn p094_our_own_account_is_no_fault_of_the_callers() {
    for (code, why) in [
        ("invalid_api_key", "the provider refuses the gateway's key (status 400)"),
        (
            "insufficient_quota",
            "the gateway's account at the provider has no money left (status 400)",
        ),
    ] {
        let gateway = gateway().await;
        let mut body = json!({"model": "ainfera-inference", "max_tokens": 50, "messages": [
            {"role": "user", "content": format!("[[mock model=up-mistral-large-3 status=400 code={code}]]")}]});
        let answer = gateway.call(&streamed(body.clone())).await;
        message_of(&answer);
        assert_eq!(
            answer.header("x-ainfera-model"),
            Some("gemini-3-1-pro"),
            "{code}: the next candidate"
        );
        // pinned there is no next one, and what the vendor says of our account is not the caller's
        // business
        body["model"] = json!("mistral-large-3");
        let answer = gateway.call(&body).await;
        assert_eq!(
            (answer.status, answer.error().1),
            (502, format!("the pinned model's provider failed: {why}")),
            "{code}"
        );
    }
}

#[actix_rt::test]
async fn p094_an_account_without_money_is_left_alone_for_a_while() {
    let health = "[retry]\nfloor_per_second = 1000000\n".to_owned();
    let gateway =
        Gateway::with(GatewayPlan { health, ..GatewayPlan::default() }, Database::sqlite()).await;
    let ask = |text: &str| json!({"model": "ainfera-inference", "max_tokens": 50, "messages": [{"role": "user", "content": text}]});
    let answer = gateway
        .call(&streamed(ask(
            "[[mock model=up-mistral-large-3 status=429 code=insufficient_quota]]",
        )))
        .await;
    assert_eq!(answer.header("x-ainfera-model"), Some("gemini-3-1-pro"));
    let asked = gateway.mock.requests().len();
    for _ in 0..3 {
        let answer = gateway.call(&streamed(ask("hi"))).await;
        assert_eq!(
            (message_of(&answer)["stop_reason"].as_str(), answer.header("x-ainfera-model")),
            (Some("end_turn"), Some("gemini-3-1-pro"))
        );
    }
    assert_eq!(gateway.mock.requests().len(), asked + 3, "nobody asked the first again");
}

#[actix_rt::test]
async fn p095_on_failover_the_request_is_shaped_anew_for_the_next_vendor() {
    let mut more_tables = String::new();
    for (kind, slug, name, price) in
        [("mistral", "first", "mistral-large-2512", "0.01"), ("openai", "second", "gpt-5", "0.02")]
    {
        more_tables.push_str(&format!(
            "[[providers]]\nid = \"{kind}\"\nkind = \"{kind}\"\nbase_url = \"MOCK/{kind}\"\n[[models]]\nslug = \"{slug}\"\nprovider = \"{kind}\"\n\
             upstream_name = \"{name}\"\nq_prior = \"0.9\"\nm_allowed = true\nprice = {{ input = \"{price}\", output = \"{price}\" }}\n"
        ));
    }
    let gateway =
        Gateway::with(GatewayPlan { more_tables, ..GatewayPlan::default() }, Database::sqlite())
            .await;
    let mut body = agents_call("ainfera-inference");
    body["system"] = json!("[[mock model=mistral-large-2512 status=500]]");
    let answer = gateway.call(&streamed(body)).await;
    assert_eq!(message_of(&answer)["stop_reason"], "tool_use");
    assert_eq!(answer.header("x-ainfera-model"), Some("second"));
    assert!(
        answer.header("x-ainfera-coercions").unwrap().contains("temperature=dropped:model_refuses"),
        "those of who answered"
    );
    let [.., first, second] = &gateway.mock.requests()[..] else { panic!("two were asked") };
    assert_eq!(
        (&first.body["max_tokens"], &first.body["temperature"], first.body.get("user")),
        (&json!(500), &json!(0.2), None)
    );
    assert_eq!(
        (
            &second.body["max_completion_tokens"],
            second.body.get("temperature"),
            &second.body["user"]
        ),
        (&json!(500), None, &json!("u"))
    );
    assert_eq!(first.body["messages"][2]["tool_calls"][0]["id"].as_str().unwrap().len(), 9);
    assert_eq!(second.body["messages"][2]["tool_calls"][0]["id"], "toolu_01A09q90qw90lq917835lq9");
}

#[actix_rt::test]
async fn a_prompt_that_is_too_long_is_told_in_the_words_that_agents_know() {
    let gateway = gateway().await;
    let ask = |model: &str| {
        json!({"model": model, "max_tokens": 50, "messages": [
        {"role": "user", "content": "[[mock status=400 code=context_length_exceeded]]"}]})
    };
    for model in ["openai/gpt-4.1", "claude-opus-4-7"] {
        let answer = gateway.call(&streamed(ask(model))).await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (400, "invalid_request_error"),
            "{model}"
        );
        assert!(answer.error().1.starts_with("prompt is too long: "), "{}", answer.text());
    }
}

#[actix_rt::test]
async fn p089_a_mistake_of_the_caller_reaches_no_provider() {
    let gateway = gateway().await;
    let body = json!({"model": "ainfera-inference", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]}, {"role": "user", "content": "well?"}]});
    let answer = gateway.call(&body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().1.starts_with("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1."));
    assert_eq!(gateway.mock.requests().len(), 0);
}

#[actix_rt::test]
async fn the_newer_version_refuses_sampling_and_a_missing_one_does_not() {
    let gateway = gateway().await;
    let body = json!({"model": "openai/gpt-4.1", "max_tokens": 50, "temperature": 0.5, "messages": [{"role": "user", "content": "hi"}]});
    let bytes = serde_json::to_vec(&body).unwrap();
    let ask = |headers: Vec<(&'static str, String)>| {
        let (address, bytes) = (gateway.address, bytes.clone());
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut connection = crate::support::Connection::open(address).await;
            connection.send("POST", "/v1/messages", &headers, &bytes).await;
            connection.answer().await
        }
    };
    let key = || ("x-api-key", gateway.key.clone());
    assert_eq!(ask(vec![key()]).await.status, 200);
    assert_eq!(ask(vec![key(), ("anthropic-version", "2023-06-01".to_owned())]).await.status, 200);
    let refused = ask(vec![key(), ("anthropic-version", "2026-10-21".to_owned())]).await;
    assert_eq!(
        (refused.status, refused.error().1.as_str()),
        (400, "temperature: this field is not permitted with anthropic-version 2026-10-21")
    );
}

#[actix_rt::test]
async fn an_empty_answer_that_was_asked_for_is_one() {
    let gateway = gateway().await;
    let ask = |model: &str| json!({"model": model, "max_tokens": 0, "messages": [{"role": "user", "content": "[[mock text=none tokens=0]]"}]});
    let warmed = gateway.call(&ask("claude-opus-4-7")).await;
    assert_eq!(warmed.status, 200, "{}", warmed.text());
    assert_eq!(gateway.mock.requests().last().unwrap().body["max_tokens"], 0);
    for model in ["openai/gpt-4.1", "ainfera-inference"] {
        let refused = gateway.call(&ask(model)).await;
        let expected = "max_tokens: must be at least 1; 0 warms the prompt cache, which only Anthropic's own API does";
        assert_eq!((refused.status, refused.error().1.as_str()), (400, expected), "{model}");
    }
}
