//! A connection on which a transaction is under way.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use deadpool_postgres::{ClientWrapper, Object, Pool};
use futures_util::{future, poll};

use crate::StoreError;

/// Goes back to its pool only when told so. Dropped earlier (an error, a deadline, a caller that left), the connection is closed, and the server
/// rolls back whatever was open on it.
pub struct Session {
    object: Option<Object>,
}

impl Session {
    pub async fn open(pool: &Pool) -> Result<Self, StoreError> {
        Ok(Self { object: Some(pool.get().await?) })
    }

    pub fn client(&self) -> Result<&ClientWrapper, StoreError> {
        self.object.as_deref().ok_or_else(|| StoreError::Unavailable("connection was given back".to_owned()))
    }

    /// The transaction is over and all answers are read.
    pub fn release(mut self) {
        drop(self.object.take());
    }

    /// Sends `writes` and a COMMIT behind them without waiting in between, in one round trip.
    ///
    /// A statement that the server refuses turns the COMMIT into a rollback. One that could not even be sent does not, so COMMIT is sent only
    /// after every write is on its way: a request is sent when its future is first polled, which is a promise of the driver's.
    pub async fn commit_behind<W>(&self, writes: W) -> Result<(), StoreError>
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
        let commit = async { Ok(client.batch_execute("COMMIT").await?) };
        match sent {
            None => commit.await,
            // in this order, and the first error is the one that tells why
            Some(writes) => {
                let (written, committed): (Result<(), StoreError>, Result<(), StoreError>) = future::join(writes, commit).await;
                written.and(committed)
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
