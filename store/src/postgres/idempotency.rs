//! Idempotency keys in PostgreSQL. Every function here sends its statement at its first poll, as
//! [`super::insert`] asks.

use std::sync::LazyLock;

use futures_util::try_join;
use tokio_postgres::Row;
use uuid::Uuid;

use super::client::{Client, Statement};
use super::columns::write;
use super::statements::prepare;
use crate::apply::idempotency::{KeyChanges, claimed_keys};
use crate::table::IdempotencyKeys;
use crate::table::statement::postgres_insert;
use crate::{CaptureBatch, StoreError};

/// Prepared once on each connection.
pub(super) struct KeyStatements {
    find: Statement,
    remove: Statement,
    insert: Statement,
    sweep: Statement,
}

impl KeyStatements {
    pub(super) async fn prepare(client: &Client) -> Result<Self, StoreError> {
        let (find, remove, insert, sweep) = try_join!(
            prepare(client, FIND),
            prepare(client, REMOVE),
            prepare(client, &INSERT),
            prepare(client, SWEEP)
        )?;
        Ok(Self { find, remove, insert, sweep })
    }
}

/// The keys that a batch claims, and those of the calls that it closes.
const FIND: &str = "
SELECT k.agent_id, k.key_sha256, k.fingerprint, k.request_id, k.summary, k.answer, k.expires_at
FROM unnest($1::uuid[], $2::bytea[]) AS u(agent_id, key_sha256)
JOIN idempotency_keys k ON k.agent_id = u.agent_id AND k.key_sha256 = u.key_sha256
UNION ALL
SELECT agent_id, key_sha256, fingerprint, request_id, summary, answer, expires_at
FROM idempotency_keys WHERE request_id = ANY($3)";

const REMOVE: &str = "
DELETE FROM idempotency_keys k USING unnest($1::uuid[], $2::bytea[]) AS u(agent_id, key_sha256)
WHERE k.agent_id = u.agent_id AND k.key_sha256 = u.key_sha256";

static INSERT: LazyLock<String> = LazyLock::new(postgres_insert::<IdempotencyKeys>);

/// Rows of any agent: whoever has locked one of them is left alone, and nothing is locked after
/// this.
const SWEEP: &str = "
DELETE FROM idempotency_keys WHERE (agent_id, key_sha256) IN (
  SELECT agent_id, key_sha256 FROM idempotency_keys WHERE expires_at < clock_timestamp()
  ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)";

pub(super) async fn find(
    client: &Client,
    statements: &KeyStatements,
    batch: &CaptureBatch,
) -> Result<Vec<Row>, StoreError> {
    let (agents, keys): (Vec<Uuid>, Vec<Vec<u8>>) = claimed_keys(batch)
        .into_iter()
        .map(|(agent_id, key_sha256)| (agent_id.0, key_sha256.to_vec()))
        .unzip();
    let closing: Vec<Uuid> =
        batch.closings.iter().map(|closing| closing.outcome.request_id.0).collect();
    if agents.is_empty() && closing.is_empty() {
        return Ok(Vec::new());
    }
    client.query(&statements.find, &[&agents, &keys, &closing]).await
}

pub(super) async fn remove(
    client: &Client,
    statements: &KeyStatements,
    changes: &KeyChanges,
) -> Result<(), StoreError> {
    if changes.touched.is_empty() {
        return Ok(());
    }
    let (agents, keys): (Vec<Uuid>, Vec<&[u8]>) = changes
        .touched
        .iter()
        .map(|(agent_id, key_sha256)| (agent_id.0, key_sha256.as_slice()))
        .unzip();
    client.execute(&statements.remove, &[&agents, &keys]).await?;
    Ok(())
}

pub(super) async fn insert(
    client: &Client,
    statements: &KeyStatements,
    changes: &KeyChanges,
) -> Result<(), StoreError> {
    write::<IdempotencyKeys>(client, &statements.insert, &changes.rows).await
}

/// New keys clear away some that have expired, twice as many, so that those never pile up. The last
/// statement of its transaction.
pub(super) async fn sweep(
    client: &Client,
    statements: &KeyStatements,
    changes: &KeyChanges,
) -> Result<(), StoreError> {
    if changes.rows.is_empty() {
        return Ok(());
    }
    let limit = i64::try_from(2 * changes.rows.len()).unwrap_or(i64::MAX);
    client.execute(&statements.sweep, &[&limit]).await?;
    Ok(())
}
