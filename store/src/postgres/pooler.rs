//! Whether a connection of ours is one session of the server's. Behind a pooler such as PgBouncer
//! each transaction may be on a session that was another client's before and will be again.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::StoreError;

/// What may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sessions {
    /// A connection is a session: its settings and prepared statements stay.
    Own,
    /// Only a transaction is: nothing is left behind on the session, and nothing is expected there.
    Shared,
}

/// The same for a whole store, found out with each connection.
#[derive(Debug)]
pub(super) struct Pooler {
    told: Option<Sessions>,
    ssl_mode: SslMode,
    found: AtomicBool,
    keeps_transactions: AtomicBool,
}

impl Pooler {
    /// `told` is what the database url says, if anything.
    pub(super) fn new(told: Option<Sessions>, ssl_mode: SslMode) -> Self {
        let found = AtomicBool::new(told == Some(Sessions::Shared));
        Self { told, ssl_mode, found, keeps_transactions: AtomicBool::new(false) }
    }

    /// What is known by now. Once one connection was found to share its sessions, all are taken to.
    pub(super) fn sessions(&self) -> Sessions {
        if self.found.load(Ordering::Relaxed) { Sessions::Shared } else { Sessions::Own }
    }

    /// Looks at a new connection. An error says why it cannot be used.
    pub(super) async fn look_at(&self, client: &Client) -> Result<Sessions, String> {
        if self.told.is_none()
            && self.sessions() == Sessions::Own
            && !self.is_direct(client).await?
        {
            tracing::info!("the database is behind a pooler: nothing is left on its sessions");
            self.found.store(true, Ordering::Relaxed);
        }
        if self.sessions() == Sessions::Shared && !self.keeps_transactions.load(Ordering::Relaxed) {
            keeps_transactions(client).await?;
            self.keeps_transactions.store(true, Ordering::Relaxed);
        }
        Ok(self.sessions())
    }

    /// A server announces the process that serves the connection, and says the same when asked. A
    /// pooler announces a number of its own, for it cannot know who will answer.
    async fn is_direct(&self, client: &Client) -> Result<bool, String> {
        let rows = client.simple_query("SELECT pg_backend_pid()").await;
        let rows = rows.map_err(|error| StoreError::from(error).to_string())?;
        let asked = rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse::<i32>().ok(),
            _ => None,
        });
        let announced = announced_process(client, self.ssl_mode).await;
        // whoever does not tell is not relied on
        Ok(asked.is_some() && asked == announced)
    }
}

/// What `pool_mode` in a database url may be: PgBouncer's own words.
pub(super) fn pool_mode(word: &str) -> Result<Sessions, StoreError> {
    match word {
        "session" => Ok(Sessions::Own),
        "transaction" => Ok(Sessions::Shared),
        "statement" => Err(StoreError::Refused(format!("database url: {STATEMENTS}"))),
        _ => {
            let words = "pool_mode must be session or transaction";
            Err(StoreError::Refused(format!("database url: {words}")))
        }
    }
}

const STATEMENTS: &str = "the pooler gives each statement another session (pool_mode = \
    statement), and a call is recorded in a transaction of several; use pool_mode = transaction";

/// A pooler of statements refuses the transaction, or has lost it by the next statement.
async fn keeps_transactions(client: &Client) -> Result<(), String> {
    let begun = client.batch_execute("BEGIN").await;
    let kept = match &begun {
        Ok(()) => client.simple_query("SAVEPOINT kept").await.map(drop),
        Err(_) => begun,
    };
    match kept {
        Ok(()) => client.batch_execute("ROLLBACK").await.map_err(|error| error.to_string()),
        Err(error) => {
            let error = StoreError::from(error).to_string();
            // SQLSTATE 25P01: no transaction is under way
            let is_refusal = error.contains("statement pooling") || error.contains("25P01");
            Err(if is_refusal { STATEMENTS.to_owned() } else { error })
        }
    }
}

/// The driver keeps the number to itself but for a cancel request: it writes one to us.
async fn announced_process(client: &Client, ssl_mode: SslMode) -> Option<i32> {
    let (near, far) = tokio::io::duplex(64);
    let token = client.cancel_token();
    let (written, number) = futures_util::future::join(
        token.cancel_query_raw(near, Plain),
        read_process(far, ssl_mode),
    )
    .await;
    written.ok()?;
    number.ok()
}

/// Length 16, code 80877102, process, secret; before it, where TLS may be spoken, length 8 and code
/// 80877103, which want one letter for an answer. PostgreSQL's documentation, "Message Formats".
async fn read_process(mut far: DuplexStream, ssl_mode: SslMode) -> io::Result<i32> {
    const ASKS_FOR_TLS: i32 = 80_877_103;
    let mut head = [0; 8];
    far.read_exact(&mut head).await?;
    if i32::from_be_bytes([head[4], head[5], head[6], head[7]]) == ASKS_FOR_TLS {
        far.write_all(if ssl_mode == SslMode::Require { b"S" } else { b"N" }).await?;
        far.read_exact(&mut head).await?;
    }
    far.read_i32().await
}

/// Stands where TLS would: these bytes do not leave the process.
struct Plain;

struct PlainStream(DuplexStream);

impl TlsConnect<DuplexStream> for Plain {
    type Stream = PlainStream;
    type Error = io::Error;
    type Future = Ready<io::Result<PlainStream>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(PlainStream(stream)))
    }
}

impl TlsStream for PlainStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for PlainStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for PlainStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server;

    #[tokio::test]
    async fn a_server_that_is_asked_itself_is_told_by_the_number_of_its_process() {
        let url = test_server::fresh_database().await;
        let client = test_server::connect(&url).await;
        let pooler = Pooler::new(None, SslMode::Prefer);
        assert_eq!(pooler.look_at(&client).await, Ok(Sessions::Own));
    }

    #[test]
    fn words_are_those_of_the_pooler() {
        assert_eq!(pool_mode("session").unwrap(), Sessions::Own);
        assert_eq!(pool_mode("transaction").unwrap(), Sessions::Shared);
        for (word, named) in [("statement", "each statement"), ("both", "session or transaction")] {
            assert!(pool_mode(word).unwrap_err().to_string().contains(named));
        }
    }
}
