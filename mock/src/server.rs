//! The server: a thread of its own, so that it runs beside any runtime, ended by its drop.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::answer::Answerer;
use crate::connection::serve;
use crate::directive::Directives;
use crate::frames::Markers;
use crate::stats::{Counters, Recorded, Stats};

const BACKLOG: i32 = 4096;
/// Out of file descriptors: give the others time to close theirs.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// Defaults for all answers; a prompt's directives go before them.
#[derive(Debug, Clone)]
pub struct MockSettings {
    pub listen: SocketAddr,
    /// Text frames per answer; left out: a short answer that fits the prompt.
    pub tokens: Option<usize>,
    pub delay_ms: u64,
    pub first_ms: u64,
    /// Parallel calls when tools are offered; left out: one.
    pub tools: Option<usize>,
    /// Bytes of padding per frame.
    pub pad: usize,
    /// Whether text frames say when they were written.
    pub markers: Markers,
    /// How many requests are remembered.
    pub recorded_requests: usize,
    /// Left out: plain HTTP. [`crate::tls::tls_from_pem`] makes one.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Default for MockSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tokens: None,
            delay_ms: 0,
            first_ms: 0,
            tools: None,
            pad: 0,
            markers: Markers::Off,
            recorded_requests: 256,
            tls: None,
        }
    }
}

impl MockSettings {
    pub(crate) fn directives(&self) -> Directives {
        Directives {
            tokens: self.tokens,
            delay_ms: Some(self.delay_ms),
            first_ms: Some(self.first_ms),
            tools: self.tools,
            pad: Some(self.pad),
            ..Directives::default()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// A running scripted provider. It stops when it is dropped; answers in progress are cut.
pub struct MockUpstream {
    addr: SocketAddr,
    scheme: Scheme,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MockUpstream {
    /// It answers as soon as this returns.
    pub async fn start(settings: MockSettings) -> io::Result<Self> {
        let listener = bind(settings.listen)?;
        let addr = listener.local_addr()?;
        let counters = Arc::new(Counters::new(settings.recorded_requests));
        let tls = settings.tls.clone();
        let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
        let answerer = Arc::new(Answerer::new(settings, Arc::clone(&counters)));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let accepting = accept(listener, tls, answerer, Arc::clone(&counters), stopped);
        let thread =
            std::thread::Builder::new().name("mock-upstream".to_owned()).spawn(move || {
                if let Err(error) = runtime.block_on(accepting) {
                    tracing::error!(%error, "scripted provider ended");
                }
            })?;
        Ok(Self { addr, scheme, counters, stop: Some(stop), thread: Some(thread) })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Without `/v1` and without a slash at the end. With TLS the host is a name, as that of a
    /// vendor is.
    pub fn base_url(&self) -> String {
        match self.scheme {
            Scheme::Http => format!("http://{}", self.addr),
            Scheme::Https => format!("https://localhost:{}", self.addr.port()),
        }
    }

    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// The messages of the last refusals by vendors' rules, oldest first.
    pub fn refusals(&self) -> Vec<String> {
        self.counters.refusals()
    }

    /// Until no request is being answered.
    pub async fn wait_idle(&self) {
        self.counters.idle().await;
    }

    /// The last requests, oldest first.
    pub fn requests(&self) -> Vec<Arc<Recorded>> {
        self.counters.recorded()
    }
}

impl Drop for MockUpstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("scripted provider panicked");
        }
    }
}

fn bind(listen: SocketAddr) -> io::Result<StdTcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn accept(
    listener: StdTcpListener,
    tls: Option<Arc<ServerConfig>>,
    answerer: Arc<Answerer>,
    counters: Arc<Counters>,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    // Dropped, and with it every connection, when this returns.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return Ok(()),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "connection lost");
                        continue;
                    }
                    let (answerer, counters) = (Arc::clone(&answerer), Arc::clone(&counters));
                    connections.spawn(serve(stream, tls.clone(), answerer, counters));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}
