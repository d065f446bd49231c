//! A backup is put back: the gateway finds it, serves, signs nothing until an operator declares the
//! break, and a verifier tells what was declared from what was hidden.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::GatewayPlan;
use crate::support::database::Database;
use crate::support::gateway::routed;
use crate::support::postgres;
use crate::support::process::{Process, Site};

const SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A gateway's folder, its database, and its audit key.
struct Restored {
    site: Site,
    database: Database,
    _key: tempfile::TempDir,
}

impl Restored {
    async fn new(postgres: Option<Database>) -> Self {
        let key = tempfile::tempdir().unwrap();
        let file = key.path().join("audit-key");
        std::fs::write(&file, SEED).unwrap();
        let settings = format!(
            "replica = \"one\"\n[audit]\nsigning_key = {{ file = {:?} }}\ncheckpoint_file = \"checkpoints.jsonl\"\n",
            file.display().to_string()
        );
        let plan = GatewayPlan { settings, ..GatewayPlan::default() };
        let site = Site::new(&plan, postgres.as_ref().map(Database::url).as_deref()).await;
        let database = postgres.unwrap_or_else(|| Database::at(&site.folder.path().join("a.db")));
        Self { site, database, _key: key }
    }

    fn kept(&self) -> &'static str {
        match self.database {
            Database::Sqlite { .. } => "a.db.spool.signed",
            Database::Postgres { .. } => "ainfera-one.spool.signed",
        }
    }

    async fn call(&self, process: &Process, prompt: &str) {
        assert_eq!(self.site.call(process.address, &routed(prompt)).await.status, 200);
        self.eventually(process, "/metrics", |text| text.contains("\nainfera_calls_in_flight 0\n"))
            .await;
    }

    /// Waits until everything is signed, and the signature is kept outside.
    async fn signed(&self, process: &Process) -> i64 {
        let wait = async {
            loop {
                let height = self.site.get(process.address, "/v1/audit/height").await.json();
                let number = height["checkpoint"]["number"].as_i64().unwrap_or_default();
                let files = [self.kept(), "checkpoints.jsonl"];
                let kept = files
                    .iter()
                    .all(|file| last_number(&self.site.folder.path().join(file)) == Some(number));
                if height["global_height"] == height["checkpoint"]["tree_size"] && kept {
                    return number;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .expect("a checkpoint that covers everything, and is kept outside")
    }

    async fn eventually(
        &self,
        process: &Process,
        path: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let wait = async {
            loop {
                let text = self.site.get(process.address, path).await.text();
                if wanted(&text) {
                    return text;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .unwrap_or_else(|_| panic!("{path} never says so"))
    }

    fn ainfera(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.site.command(arguments);
        (
            output.status.code(),
            format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        )
    }

    /// Of a database that nobody uses now.
    async fn back_up(&self) {
        match &self.database {
            Database::Sqlite { path, .. } => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection
                    .execute(
                        "VACUUM INTO ?1",
                        (path.with_extension("backup").display().to_string(),),
                    )
                    .unwrap();
            }
            Database::Postgres { url } => {
                self.administer(&format!("CREATE DATABASE {0}_backup TEMPLATE {0}", name_in(url)))
                    .await
            }
        }
    }

    async fn put_back(&self) {
        match &self.database {
            Database::Sqlite { path, .. } => {
                for ending in ["-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
                }
                std::fs::copy(path.with_extension("backup"), path).unwrap();
            }
            Database::Postgres { url } => {
                self.administer(&format!("DROP DATABASE {} WITH (FORCE)", name_in(url))).await;
                self.administer(&format!("ALTER DATABASE {0}_backup RENAME TO {0}", name_in(url)))
                    .await;
            }
        }
    }

    async fn administer(&self, sql: &str) {
        let Database::Postgres { url } = &self.database else {
            unreachable!("only a server has several databases")
        };
        let admin = url.replacen(&format!("/{}", name_in(url)), "/postgres", 1);
        postgres::connect(&admin).await.batch_execute(sql).await.unwrap();
    }
}

fn name_in(url: &str) -> &str {
    url.split('?').next().unwrap().rsplit_once('/').unwrap().1
}

fn last_number(file: &Path) -> Option<i64> {
    let bytes = std::fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    serde_json::from_str::<Value>(text.lines().last()?).ok()?["number"].as_i64()
}

#[actix_rt::test]
async fn a_database_that_was_put_back_is_found_served_declared_and_verified() {
    for postgres in [None, Some(Database::postgres().await)] {
        let restored = Restored::new(postgres).await;
        let name = restored.database.name();
        let process = restored.site.serve(&[]);
        process.logged("nothing is kept here of what was signed").await;
        restored.call(&process, "kept").await;
        let common = restored.signed(&process).await;
        assert_eq!(process.stop().await, Some(0), "{name}");
        restored.back_up().await;

        let process = restored.site.serve(&[]);
        for number in 0..3 {
            restored.call(&process, &format!("lost {number}")).await;
            restored.signed(&process).await;
        }
        let lost = restored.signed(&process).await;
        assert!(lost > common, "{name}");
        let ready = restored.site.get(process.address, "/readyz").await.text();
        assert!(
            !ready.contains("audit_parted"),
            "{name}: it goes on from what was signed: {ready}"
        );
        let (code, text) = restored.ainfera(&["audit", "verify"]);
        assert_eq!(code, Some(0), "{name}: {text}");
        assert_eq!(process.stop().await, Some(0), "{name}");
        restored.put_back().await;

        let process = restored.site.serve(&[]);
        let ready =
            restored.eventually(&process, "/readyz", |text| text.contains("audit_parted")).await;
        let ready: Value = serde_json::from_str(&ready).unwrap();
        let parted = &ready["audit_parted"];
        assert_eq!(
            (&ready["status"], &parted["parted_after"]),
            (&"ready".into(), &common.into()),
            "{name}"
        );
        assert_eq!(
            (&parted["lost_checkpoint"], &parted["listing"]),
            (&lost.into(), &"whole".into()),
            "{name}"
        );
        assert_eq!(
            (&parted["chains"], &parted["missing_events"]),
            (&1.into(), &15.into()),
            "{name}: {ready}"
        );
        process.logged("the database lacks what was signed").await;
        restored
            .eventually(&process, "/metrics", |text| text.contains("\nainfera_audit_parted 1\n"))
            .await;
        restored.call(&process, "served").await;
        let (code, text) = restored.ainfera(&["audit", "verify"]);
        assert_eq!(code, Some(14), "{name}: hidden: {text}");
        let height = restored.site.get(process.address, "/v1/audit/height").await.json();
        assert_eq!(height["checkpoint"]["number"], common, "{name}: nothing is signed");

        let (code, text) = restored.ainfera(&[
            "audit",
            "continue",
            "--reason",
            "the disk broke",
            "--by",
            "somebody",
        ]);
        assert_eq!(code, Some(0), "{name}: {text}");
        assert!(text.contains("15 events in 1 chains"), "{name}: {text}");
        restored
            .eventually(&process, "/metrics", |text| text.contains("\nainfera_audit_parted 0\n"))
            .await;
        restored.call(&process, "after").await;
        assert!(restored.signed(&process).await > common, "{name}");
        assert_eq!(process.stop().await, Some(0), "{name}");
        what_was_declared_is_told_from_what_was_hidden(&restored, name);
        // a file that was kept before the restore, by another replica, has nothing new to tell
        let process = restored.site.serve(&[]);
        restored.call(&process, "on").await;
        restored.signed(&process).await;
        process.stop().await;
    }
}

fn what_was_declared_is_told_from_what_was_hidden(restored: &Restored, name: &str) {
    let (code, text) = restored.ainfera(&["audit", "verify"]);
    assert_eq!(code, Some(0), "{name}: declared: {text}");
    assert!(
        text.contains("by somebody: the disk broke")
            && text.contains("intact but for what was declared"),
        "{name}: {text}"
    );
    // the same from an export, and without the declaration
    let (_, export) = restored.ainfera(&["audit", "export"]);
    let file = restored.site.folder.path().join("export.jsonl");
    let verify = |export: &str| {
        std::fs::write(&file, export).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_ainfera"))
            .args([
                "audit",
                "verify",
                "--checkpoints",
                "checkpoints.jsonl",
                "--export",
                "export.jsonl",
            ])
            .current_dir(restored.site.folder.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = verify(&export);
    assert_eq!(code, Some(0), "{name}: {text}");
    let undeclared: String = export
        .lines()
        .filter(|line| !line.starts_with("{\"break\""))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(undeclared, export);
    let (code, text) = verify(&undeclared);
    assert!(matches!(code, Some(14 | 15)), "{name}: hidden: {code:?} {text}");
    let (code, text) = verify(&export.replace("the disk broke", "nothing happened"));
    assert_eq!(code, Some(17), "{name}: {text}");
    let (code, text) = restored.ainfera(&["audit", "continue", "--reason", "again"]);
    assert!(code == Some(0) && text.contains("nothing to declare"), "{name}: {text}");
}

#[actix_rt::test]
async fn a_damaged_file_of_signatures_is_told_and_not_fatal() {
    let restored = Restored::new(None).await;
    std::fs::write(
        restored.site.folder.path().join("a.db.spool.signed"),
        b"\0\xff no checkpoint\n{\"number\":7}\n",
    )
    .unwrap();
    let process = restored.site.serve(&[]);
    process.logged("lines of checkpoints kept outside are damaged").await;
    restored.call(&process, "served").await;
    restored.signed(&process).await;
    assert!(!restored.site.get(process.address, "/readyz").await.text().contains("audit_parted"));
    process.stop().await;
}
