//! From a provider's address to a connection over which HTTP can be spoken: TCP, perhaps a proxy's
//! tunnel, perhaps TLS.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use ainfera_schema::Proxy;
use awc::http::Uri;
use futures_util::future::LocalBoxFuture;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::failure::{ConnectFailure, ProxyFault, Step, TlsFault};
use super::proxy;
use super::socket::{Bytestream, Socket};
use super::target::Target;
use super::tcp;

/// How one provider is reached.
pub struct Way {
    pub target: Target,
    /// None: plain HTTP is spoken there.
    pub tls: Option<Arc<ClientConfig>>,
    pub proxy: Option<ProxyWay>,
    /// For all steps together.
    pub limit: Duration,
}

/// How its proxy is reached.
pub struct ProxyWay {
    pub proxy: Proxy,
    /// None: the proxy itself is spoken to without TLS.
    pub tls: Option<Arc<ClientConfig>>,
}

impl Way {
    async fn connect(&self) -> Result<Socket, ConnectFailure> {
        let begun = Instant::now();
        let deadline = begun + self.limit;
        let stream: Box<dyn Bytestream> = match &self.proxy {
            None => Box::new(tcp::connect(&self.target.host, self.target.port, deadline).await?),
            Some(way) => way.tunnel(&self.target, deadline).await?,
        };
        let stream = match &self.tls {
            None => stream,
            Some(tls) => secured(stream, &self.target.host, tls, deadline)
                .await
                .map_err(|failure| failure.with(&self.target.host))?,
        };
        Ok(Socket::new(stream, begun.elapsed()))
    }
}

impl ProxyWay {
    async fn tunnel(
        &self,
        target: &Target,
        deadline: Instant,
    ) -> Result<Box<dyn Bytestream>, ConnectFailure> {
        let fault = |fault| ConnectFailure::Proxy {
            proxy: format!("{}:{}", self.proxy.host, self.proxy.port),
            fault,
        };
        let tcp =
            tcp::connect(&self.proxy.host, self.proxy.port, deadline).await.map_err(|failure| {
                match failure {
                    ConnectFailure::TimedOut(_) => ConnectFailure::TimedOut(Step::Proxy),
                    failure => fault(ProxyFault::Unreachable(failure.to_string())),
                }
            })?;
        let mut stream: Box<dyn Bytestream> = match &self.tls {
            None => Box::new(tcp),
            Some(tls) => {
                let secured = secured(Box::new(tcp), &self.proxy.host, tls, deadline).await;
                secured.map_err(|failure| {
                    fault(ProxyFault::Unreachable(failure.with(&self.proxy.host).to_string()))
                })?
            }
        };
        let opened =
            timeout_at(deadline, proxy::open_tunnel(&mut stream, &self.proxy, target)).await;
        opened.map_err(|_| ConnectFailure::TimedOut(Step::Proxy))?.map_err(fault)?;
        Ok(stream)
    }
}

/// How a handshake fails, before it is said with whom it was.
enum Handshake {
    TimedOut,
    Failed(TlsFault),
}

impl Handshake {
    fn with(self, host: &str) -> ConnectFailure {
        match self {
            Handshake::TimedOut => ConnectFailure::TimedOut(Step::Tls),
            Handshake::Failed(fault) => ConnectFailure::Tls { host: host.to_owned(), fault },
        }
    }
}

async fn secured(
    stream: Box<dyn Bytestream>,
    host: &str,
    tls: &Arc<ClientConfig>,
    deadline: Instant,
) -> Result<Box<dyn Bytestream>, Handshake> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| {
        Handshake::Failed(TlsFault::Other(format!("{host} cannot stand in a certificate")))
    })?;
    let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(Handshake::Failed(TlsFault::of(&error))),
        Err(_) => Err(Handshake::TimedOut),
    }
}

/// The service that the HTTP client asks for a connection. It always knows where to go, so the
/// address in the request says nothing new.
#[derive(Clone)]
pub struct Connector(pub Rc<Way>);

impl Service<ConnectInfo<Uri>> for Connector {
    type Response = Connection<Uri, Socket>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    actix_service::always_ready!();

    fn call(&self, request: ConnectInfo<Uri>) -> Self::Future {
        let way = Rc::clone(&self.0);
        Box::pin(async move {
            let socket = way
                .connect()
                .await
                .map_err(|failure| ConnectError::Io(io::Error::other(failure)))?;
            Ok(Connection::new(request.request().clone(), socket))
        })
    }
}
