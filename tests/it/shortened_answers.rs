//! An answer whose caller set no limit is as long as the cap pays for; one whose caller did is
//! refused, with the reason where a window is reserved.

use ainfera_schema::Usd;
use ainfera_store::{CapChange, Owner, WalletChange};
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::MODELS;
use crate::support::{Gateway, GatewayPlan};

async fn capped(daily: &str, database: Database) -> Gateway {
    let gateway = Gateway::with(GatewayPlan::default(), database).await;
    let daily: Usd = daily.parse().unwrap();
    let change = WalletChange::Caps {
        per_call: CapChange::Keep,
        daily: CapChange::Set(daily),
        monthly: CapChange::Keep,
    };
    gateway
        .server
        .store()
        .administer(Owner::Agent(gateway.agent_id), change)
        .await
        .unwrap()
        .unwrap();
    gateway
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "[[mock tokens=3]] hello"}]})
}

#[actix_rt::test]
async fn an_answer_without_a_limit_is_as_long_as_the_cap_pays_for() {
    for database in Database::both().await {
        let gateway = capped("0.1", database).await;
        // a provider of the caller's dialect, and one of another
        for (model, name, limit) in
            [(MODELS[2], "max_completion_tokens", 4_096), (MODELS[3], "max_tokens", 1_024)]
        {
            let answer = gateway.call_at("/v1/chat/completions", &chat(model), &[]).await;
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            let told = answer.header("x-ainfera-coercions").unwrap();
            assert!(
                told.contains(&format!("max_completion_tokens=added:{limit}")),
                "{model}: {told}"
            );
            let heard = gateway.mock.requests().last().unwrap().body.clone();
            let written = heard.get(name).or(heard.get("max_tokens"));
            assert_eq!(written, Some(&json!(limit)), "{model}: {heard}");
            gateway.settled().await;
        }
        let mut said = chat(MODELS[2]);
        said["max_tokens"] = json!(16_384);
        let answer = gateway.call_at("/v1/chat/completions", &said, &[]).await;
        assert_eq!(answer.status, 402, "what was asked for is not cut: {}", answer.text());
    }
}

#[actix_rt::test]
async fn an_answer_is_not_shortened_where_there_is_the_money() {
    let gateway = Gateway::start().await;
    let answer = gateway.call_at("/v1/chat/completions", &chat(MODELS[2]), &[]).await;
    assert_eq!((answer.status, answer.header("x-ainfera-coercions")), (200, None));
    assert_eq!(gateway.mock.requests().last().unwrap().body["max_tokens"], 16_384);
}

#[actix_rt::test]
async fn who_is_refused_for_a_whole_window_hears_why() {
    let gateway = capped("0.1", Database::sqlite()).await;
    let refused = |source: Value| {
        let block = json!({"type": "document", "source": source});
        json!({"model": MODELS[3], "max_tokens": 9, "messages": [{"role": "user", "content": [block]}]})
    };
    let by_url =
        gateway.call(&refused(json!({"type": "url", "url": "https://example.org/a.pdf"}))).await;
    let (_, message) = by_url.error();
    assert!(
        by_url.status == 402
            && message.contains("whole context window is reserved, because an attachment by URL"),
        "{message}"
    );
    let broken = gateway
        .call(&refused(
            json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="}),
        ))
        .await;
    let (_, message) = broken.error();
    assert!(
        broken.status == 402 && message.contains("the pages of a document cannot be counted"),
        "{message}"
    );
}
