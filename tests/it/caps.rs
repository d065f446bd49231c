//! Money under fire: exactly as many racing calls get in as there is room for; the kill-switch
//! stops everybody; what an operator changes holds at once.

use std::process::Command;
use std::time::Duration;

use ainfera_schema::Usd;
use ainfera_store::{CapChange, Owner, WalletChange};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{MODELS, routed};
use crate::support::{Answer, Gateway, GatewayPlan};

const RACING: usize = 300;
const FIT: usize = 7;

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A call that its provider never answers: whoever is let in stays in, and keeps its hold.
fn endless(model: &str) -> Value {
    let mut body = routed("[[mock fault=hang_before_head]] hello");
    body["model"] = json!(model);
    body
}

async fn administer(gateway: &Gateway, change: WalletChange) {
    gateway
        .server
        .store()
        .administer(Owner::Agent(gateway.agent_id), change)
        .await
        .unwrap()
        .unwrap();
}

fn caps(per_call: CapChange, daily: CapChange, monthly: CapChange) -> WalletChange {
    WalletChange::Caps { per_call, daily, monthly }
}

/// What the call holds, as its refusal under a cap of nothing says.
async fn needed(gateway: &Gateway, body: &Value) -> Usd {
    administer(gateway, caps(CapChange::Keep, CapChange::Set(Usd::ZERO), CapChange::Keep)).await;
    let answer = gateway.call(body).await;
    assert_eq!(
        (answer.status, answer.header("x-should-retry")),
        (402, Some("false")),
        "{}",
        answer.text()
    );
    administer(gateway, caps(CapChange::Keep, CapChange::Remove, CapChange::Keep)).await;
    let message = answer.error().1;
    let amount = message.split_once("may cost $").unwrap().1.split_once(';').unwrap().0;
    usd(amount)
}

fn times(amount: Usd, count: usize) -> Usd {
    Usd::from_nanos(amount.nanos() * i64::try_from(count).unwrap())
}

/// Sends the calls all at once, takes the answers of those that must be refused, and leaves with
/// the others.
async fn race(gateway: &Gateway, bodies: &[Value]) -> Vec<Answer> {
    let mut answers: FuturesUnordered<_> = bodies.iter().map(|body| gateway.call(body)).collect();
    let mut refused = Vec::new();
    while refused.len() < bodies.len() - FIT {
        refused.push(
            tokio::time::timeout(Duration::from_secs(20), answers.next())
                .await
                .expect("too many were let in")
                .unwrap(),
        );
    }
    assert_eq!(
        gateway.database.number("select count(*) from intents").await,
        i64::try_from(FIT).unwrap()
    );
    drop(answers);
    gateway.settled().await;
    refused
}

async fn assert_sound(gateway: &Gateway) {
    let broken: Vec<_> = gateway
        .server
        .store()
        .invariants()
        .await
        .unwrap()
        .into_iter()
        .filter(|invariant| !invariant.holds)
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
}

#[actix_rt::test]
async fn exactly_as_many_racing_calls_get_in_as_the_daily_cap_has_room_for() {
    for database in Database::both().await {
        let gateway = Gateway::with(
            GatewayPlan { funding: usd("100000"), ..GatewayPlan::default() },
            database,
        )
        .await;
        let body = endless("ainfera-inference");
        let hold = needed(&gateway, &body).await;
        for repetition in 0..5 {
            // what was spent before stays spent: there is room for so many more
            let spent = gateway
                .server
                .store()
                .wallet(Owner::Agent(gateway.agent_id))
                .await
                .unwrap()
                .unwrap()
                .spent_today_usd;
            let almost_one_more = times(hold, FIT + 1).checked_sub(Usd::from_nanos(1)).unwrap();
            let cap = CapChange::Set(spent.checked_add(almost_one_more).unwrap());
            administer(&gateway, caps(CapChange::Keep, cap, CapChange::Keep)).await;
            let refused = race(&gateway, &vec![body.clone(); RACING]).await;
            assert!(
                refused
                    .iter()
                    .all(|answer| answer.status == 402 && answer.text().contains("daily cap")),
                "{}",
                refused[0].text()
            );
            let rows = gateway.database.number("select count(*) from routing_outcomes").await;
            assert_eq!(
                rows,
                i64::try_from((repetition + 1) * RACING + 1).unwrap(),
                "{}",
                gateway.database.name()
            );
        }
        let rejected =
            "select count(*) from routing_outcomes where outcome_status = 'rejected_cap'";
        assert_eq!(
            gateway.database.number(rejected).await,
            i64::try_from(5 * (RACING - FIT) + 1).unwrap()
        );
        assert_sound(&gateway).await;
    }
}

