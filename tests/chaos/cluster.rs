//! A PostgreSQL of the harness's own, with fsync on, that may be killed and comes back on the same
//! port with the same data.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::process::pause;

pub struct Cluster {
    directory: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("ainfera-chaos-").tempdir().unwrap();
        if is_root() {
            assert!(
                Command::new("chown")
                    .arg("postgres:")
                    .arg(directory.path())
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let mut initdb = as_postgres(&binaries().join("initdb"));
        initdb
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(directory.path().join("data"));
        let output = initdb.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut cluster = Self { directory, port, server: None };
        cluster.resume().await;
        let client = crate::support::postgres::connect(&cluster.url("postgres")).await;
        client.batch_execute("CREATE DATABASE chaos").await.unwrap();
        cluster
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// kill -9 of the postmaster; its children notice and go.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Starts it, and returns when it accepts connections.
    pub async fn resume(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.server.is_none() {
            let mut server = self.spawn();
            // it refuses to start while a process of the killed one is still there
            while server.try_wait().unwrap().is_none() {
                if self.accepts().await {
                    self.server = Some(server);
                    return;
                }
                assert!(Instant::now() < deadline, "PostgreSQL does not come back: {}", self.log());
                pause(5).await;
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not come back: {}", self.log());
            pause(20).await;
        }
    }

    async fn accepts(&self) -> bool {
        tokio_postgres::connect(&self.url("postgres"), NoTls).await.is_ok()
    }

    fn spawn(&self) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"))
            .unwrap();
        let mut server = as_postgres(&binaries().join("postgres"));
        server
            .arg("-D")
            .arg(self.directory.path().join("data"))
            .arg("-k")
            .arg(self.directory.path());
        server.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for setting in [
            "fsync=on",
            "synchronous_commit=on",
            "full_page_writes=on",
            "max_connections=100",
            "shared_buffers=64MB",
        ] {
            server.args(["-c", setting]);
        }
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log"))
            .unwrap_or_default()
            .lines()
            .rev()
            .take(8)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max();
    found.expect("no PostgreSQL in /usr/lib/postgresql/*/bin: `make test` installs it (Debian package `postgresql`)")
}

fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/").env("LC_ALL", "C");
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
