//! The program itself, as an operator runs it: started, killed, frozen, told to stop.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Where the gateway is at the moment; `None` while it is down.
pub type Whereabouts = Rc<Cell<Option<SocketAddr>>>;

pub struct Process {
    child: Option<Child>,
    pub address: SocketAddr,
}

/// What to put before the program, and its environment.
#[derive(Default, Clone)]
pub struct Disguise {
    pub prefix: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
}

impl Process {
    pub async fn start(config: &Path) -> Self {
        Self::start_as(config, Disguise::default()).await
    }

    pub async fn start_as(config: &Path, disguise: Disguise) -> Self {
        let config = config.to_owned();
        // it waits for the first line: the driver must not wait with it
        tokio::task::spawn_blocking(move || start(&config, &disguise)).await.unwrap()
    }

    /// As one of several on the same database.
    pub async fn start_replica(config: &Path, name: &str) -> Self {
        let arguments = vec!["--replica".to_owned(), name.to_owned()];
        Self::start_as(config, Disguise { arguments, ..Disguise::default() }).await
    }

    /// SIGKILL: nothing of it runs any more, not a single Drop.
    pub fn kill(mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Whether it ends by itself within this time.
    pub async fn ends_within(mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                return true;
            }
            pause(10).await;
        }
        false
    }

    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().unwrap();
        assert!(
            Command::new("kill")
                .args(["-s", name, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    /// SIGTERM and its exit code.
    pub async fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        let mut child = self.child.take().unwrap();
        tokio::task::spawn_blocking(move || child.wait().unwrap().code()).await.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(config: &Path, disguise: &Disguise) -> Process {
    let words = disguise.prefix.iter().map(String::as_str).chain([
        env!("CARGO_BIN_EXE_ainfera"),
        "serve",
        "--config",
    ]);
    let words: Vec<&str> = words.collect();
    // each replica in a folder of its own: the spool's default place is where it was started
    let folder = config.with_file_name(disguise.arguments.last().map_or("one", String::as_str));
    std::fs::create_dir_all(&folder).unwrap();
    let log = File::options().create(true).append(true).open(log_of(config)).unwrap();
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .arg(config)
        .args(&disguise.arguments)
        .current_dir(folder)
        .envs(disguise.environment.clone())
        .env("RUST_LOG", "warn")
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("ainfera starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address =
        line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
    let address = address
        .unwrap_or_else(|| panic!("the gateway did not start: {line:?}\n{}", last_words(config)));
    Process { child: Some(child), address }
}

pub fn log_of(config: &Path) -> PathBuf {
    config.with_extension("log")
}

/// The end of the gateway's log.
pub fn last_words(config: &Path) -> String {
    let log = std::fs::read_to_string(log_of(config)).unwrap_or_default();
    log.lines().rev().take(5).collect::<Vec<_>>().join("\n")
}

pub async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
