//! Heartbeats, fencing, and the reaper's transactions. The writer's thread does one after the
//! other, so nothing has to be locked.

use std::time::Duration;

use ainfera_schema::{BootId, RequestId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::capture;
use super::value::{Key, Nanos, Time};
use crate::StoreError;
use crate::lost::{self, Orphan, PAGE};
use crate::replica::{Heartbeat, Reaped, Scope};

pub(super) fn heartbeat(
    connection: &mut Connection,
    boot_id: BootId,
) -> Result<Heartbeat, StoreError> {
    let renew = "UPDATE boots SET heartbeat_at = ?2 WHERE boot_id = ?1 AND state = 'open'";
    Ok(Heartbeat::from_renewed(connection.execute(renew, (Key(boot_id.0), Time::now()))? as u64))
}

/// Gives up every boot but `boot_id` that has been silent for longer than the lease.
pub(super) fn fence_silent(
    connection: &mut Connection,
    boot_id: BootId,
    lease: Duration,
) -> Result<(), StoreError> {
    let eldest = Time::now().0.checked_sub(lease).unwrap_or(Timestamp::MIN);
    let fence = "UPDATE boots SET state = 'fenced' WHERE state = 'open' AND boot_id <> ?1 AND heartbeat_at < ?2";
    let fenced = connection.execute(fence, (Key(boot_id.0), Time(eldest)))?;
    if fenced > 0 {
        tracing::warn!(fenced, "replicas were silent for longer than the lease and were given up");
    }
    Ok(())
}

/// One transaction.
pub(super) fn reap_page(connection: &mut Connection, scope: &Scope) -> Result<Reaped, StoreError> {
    let orphans = orphans(connection, scope)?;
    if orphans.is_empty() {
        return Ok(Reaped::Nothing);
    }
    let reply = capture::capture(connection, &lost::closings(orphans, Time::now().0)?)?;
    Ok(Reaped::new(lost::count(&reply)))
}

/// Closes these calls as lost, as far as they are open. One transaction.
pub(super) fn give_up(
    connection: &mut Connection,
    request_ids: &[RequestId],
) -> Result<u64, StoreError> {
    let mut found = Vec::new();
    for request_id in request_ids {
        let mut statement = connection
            .prepare_cached("SELECT draft, charge_if_lost FROM intents WHERE request_id = ?1")?;
        let row = statement.query_row((Key(request_id.0),), orphan).optional()?;
        found.extend(row);
    }
    if found.is_empty() {
        return Ok(0);
    }
    Ok(lost::count(&capture::capture(connection, &lost::closings(found, Time::now().0)?)?))
}

fn orphan(row: &Row<'_>) -> rusqlite::Result<Orphan> {
    Ok(Orphan { draft: row.get(0)?, charge_if_lost: row.get::<_, Nanos>(1)?.0 })
}

fn orphans(connection: &Connection, scope: &Scope) -> Result<Vec<Orphan>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT i.draft, i.charge_if_lost FROM intents i JOIN boots b ON b.boot_id = i.boot_id
         WHERE b.state IN ('fenced', 'closed') AND (?1 IS NULL OR b.replica = ?1) ORDER BY i.request_id LIMIT ?2",
    )?;
    let rows = statement.query_map((scope.replica(), PAGE), orphan)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
