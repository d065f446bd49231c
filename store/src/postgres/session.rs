//! A connection on which a transaction is under way.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use futures_util::{future, poll};

use super::client::Client;
use super::pool::Pool;
use crate::StoreError;

/// Goes back to its pool only when told so. Dropped earlier (an error, a deadline, a caller that
/// left), the connection is closed, and the server rolls back whatever was open on it.
pub(super) struct Session {
    client: Option<Client>,
}

impl Session {
    pub(super) async fn open(pool: &Pool) -> Result<Self, StoreError> {
        Ok(Self { client: Some(pool.get_for_transactions().await?) })
    }

    pub(super) fn client(&self) -> Result<&Client, StoreError> {
        let gone = || StoreError::Unavailable("connection was given back".to_owned());
        self.client.as_ref().ok_or_else(gone)
    }

    /// The transaction is over and all answers are read.
    pub(super) fn release(mut self) {
        drop(self.client.take());
    }

    /// Sends `writes` and a COMMIT behind them without waiting in between, in one round trip.
    ///
    /// A statement that the server refuses turns the COMMIT into a rollback. One that could not
    /// even be sent does not, so COMMIT is sent only after every write is on its way: a request is
    /// sent when its future is first polled, which is a promise of the driver's.
    pub(super) async fn commit_behind<W>(&self, writes: W) -> Result<(), StoreError>
    where
        W: Future<Output = Result<(), StoreError>>,
    {
        let client = self.client()?;
        let mut writes = pin!(writes);
        let sent = match poll!(writes.as_mut()) {
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(())) => None,
            Poll::Pending => Some(writes),
        };
        let commit = client.batch_execute("COMMIT");
        match sent {
            None => commit.await,
            // in this order, and the first error is the one that tells why
            Some(writes) => {
                let (written, committed): (Result<(), StoreError>, Result<(), StoreError>) =
                    future::join(writes, commit).await;
                written.and(committed)
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            client.discard();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::postgres::connect::Pools;
    use crate::test_server;

    /// A session with a transaction begun, and a way to see what it leaves.
    async fn begun() -> (Session, tokio_postgres::Client) {
        let url = test_server::fresh_database().await;
        let observer = test_server::connect(&url).await;
        observer.batch_execute("CREATE TABLE kept (number integer PRIMARY KEY)").await.unwrap();
        let session = Session::open(&Pools::of(&url, Arc::default()).unwrap().writers().unwrap())
            .await
            .unwrap();
        session
            .client()
            .unwrap()
            .batch_execute("BEGIN; INSERT INTO kept VALUES (1)")
            .await
            .unwrap();
        (session, observer)
    }

    async fn kept(observer: &tokio_postgres::Client) -> i64 {
        observer.query_one("SELECT count(*) FROM kept", &[]).await.unwrap().get(0)
    }

    #[tokio::test]
    async fn what_all_succeeded_is_committed() {
        let (session, observer) = begun().await;
        let client = session.client().unwrap();
        let insert = client.prepare_cached("INSERT INTO kept VALUES ($1)").await.unwrap();
        let write = async { client.execute(&insert, &[&2_i32]).await.map(drop) };
        session.commit_behind(write).await.unwrap();
        assert_eq!(kept(&observer).await, 2);
        session.release();
    }

    #[tokio::test]
    async fn a_write_that_could_not_be_sent_is_not_committed_around() {
        let (session, observer) = begun().await;
        let client = session.client().unwrap();
        let insert = client.prepare_cached("INSERT INTO kept VALUES ($1)").await.unwrap();
        let write = async { client.execute(&insert, &[&"not a number"]).await.map(drop) };
        assert!(matches!(session.commit_behind(write).await, Err(StoreError::Statement(_))));
        drop(session);
        assert_eq!(kept(&observer).await, 0);
    }

    #[tokio::test]
    async fn a_write_that_the_server_refused_rolls_everything_back() {
        let (session, observer) = begun().await;
        let client = session.client().unwrap();
        let insert = client.prepare_cached("INSERT INTO kept VALUES ($1)").await.unwrap();
        let write = async { client.execute(&insert, &[&1_i32]).await.map(drop) };
        assert!(matches!(session.commit_behind(write).await, Err(StoreError::Statement(_))));
        drop(session);
        assert_eq!(kept(&observer).await, 0);
    }
}
