//! PostgreSQL with a streaming standby, as an operator sets them up: TLS, passwords, a promotion.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tokio::time::{Duration, Instant};

use super::{Program, free_port};
use crate::support::postgres::{as_postgres, binaries, connect, is_root, succeeded};

const START: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// A commit waits for the standby.
    Synchronous,
    Asynchronous,
}

pub struct PostgresPair {
    folder: TempDir,
    ports: [u16; 2],
    primary: Program,
    _standby: Program,
}

impl PostgresPair {
    pub async fn start(commit: Commit) -> Self {
        let folder = TempDir::new().unwrap();
        if is_root() {
            succeeded(&Command::new("chown").arg("postgres:").arg(folder.path()).output().unwrap());
        }
        let data = folder.path().join("primary");
        let mut initdb = as_postgres(&binaries().join("initdb"));
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ]);
        succeeded(&initdb.arg(&data).output().unwrap());
        let ports = [free_port(), free_port()];
        let primary = run(folder.path(), "primary", ports[0]);
        answers(ports[0]).await;
        let mut copy = as_postgres(&binaries().join("pg_basebackup"));
        copy.args(["-h", "127.0.0.1", "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "-p"])
            .arg(ports[0].to_string())
            .arg("-D");
        succeeded(&copy.arg(folder.path().join("standby")).output().unwrap());
        let standby = run(folder.path(), "standby", ports[1]);
        answers(ports[1]).await;
        let pair = Self { folder, ports, primary, _standby: standby };
        pair.streams().await;
        if commit == Commit::Synchronous {
            let client = connect(&url(ports[0])).await;
            client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
            client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
            pair.has("select count(*) from pg_stat_replication where sync_state = 'sync'").await;
        }
        pair
    }

    /// Both, in the order in which they are to be tried.
    pub fn url(&self) -> String {
        let [first, second] = self.ports;
        format!(
            "postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/postgres?target_session_attrs=read-write"
        )
    }

    pub fn standby_url(&self) -> String {
        url(self.ports[1])
    }

    /// The primary dies as if its machine did, and the standby takes over.
    pub fn fail_over(&mut self) {
        self.primary.signal("QUIT");
        self.primary.wait();
        let mut promote = as_postgres(&binaries().join("pg_ctl"));
        succeeded(
            &promote
                .args(["promote", "-w", "-D"])
                .arg(self.folder.path().join("standby"))
                .output()
                .unwrap(),
        );
    }

    /// The standby has everything until now, and gets nothing of what the primary commits later.
    pub async fn cut(&self) {
        let (primary, standby) =
            (connect(&url(self.ports[0])).await, connect(&url(self.ports[1])).await);
        let sent = primary.query_one("SELECT pg_current_wal_lsn()::text", &[]).await.unwrap();
        let has_it =
            format!("SELECT pg_last_wal_replay_lsn() >= '{}'::pg_lsn", sent.get::<_, String>(0));
        wait_until(&standby, &has_it).await;
        standby.batch_execute("ALTER SYSTEM SET primary_conninfo = ''").await.unwrap();
        standby.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        wait_until(&standby, "SELECT count(*) = 0 FROM pg_stat_wal_receiver").await;
    }

    async fn streams(&self) {
        self.has("select count(*) from pg_stat_replication where state = 'streaming'").await;
    }

    async fn has(&self, query: &str) {
        let deadline = Instant::now() + START;
        let client = connect(&url(self.ports[0])).await;
        while client.query_one(query, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(Instant::now() < deadline, "never: {query}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn wait_until(client: &tokio_postgres::Client, query: &str) {
    let deadline = Instant::now() + START;
    while !client.query_one(query, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < deadline, "never: {query}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

fn run(folder: &Path, name: &str, port: u16) -> Program {
    let mut server = as_postgres(&binaries().join("postgres"));
    server.arg("-D").arg(folder.join(name)).arg("-k").arg(folder).args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    server.args(["-c", "wal_level=replica", "-c", "max_wal_senders=4", "-c", "hot_standby=on"]);
    Program::start(&mut server, &folder.join(format!("{name}.log")))
}

async fn answers(port: u16) {
    let deadline = Instant::now() + START;
    while let Err(error) = tokio_postgres::connect(&url(port), tokio_postgres::NoTls).await {
        assert!(Instant::now() < deadline, "PostgreSQL did not start: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
