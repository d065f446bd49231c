//! A provider of bytes: it hears whole requests, with TLS or without, and does to each what the
//! test says. It counts what it heard.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What becomes of one request.
#[derive(Debug, Clone)]
pub enum Reply {
    Say(Vec<u8>),
    /// These bytes, then the end of the connection.
    SayAndClose(Vec<u8>),
    /// Works so long, then resets the connection.
    Reset {
        after: Duration,
    },
}

/// Which request of its connection it is, from 0.
#[derive(Debug, Clone, Copy)]
pub struct Which {
    pub request: usize,
}

pub struct RawProvider {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

/// What is done to a request, by its place on its connection and its text.
type Script = dyn Fn(Which, &str) -> Reply + Send + Sync;

impl RawProvider {
    pub async fn start(
        tls: Option<TlsAcceptor>,
        script: impl Fn(Which) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::answering(tls, move |which, _| script(which)).await
    }

    /// One that answers by what it is asked.
    pub async fn answering(
        tls: Option<TlsAcceptor>,
        script: impl Fn(Which, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (script, hears): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&heard));
        let accept = async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, script, hears) = (tls.clone(), Arc::clone(&script), Arc::clone(&hears));
                let serve = async move {
                    let raw = SockRef::from(&socket).try_clone().unwrap();
                    match tls {
                        None => serve(socket, &raw, &*script, &hears).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                serve(stream, &raw, &*script, &hears).await;
                            }
                        }
                    }
                };
                #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
                actix_web::rt::spawn(serve);
            }
        };
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        actix_web::rt::spawn(accept);
        Self { address, heard }
    }

    /// The requests that came whole, as text.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    raw: &socket2::Socket,
    script: &Script,
    heard: &Mutex<Vec<String>>,
) {
    for request in 0.. {
        let Some(text) = read_request(&mut stream).await else { return };
        let reply = script(Which { request }, &text);
        heard.lock().unwrap().push(text);
        match reply {
            Reply::Say(bytes) => {
                let written = stream.write_all(&bytes).await;
                if written.and(stream.flush().await).is_err() {
                    return;
                }
            }
            Reply::SayAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Reset { after } => {
                tokio::time::sleep(after).await;
                raw.set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        let mut space = [0u8; 8192];
        match stream.read(&mut space).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&space[..read]),
            _ => return None,
        }
    }
}

/// A proxy that connects, and counts: the first line and the headers of each request that it got.
pub struct RawProxy {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl RawProxy {
    /// `answer` is said instead of connecting, where there is one.
    pub async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let asks = Arc::clone(&asked);
        let accept = async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let asks = Arc::clone(&asks);
                let tunnel = async move {
                    let Some(request) = read_request(&mut client).await else { return };
                    let target = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
                    asks.lock().unwrap().push(request);
                    if let Some(answer) = answer {
                        let _ = client.write_all(answer.as_bytes()).await;
                        return;
                    }
                    let mut server = TcpStream::connect(target).await.unwrap();
                    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                    if let Err(error) =
                        tokio::io::copy_bidirectional(&mut client, &mut server).await
                    {
                        assert_ne!(error.kind(), ErrorKind::InvalidInput, "{error}");
                    }
                };
                #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
                actix_web::rt::spawn(tunnel);
            }
        };
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        actix_web::rt::spawn(accept);
        Self { address, asked }
    }
}
