//! How agents come to be: on account within caps, or with a wallet; and in whose name.

use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::gateway::routed;
use crate::support::process::Site;
use crate::support::{Gateway, GatewayPlan};

struct Made {
    key: String,
    told: String,
}

fn run(database: &str, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ainfera"))
        .args(line.split(' '))
        .args(["--database", database])
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn made(database: &str, line: &str) -> Made {
    let output = run(database, line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    Made { key: text(&output.stdout), told: text(&output.stderr) }
}

fn refused(database: &str, line: &str) -> String {
    let output = run(database, line);
    assert!(
        !output.status.success() && output.stdout.is_empty(),
        "{line}: {}",
        text(&output.stdout)
    );
    text(&output.stderr)
}

fn shown(database: &str, agent: &str) -> Value {
    let output = run(database, &format!("wallet show --agent {agent}"));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A key alone on standard output.
fn is_a_key(text: &str) -> bool {
    ainfera::keys::parse(text).is_some()
}

#[actix_rt::test]
async fn a_new_agent_spends_on_account_within_the_default_cap_and_a_wallet_is_made_on_demand() {
    for database in Database::both().await {
        let (name, url) = (database.name(), database.url());
        let plain = made(&url, "keys create --agent plain");
        assert!(is_a_key(&plain.key), "{name}: {}", plain.key);
        assert!(
            plain.told.contains("agent plain spends on account")
                && plain.told.contains("at most $10 a day"),
            "{name}: {}",
            plain.told
        );
        let view = shown(&url, "plain");
        assert_eq!(
            (&view["funding"], &view["balance_usd"], &view["owed_usd"]),
            (&json!("on_account"), &json!("0"), &json!("0")),
            "{view}"
        );
        assert_eq!(
            (&view["spend_policy"]["daily_cap_usd"], &view["spend_policy"]["daily_cap_source"]),
            (&json!("10"), &json!("default"))
        );

        let rich = made(&url, "keys create --agent rich --wallet 2.5");
        assert!(
            is_a_key(&rich.key) && rich.told.contains("agent rich has a wallet with $2.5"),
            "{name}: {}",
            rich.told
        );
        let view = shown(&url, "rich");
        assert_eq!(
            (&view["funding"], &view["balance_usd"], &view["owed_usd"]),
            (&json!("prepaid"), &json!("2.5"), &Value::Null)
        );

        let again = refused(&url, "keys create --agent plain --wallet 5");
        assert!(again.contains("agent plain is there already"), "{name}: {again}");
        assert!(is_a_key(&made(&url, "keys create --agent plain").key), "{name}: another key");
        let top_up = refused(&url, "wallet topup --agent plain --amount 5");
        assert!(top_up.contains("on account") && top_up.contains("--wallet"), "{name}: {top_up}");
        let told = text(&run(&url, "wallet show --agent plain").stderr);
        assert!(told.contains("it has no wallet that could run out"), "{name}: {told}");
        assert!(run(&url, "doctor").status.success(), "{name}");
    }
}

#[actix_rt::test]
async fn the_configured_cap_is_the_new_agents_and_refuses_the_call_that_would_pass_it() {
    let plan = GatewayPlan {
        settings: "[defaults]\ndaily_cap_usd = \"0.01\"\n".to_owned(),
        ..GatewayPlan::default()
    };
    for database in Database::both().await {
        let site = Site::new(&plan, Some(&database.url())).await;
        let gateway = site.serve(&[]);
        let mut dear = routed("hi");
        dear["max_tokens"] = json!(8000);
        let mut connection = crate::support::Connection::open(gateway.address).await;
        let headers = [("x-api-key", site.key.as_str()), ("anthropic-version", "2023-06-01")];
        connection.send("POST", "/v1/messages", &headers, dear.to_string().as_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 402, "{}", answer.text());
        assert!(answer.text().contains("daily cap of $0.01"), "{}", answer.text());
        connection
            .send("POST", "/v1/messages", &headers, routed("hi").to_string().as_bytes())
            .await;
        assert_eq!(connection.answer().await.status, 200);
    }
}

#[actix_rt::test]
async fn an_agent_on_account_owes_what_it_spent_and_every_read_says_so() {
    for database in Database::both().await {
        let mut gateway = Gateway::with(GatewayPlan::default(), database).await;
        let url = gateway.database.url();
        gateway.key = made(&url, "keys create --agent debtor").key;
        let answer = gateway.call(&routed("hi")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let call = gateway
            .get(&format!("/v1/calls/{}", answer.header("request-id").unwrap()))
            .await
            .json();
        let cost = call["cost_usd"].as_str().unwrap().to_owned();
        let agent_id = call["agent_id"].as_str().unwrap().to_owned();
        for read in [format!("/v1/wallets/{agent_id}"), format!("/v1/ledger/{agent_id}")] {
            let view = gateway.get(&read).await.json();
            assert_eq!(
                (&view["funding"], &view["owed_usd"]),
                (&json!("on_account"), &json!(cost)),
                "{read}: {view}"
            );
            assert_eq!(view["balance_usd"], json!(format!("-{cost}")), "{read}");
        }
        let wallet = gateway.get(&format!("/v1/wallets/{agent_id}")).await.json();
        assert_eq!(
            (&wallet["daily_cap_usd"], &wallet["spent_today_usd"]),
            (&json!("10"), &json!(cost))
        );
        assert_eq!(shown(&url, "debtor")["owed_usd"], json!(cost));
        assert!(run(&url, "doctor").status.success());
    }
}

#[actix_rt::test]
async fn a_tenant_that_is_not_there_is_made_only_when_that_is_meant() {
    for database in Database::both().await {
        let (name, url) = (database.name(), database.url());
        let first = made(&url, "keys create --agent a --tenant acme");
        assert!(is_a_key(&first.key), "{name}: the first tenant of a database");
        assert!(is_a_key(&made(&url, "keys create --agent a").key), "{name}: the default tenant");
        let misspelt = refused(&url, "keys create --agent a --tenant acmee");
        let expected = "no such tenant: \"acmee\"; did you mean \"acme\"? (--new-tenant makes one of this name)";
        assert!(misspelt.ends_with(expected), "{name}: {misspelt}");
        let far = refused(&url, "keys create --agent a --tenant initech");
        assert!(far.contains("no such tenant: \"initech\" (--new-tenant"), "{name}: {far}");
        assert!(
            is_a_key(&made(&url, "keys create --agent a --tenant initech --new-tenant").key),
            "{name}"
        );
        assert!(
            is_a_key(&made(&url, "keys create --agent b --tenant initech").key),
            "{name}: it is there now"
        );
        let operator = refused(&url, "wallet show --agent a --tenant defualt");
        assert!(
            operator.contains("no such tenant: \"defualt\"; did you mean \"default\"?"),
            "{name}: {operator}"
        );
    }
}

#[actix_rt::test]
async fn the_cap_of_a_tenant_holds_for_new_agents_and_is_told_with_the_key() {
    let database = Database::sqlite();
    let url = database.url();
    made(&url, "keys create --agent a --tenant acme");
    assert!(run(&url, "agents cap --pool --tenant acme --daily 1").status.success());
    let second = made(&url, "keys create --agent b --tenant acme");
    assert!(
        second.told.contains("caps of tenant acme, for all its agents together: at most $1 a day"),
        "{}",
        second.told
    );
}

#[test]
fn a_database_of_its_own_folder_is_not_made_by_a_key() {
    let folder = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ainfera"))
        .args(["keys", "create", "--agent", "a"])
        .current_dir(folder.path())
        .output();
    assert!(!output.unwrap().status.success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
