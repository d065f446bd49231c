//! Money on every endpoint: what a wallet or a cap refuses on one it refuses on all, and what is
//! spent on one is gone on the others.

use ainfera_schema::Usd;
use ainfera_store::{CapChange, Owner, WalletChange};
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::{Answer, Gateway, GatewayPlan};

const ENDPOINTS: [&str; 4] =
    ["/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1/inference"];

/// A call in the endpoint's dialect.
fn body(endpoint: &str, max_tokens: u64) -> Value {
    let mut body = json!({"model": "ainfera-inference"});
    if endpoint == "/v1/responses" {
        body["input"] = json!("hello");
        body["max_output_tokens"] = json!(max_tokens);
    } else {
        body["messages"] = json!([{"role": "user", "content": "hello"}]);
        body["max_tokens"] = json!(max_tokens);
    }
    body
}

/// Whole and, where there are streams, streamed.
fn deliveries(endpoint: &str, max_tokens: u64) -> Vec<Value> {
    let (whole, mut stream) = (body(endpoint, max_tokens), body(endpoint, max_tokens));
    stream["stream"] = json!(true);
    if endpoint == "/v1/inference" { vec![whole] } else { vec![whole, stream] }
}

async fn ask(gateway: &Gateway, endpoint: &str, body: &Value) -> Answer {
    gateway.call_at(endpoint, body, &[("anthropic-version", "2023-06-01")]).await
}

/// Our code, wherever the dialect has its place for it.
fn code(endpoint: &str, answer: &Answer) -> Value {
    let body = answer.json();
    match endpoint {
        "/v1/messages" => body["error"]["details"]["error_code"].clone(),
        "/v1/inference" => body["code"].clone(),
        _ => body["error"]["code"].clone(),
    }
}

async fn set_caps(gateway: &Gateway, per_call: CapChange, daily: CapChange, monthly: CapChange) {
    let change = WalletChange::Caps { per_call, daily, monthly };
    gateway
        .server
        .store()
        .administer(Owner::Agent(gateway.agent_id), change)
        .await
        .unwrap()
        .unwrap();
}

async fn cap_the_day(gateway: &Gateway, cap: Usd) {
    set_caps(gateway, CapChange::Keep, CapChange::Set(cap), CapChange::Keep).await;
}

async fn spent(gateway: &Gateway) -> Usd {
    gateway.settled().await;
    gateway
        .server
        .store()
        .wallet(Owner::Agent(gateway.agent_id))
        .await
        .unwrap()
        .unwrap()
        .spent_today_usd
}

/// What the call holds, as its refusal under a cap of nothing says.
async fn needed(gateway: &Gateway, endpoint: &str, body: &Value) -> Usd {
    cap_the_day(gateway, Usd::ZERO).await;
    let refused = ask(gateway, endpoint, body).await.text();
    let amount = refused.split_once("may cost $").unwrap_or_else(|| panic!("{refused}")).1;
    amount.split_once(';').unwrap().0.parse().unwrap()
}

async fn assert_all_refuse(gateway: &Gateway, expected: &str, why: &str) {
    for endpoint in ENDPOINTS {
        for body in deliveries(endpoint, 400) {
            let answer = ask(gateway, endpoint, &body).await;
            assert_eq!(
                (answer.status, code(endpoint, &answer)),
                (402, json!(expected)),
                "{why} {endpoint}: {}",
                answer.text()
            );
            assert_eq!(answer.header("x-should-retry"), Some("false"), "{why} {endpoint}");
        }
    }
}

#[actix_rt::test]
async fn p058_a_wallet_and_each_cap_refuse_on_every_endpoint() {
    for database in Database::both().await {
        let plan = GatewayPlan { funding: "0.00001".parse().unwrap(), ..GatewayPlan::default() };
        let gateway = Gateway::with(plan, database).await;
        assert_all_refuse(&gateway, "insufficient_funds", "wallet").await;
        let nothing = || CapChange::Set(Usd::ZERO);
        for (why, [per_call, daily, monthly]) in [
            ("per call", [nothing(), CapChange::Remove, CapChange::Remove]),
            ("daily", [CapChange::Remove, nothing(), CapChange::Remove]),
            ("monthly", [CapChange::Remove, CapChange::Remove, nothing()]),
        ] {
            set_caps(&gateway, per_call, daily, monthly).await;
            assert_all_refuse(&gateway, "cap_exceeded", why).await;
        }
        assert_eq!(gateway.mock.requests().len(), 0, "nobody was asked");
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn p058_what_one_endpoint_spends_is_gone_on_the_others() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        for refused in ENDPOINTS {
            let large = body(refused, 2000);
            let hold = needed(&gateway, refused, &large).await;
            // exactly enough is enough
            cap_the_day(&gateway, spent(&gateway).await.checked_add(hold).unwrap()).await;
            let answer = ask(&gateway, refused, &large).await;
            assert_eq!(answer.status, 200, "{refused}: {}", answer.text());
            for spender in ENDPOINTS {
                let before = spent(&gateway).await;
                cap_the_day(&gateway, before.checked_add(hold).unwrap()).await;
                let answer = ask(&gateway, spender, &body(spender, 100)).await;
                assert_eq!(answer.status, 200, "{spender}: {}", answer.text());
                assert!(spent(&gateway).await > before, "{spender} costs something");
                let answer = ask(&gateway, refused, &large).await;
                let outcome = (answer.status, code(refused, &answer));
                assert_eq!(
                    outcome,
                    (402, json!("cap_exceeded")),
                    "{spender} then {refused}: {}",
                    answer.text()
                );
            }
        }
        gateway.stop().await;
    }
}
