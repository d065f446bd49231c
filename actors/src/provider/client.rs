//! The HTTP client, one per worker. Every default that is wrong for streams is set right here and nowhere else.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Connector as TcpConnector, ConnectorService, Resolver};
use awc::http::Uri;
use awc::{Client, Connector};
use futures_util::future::LocalBoxFuture;
use rustls::ClientConfig;

/// Above the idle time of load balancers; a new TLS handshake costs more than an idle socket.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const LIFETIME: Duration = Duration::from_secs(600);

/// TLS settings with the platform's certificates.
pub fn tls_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    super::transport::trust::TlsSettings::default().of(&ainfera_schema::Trust::Platform)
}

/// One provider's client on this worker. It can be replaced, and with it every connection that it keeps.
pub struct ClientSlot {
    tls: Arc<ClientConfig>,
    connect: Duration,
    client: RefCell<Client>,
}

impl ClientSlot {
    pub fn new(tls: Arc<ClientConfig>, connect: Duration) -> Self {
        let first = client(Arc::clone(&tls), connect);
        Self { tls, connect, client: RefCell::new(first) }
    }

    pub fn current(&self) -> Client {
        self.client.borrow().clone()
    }

    /// From now on nobody gets a connection that was kept until now.
    pub fn renew(&self) {
        self.client.replace(client(Arc::clone(&self.tls), self.connect));
    }
}

/// A client for the current worker.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may build a client")]
pub fn client(tls: Arc<ClientConfig>, connect: Duration) -> Client {
    let connector = Connector::new()
        .connector(NoDelay { tcp: TcpConnector::new(Resolver::default()).service() })
        .max_http_version(awc::http::Version::HTTP_11)
        // after `max_http_version`, which rebuilds the TLS settings and forgets what was given before it
        .rustls_0_23(tls)
        // the default of 100 connections is for all hosts together, and the 101st stream waits in line
        .limit(0)
        .timeout(connect)
        .handshake_timeout(connect)
        .conn_keep_alive(KEEP_ALIVE)
        .conn_lifetime(LIFETIME);
    Client::builder()
        .connector(connector)
        // the client's own timeout covers the head only; ours have names
        .disable_timeout()
        // a redirect would carry the key and the prompt to another origin
        .disable_redirects()
        .finish()
}

/// Connects and switches Nagle's algorithm off, which awc leaves on: a request written in two parts would wait for an acknowledgement.
#[derive(Clone)]
struct NoDelay {
    tcp: ConnectorService,
}

impl Service<ConnectInfo<Uri>> for NoDelay {
    type Response = Connection<Uri, TcpStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    actix_service::always_ready!();

    fn call(&self, target: ConnectInfo<Uri>) -> Self::Future {
        let connecting = self.tcp.call(target);
        Box::pin(async move {
            let connection = connecting.await?;
            if let Err(error) = connection.io_ref().set_nodelay(true) {
                tracing::debug!(%error, "cannot set nodelay");
            }
            Ok(connection)
        })
    }
}
