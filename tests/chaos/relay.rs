//! Between the gateway and the provider: passes bytes on, and notes for each call (by its tag in
//! the request) when the gateway let it go.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A tag stands in the prompt, as `call-17-`.
const TAG: &[u8] = b"call-";
const NO_TAG: u64 = u64::MAX;

#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// When the gateway closed the connection that carries it.
    pub let_go: Option<Instant>,
}

#[derive(Clone)]
pub struct Relay {
    address: SocketAddr,
    calls: Arc<Mutex<HashMap<u64, Watched>>>,
}

impl Relay {
    /// On a thread of its own, so that a busy driver does not make its clock late. It runs as long
    /// as the program.
    pub fn start(upstream: &str) -> Self {
        let upstream: SocketAddr = upstream.trim_start_matches("http://").parse().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(HashMap::new()));
        let noted = Arc::clone(&calls);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let mut connections = JoinSet::new();
                loop {
                    let (gateway, _) = listener.accept().await.unwrap();
                    connections.spawn(pass(gateway, upstream, Arc::clone(&noted)));
                    while connections.try_join_next().is_some() {}
                }
            });
        });
        Self { address, calls }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn watched(&self, tag: u64) -> Option<Watched> {
        self.calls.lock().unwrap().get(&tag).copied()
    }
}

async fn pass(gateway: TcpStream, upstream: SocketAddr, calls: Arc<Mutex<HashMap<u64, Watched>>>) {
    let Ok(provider) = TcpStream::connect(upstream).await else { return };
    let _ = (gateway.set_nodelay(true), provider.set_nodelay(true));
    let (mut from_gateway, mut to_gateway) = gateway.into_split();
    let (mut from_provider, mut to_provider) = provider.into_split();
    let current = AtomicU64::new(NO_TAG);
    let up = async {
        let mut buffer = vec![0u8; 64 * 1024];
        while let Ok(length) = from_gateway.read(&mut buffer).await
            && length > 0
        {
            if let Some(tag) = tag_in(&buffer[..length]) {
                calls.lock().unwrap().insert(tag, Watched { let_go: None });
                current.store(tag, Relaxed);
            }
            if to_provider.write_all(&buffer[..length]).await.is_err() {
                return Over::Provider;
            }
        }
        Over::Gateway
    };
    let down = async {
        let mut buffer = vec![0u8; 64 * 1024];
        while let Ok(length) = from_provider.read(&mut buffer).await
            && length > 0
        {
            // whichever way the gateway's end is noticed first
            if to_gateway.write_all(&buffer[..length]).await.is_err() {
                return Over::Gateway;
            }
        }
        Over::Provider
    };
    let over = tokio::select! {
        over = up => over,
        over = down => over,
    };
    let let_go = Instant::now();
    if over == Over::Gateway
        && let Some(watched) = calls.lock().unwrap().get_mut(&current.load(Relaxed))
    {
        watched.let_go = Some(let_go);
    }
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Gateway,
    Provider,
}

fn tag_in(bytes: &[u8]) -> Option<u64> {
    let digits = &bytes[memchr::memmem::find(bytes, TAG)? + TAG.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}
