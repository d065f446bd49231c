//! Idempotency keys in SQLite.

use std::sync::LazyLock;

use rusqlite::{Transaction, params};

use super::columns;
use super::rows::all;
use super::value::{Key, Time};
use crate::apply::idempotency::{KeyBook, KeyChanges, KeyRow, claimed_keys};
use crate::table::IdempotencyKeys;
use crate::table::statement::sqlite_insert;
use crate::{CaptureBatch, StoreError};

static INSERT: LazyLock<String> = LazyLock::new(sqlite_insert::<IdempotencyKeys>);

/// The keys that the batch claims, and those of the calls that it closes.
pub(super) fn find(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
) -> Result<KeyBook, StoreError> {
    const COLUMNS: &str = "SELECT agent_id, key_sha256, fingerprint, request_id, summary, answer, expires_at FROM idempotency_keys";
    let mut found: Vec<KeyRow> = Vec::new();
    let mut by_key = transaction
        .prepare_cached(&format!("{COLUMNS} WHERE agent_id = ?1 AND key_sha256 = ?2"))?;
    for (agent_id, key_sha256) in claimed_keys(batch) {
        found.extend(all(&mut by_key, params![Key(agent_id.0), key_sha256])?);
    }
    let mut by_call = transaction.prepare_cached(&format!("{COLUMNS} WHERE request_id = ?1"))?;
    for closing in &batch.closings {
        found.extend(all(&mut by_call, (Key(closing.outcome.request_id.0),))?);
    }
    Ok(KeyBook::new(found))
}

/// Writes what changed; new keys also clear away some that have expired, twice as many, so that
/// those never pile up.
pub(super) fn write(transaction: &Transaction<'_>, changes: &KeyChanges) -> Result<(), StoreError> {
    let mut remove = transaction
        .prepare_cached("DELETE FROM idempotency_keys WHERE agent_id = ?1 AND key_sha256 = ?2")?;
    for (agent_id, key_sha256) in &changes.touched {
        remove.execute(params![Key(agent_id.0), key_sha256])?;
    }
    if changes.rows.is_empty() {
        return Ok(());
    }
    columns::write::<IdempotencyKeys>(transaction, &INSERT, &changes.rows)?;
    let mut sweep = transaction.prepare_cached(
        "DELETE FROM idempotency_keys WHERE rowid IN (SELECT rowid FROM idempotency_keys WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
    )?;
    sweep
        .execute(params![Time::now(), i64::try_from(2 * changes.rows.len()).unwrap_or(i64::MAX)])?;
    Ok(())
}
