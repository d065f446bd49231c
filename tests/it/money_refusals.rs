//! When money alone keeps every model away from a call, the answer is the same whatever a cache
//! knows, in every dialect, streamed or whole; and what an operator lifts is lifted for the very
//! next call, also where a command of another process did it.

use std::process::Command;

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, TenantId};
use ainfera_store::{CapChange, NewAgent, Opening, Owner, Strictness, WalletChange};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::database::Database;
use crate::support::{Answer, Gateway, GatewayPlan};

/// What each kind of limit is called in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    PerCall,
    Daily,
    Monthly,
    TenantPerCall,
    TenantDaily,
    TenantMonthly,
    Wallet,
    StrictWallet,
    Paused,
}

const LIMITS: [Limit; 9] = [
    Limit::PerCall,
    Limit::Daily,
    Limit::Monthly,
    Limit::TenantPerCall,
    Limit::TenantDaily,
    Limit::TenantMonthly,
    Limit::Wallet,
    Limit::StrictWallet,
    Limit::Paused,
];

impl Limit {
    fn code(self) -> &'static str {
        match self {
            Limit::Wallet | Limit::Paused => "insufficient_funds",
            Limit::StrictWallet => "wallet_insufficient_per_agent",
            _ => "cap_exceeded",
        }
    }

    fn opening(self) -> Opening {
        match self {
            Limit::Wallet | Limit::StrictWallet => Opening::Prepaid("0.0000001".parse().unwrap()),
            _ => Opening::OnAccount,
        }
    }

    /// Sets the limit below any call, or takes it away.
    fn change(self, state: State) -> WalletChange {
        let cap = match state {
            State::Tight => CapChange::Set("0.0000001".parse().unwrap()),
            State::Lifted => CapChange::Remove,
        };
        let keep = CapChange::Keep;
        match (self, state) {
            (Limit::PerCall | Limit::TenantPerCall, _) => {
                WalletChange::Caps { per_call: cap, daily: keep, monthly: keep }
            }
            (Limit::Daily | Limit::TenantDaily, _) => {
                WalletChange::Caps { per_call: keep, daily: cap, monthly: keep }
            }
            (Limit::Monthly | Limit::TenantMonthly, _) => {
                WalletChange::Caps { per_call: keep, daily: keep, monthly: cap }
            }
            (Limit::Paused, State::Tight) => WalletChange::Pause,
            (Limit::Paused, State::Lifted) => WalletChange::Resume,
            (Limit::StrictWallet, State::Tight) => WalletChange::StrictPerAgent(Strictness::Strict),
            (Limit::Wallet, State::Tight) => WalletChange::Resume,
            (Limit::Wallet | Limit::StrictWallet, State::Lifted) => WalletChange::TopUp {
                transfer_id: Uuid::now_v7(),
                amount: "5".parse().unwrap(),
                memo: "test".to_owned(),
            },
        }
    }

    fn owner(self, agent_id: AgentId, tenant_id: TenantId, state: State) -> Owner {
        match (self, state) {
            (Limit::TenantPerCall | Limit::TenantDaily | Limit::TenantMonthly, _) => {
                Owner::Tenant(tenant_id)
            }
            (Limit::StrictWallet, State::Tight) => Owner::Tenant(tenant_id),
            _ => Owner::Agent(agent_id),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Tight,
    Lifted,
}

/// The same call in three dialects, as a stream or whole.
fn calls() -> Vec<(&'static str, Value)> {
    let messages = json!([{"role": "user", "content": "hi"}]);
    let model = "ainfera-inference";
    let bodies = [
        ("/v1/messages", json!({"model": model, "max_tokens": 400, "messages": messages})),
        (
            "/v1/chat/completions",
            json!({"model": model, "max_completion_tokens": 400, "messages": messages}),
        ),
        ("/v1/responses", json!({"model": model, "max_output_tokens": 400, "input": "hi"})),
    ];
    let both = bodies.into_iter().flat_map(|(path, body)| {
        let mut streamed = body.clone();
        streamed["stream"] = json!(true);
        [(path, body), (path, streamed)]
    });
    both.collect()
}

fn code_of(answer: &Answer) -> String {
    let error = &answer.json()["error"];
    [&error["details"]["error_code"], &error["code"]]
        .into_iter()
        .find_map(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// An agent of a tenant of its own, with a key that nobody has looked up yet.
async fn fresh_agent(gateway: &mut Gateway, opening: Opening) -> TenantId {
    let store = gateway.server.store();
    let tenant_id = TenantId(Uuid::now_v7());
    let new =
        NewAgent { name: "spender".to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    gateway.agent_id = store.create_agent(new, opening).await.unwrap();
    let key = ainfera::keys::mint().unwrap();
    store.add_key(gateway.agent_id, &key.key_id, key.secret_sha256).await.unwrap();
    gateway.key = key.text.expose().to_owned();
    tenant_id
}

#[actix_rt::test]
async fn one_limit_has_one_answer_whatever_the_cache_knows_and_lifting_it_is_seen_at_once() {
    for database in Database::both().await {
        let mut gateway = Gateway::with(GatewayPlan::default(), database).await;
        let name = gateway.database.name();
        for limit in LIMITS {
            let tenant_id = fresh_agent(&mut gateway, limit.opening()).await;
            let (agent_id, store) = (gateway.agent_id, gateway.server.store());
            let set = async |state| {
                let owner = limit.owner(agent_id, tenant_id, state);
                store.administer(owner, limit.change(state)).await.unwrap().unwrap();
            };
            set(State::Tight).await;
            // the first of them looks the key up, and the others have it from the cache
            let mut refused = 0;
            for (path, body) in calls().iter().cycle().take(17 * calls().len()) {
                let answer = gateway.call_at(path, body, &[]).await;
                let seen = (answer.status, code_of(&answer), answer.header("x-should-retry"));
                assert_eq!(
                    seen,
                    (402, limit.code().to_owned(), Some("false")),
                    "{name} {limit:?} {path}: {}",
                    answer.text()
                );
                refused += 1;
            }
            assert_eq!(refused, 102);
            set(State::Lifted).await;
            let (path, body) = &calls()[0];
            let answer = gateway.call_at(path, body, &[]).await;
            assert_eq!(answer.status, 200, "{name} {limit:?}: {}", answer.text());
            // what the cache has seen while it was lifted does not let the next one in
            if !matches!(limit, Limit::Wallet | Limit::StrictWallet) {
                set(State::Tight).await;
                for (path, body) in &calls() {
                    let answer = gateway.call_at(path, body, &[]).await;
                    assert_eq!(
                        (answer.status, code_of(&answer).as_str()),
                        (402, limit.code()),
                        "{name} {limit:?} {path}"
                    );
                }
                set(State::Lifted).await;
                for (path, body) in &calls() {
                    let answer = gateway.call_at(path, body, &[]).await;
                    assert_eq!(answer.status, 200, "{name} {limit:?} {path}: {}", answer.text());
                }
            }
            gateway.settled().await;
        }
        let broken: Vec<_> = gateway
            .server
            .store()
            .invariants()
            .await
            .unwrap()
            .into_iter()
            .filter(|invariant| !invariant.holds)
            .collect();
        assert!(broken.is_empty(), "{name}: {broken:?}");
    }
}

#[actix_rt::test]
async fn a_budget_that_alone_is_to_blame_is_refused_as_a_cap_is_and_leaves_a_row() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let name = gateway.database.name();
        let mut rows = 0;
        for (floor, budget, code) in [
            (None, "0.0000001", Some("cap_exceeded")),
            // cheaper models are below the floor, and the one that clears it is too dear
            (Some("0.94"), "0.01", Some("cap_exceeded")),
            // no money helps
            (Some("0.99"), "0.01", Some("no_candidate_clears_floor")),
            (None, "5", None),
        ] {
            for (path, mut body) in calls().into_iter().cycle().take(2 * calls().len()) {
                body["routing_hint"] = json!({"budget_cap_usd": budget});
                if let Some(floor) = floor {
                    body["routing_hint"]["min_quality"] = json!(floor);
                }
                let answer = gateway.call_at(path, &body, &[]).await;
                let status = match code {
                    None => 200,
                    Some("cap_exceeded") => 402,
                    Some(_) => 422,
                };
                assert_eq!(
                    answer.status,
                    status,
                    "{name} {path} {floor:?} {budget}: {}",
                    answer.text()
                );
                if let Some(code) = code {
                    assert_eq!(code_of(&answer), code, "{name} {path}");
                }
                if status == 402 {
                    rows += 1;
                    assert_eq!(answer.header("x-should-retry"), Some("false"));
                    assert!(
                        answer.text().contains("above its budget of $0.0"),
                        "{}",
                        answer.text()
                    );
                }
            }
        }
        gateway.settled().await;
        let rejected = "select count(*) from routing_outcomes where outcome_status = 'rejected_cap' and inference_id is null";
        assert_eq!(gateway.database.number(rejected).await, rows, "{name}");
    }
}

#[actix_rt::test]
async fn a_command_of_another_process_is_heeded_by_the_next_call() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let url = gateway.database.url();
        let operator = |line: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ainfera"));
            let output = command.args(line.split(' ')).args(["--database", &url]).output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        };
        for (path, body) in calls() {
            assert_eq!(
                gateway.call_at(path, &body, &[]).await.status,
                200,
                "the key is in the cache now"
            );
            for (tighten, status, lift) in [
                (
                    "agents cap --agent tester --per-call 0.0000001",
                    402,
                    "agents cap --agent tester --per-call none",
                ),
                (
                    "agents cap --agent tester --daily 0",
                    402,
                    "agents cap --agent tester --daily none",
                ),
                ("wallet pause --agent tester", 402, "wallet resume --agent tester"),
                ("agents suspend --agent tester", 409, "agents resume --agent tester"),
            ] {
                operator(tighten);
                assert_eq!(
                    gateway.call_at(path, &body, &[]).await.status,
                    status,
                    "{tighten} {path}"
                );
                operator(lift);
                assert_eq!(gateway.call_at(path, &body, &[]).await.status, 200, "{lift} {path}");
            }
        }
    }
}
