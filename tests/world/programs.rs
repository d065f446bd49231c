//! Programs that stand around the gateway. Each ends with the test that started it.

pub mod far_relay;
pub mod nginx;
pub mod pgbouncer;
pub mod postgres_pair;
pub mod postgres_tls;
pub mod tinyproxy;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

const START: Duration = Duration::from_secs(30);

/// A running program, told to end when it is dropped.
pub struct Program {
    child: Child,
}

impl Program {
    /// Starts it with its output in `log`; it also ends when this test program is killed.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self {
            child: command.spawn().unwrap_or_else(|error| {
                panic!("{command:?}: {error}; `tools/install.sh` installs it")
            }),
        }
    }

    pub fn signal(&self, name: &str) {
        assert!(
            Command::new("kill")
                .arg(format!("-{name}"))
                .arg(self.child.id().to_string())
                .status()
                .unwrap()
                .success()
        );
    }

    pub fn wait(&mut self) {
        self.child.wait().unwrap();
    }

    /// Waits until it accepts connections on a loopback port.
    pub async fn listens(&mut self, port: u16, log: &Path) {
        let deadline = Instant::now() + START;
        while tokio::net::TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .await
            .is_err()
        {
            let ended = self.child.try_wait().unwrap();
            let text = || std::fs::read_to_string(log).unwrap_or_default();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it does not listen on {port}: {ended:?} {}",
                text()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).output();
            let _ = self.child.wait();
        }
    }
}

/// A command that the kernel ends when the thread that started it ends.
pub fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--", program]);
    command
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
