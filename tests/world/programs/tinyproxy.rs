//! tinyproxy: a proxy that is asked to CONNECT.

use tempfile::TempDir;

use super::{Program, free_port, tied};

pub struct Tinyproxy {
    folder: TempDir,
    _program: Program,
    pub port: u16,
}

impl Tinyproxy {
    /// `settings` are lines of its configuration, such as `BasicAuth user password`.
    pub async fn start(settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let log = folder.path().join("tinyproxy.log");
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 200\nAllow 127.0.0.1\nLogLevel Connect\nLogFile {log:?}\n{settings}\n"
        );
        let file = folder.path().join("tinyproxy.conf");
        std::fs::write(&file, text).unwrap();
        let mut command = tied("/usr/bin/tinyproxy");
        command.arg("-d").arg("-c").arg(&file);
        let output = folder.path().join("output.log");
        let mut program = Program::start(&mut command, &output);
        program.listens(port, &output).await;
        Self { folder, _program: program, port }
    }

    /// How many tunnels it was asked for.
    pub fn tunnels(&self) -> usize {
        let log =
            std::fs::read_to_string(self.folder.path().join("tinyproxy.log")).unwrap_or_default();
        log.lines().filter(|line| line.contains(": CONNECT ")).count()
    }
}
