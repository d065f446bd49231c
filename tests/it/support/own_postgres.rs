//! A PostgreSQL that one test has for itself, because it stops it.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::postgres::{as_postgres, binaries, is_root, succeeded};

const START: Duration = Duration::from_secs(30);

pub struct OwnPostgres {
    folder: TempDir,
    port: u16,
    server: Child,
}

impl OwnPostgres {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        if is_root() {
            succeeded(&Command::new("chown").arg("postgres:").arg(folder.path()).output().unwrap());
        }
        let mut initdb = as_postgres(&binaries().join("initdb"));
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ]);
        succeeded(&initdb.arg(folder.path().join("data")).output().unwrap());
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = run(&folder, port);
        let own = Self { folder, port, server };
        own.answers().await;
        own
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// As `pg_ctl stop -m immediate`: connections break, nothing is tidied up.
    pub fn stop(&mut self) {
        succeeded(
            &Command::new("kill").arg("-QUIT").arg(self.server.id().to_string()).output().unwrap(),
        );
        self.server.wait().unwrap();
    }

    pub async fn start_again(&mut self) {
        self.server = run(&self.folder, self.port);
        self.answers().await;
    }

    async fn answers(&self) {
        let deadline = Instant::now() + START;
        while let Err(error) = tokio_postgres::connect(&self.url(), NoTls).await {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL did not start: {error}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg("-QUIT").arg(self.server.id().to_string()).output();
        let _ = self.server.wait();
    }
}

fn run(folder: &TempDir, port: u16) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .unwrap();
    let mut server = as_postgres(&binaries().join("postgres"));
    server.arg("-D").arg(folder.path().join("data")).arg("-k").arg(folder.path()).args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}
