//! PgBouncer before PostgreSQL, in the mode that a test asks for.

use std::path::Path;

use tempfile::TempDir;

use super::{Program, free_port};
use crate::support::postgres::{as_postgres, is_root, succeeded};

pub struct Pgbouncer {
    _folder: TempDir,
    _program: Program,
    port: u16,
}

impl Pgbouncer {
    /// Before the database that a URL names. `mode` is `session`, or `transaction`: then each transaction may be on another session of the server.
    pub async fn before(database_url: &str, mode: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let server: tokio_postgres::Config = database_url.parse().unwrap();
        let (server_port, name) = (server.get_ports()[0], server.get_dbname().unwrap());
        let text = format!(
            "[databases]\nainfera = host=127.0.0.1 port={server_port} dbname={name} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = 40\nignore_startup_parameters = extra_float_digits\nmax_client_conn = 200\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, text).unwrap();
        if is_root() {
            succeeded(&std::process::Command::new("chown").args(["-R", "postgres:"]).arg(folder.path()).output().unwrap());
        }
        let log = folder.path().join("pgbouncer.log");
        let mut program = Program::start(as_postgres(Path::new("/usr/sbin/pgbouncer")).arg(&file), &log);
        program.listens(port, &log).await;
        Self { _folder: folder, _program: program, port }
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/ainfera", self.port)
    }
}
