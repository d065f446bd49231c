//! The audit as an outsider sees it: hashes are computed anew from what HTTP shows, checkpoints
//! verify with the published key, and whoever rewrites the database is found out.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ainfera_schema::checkpoint::Checkpoint;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::database::Database;
use crate::support::gateway::{routed, streamed};
use crate::support::{Connection, Gateway, GatewayPlan, postgres};

const SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A gateway that signs, on either store; its folder holds key and checkpoint file.
async fn signing(database: Database, more: &str) -> (Gateway, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("audit-key");
    std::fs::write(&key, SEED).unwrap();
    let settings = format!(
        "[audit]\nsigning_key = {{ file = {:?} }}\ncheckpoint_file = {:?}\n{more}",
        key.display().to_string(),
        folder.path().join("checkpoints.jsonl").display().to_string()
    );
    (Gateway::with(GatewayPlan { settings, ..GatewayPlan::default() }, database).await, folder)
}

/// Waits for the checkpoint that covers everything so far.
async fn signed_height(gateway: &Gateway) -> Value {
    let wait = async {
        loop {
            let height = gateway.get("/v1/audit/height").await.json();
            if height["global_height"] == height["checkpoint"]["tree_size"] {
                return height;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("a checkpoint that covers everything")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keys sorted, no spaces: serde_json's own text, once the keys are in order, for payloads without
/// control characters.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

async fn execute(database: &Database, sql: &str) {
    match database {
        Database::Sqlite { path, .. } => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.busy_timeout(Duration::from_secs(5)).unwrap();
            connection.execute_batch(sql).unwrap();
        }
        Database::Postgres { url } => {
            postgres::connect(url).await.batch_execute(sql).await.unwrap()
        }
    }
}

fn drop_triggers(database: &Database) -> &'static str {
    match database {
        Database::Sqlite { .. } => {
            "DROP TRIGGER audit_events_no_update; DROP TRIGGER audit_events_no_delete;"
        }
        Database::Postgres { .. } => "DROP TRIGGER audit_events_append_only ON audit_events;",
    }
}

fn ainfera(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ainfera")).args(arguments).output().unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), text)
}

fn verify(database: &Database, checkpoints: &str, key: &str) -> (Option<i32>, String) {
    ainfera(&[
        "audit",
        "verify",
        "--json",
        "--database",
        &database.url(),
        "--checkpoints",
        checkpoints,
        "--key",
        key,
    ])
}

#[actix_rt::test]
async fn a_chain_and_its_checkpoints_can_be_verified_by_anybody() {
    for database in Database::both().await {
        let name = database.name();
        let (gateway, folder) = signing(database, "").await;
        for number in 0..5 {
            gateway.call(&streamed(routed(&format!("call {number}")))).await;
        }
        gateway.settled().await;
        let height = signed_height(&gateway).await;

        let events = gateway.get(&format!("/v1/audit/{}?limit=500", gateway.agent_id)).await.json()
            ["events"]
            .clone();
        let events = events.as_array().unwrap();
        assert_eq!(height["global_height"], events.len(), "{name}");
        let mut previous = Value::Null;
        for (event, seq) in events.iter().zip(1..) {
            assert_eq!(
                (&event["seq"], &event["previous_hash"]),
                (&Value::from(seq), &previous),
                "{name}"
            );
            let text = format!(
                "{}{}",
                previous.as_str().unwrap_or_default(),
                canonical(&event["payload"])
            );
            assert_eq!(
                event["event_hash"],
                hex(&Sha256::digest(text.as_bytes())),
                "{name} event {seq}"
            );
            previous = event["event_hash"].clone();
        }
        let verdict = gateway.get(&format!("/v1/audit/{}/verify", gateway.agent_id)).await.json();
        assert_eq!(verdict["valid"], true, "{name}: {verdict}");

        let key = gateway.get("/v1/audit/key").await.json();
        assert_eq!(key["alg"], "Ed25519");
        assert_eq!(gateway.get("/.well-known/ainfera-public-key.json").await.json(), key);
        let key = key["public_key"].as_str().unwrap().to_owned();
        let file = folder.path().join("checkpoints.jsonl");
        let number = height["checkpoint"]["number"].as_i64().unwrap() as usize;
        let lines = file_with_lines(&file, number).await;
        let checkpoints: Vec<Checkpoint> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (checkpoint, number) in checkpoints.iter().zip(1..) {
            assert_eq!(checkpoint.number, number, "{name}");
            checkpoint.check(std::slice::from_ref(&key)).unwrap();
        }
        let newest = checkpoints.last().unwrap();
        assert_eq!(height["checkpoint"]["hash"], newest.hash.as_str(), "{name}");
        assert_eq!(
            newest.heads.last().unwrap().event_hash,
            previous.as_str().unwrap(),
            "{name}: one chain, one head"
        );

        let database = gateway.stop().await;
        let (code, text) = verify(&database, &file.display().to_string(), &key);
        assert_eq!(code, Some(0), "{name}: {text}");
        let (code, text) = verify(&database, &file.display().to_string(), &"00".repeat(32));
        assert_eq!(code, Some(16), "{name}: {text}");
        // what is exported says the same
        let export = folder.path().join("export.jsonl");
        let (code, text) = ainfera(&["audit", "export", "--database", &database.url()]);
        assert_eq!(code, Some(0), "{name}: {text}");
        std::fs::write(&export, &text).unwrap();
        let (code, found) =
            ainfera(&["audit", "verify", "--export", &export.display().to_string(), "--key", &key]);
        assert_eq!(code, Some(0), "{name}: {found}");
        std::fs::write(&export, text.replacen("inference.routed", "inference.failed", 1)).unwrap();
        let (code, found) =
            ainfera(&["audit", "verify", "--export", &export.display().to_string(), "--key", &key]);
        assert_eq!(code, Some(10), "{name}: {found}");
    }
}

/// Waits until the file has so many lines: it is written after the transaction.
async fn file_with_lines(path: &PathBuf, count: usize) -> Vec<String> {
    let wait = async {
        loop {
            let lines: Vec<String> = std::fs::read_to_string(path)
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect();
            if lines.len() >= count {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("a line for each checkpoint")
}

#[actix_rt::test]
async fn a_rewritten_database_does_not_verify() {
    // each of them on what the one before left: the first finding names the class, and each begins
    // earlier in the chain
    let tamperings = [
        ("DELETE FROM audit_events WHERE seq = 17", 14),
        ("DELETE FROM audit_events WHERE seq = 12", 11),
        (
            "UPDATE audit_events SET payload = replace(payload, 'agent_id', 'agent_ie') WHERE seq = 9",
            10,
        ),
    ];
    for database in Database::both().await {
        let name = database.name();
        let (gateway, folder) = signing(database, "").await;
        for number in 0..3 {
            gateway.call(&routed(&format!("call {number}"))).await;
        }
        gateway.settled().await;
        let height = signed_height(&gateway).await;
        assert_eq!(height["global_height"], 17, "{name}");
        let number = height["checkpoint"]["number"].as_i64().unwrap() as usize;
        let file = folder.path().join("checkpoints.jsonl");
        file_with_lines(&file, number).await;
        let key = height["checkpoint"]["public_key"].as_str().unwrap().to_owned();
        execute(&gateway.database, drop_triggers(&gateway.database)).await;
        for (sql, expected) in tamperings {
            execute(&gateway.database, sql).await;
            let verdict =
                gateway.get(&format!("/v1/audit/{}/verify", gateway.agent_id)).await.json();
            assert_eq!(verdict["valid"], false, "{name}: {sql}");
            let (code, text) = verify(&gateway.database, &file.display().to_string(), &key);
            assert_eq!(code, Some(expected), "{name}: {sql}: {text}");
        }
        gateway.stop().await;
    }
}

#[actix_rt::test]
async fn the_public_list_names_no_agent_and_hides_internal_tenants() {
    for database in Database::both().await {
        let name = database.name();
        let (gateway, _folder) = signing(database, "public = true\n").await;
        let mut body = routed("hi");
        body["stop_sequences"] = serde_json::json!(["STOP"]);
        let answer = gateway.call(&body).await;
        gateway.settled().await;
        let anonymous = |path: String| async move {
            let mut connection = Connection::open(gateway_address(&path).0).await;
            connection.send("GET", &gateway_address(&path).1, &[], b"").await;
            connection.answer().await
        };
        let at = |path: &str| format!("{}|{path}", gateway.address);
        let mut seen = Vec::new();
        let mut path = "/v1/audit/public?limit=3".to_owned();
        loop {
            let page = anonymous(at(&path)).await;
            assert_eq!(page.status, 200, "{name}: {}", page.text());
            assert!(
                !page.text().contains(&gateway.agent_id.to_string())
                    && !page.text().contains("payload"),
                "{name}"
            );
            let page = page.json();
            seen.extend(page["events"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/audit/public?limit=3&before={next}");
        }
        let hashes: std::collections::HashSet<&str> =
            seen.iter().map(|event| event["event_hash"].as_str().unwrap()).collect();
        assert_eq!((seen.len(), hashes.len()), (7, 7), "{name}: each once");
        let shown = seen[0]["agent_name"].as_str().unwrap();
        assert!(
            shown.starts_with("agent-") && seen.iter().all(|event| event["agent_name"] == shown),
            "{name}: {shown}"
        );
        assert!(
            seen.is_sorted_by(
                |left, right| left["created_at"].as_str() >= right["created_at"].as_str()
            ),
            "{name}"
        );
        assert_eq!(anonymous(at("/v1/audit/public?before=nonsense")).await.status, 400, "{name}");

        let receipt_id = answer.header("x-ainfera-receipt-id").unwrap();
        let receipt = gateway.get(&format!("/v1/receipts/{receipt_id}")).await.json();
        assert_eq!(receipt["receipt_id"], receipt_id, "{name}");
        assert_eq!(
            receipt["inference_id"],
            answer.header("x-ainfera-inference-id").unwrap(),
            "{name}"
        );
        let coercions: Vec<&str> = receipt["coercions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap())
            .collect();
        assert_eq!(coercions.join(", "), answer.header("x-ainfera-coercions").unwrap(), "{name}");
        assert_eq!(
            gateway.get(&format!("/v1/receipts/{}", gateway.agent_id)).await.status,
            404,
            "{name}"
        );
        assert_eq!(
            anonymous(at(&format!("/v1/receipts/{receipt_id}"))).await.status,
            401,
            "{name}"
        );

        let operator = |line: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ainfera"));
            let output = command
                .args(line.split(' '))
                .args(["--database", &gateway.database.url()])
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{name}: {line}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        operator("keys create --agent shown --tenant acme --new-tenant");
        operator("keys create --agent hidden --tenant internal-probes --new-tenant --wallet 1");
        operator("wallet topup --agent hidden --tenant internal-probes --amount 1");
        let page = anonymous(at("/v1/audit/public")).await;
        // names are for readers of the same tenant; what an internal tenant does is not there at
        // all
        assert!(
            !page.text().contains("\"shown\"") && !page.text().contains("hidden"),
            "{name}: {}",
            page.text()
        );
        let page = page.json();
        let agents: std::collections::HashSet<&str> = page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["agent_name"].as_str().unwrap())
            .collect();
        assert_eq!(agents.len(), 2, "{name}: {agents:?}");

        execute(&gateway.database, "UPDATE tenants SET name = 'internal-probes'").await;
        assert_eq!(
            anonymous(at("/v1/audit/public")).await.json()["events"],
            serde_json::json!([]),
            "{name}"
        );
        gateway.stop().await;
    }
}

fn gateway_address(place: &str) -> (std::net::SocketAddr, String) {
    let (address, path) = place.split_once('|').unwrap();
    (address.parse().unwrap(), path.to_owned())
}

#[actix_rt::test]
async fn without_the_setting_the_pages_ask_for_a_key() {
    let gateway = Gateway::start().await;
    for path in [
        "/v1/audit/height",
        "/v1/audit/public",
        "/v1/audit/key",
        "/.well-known/ainfera-public-key.json",
    ] {
        let mut connection = Connection::open(gateway.address).await;
        connection.send("GET", path, &[], b"").await;
        assert_eq!(connection.answer().await.status, 401, "{path}");
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
    }
    gateway.stop().await;
}
