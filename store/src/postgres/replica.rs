//! Heartbeats, fencing, and the reaper's transactions.

use std::time::Duration;

use ainfera_schema::{BootId, RequestId};
use futures_util::try_join;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::capture::{self, usd};
use super::parameter::Parameter;
use super::pool::Pool;
use super::session::Session;
use crate::lost::{self, Orphan, PAGE};
use crate::replica::{Heartbeat, OpenBoot, Reaped, Scope};
use crate::{CaptureBatch, StoreError};

/// Locks the boots, not the intents: a capture locks accounts and then intents, and nobody shall
/// wait in a circle. A boot that another reaper has locked is that one's work. A closed boot has
/// intents again when a standby was promoted that lacked its last seconds.
const ORPHANS: &str = "
SELECT i.draft, i.charge_if_lost, clock_timestamp() FROM boots b JOIN intents i ON i.boot_id = b.boot_id
WHERE b.state IN ('fenced', 'closed') AND ($1::text IS NULL OR b.replica = $1)
LIMIT $2 FOR UPDATE OF b SKIP LOCKED";

pub(super) async fn open_boots(pool: &Pool, replica: &str) -> Result<Vec<OpenBoot>, StoreError> {
    let client = pool.get().await?;
    let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('boots') AND attname = 'heartbeat_at'";
    let columns: i64 = client.query_one(columns, &[]).await?.try_get(0)?;
    if columns == 0 {
        return Ok(Vec::new());
    }
    let find = "SELECT boot_id, heartbeat_at, (extract(epoch FROM clock_timestamp() - heartbeat_at) * 1000)::bigint
        FROM boots WHERE replica = $1 AND state = 'open'";
    let rows = client.query(find, &[&replica]).await?;
    let boots = rows.iter().map(|row| {
        Ok(OpenBoot {
            boot_id: BootId(row.try_get(0)?),
            heartbeat_at: row.try_get(1)?,
            silent_ms: row.try_get(2)?,
        })
    });
    boots.collect()
}

pub(super) async fn heartbeat(pool: &Pool, boot_id: BootId) -> Result<Heartbeat, StoreError> {
    let client = pool.get().await?;
    let renew = client.prepare_cached("UPDATE boots SET heartbeat_at = clock_timestamp() WHERE boot_id = $1 AND state = 'open'").await?;
    let boot: [&dyn Parameter; 1] = [&boot_id.0];
    // where a pooler may have changed the server, an idle gateway notices it here
    let (renewed, ()) = try_join!(client.execute(&renew, &boot), client.on_known_server())?;
    Ok(Heartbeat::from_renewed(renewed))
}

/// Gives up every boot but `boot_id` that has been silent for longer than the lease.
pub(super) async fn fence_silent(
    pool: &Pool,
    boot_id: BootId,
    lease: Duration,
) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let fence = client
        .prepare_cached(
            "UPDATE boots SET state = 'fenced' WHERE state = 'open' AND boot_id <> $1
             AND heartbeat_at < clock_timestamp() - $2::bigint * interval '1 millisecond'",
        )
        .await?;
    let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    let fenced = client.execute(&fence, &[&boot_id.0, &lease_ms]).await?;
    if fenced > 0 {
        tracing::warn!(fenced, "replicas were silent for longer than the lease and were given up");
    }
    Ok(())
}

/// One transaction.
pub(super) async fn reap_page(pool: &Pool, scope: &Scope) -> Result<Reaped, StoreError> {
    let session = Session::open(pool).await?;
    let Some(batch) = orphans(&session, scope).await? else {
        session.client()?.batch_execute("ROLLBACK").await?;
        session.release();
        return Ok(Reaped::Nothing);
    };
    let reply = capture::capture_on(session, capture::Begun::Already, &batch).await?;
    Ok(Reaped::new(lost::count(&reply)))
}

/// Closes these calls as lost, as far as they are open. One transaction.
pub(super) async fn give_up(pool: &Pool, request_ids: &[RequestId]) -> Result<u64, StoreError> {
    let session = Session::open(pool).await?;
    let ids: Vec<Uuid> = request_ids.iter().map(|request_id| request_id.0).collect();
    // read before anything is locked: the capture finds out under its locks what is still open
    let find =
        "SELECT draft, charge_if_lost, clock_timestamp() FROM intents WHERE request_id = ANY($1)";
    let rows = session.client()?.query(find, &[&ids]).await?;
    let Some(batch) = closings(&rows)? else {
        session.release();
        return Ok(0);
    };
    Ok(lost::count(&capture::capture_on(session, capture::Begun::NotYet, &batch).await?))
}

/// Begins the transaction, and leaves its locks in place.
async fn orphans(session: &Session, scope: &Scope) -> Result<Option<CaptureBatch>, StoreError> {
    let client = session.client()?;
    let find = client.prepare_cached(ORPHANS).await?;
    client.begin("BEGIN ISOLATION LEVEL READ COMMITTED", "").await?;
    let rows = client.query(&find, &[&scope.replica(), &i64::from(PAGE)]).await?;
    closings(&rows)
}

fn closings(rows: &[Row]) -> Result<Option<CaptureBatch>, StoreError> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let now: Timestamp = first.try_get(2)?;
    let orphans =
        rows.iter().map(|row| Ok(Orphan { draft: row.try_get(0)?, charge_if_lost: usd(row, 1)? }));
    Ok(Some(lost::closings(orphans.collect::<Result<_, StoreError>>()?, now)?))
}
