//! A client on a bare socket: it sees every byte, and it can leave whenever it likes.

use std::net::SocketAddr;
use std::time::Duration;

use ainfera_fidelity::http_response::Head;
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer of these tests takes this long; a hang shall fail, not hang the suite.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Connection {
    socket: TcpStream,
    received: Vec<u8>,
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The chunked body had its last chunk, or the announced length came.
    pub complete: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("utf-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// `error.type` and `error.message` of the envelope.
    pub fn error(&self) -> (String, String) {
        let body = self.json();
        assert_eq!(body["type"], "error", "{body}");
        assert!(body["request_id"].as_str().unwrap_or_default().starts_with("req_"), "{body}");
        assert_eq!(self.header("request-id"), body["request_id"].as_str());
        (
            body["error"]["type"].as_str().unwrap().to_owned(),
            body["error"]["message"].as_str().unwrap().to_owned(),
        )
    }
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("connect");
        socket.set_nodelay(true).expect("nodelay");
        Self { socket, received: Vec::new() }
    }

    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        // a server may answer and close before it has read everything
        let _ = self.socket.write_all(&request).await;
    }

    /// Bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes).await;
    }

    /// Reads until `wanted` is among what was received.
    pub async fn read_until(&mut self, wanted: &str) {
        while !self.has(wanted) {
            assert!(
                self.read_some().await,
                "closed before {wanted:?}: {}",
                String::from_utf8_lossy(&self.received)
            );
        }
    }

    pub fn has(&self, wanted: &str) -> bool {
        memchr::memmem::find(&self.received, wanted.as_bytes()).is_some()
    }

    /// Reads once; false at the end of the bytes.
    pub async fn read_some(&mut self) -> bool {
        let mut buffer = vec![0u8; 65536];
        let read = timeout(PATIENCE, self.socket.read(&mut buffer))
            .await
            .expect("no bytes within the test's patience");
        match read {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }

    /// The next response on this connection.
    pub async fn answer(&mut self) -> Answer {
        loop {
            if let Some((answer, used)) = parse(&self.received, false) {
                self.received.drain(..used);
                return answer;
            }
            if !self.read_some().await {
                let (answer, _) = parse(&self.received, true).unwrap_or_else(|| {
                    panic!("no answer: {}", String::from_utf8_lossy(&self.received))
                });
                return answer;
            }
        }
    }

    /// Leaves without a word: a reset instead of an orderly close.
    pub fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

/// The first response among the bytes, and how many of them are its own. A body that is cut counts
/// when the connection is over.
fn parse(received: &[u8], closed: bool) -> Option<(Answer, usize)> {
    let head = Head::parse(received)?;
    let body = head.body(received);
    let used = head.length + body.used;
    let answer = Answer {
        status: head.status,
        headers: head.headers,
        body: body.bytes,
        complete: body.complete,
    };
    (body.complete || closed).then_some((answer, used))
}
