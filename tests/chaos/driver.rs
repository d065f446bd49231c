//! The driver: a client on a bare socket that notes every request id and judges every byte it got.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ainfera_fidelity::http_response::Head;
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

use crate::speech::Speech;

/// How an answer ended, from where the client stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// Not even a head.
    NoHead,
    /// A status that is not 200, with the error's type and message.
    Refused { status: u16, error: String, message: String },
    /// The whole of a 200.
    Whole(Speech),
    /// A 200 whose body was cut off by the other side.
    Cut(Speech),
    /// The client left.
    Left(Speech),
}

/// One call as a client saw it.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub request_id: Option<Uuid>,
    pub model: Option<String>,
    pub ending: Ending,
    pub took: Duration,
}

impl Sighting {
    pub fn status(&self) -> u16 {
        match &self.ending {
            Ending::NoHead => 0,
            Ending::Refused { status, .. } => *status,
            Ending::Whole(_) | Ending::Cut(_) | Ending::Left(_) => 200,
        }
    }

    /// A stream that ended as an answer should.
    pub fn finished(&self) -> bool {
        let Ending::Whole(speech) = &self.ending else { return false };
        speech.message_stop && speech.error.is_none() && speech.complaints.is_empty()
    }
}

/// The event of a stream that carries content.
const CONTENT: &[u8] = b"content_block_delta";

/// One connection.
pub struct Line {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Line {
    pub async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, received: Vec::new() })
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.socket.write_all(bytes).await
    }

    /// Reads until `wanted` is among what was received; false when the other side ends it first.
    pub async fn read_until(&mut self, wanted: &str) -> bool {
        while memchr::memmem::find(&self.received, wanted.as_bytes()).is_none() {
            if !self.read_some().await {
                return false;
            }
        }
        true
    }

    pub fn reset(self) {
        // the peer may be gone already
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }

    pub async fn read_some(&mut self) -> bool {
        self.received.reserve(16 * 1024);
        matches!(self.socket.read_buf(&mut self.received).await, Ok(length) if length > 0)
    }

    /// The head of what was received so far.
    pub fn head(&self) -> Option<Head> {
        Head::parse(&self.received)
    }

    /// One call to its end, or until `patience` is over. The line can be used again if this says
    /// so.
    pub async fn call(&mut self, request: &[u8], patience: Duration) -> (Sighting, Reusable) {
        self.call_noting(request, patience, || {}).await
    }

    /// The same; `at_content` runs when the first content is there.
    pub async fn call_noting(
        &mut self,
        request: &[u8],
        patience: Duration,
        at_content: impl FnOnce(),
    ) -> (Sighting, Reusable) {
        let begun = Instant::now();
        self.received.clear();
        if self.send_raw(request).await.is_err() && self.received.is_empty() {
            return (self.sighting(begun, None, Over::Cut), Reusable::No);
        }
        let over = timeout(patience, self.read_answer(at_content)).await.unwrap_or(Over::Left);
        let reusable = if over == Over::Whole { Reusable::Yes } else { Reusable::No };
        let head = self.head();
        (self.sighting(begun, head, over), reusable)
    }

    async fn read_answer(&mut self, at_content: impl FnOnce()) -> Over {
        let mut at_content = Some(at_content);
        loop {
            if at_content.is_some()
                && memchr::memmem::find(&self.received, CONTENT).is_some()
                && let Some(note) = at_content.take()
            {
                note();
            }
            if let Some(head) = self.head()
                && head.body(&self.received).complete
            {
                return Over::Whole;
            }
            if !self.read_some().await {
                return Over::Cut;
            }
        }
    }

    fn sighting(&self, begun: Instant, head: Option<Head>, over: Over) -> Sighting {
        let took = begun.elapsed();
        let Some(head) = head else {
            return Sighting { request_id: None, model: None, ending: Ending::NoHead, took };
        };
        let body = head.body(&self.received).bytes;
        let ending = match (head.status, over) {
            (200, over) => {
                let speech = if body.starts_with(b"{") {
                    Speech::of_whole(&body)
                } else {
                    Speech::read(&body)
                };
                match over {
                    Over::Whole => Ending::Whole(speech),
                    Over::Cut => Ending::Cut(speech),
                    Over::Left => Ending::Left(speech),
                }
            }
            (status, _) => {
                let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let text = |key: &str| body["error"][key].as_str().unwrap_or_default().to_owned();
                Ending::Refused { status, error: text("type"), message: text("message") }
            }
        };
        Sighting {
            request_id: request_id(&head),
            model: head.header("x-ainfera-model").map(str::to_owned),
            ending,
            took,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Whole,
    Cut,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reusable {
    Yes,
    No,
}

fn request_id(head: &Head) -> Option<Uuid> {
    head.header("request-id")?.strip_prefix("req_")?.parse().ok()
}

/// The bytes of a request to the inference endpoint.
pub fn request(key: &str, body: &Value) -> Vec<u8> {
    request_with(key, body, "")
}

/// The same with more header lines, each with its line end.
pub fn request_with(key: &str, body: &Value, more: &str) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST /v1/messages HTTP/1.1\r\nhost: chaos\r\nx-api-key: {key}\r\nauthorization: Bearer {key}\r\nanthropic-version: 2023-06-01\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
    .into_bytes()
}
