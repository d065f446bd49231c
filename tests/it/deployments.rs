//! One model at several providers: its calls are shared, its conversations stay together, and one
//! deployment stands in for another. What each provider heard is counted at the provider.

use ainfera_mock::MockUpstream;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::GatewayPlan;
use crate::support::database::Database;
use crate::support::gateway::{Gateway, message_of, streamed};

/// Model `shared`: three quarters at `big`, one quarter at `small`, which costs twice as much. Both
/// are the scripted provider, told apart by the upstream's name for the model.
const TWO_PROVIDERS: &str = r#"
[[providers]]
id = "big"
kind = "anthropic"
base_url = "MOCK"
[[providers]]
id = "small"
kind = "openai_compatible"
base_url = "MOCK"
[[models]]
slug = "shared"
price = { input = "1", output = "2" }
providers = [
  { id = "big", weight = 3, upstream_name = "up-big" },
  { id = "small", upstream_name = "up-small", price = { input = "2", output = "4" } },
]
"#;

fn plan(more_tables: &str) -> GatewayPlan {
    GatewayPlan {
        health: String::new(),
        more_tables: more_tables.to_owned(),
        ..GatewayPlan::default()
    }
}

fn shared(prompt: &str) -> Value {
    json!({"model": "shared", "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]})
}

fn heard_by(mock: &MockUpstream, upstream_name: &str) -> usize {
    mock.requests().iter().filter(|request| request.body["model"] == upstream_name).count()
}

#[actix_rt::test]
async fn calls_are_shared_by_weight() {
    let gateway = Gateway::with(plan(TWO_PROVIDERS), Database::sqlite()).await;
    for _ in 0..200 {
        message_of(&gateway.call(&streamed(shared("hi"))).await);
    }
    let big = heard_by(&gateway.mock, "up-big");
    // 150 are expected; so far off is less likely than one in a hundred million
    assert!((112..188).contains(&big), "{big} of 200");
    assert_eq!(big + heard_by(&gateway.mock, "up-small"), 200);
    gateway.stop().await;
}

#[actix_rt::test]
async fn one_deployment_stands_in_for_another_also_for_a_pinned_call() {
    let gateway = Gateway::with(plan(TWO_PROVIDERS), Database::sqlite()).await;
    for fault in [
        "fault=refuse_status status=401",
        "fault=refuse_status status=429",
        "fault=refuse_status status=529",
        "fault=fin_at at=0",
    ] {
        let gateway = Gateway::with(plan(TWO_PROVIDERS), Database::sqlite()).await;
        let answers = join_all((0..40).map(|_| {
            let body = streamed(shared(&format!("[[mock model=up-big {fault}]]")));
            let gateway = &gateway;
            async move { gateway.call(&body).await }
        }));
        for answer in answers.await {
            message_of(&answer);
            assert_eq!(answer.header("x-ainfera-model"), Some("shared"), "{fault}");
        }
        assert_eq!(heard_by(&gateway.mock, "up-small"), 40, "{fault}");
        gateway.stop().await;
    }
    // the other way round, and the record says who did what at which price
    let mut first_asked_small = 0;
    for _ in 0..40 {
        let answer = gateway
            .call(&streamed(shared(
                "[[mock model=up-small fault=refuse_status status=503 times=1000]]",
            )))
            .await;
        message_of(&answer);
        gateway.settled().await;
        let inference = gateway
            .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
            .await
            .json();
        let attempts = inference["attempts"].as_array().unwrap();
        let last = attempts.last().unwrap();
        assert_eq!((&last["provider"], &last["model"]), (&json!("big"), &json!("shared")));
        if attempts.len() == 2 {
            first_asked_small += 1;
            assert_eq!(
                (&attempts[0]["provider"], &attempts[0]["cost_usd"]),
                (&json!("small"), &json!("0"))
            );
        }
    }
    assert_eq!(first_asked_small, heard_by(&gateway.mock, "up-small"));
    assert!(
        (1..=5).contains(&first_asked_small),
        "a deployment that fails is not asked each time: {first_asked_small}"
    );
    gateway.stop().await;
}

#[actix_rt::test]
async fn each_deployment_is_billed_at_its_own_price_and_the_reservation_covers_the_dearest() {
    let gateway = Gateway::with(plan(TWO_PROVIDERS), Database::sqlite()).await;
    let mut costs = std::collections::BTreeMap::new();
    for fault_of in ["up-big", "up-small"] {
        let answer = gateway
            .call(&streamed(shared(&format!(
                "[[mock model={fault_of} fault=refuse_status status=529]]"
            ))))
            .await;
        message_of(&answer);
        gateway.settled().await;
        let inference = gateway
            .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
            .await
            .json();
        let last = inference["attempts"].as_array().unwrap().last().unwrap().clone();
        costs.insert(last["provider"].as_str().unwrap().to_owned(), last["price"]["input"].clone());
    }
    assert_eq!(costs, [("big".to_owned(), json!("1")), ("small".to_owned(), json!("2"))].into());
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_conversation_stays_where_its_prompt_is_cached() {
    let gateway = Gateway::with(plan(TWO_PROVIDERS), Database::sqlite()).await;
    let mut places = [0_usize; 2];
    for conversation in 0..12 {
        let mut messages =
            vec![json!({"role": "user", "content": format!("conversation {conversation}")})];
        let before = ["up-big", "up-small"].map(|name| heard_by(&gateway.mock, name));
        for turn in 0..4 {
            let body = json!({"model": "shared", "max_tokens": 64, "messages": messages, "system": format!("It is turn {turn}.")});
            message_of(&gateway.call(&streamed(body)).await);
            messages.push(json!({"role": "assistant", "content": "yes"}));
            messages.push(json!({"role": "user", "content": format!("turn {turn}")}));
        }
        let after = ["up-big", "up-small"].map(|name| heard_by(&gateway.mock, name));
        let heard = [after[0] - before[0], after[1] - before[1]];
        assert!(
            heard == [4, 0] || heard == [0, 4],
            "conversation {conversation} was served by both: {heard:?}"
        );
        places = [places[0] + heard[0] / 4, places[1] + heard[1] / 4];
    }
    let before = heard_by(&gateway.mock, "up-big");
    for call in 0..6 {
        let body =
            serde_json::to_vec(&streamed(shared(&format!("something else {call}")))).unwrap();
        message_of(&gateway.post(&body, &[("x-claude-code-session-id", "one session")]).await);
    }
    let heard = heard_by(&gateway.mock, "up-big") - before;
    assert!(heard == 0 || heard == 6, "the calls of one session were served by both: {heard} of 6");
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_refused_key_sets_aside_itself_and_not_the_other_key() {
    let tables = "[[models]]\nslug = \"shared\"\nprovider = \"keyed\"\nupstream_name = \"up-keyed\"\nprice = { input = \"1\", output = \"2\" }\n\
         [[providers]]\nid = \"keyed\"\nkind = \"anthropic\"\nbase_url = \"MOCK\"\n\
         api_keys = [{ name = \"a\", file = \"KEY_A\" }, { name = \"b\", file = \"KEY_B\" }]\n";
    let directory = tempfile::tempdir().unwrap();
    let file_of = |name: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, format!("secret-{name}\n")).unwrap();
        path.display().to_string()
    };
    let tables = tables.replace("KEY_A", &file_of("a")).replace("KEY_B", &file_of("b"));
    let gateway = Gateway::with(plan(&tables), Database::sqlite()).await;
    let heard_with = |key: &str| {
        gateway
            .mock
            .requests()
            .iter()
            .filter(|request| request.header("x-api-key") == Some(key))
            .count()
    };
    message_of(
        &gateway.call(&streamed(shared("[[mock fault=refuse_status status=401 times=1]]"))).await,
    );
    assert_eq!(
        (heard_with("secret-a"), heard_with("secret-b")),
        (1, 1),
        "the second key stood in for the first that was asked"
    );
    let refused = gateway.mock.requests()[0].header("x-api-key").unwrap().to_owned();
    for _ in 0..20 {
        let answer = gateway.call(&streamed(shared("hi"))).await;
        message_of(&answer);
        gateway.settled().await;
        let inference = gateway
            .get(&format!("/v1/inferences/{}", answer.header("x-ainfera-inference-id").unwrap()))
            .await
            .text();
        assert!(inference.contains("keyed#") && !inference.contains("secret-"), "{inference}");
    }
    assert_eq!(heard_with(&refused), 1, "a key that was refused is left alone");
    let ready = gateway.get("/readyz").await.json();
    let aside: Vec<&Value> =
        ready["set_aside"].as_array().unwrap().iter().map(|one| &one["provider"]).collect();
    assert_eq!(aside, [&json!(format!("keyed#{}", refused.trim_start_matches("secret-")))]);
    gateway.stop().await;
}
