//! PgBouncer before PostgreSQL, with the settings that a test asks for.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Program, free_port};
use crate::support::postgres::{as_postgres, is_root, succeeded};

pub struct Pgbouncer {
    folder: TempDir,
    program: Program,
    port: u16,
}

impl Pgbouncer {
    /// Before the database that a URL names. `settings` are lines of its configuration, such as
    /// `pool_mode = transaction`: then each transaction may be on another session of the server.
    pub async fn before(database_url: &str, settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let server: tokio_postgres::Config = database_url.parse().unwrap();
        let (server_port, name) = (server.get_ports()[0], server.get_dbname().unwrap());
        let text = format!(
            "[databases]\nainfera = host=127.0.0.1 port={server_port} dbname={name} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\nmax_client_conn = 200\nserver_login_retry = 1\n{settings}\n"
        );
        std::fs::write(folder.path().join("pgbouncer.ini"), text).unwrap();
        if is_root() {
            let mut give = Command::new("chown");
            succeeded(&give.args(["-R", "postgres:"]).arg(folder.path()).output().unwrap());
        }
        let program = run(folder.path(), port).await;
        Self { folder, program, port }
    }

    /// It dies, and with it every connection; another one takes its place.
    pub async fn restart(&mut self) {
        self.program.signal("KILL");
        self.program.wait();
        self.program = run(self.folder.path(), self.port).await;
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/ainfera", self.port)
    }

    /// What it has written of itself.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_of(self.folder.path())).unwrap_or_default()
    }
}

async fn run(folder: &Path, port: u16) -> Program {
    let log = log_of(folder);
    let mut command = as_postgres(Path::new("/usr/sbin/pgbouncer"));
    let mut program = Program::start(command.arg(folder.join("pgbouncer.ini")), &log);
    program.listens(port, &log).await;
    program
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("pgbouncer.log")
}
