//! Counting before a call: for every backend, and never a call itself.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::raw_provider::{RawProvider, Reply};
use crate::support::{Gateway, GatewayPlan};

async fn count(gateway: &Gateway, body: &Value) -> (u16, Value) {
    let answer = gateway
        .call_at(
            "/v1/messages/count_tokens",
            body,
            &[("anthropic-version", "2023-06-01"), ("anthropic-beta", "a,b")],
        )
        .await;
    (answer.status, answer.json())
}

fn body(model: &str) -> Value {
    json!({"model": model, "system": "be brief", "messages": [{"role": "user", "content": "how many tokens are these words?"}], "task_type": "code"})
}

#[actix_rt::test]
async fn p081_a_provider_that_counts_is_asked_in_its_own_words() {
    let gateway = Gateway::start().await;
    let (status, counted) = count(&gateway, &body("claude-opus-4-7")).await;
    // the scripted provider counts a token for four characters, and ten
    assert_eq!((status, counted), (200, json!({"input_tokens": 21})));
    let requests = gateway.mock.requests();
    let asked = requests.last().unwrap();
    assert_eq!(asked.path, "/v1/messages/count_tokens");
    assert_eq!(asked.body["model"], "up-claude-opus-4-7");
    assert!(asked.body.get("task_type").is_none(), "{}", asked.body);
    let beta = asked
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("anthropic-beta"))
        .map(|(_, value)| value.as_str());
    assert_eq!(beta, Some("a,b"));
}

#[actix_rt::test]
async fn p081_for_all_others_there_is_an_estimate_that_knows_of_tools() {
    let gateway = Gateway::start().await;
    let (status, plain) = count(&gateway, &body("gpt-5-5")).await;
    assert_eq!(status, 200);
    let plain = plain["input_tokens"].as_u64().unwrap();
    assert!((12..=24).contains(&plain), "{plain}");
    let mut tools = body("gpt-5-5");
    tools["tools"] = json!([{"name": "get_weather", "description": "tells the weather of a city", "input_schema": {"type": "object"}}]);
    let (_, with_tools) = count(&gateway, &tools).await;
    assert!(with_tools["input_tokens"].as_u64().unwrap() > plain + 12, "{with_tools}");
    let (_, routed) = count(&gateway, &body("ainfera-inference")).await;
    assert!(routed["input_tokens"].as_u64().unwrap() > 0, "{routed}");
    assert!(gateway.mock.requests().is_empty(), "nobody was asked");
}

#[actix_rt::test]
async fn p081_the_estimate_stands_where_the_provider_does_not_answer() {
    let more_tables = "[[providers]]\nid = \"nowhere\"\nkind = \"anthropic\"\nbase_url = \"http://127.0.0.1:1\"\n\
        [[models]]\nslug = \"nowhere\"\nprovider = \"nowhere\"\nprice = { input = \"3\", output = \"15\" }\n";
    let gateway = Gateway::with(
        GatewayPlan { more_tables: more_tables.to_owned(), ..GatewayPlan::default() },
        Database::sqlite(),
    )
    .await;
    let long = |model: &str| {
        let mut long = body(model);
        long["messages"][0]["content"] = json!("1234567890 ".repeat(50));
        long
    };
    let (_, counted) = count(&gateway, &long("claude-opus-4-7")).await;
    // without tools both makers' templates are the same
    let (_, estimated) = count(&gateway, &long("gpt-5-5")).await;
    assert_ne!(counted, estimated, "the scripted provider counts otherwise");
    assert_eq!(count(&gateway, &long("nowhere")).await, (200, estimated));
}