#[actix_rt::test]
async fn the_kill_switch_stops_routed_and_pinned_calls_alike() {
    let probe = Gateway::start().await;
    let hold = needed(&probe, &endless(MODELS[0])).await;
    for database in Database::both().await {
        // both kinds of call on the same model: the pin's hold is the smaller one, so room for so
        // many pins is room for no routed call beside them
        let settings = format!("[killswitch]\ndaily_usd = \"{}\"\n", times(hold, FIT));
        let gateway =
            Gateway::with(GatewayPlan { settings, ..GatewayPlan::default() }, database).await;
        let pins = vec![endless(MODELS[0]); 60];
        let refused = race(&gateway, &pins).await;
        for answer in &refused {
            assert_eq!(
                (answer.status, answer.header("x-should-retry")),
                (503, Some("false")),
                "{}",
                answer.text()
            );
            assert!(answer.header("retry-after").is_some());
            let (_, message) = answer.error();
            for word in ["spent $", "threshold $", "window_start 2"] {
                assert!(message.contains(word), "{message}");
            }
            assert!(answer.text().contains("cost_killswitch_engaged"));
        }
        assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 0);
        // the day's money is almost all there again, but not enough for a dear call
        let mut dear = routed("hi");
        dear["max_tokens"] = json!(8000);
        let answer = gateway.call(&dear).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let rejected = "select count(*) from routing_outcomes where outcome_status = 'rejected_cap' and inference_id is null";
        assert_eq!(gateway.database.number(rejected).await, 1);
        let metrics = gateway.get("/metrics").await.text();
        for line in [
            "ainfera_cost_killswitch_engaged 0",
            "ainfera_cost_killswitch_threshold_usd 0.",
            "ainfera_cost_killswitch_spent_usd ",
        ] {
            assert!(metrics.contains(line), "{metrics}");
        }
        assert_sound(&gateway).await;
    }
    assert!(!probe.get("/metrics").await.text().contains("killswitch"));
}

#[actix_rt::test]
async fn what_an_operator_changes_holds_for_the_next_call() {
    let gateway = Gateway::start().await;
    let database = gateway.database.url();
    let operator = |line: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ainfera"));
        let output =
            command.args(line.split(' ')).args(["--database", &database]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let wallet = format!("/v1/wallets/{}", gateway.agent_id);
    let expected = json!({
        "agent_id": gateway.agent_id, "funding": "prepaid", "balance_usd": "1000", "held_usd": "0", "paused": false,
        "spent_today_usd": "0", "spent_this_month_usd": "0", "per_call_cap_usd": null, "daily_cap_usd": null, "monthly_cap_usd": null,
    });
    assert_eq!(gateway.get(&wallet).await.json(), expected);
    assert_eq!(gateway.get("/v1/wallets/018f0000-0000-7000-8000-000000000000").await.status, 404);

    assert_eq!(
        operator("wallet topup --agent tester --amount 2.5 --memo gift")["balance_usd"],
        "1002.5"
    );
    assert_eq!(operator("wallet pause --agent tester")["paused"], true);
    let answer = gateway.call(&routed("hi")).await;
    assert_eq!(answer.status, 402, "{}", answer.text());
    operator("wallet topup --pool --amount 3");
    assert_eq!(gateway.call(&routed("hi")).await.status, 200, "the pool pays");
    operator("wallet strict --pool");
    let answer = gateway.call(&routed("hi")).await;
    assert_eq!(answer.status, 402, "{}", answer.text());
    assert!(answer.text().contains("wallet_insufficient_per_agent"), "{}", answer.text());
    operator("wallet resume --agent tester");
    assert_eq!(gateway.call(&routed("hi")).await.status, 200);
    operator("agents suspend --agent tester");
    assert_eq!(gateway.call(&routed("hi")).await.status, 409);
    operator("agents resume --agent tester");
    operator("agents cap --agent tester --monthly 0.000001");
    let answer = gateway.call(&routed("hi")).await;
    assert!(answer.status == 402 && answer.text().contains("monthly cap"), "{}", answer.text());
    assert_eq!(
        operator("agents cap --agent tester --monthly none")["spend_policy"]["monthly_cap_usd"],
        Value::Null
    );
    assert_eq!(gateway.call(&routed("hi")).await.status, 200);
    gateway.settled().await;
    assert!(!operator("wallet show --agent tester")["spent_today_usd"].as_str().unwrap().eq("0"));
    assert_sound(&gateway).await;
}
