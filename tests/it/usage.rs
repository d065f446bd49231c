//! What a call used, in buckets that do not overlap, and what it costs.

use serde_json::{Value, json};

use crate::support::gateway::{message_of, native, routed, streamed};
use crate::support::{Gateway, GatewayPlan};

/// A model of every kind of provider at the same price.
fn every_kind() -> GatewayPlan {
    let mut more_tables = String::new();
    for kind in ["anthropic", "openai", "openai_responses", "gemini", "mistral"] {
        more_tables.push_str(&format!(
            "[[providers]]\nid = \"only-{kind}\"\nkind = \"{kind}\"\nbase_url = \"{}\"\n\
             [[models]]\nslug = \"model-{kind}\"\nprovider = \"only-{kind}\"\n\
             price = {{ input = \"4\", output = \"20\", cache_read = \"0.4\", cache_write = \"5\" }}\n",
            if kind == "mistral" { "MOCK/mistral" } else { "MOCK" }
        ));
    }
    GatewayPlan { more_tables, ..Default::default() }
}

async fn row(gateway: &Gateway, body: &Value) -> Value {
    let answer = gateway.call(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.header("x-ainfera-inference-id").unwrap().to_owned();
    gateway.get(&format!("/v1/inferences/{id}")).await.json()
}

#[actix_rt::test]
async fn p055_and_p057_streamed_and_whole_cost_the_same_on_every_kind_of_provider() {
    let gateway = Gateway::with(every_kind(), crate::support::database::Database::sqlite()).await;
    for kind in ["anthropic", "openai", "openai_responses", "gemini", "mistral"] {
        let mut body = routed("count me [[mock tokens=40 usage=cache]]");
        body["model"] = json!(format!("model-{kind}"));
        let (whole, stream) = (row(&gateway, &body).await, row(&gateway, &streamed(body)).await);
        assert_eq!(whole["usage"], stream["usage"], "{kind}");
        assert_eq!(whole["cost_usd"], stream["cost_usd"], "{kind}");
        let usage = |name: &str| whole["usage"][name].as_u64().unwrap();
        assert!(usage("cache_read_input_tokens") > 0, "{kind}: {whole}");
        let per_million = usage("input_tokens") * 40
            + usage("cache_read_input_tokens") * 4
            + usage("cache_creation_input_tokens") * 50
            + usage("output_tokens") * 200;
        // tenths of a dollar per million tokens are tenths of a millionth of a dollar per token
        let expected: rust_decimal::Decimal =
            rust_decimal::Decimal::new(i64::try_from(per_million).unwrap(), 7);
        let cost: rust_decimal::Decimal = whole["cost_usd"].as_str().unwrap().parse().unwrap();
        assert_eq!(cost.normalize(), expected.normalize(), "{kind}: {whole}");
    }
}

#[actix_rt::test]
async fn p050_a_message_start_never_says_that_nothing_was_read() {
    let gateway = Gateway::start().await;
    for body in [
        routed("hello there [[mock usage=none]]"),
        native(routed("hello there [[mock usage=none]]")),
    ] {
        let text = gateway.call(&streamed(body)).await.text();
        let start = text
            .lines()
            .find(|line| line.contains("\"message_start\"") && line.starts_with("data:"))
            .unwrap();
        let start: Value = serde_json::from_str(&start["data: ".len()..]).unwrap();
        assert!(start["message"]["usage"]["input_tokens"].as_u64().unwrap() > 0, "{start}");
    }
}

#[actix_rt::test]
async fn usage_without_a_providers_count_is_marked_as_an_estimate() {
    let gateway = Gateway::start().await;
    let counted = row(&gateway, &routed("hello [[mock tokens=20]]")).await;
    assert_eq!(counted["usage_basis"], "reported");
    let estimated = row(&gateway, &routed("hello [[mock tokens=20 usage=none]]")).await;
    assert_eq!(estimated["usage_basis"], "estimated");
    assert!(estimated["usage"]["output_tokens"].as_u64().unwrap() > 0, "{estimated}");
    assert_ne!(estimated["cost_usd"], "0");
}

#[actix_rt::test]
async fn p056_each_dialect_hears_what_came_from_the_cache_and_went_into_it() {
    let gateway = Gateway::with(every_kind(), crate::support::database::Database::sqlite()).await;
    for kind in ["anthropic", "openai", "openai_responses", "gemini", "mistral"] {
        let mut body = routed("count me [[mock tokens=4 usage=cache]]");
        body["model"] = json!(format!("model-{kind}"));
        let row = row(&gateway, &body).await["usage"].clone();
        let whole = gateway.call(&body).await.json()["usage"].clone();
        let stream = message_of(&gateway.call(&streamed(body.clone())).await)["usage"].clone();
        for bucket in [
            "input_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "output_tokens",
        ] {
            assert_eq!(
                (&whole[bucket], &stream[bucket]),
                (&row[bucket], &row[bucket]),
                "{kind} {bucket}"
            );
        }
        let answer = gateway.call_at("/v1/chat/completions", &body, &[]).await.json();
        let id = answer["ainfera"]["inference_id"].as_str().unwrap();
        let row = gateway.get(&format!("/v1/inferences/{id}")).await.json()["usage"].clone();
        let count = |bucket: &str| row[bucket].as_u64().unwrap();
        let prompt = count("input_tokens")
            + count("cache_read_input_tokens")
            + count("cache_creation_input_tokens");
        assert_eq!(answer["usage"]["prompt_tokens"], prompt, "{kind}: {answer}");
        assert_eq!(
            answer["usage"]["prompt_tokens_details"]["cached_tokens"],
            row["cache_read_input_tokens"],
            "{kind}: {answer}"
        );
    }
}
