//! PostgreSQL that takes connections over TLS only.

use tempfile::TempDir;
use tokio::time::{Duration, Instant};

use super::{Program, free_port};
use crate::support::authority;
use crate::support::postgres::{as_postgres, binaries, connect, is_root, succeeded};

const START: Duration = Duration::from_secs(30);

pub struct PostgresTls {
    folder: TempDir,
    _program: Program,
    port: u16,
}

impl PostgresTls {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let own = |mode: &str| {
            if is_root() {
                succeeded(
                    &std::process::Command::new("chown")
                        .args(["-R", "postgres:"])
                        .arg(folder.path())
                        .output()
                        .unwrap(),
                );
            }
            succeeded(
                &std::process::Command::new("chmod").arg(mode).arg(folder.path()).output().unwrap(),
            );
        };
        own("700");
        let data = folder.path().join("data");
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
        let leaf = authority::leaf(&["localhost"]);
        std::fs::write(data.join("server.crt"), leaf.certificate).unwrap();
        std::fs::write(data.join("server.key"), leaf.key).unwrap();
        succeeded(
            &std::process::Command::new("chmod")
                .arg("600")
                .arg(data.join("server.key"))
                .output()
                .unwrap(),
        );
        std::fs::write(
            data.join("pg_hba.conf"),
            "local all all trust\nhostssl all all 127.0.0.1/32 trust\n",
        )
        .unwrap();
        own("700");
        let port = free_port();
        let mut server = as_postgres(&binaries().join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-c",
            "ssl=on",
        ]);
        let mut program = Program::start(&mut server, &folder.path().join("log"));
        program.listens(port, &folder.path().join("log")).await;
        let postgres = Self { folder, _program: program, port };
        let deadline = Instant::now() + START;
        while tokio_postgres::connect(&postgres.local(), tokio_postgres::NoTls).await.is_err() {
            assert!(Instant::now() < deadline, "PostgreSQL did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        postgres
    }

    /// With the parameters of a URL, such as `sslmode=require`.
    pub fn url(&self, parameters: &str) -> String {
        format!("postgres://postgres@localhost:{}/postgres?{parameters}", self.port)
    }

    /// How many sessions of the gateway are encrypted, and how many are not.
    pub async fn sessions(&self) -> (i64, i64) {
        let query = "select count(*) filter (where s.ssl), count(*) filter (where not s.ssl) from pg_stat_ssl s \
             join pg_stat_activity a using (pid) where a.application_name = 'ainfera'";
        let row = connect(&self.local()).await.query_one(query, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }

    /// Over the socket in its folder.
    fn local(&self) -> String {
        format!(
            "host={} port={} user=postgres dbname=postgres",
            self.folder.path().display(),
            self.port
        )
    }
}
