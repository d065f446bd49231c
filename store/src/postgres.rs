//! The store for production: PostgreSQL, for one replica or several.

mod adjust;
mod administer;
mod audit;
mod call;
mod capture;
mod certificates;
mod client;
mod columns;
mod connect;
mod durability;
mod encryption;
mod error;
mod idempotency;
mod insert;
mod migrate;
mod parameter;
mod parting;
mod pool;
mod pooler;
mod primary;
mod quarantine;
mod read;
mod reader;
mod recent;
mod register;
mod replica;
mod session;
mod statements;
mod writer;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pool::Pool;
use primary::Primary;

use crate::StoreError;
use crate::replica::{Reaped, Scope};

/// The server's own timeout comes first; this one is for a server that says nothing at all.
const ANSWER: Duration = Duration::from_secs(8);
/// Connecting included, from far away.
const FIRST_ANSWER: Duration = Duration::from_secs(30);
/// Waiting for another replica's migration included.
const MIGRATION: Duration = Duration::from_secs(120);
/// Reads every row there is.
const INVARIANTS: Duration = Duration::from_secs(600);

/// Four kinds of work, each with connections of its own, so that none waits for another.
pub struct PostgresStore {
    writers: Pool,
    /// What may wait for a lock that others hold.
    waiters: Pool,
    /// What every call and every probe needs: keys, readiness.
    lookups: Pool,
    /// What callers read of their own rows.
    readers: Pool,
    /// What reads very much: verifications, the doctor.
    auditors: Pool,
    primary: Arc<Primary>,
}

impl PostgresStore {
    /// Connects when first asked. The URL's parameters mean what they mean for libpq, TLS included.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let primary = Arc::new(Primary::default());
        let pools = connect::Pools::of(url, Arc::clone(&primary))?;
        Ok(Self {
            writers: pools.writers()?,
            waiters: pools.writers()?,
            lookups: pools.lookups()?,
            readers: pools.readers()?,
            auditors: pools.auditors()?,
            primary,
        })
    }
}

impl PostgresStore {
    /// How many calls were closed.
    async fn reap_pages(&self, scope: &Scope) -> Result<u64, StoreError> {
        let mut closed = 0;
        while let Reaped::Some(calls) =
            within(ANSWER, replica::reap_page(&self.writers, scope)).await?
        {
            closed += calls;
        }
        Ok(closed)
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", limit.as_secs()))),
    }
}
