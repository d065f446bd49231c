//! LiteLLM's proxy as a process, in front of the same scripted provider. `tests/chaos/litellm.sh`
//! installs it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::{Line, request};
use crate::process::pause;

pub const CHAT: &str = "chat-model";
pub const NATIVE: &str = "native-model";

/// How long it waits for a provider that is silent, in seconds: its own timers are ten minutes.
const TIMEOUT_S: u32 = 2;
const START: Duration = Duration::from_secs(120);

pub struct Peer {
    child: Child,
    pub address: SocketAddr,
    pub version: String,
    /// It refuses to start without one.
    pub key: String,
    folder: TempDir,
}

impl Peer {
    pub async fn start(upstream: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("litellm.yaml");
        let text = format!(
            "model_list:\n  - model_name: {CHAT}\n    litellm_params: {{model: openai/up, api_base: \"{upstream}/v1\", api_key: none, timeout: {TIMEOUT_S}, stream_timeout: {TIMEOUT_S}}}\n  \
             - model_name: {NATIVE}\n    litellm_params: {{model: anthropic/up, api_base: \"{upstream}\", api_key: none, timeout: {TIMEOUT_S}, stream_timeout: {TIMEOUT_S}}}\n\
             litellm_settings:\n  num_retries: 0\n  request_timeout: {TIMEOUT_S}\n  telemetry: false\n  use_chat_completions_url_for_anthropic_messages: true\n\
             router_settings:\n  disable_cooldowns: true\n"
        );
        std::fs::write(&config, text).unwrap();
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let key = format!("sk-{}", ainfera::keys::mint().unwrap().text.expose());
        let child = Command::new(venv().join("bin/litellm"))
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--num_workers",
                "1",
                "--config",
            ])
            .arg(&config)
            .env("LITELLM_MASTER_KEY", &key)
            // the one on the network is not there
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("LiteLLM is not there: tests/chaos/litellm.sh installs it");
        let peer = Self {
            child,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            version: version(),
            key,
            folder,
        };
        let deadline = Instant::now() + START;
        while !peer.answers().await {
            assert!(Instant::now() < deadline, "LiteLLM does not answer: {}", peer.last_words());
            pause(200).await;
        }
        peer
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().rev().take(15).collect::<Vec<_>>().join("\n")
    }

    async fn answers(&self) -> bool {
        let Ok(mut line) = Line::open(self.address).await else { return false };
        let body = body_for(CHAT, "[[mock tokens=1]]");
        let (sighting, _) = line.call(&request(&self.key, &body), Duration::from_secs(20)).await;
        sighting.status() == 200
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn body_for(model: &str, prompt: &str) -> Value {
    json!({"model": model, "max_tokens": 500, "stream": true, "messages": [{"role": "user", "content": prompt}]})
}

fn venv() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/litellm-venv")
}

fn version() -> String {
    let output = Command::new(venv().join("bin/python"))
        .args(["-c", "import importlib.metadata as m; print(m.version('litellm'))"])
        .output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
