//! A PostgreSQL of one test's own, a standby of it, and a PgBouncer before it. Each ends with the
//! value that stands for it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::postgres::{as_postgres, binaries, connect, is_root, succeeded};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    pub port: u16,
    pub directory: PathBuf,
    _folder: tempfile::TempDir,
    process: Process,
}

pub struct Pooler {
    port: u16,
    _process: Process,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    pub async fn start(name: &str, settings: &[&str]) -> Self {
        let folder = folder(name);
        let directory = folder.path().to_owned();
        let mut initdb = as_postgres(&binaries().join("initdb"));
        initdb
            .args(["--no-sync", "--auth=trust", "--username=postgres", "-D"])
            .arg(directory.join("data"));
        succeeded(&initdb.output().unwrap());
        make_certificate(&directory);
        Self::run(folder, settings).await
    }

    async fn run(folder: tempfile::TempDir, settings: &[&str]) -> Self {
        let (directory, port) = (folder.path().to_owned(), free_port());
        let mut server = as_postgres(&binaries().join("postgres"));
        server.arg("-D").arg(directory.join("data")).arg("-k").arg(&directory).args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
        ]);
        let certificate =
            ["crt", "key"].map(|end| directory.join(format!("server.{end}")).display().to_string());
        let files = [
            format!("ssl_cert_file={}", certificate[0]),
            format!("ssl_key_file={}", certificate[1]),
        ];
        for setting in settings
            .iter()
            .copied()
            .chain(["hot_standby=on", "wal_level=replica"])
            .chain(files.iter().map(String::as_str))
        {
            server.args(["-c", setting]);
        }
        let log = std::fs::File::create(directory.join("log")).unwrap();
        let child = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Self { port, directory, _folder: folder, process: Process(child) };
        let deadline = Instant::now() + PATIENCE;
        while tokio_postgres::connect(&server.url("sslmode=disable"), tokio_postgres::NoTls)
            .await
            .is_err()
        {
            let log = std::fs::read_to_string(server.directory.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL did not start: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    pub fn url(&self, query: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?{query}", self.port)
    }

    /// Streams from this one, asynchronously.
    pub async fn standby(&self) -> Server {
        let folder = folder("standby");
        let mut copy = as_postgres(&binaries().join("pg_basebackup"));
        copy.args([
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "-p",
            &self.port.to_string(),
            "-D",
        ]);
        succeeded(&copy.arg(folder.path().join("data")).output().unwrap());
        make_certificate(folder.path());
        Self::run(folder, &[]).await
    }

    pub async fn caught_up(&self, standby: &Server) {
        let here = connect(&self.url("sslmode=disable")).await;
        let there = connect(&standby.url("sslmode=disable")).await;
        let sent: String =
            here.query_one("SELECT pg_current_wal_lsn()::text", &[]).await.unwrap().get(0);
        let deadline = Instant::now() + PATIENCE;
        let has_it = format!("SELECT pg_last_wal_replay_lsn() >= '{sent}'::pg_lsn");
        while !there.query_one(&has_it, &[]).await.unwrap().get::<_, bool>(0) {
            assert!(Instant::now() < deadline, "the standby did not catch up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the primary commits from now on, this standby never gets.
    pub async fn stop_receiving(&self) {
        let client = connect(&self.url("sslmode=disable")).await;
        client.execute("ALTER SYSTEM SET primary_conninfo = ''", &[]).await.unwrap();
        client.execute("SELECT pg_reload_conf()", &[]).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        while client
            .query_one("SELECT count(*) FROM pg_stat_wal_receiver", &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            > 0
        {
            assert!(Instant::now() < deadline, "the standby goes on receiving");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn promote(&self) {
        connect(&self.url("sslmode=disable"))
            .await
            .query_one("SELECT pg_promote()", &[])
            .await
            .unwrap();
    }

    pub async fn pooler(&self, mode: &str) -> Pooler {
        let (port, file) = (free_port(), self.directory.join(format!("{mode}.ini")));
        let settings = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = any\npool_mode = {mode}\nunix_socket_dir =\nserver_tls_sslmode = disable\n",
            self.port
        );
        std::fs::write(&file, settings).unwrap();
        let mut pooler = as_postgres(Path::new("/usr/sbin/pgbouncer"));
        let child = pooler
            .arg("-q")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pooler = Pooler { port, _process: Process(child) };
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "PgBouncer did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pooler
    }
}

impl Drop for Server {
    /// At once, as a crash would: the postmaster's children end when it is gone.
    fn drop(&mut self) {
        let stop = ["stop", "-m", "immediate", "-D"];
        let _ = as_postgres(&binaries().join("pg_ctl"))
            .args(stop)
            .arg(self.directory.join("data"))
            .output();
        let _ = self.process.0.wait();
    }
}

impl Pooler {
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn folder(name: &str) -> tempfile::TempDir {
    let folder =
        tempfile::Builder::new().prefix(&format!("ainfera-server-{name}-")).tempdir().unwrap();
    give_to_postgres(folder.path());
    folder
}

fn give_to_postgres(path: &Path) {
    if is_root() {
        succeeded(&Command::new("chown").arg("postgres:").arg(path).output().unwrap());
    }
}

/// Self-signed, for 127.0.0.1 alone.
fn make_certificate(directory: &Path) {
    let (certificate, key) = (directory.join("server.crt"), directory.join("server.key"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
    ]);
    openssl
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    succeeded(&openssl.output().unwrap());
    for file in [certificate, key] {
        give_to_postgres(&file);
    }
}
