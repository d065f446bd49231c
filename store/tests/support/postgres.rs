//! A private PostgreSQL for one test binary: real, on a free port of 127.0.0.1, gone when the
//! binary ends however it ends.
//!
//! Include it with `#[path]`. It needs Debian's binaries in `/usr/lib/postgresql`; a test fails
//! loudly where they are missing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must say so")]

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OnceCell, oneshot};
use tokio_postgres::{Client, NoTls};

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

const START: Duration = Duration::from_secs(30);

struct Cluster {
    port: u16,
    directory: PathBuf,
    databases: AtomicU32,
}

/// The URL of a new, empty database.
pub async fn fresh_database() -> String {
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    let number = cluster.databases.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{number}");
    let client = connect(&cluster.url("postgres")).await;
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    cluster.url(&name)
}

/// A connection of the test's own.
pub async fn connect(url: &str) -> Client {
    try_connect(url).await.unwrap()
}

async fn try_connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    #[expect(clippy::disallowed_methods, reason = "it ends with the client")]
    tokio::spawn(connection);
    Ok(client)
}

impl Cluster {
    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    async fn start() -> Self {
        let (started, start) = oneshot::channel();
        // the kernel kills the server when the thread that started it ends: this one lives as long
        // as the process
        std::thread::spawn(move || {
            let (directory, port, mut server) = start_server();
            let _ = started.send((directory, port));
            let _ = server.wait();
        });
        let (directory, port) = start.await.expect("PostgreSQL could not be started, see above");
        let cluster = Self { port, directory, databases: AtomicU32::new(0) };
        let deadline = Instant::now() + START;
        while let Err(error) = try_connect(&cluster.url("postgres")).await {
            assert!(
                Instant::now() < deadline,
                "PostgreSQL did not start: {error}\n{}",
                cluster.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cluster
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

fn start_server() -> (PathBuf, u16, Child) {
    let binaries = binaries();
    let directory = directory();
    let data = directory.join("data");
    let mut initdb = as_postgres(&binaries.join("initdb"));
    initdb
        .args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ])
        .arg(&data);
    succeeded(&initdb.output().unwrap());

    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let log = std::fs::File::create(directory.join("log")).unwrap();
    let mut server = as_postgres(&binaries.join("postgres"));
    server.arg("-D").arg(&data).arg("-k").arg(&directory).args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    for setting in [
        "fsync=off",
        "full_page_writes=off",
        "max_connections=400",
        "shared_buffers=64MB",
        "max_wal_size=512MB",
    ] {
        server.args(["-c", setting]);
    }
    let server =
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    (directory, port, server)
}

pub fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max();
    found.expect("no PostgreSQL in /usr/lib/postgresql/*/bin: `make test` installs it (Debian package `postgresql`)")
}

/// Directories of binaries that are no longer there are removed first: a killed server cannot clean
/// up after itself.
fn directory() -> PathBuf {
    let parent = std::env::temp_dir();
    for entry in std::fs::read_dir(&parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner =
            name.strip_prefix("ainfera-postgres-").and_then(|process| process.parse::<u32>().ok());
        if owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let directory = parent.join(format!("ainfera-postgres-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    if is_root() {
        succeeded(&Command::new("chown").arg("postgres:").arg(&directory).output().unwrap());
    }
    directory
}

/// PostgreSQL refuses to run as root, so root runs it as `postgres`.
pub fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/").env("LC_ALL", "C");
    command
}

pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

pub fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