#[actix_rt::test]
async fn the_next_deployment_counts_where_the_first_refuses_or_cannot_be_reached() {
    let refusing = RawProvider::start(None, |_| {
        Reply::SayAndClose(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n".to_vec())
    })
    .await;
    for first in ["http://127.0.0.1:1".to_owned(), format!("http://{}", refusing.address)] {
        let more_tables = format!(
            "[[providers]]\nid = \"first\"\nkind = \"anthropic\"\nbase_url = \"{first}\"\n\
             [[models]]\nslug = \"twice\"\nprice = {{ input = \"3\", output = \"15\" }}\n\
             providers = [{{ id = \"first\", weight = 1000 }}, {{ id = \"anthropic\", weight = 1 }}]\n"
        );
        let gateway = Gateway::with(
            GatewayPlan { more_tables, ..GatewayPlan::default() },
            Database::sqlite(),
        )
        .await;
        // the scripted provider's own count, whoever was asked before it
        for _ in 0..10 {
            assert_eq!(
                count(&gateway, &body("twice")).await,
                (200, json!({"input_tokens": 21})),
                "{first}"
            );
        }
    }
    assert!(!refusing.heard().is_empty(), "the first was asked");
}

/// A provider of which every request to count and every call is refused with a 401, beside the
/// scripted one, which counts.
async fn gateway_before(refusing: &RawProvider) -> Gateway {
    let more_tables = format!(
        "[[providers]]\nid = \"first\"\nkind = \"anthropic\"\nbase_url = \"http://{}\"\n\
         [[models]]\nslug = \"twice\"\nprice = {{ input = \"3\", output = \"15\" }}\n\
         providers = [{{ id = \"first\", weight = 1000 }}, {{ id = \"anthropic\", weight = 1 }}]\n",
        refusing.address
    );
    // the breakers of production
    let plan = GatewayPlan { more_tables, health: String::new(), ..GatewayPlan::default() };
    Gateway::with(plan, Database::sqlite()).await
}

async fn refusing_provider() -> RawProvider {
    RawProvider::start(None, |_| {
        Reply::SayAndClose(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n".to_vec())
    })
    .await
}

#[actix_rt::test]
async fn a_provider_that_calls_have_set_aside_is_not_asked_to_count() {
    let refusing = refusing_provider().await;
    let gateway = gateway_before(&refusing).await;
    let mut call = body("twice");
    call["max_tokens"] = json!(10);
    while refusing.heard().is_empty() {
        assert_eq!(gateway.call_at("/v1/messages", &call, &[]).await.status, 200);
    }
    let heard = refusing.heard().len();
    for _ in 0..10 {
        assert_eq!(count(&gateway, &body("twice")).await, (200, json!({"input_tokens": 21})));
    }
    assert_eq!(refusing.heard().len(), heard);
}

#[actix_rt::test]
async fn a_provider_that_refuses_to_count_is_still_asked_for_calls() {
    let refusing = refusing_provider().await;
    let gateway = gateway_before(&refusing).await;
    while refusing.heard().is_empty() {
        assert_eq!(count(&gateway, &body("twice")).await, (200, json!({"input_tokens": 21})));
    }
    let heard = refusing.heard().len();
    let mut call = body("twice");
    call["max_tokens"] = json!(10);
    while refusing.heard().len() == heard {
        assert_eq!(gateway.call_at("/v1/messages", &call, &[]).await.status, 200);
    }
    assert!(refusing.heard()[heard].starts_with("POST /v1/messages HTTP/1.1"));
}

#[actix_rt::test]
async fn counting_leaves_no_row_and_costs_nothing() {
    let gateway = Gateway::start().await;
    for model in ["claude-opus-4-7", "ainfera-inference", "no-such-model"] {
        assert_eq!(count(&gateway, &body(model)).await.0, 200, "{model}");
    }
    let (status, error) = count(&gateway, &json!({"model": "ainfera-inference"})).await;
    assert_eq!((status, &error["error"]["message"]), (400, &json!("messages: field required")));
    let mut without_key = crate::support::client::Connection::open(gateway.address).await;
    without_key
        .send(
            "POST",
            "/v1/messages/count_tokens",
            &[("x-api-key", "ainf_nobody")],
            body("claude-opus-4-7").to_string().as_bytes(),
        )
        .await;
    assert_eq!(without_key.answer().await.status, 401);
    let wallet = gateway.get(&format!("/v1/wallets/{}", gateway.agent_id)).await.json();
    assert_eq!((&wallet["balance_usd"], &wallet["held_usd"]), (&json!("1000"), &json!("0")));
    let database = gateway.stop().await;
    for table in ["routing_outcomes", "intents", "inferences"] {
        assert_eq!(database.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

#[actix_rt::test]
async fn probes_of_agents_are_answered_and_are_no_calls() {
    let gateway = Gateway::start().await;
    for path in ["/", "/api/hello"] {
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
        let mut connection = crate::support::client::Connection::open(gateway.address).await;
        connection.send("HEAD", path, &[], b"").await;
        connection.read_until("\r\n\r\n").await;
        assert!(connection.has("HTTP/1.1 200 "), "{path}");
    }
    let database = gateway.stop().await;
    assert_eq!(database.number("SELECT count(*) FROM routing_outcomes").await, 0);
}
