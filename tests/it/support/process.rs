//! The program itself, as an operator runs it: its own process, told by signals, seen from outside.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use ainfera_mock::{MockSettings, MockUpstream};
use tempfile::TempDir;
use tokio::time::{Duration, Instant};

use super::client::{Answer, Connection};
use super::gateway::{GatewayPlan, config_text};
use super::provider;

const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a configuration, a key, and a provider; a process may be started in it.
pub struct Site {
    pub folder: TempDir,
    pub config: PathBuf,
    pub key: String,
    pub mock: MockUpstream,
    /// Variables of every command and process, beside those of this one.
    pub environment: Vec<(String, String)>,
    /// A command that runs the program, such as `setpriv …`; empty: it is run as it is.
    pub words_before: Vec<String>,
}

/// A running `serve`.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Site {
    pub async fn new(plan: &GatewayPlan, database_url: Option<&str>) -> Self {
        let mock = provider::start(MockSettings::default()).await;
        let address = mock.base_url();
        Self::around(plan, database_url, mock, &address)
    }

    /// With a provider that the gateway meets at another address than its own: what stands there
    /// passes requests on to it.
    pub fn around(
        plan: &GatewayPlan,
        database_url: Option<&str>,
        mock: MockUpstream,
        provider_url: &str,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("ainfera.toml");
        let own = format!("sqlite://{}", folder.path().join("a.db").display());
        std::fs::write(&config, config_text(plan, database_url.unwrap_or(&own), provider_url))
            .unwrap();
        let mut site = Self {
            folder,
            config,
            key: String::new(),
            mock,
            environment: Vec::new(),
            words_before: Vec::new(),
        };
        let made = site.command(&["keys", "create", "--agent", "tester"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        site.key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        site
    }

    /// Runs a command of the program to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.started(arguments).output().unwrap()
    }

    /// The program with its configuration, in its folder.
    pub fn started(&self, arguments: &[&str]) -> Command {
        // a file that may not grow is an error to the program, and not its end
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .args(&self.words_before)
            .arg(env!("CARGO_BIN_EXE_ainfera"));
        command.args(arguments).arg("--config").arg(&self.config).current_dir(self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `serve` and waits until it listens.
    pub fn serve(&self, arguments: &[&str]) -> Process {
        let mut child = self
            .started(&[&["serve"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = collected(child.stderr.take().unwrap());
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{line:?}: {}", log.lock().unwrap()));
        Process { child, address, log }
    }

    pub async fn begin(&self, address: SocketAddr, body: &serde_json::Value) -> Connection {
        let mut connection = Connection::open(address).await;
        self.call_on(&mut connection, body).await;
        connection
    }

    pub async fn call_on(&self, connection: &mut Connection, body: &serde_json::Value) {
        let headers = [("x-api-key", self.key.as_str()), ("anthropic-version", "2023-06-01")];
        connection.send("POST", "/v1/messages", &headers, &serde_json::to_vec(body).unwrap()).await;
    }

    pub async fn call(&self, address: SocketAddr, body: &serde_json::Value) -> Answer {
        self.begin(address, body).await.answer().await
    }

    pub async fn get(&self, address: SocketAddr, path: &str) -> Answer {
        let mut connection = Connection::open(address).await;
        connection.send("GET", path, &[("x-api-key", self.key.as_str())], b"").await;
        connection.answer().await
    }
}

impl Process {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
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

    /// SIGKILL: nothing of it runs any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// How it ended; fails when it does not.
    pub async fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the process does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.ended().await
    }

    /// Waits until its log has `text`; there is no event for it.
    pub async fn logged(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "never logged {text:?}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether anything accepts connections there.
pub async fn accepts(address: SocketAddr) -> bool {
    tokio::net::TcpStream::connect(address).await.is_ok()
}

/// Everything that comes out of a pipe, as far as it has come.
fn collected(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let collected = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut bytes = [0; 8192];
        while let Ok(length @ 1..) = pipe.read(&mut bytes) {
            collected.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    });
    text
}
