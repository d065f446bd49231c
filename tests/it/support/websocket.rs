//! A client of the Responses dialect over a WebSocket, which can misbehave too.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Gateway;

/// No answer of these tests takes this long; a hang shall fail, not hang the suite.
const PATIENCE: Duration = Duration::from_secs(20);

const LAST_EVENTS: [&str; 5] =
    ["response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"];

/// One connection.
pub struct WebSocket {
    stream: WebSocketStream<TcpStream>,
}

impl WebSocket {
    pub async fn open(gateway: &Gateway) -> Self {
        let bearer = format!("Bearer {}", gateway.key);
        Self::open_with(gateway.address, &[("authorization", &bearer)]).await.unwrap()
    }

    /// The status with which the upgrade was refused, or the connection.
    pub async fn open_with(
        address: std::net::SocketAddr,
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{address}/v1/responses").into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        match timeout(PATIENCE, client_async(request, socket)).await.unwrap() {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn send(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    pub async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// The next message of any kind.
    pub async fn hear(&mut self) -> Message {
        let heard = timeout(PATIENCE, self.stream.next()).await.expect("within the patience");
        heard.expect("the connection is open").expect("a message")
    }

    /// The next event; pings are no events.
    pub async fn event(&mut self) -> Value {
        loop {
            match self.hear().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no event: {other:?}"),
            }
        }
    }

    /// Reads up to the first event of this type.
    pub async fn event_of_type(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event().await;
            if event["type"] == kind {
                return event;
            }
            let is_last = LAST_EVENTS.iter().any(|last| event["type"] == *last);
            assert!(!is_last, "instead of {kind}: {event}");
        }
    }

    /// The events of one call, up to its last.
    pub async fn answer(&mut self) -> Vec<Value> {
        let mut events = vec![self.event().await];
        while !LAST_EVENTS.iter().any(|last| events[events.len() - 1]["type"] == *last) {
            events.push(self.event().await);
        }
        events
    }

    pub async fn ask(&mut self, message: &Value) -> Vec<Value> {
        self.say(message).await;
        self.answer().await
    }

    /// The code with which the gateway closes; events before it are skipped.
    pub async fn closing_code(&mut self) -> u16 {
        loop {
            if let Message::Close(Some(frame)) = self.hear().await {
                return frame.code.into();
            }
        }
    }

    /// Leaves without a word: a reset instead of an orderly close.
    pub fn reset(self) {
        SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Takes almost nothing that is not read.
    pub fn narrow(&self) {
        SockRef::from(self.stream.get_ref()).set_recv_buffer_size(4096).unwrap();
    }
}
