//! The HTTP server: one listening socket, and worker threads that share it.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::{ServerHandle, Service};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use socket2::Socket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::StartError;
use super::parts::Parts;
use super::serving::{Fixed, ServingSlot};
use crate::config::Config;
use crate::http::state::Shared;
use crate::http::{leaving, routes};

/// At the end of a drain: how long connections may take to send what is already written to them.
const LAST_BYTES_S: u64 = 10;

pub struct HttpService {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    pub running: JoinHandle<std::io::Result<()>>,
    /// A handle of its own to the listening socket, which a stop closes before the server.
    pub listener: Socket,
}

impl HttpService {
    pub fn start(
        config: &Config,
        listener: std::net::TcpListener,
        shared: Data<Shared>,
        fixed: Fixed,
        latest: watch::Receiver<Arc<Parts>>,
    ) -> Result<Self, StartError> {
        let factory = move || {
            // This runs on the worker's own thread: what is made here belongs to the worker alone.
            let slot = ServingSlot::new(fixed.clone(), latest.clone());
            let gate = shared.gate.clone();
            App::new()
                .wrap_fn(move |request, service| {
                    leaving::answer(gate.clone(), service.call(request))
                })
                .app_data(shared.clone())
                .app_data(Data::new(slot))
                .configure(routes)
        };
        let mut server = HttpServer::new(factory)
            // Without this, Nagle's algorithm holds back every second frame for 40 ms.
            .tcp_nodelay(true)
            // With actix's default, a client that left goes unnoticed while the stream is silent.
            .h1_allow_half_closed(false)
            .keep_alive(config.keep_alive)
            .shutdown_timeout(LAST_BYTES_S)
            .disable_signals();
        if let Some(workers) = config.workers {
            server = server.workers(workers);
        }
        let listen = |source| StartError::Listen { address: config.listen, source };
        let own_listener = listener.try_clone().map(Socket::from).map_err(listen)?;
        let server = server.listen(listener).map_err(listen)?;
        let address = server.addrs().first().copied().unwrap_or(config.listen);
        let server = server.run();
        let handle = server.handle();
        #[expect(clippy::disallowed_methods, reason = "awaited in drain")]
        let running = actix_web::rt::spawn(server);
        Ok(Self { address, handle, running, listener: own_listener })
    }
}
