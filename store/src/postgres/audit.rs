//! Checkpoints, and what the audit's public pages and its verifier read.

use std::collections::HashMap;

use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::{AgentId, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::capture::usd;
use super::client::Client;
use super::pool::Pool;
use super::session::Session;
use crate::StoreError;
use crate::apply::chain::event_time;
use crate::apply::rows::to_json;
use crate::audit_verify::ChainEvent;
use crate::checkpoint::{CheckpointResult, Found, Newest, compose};
use crate::parting::{Kept, Standing};
use crate::read::audit::{AuditHeight, PublicCursor, PublicEvent, Receipt};
use crate::read::stored::from_json;

/// Whoever holds it makes the checkpoints: the letters of `audit`.
pub(super) const LEADER: i64 = 0x61_75_64_69_74;

pub(super) const CHECKPOINT: &str =
    "SELECT number, created_at, tree_size, heads_count, merkle_root, previous_hash, hash, public_key, signature, heads
    FROM audit_checkpoints";

pub(super) async fn checkpoint(
    pool: &Pool,
    signer: &CheckpointSigner,
    kept: Option<&Kept>,
) -> Result<CheckpointResult, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    // each statement sees what was committed before it: the newest checkpoint is looked up under
    // the lock
    client.begin("BEGIN ISOLATION LEVEL READ COMMITTED", "").await?;
    let leads: bool =
        client.query_one("SELECT pg_try_advisory_xact_lock($1)", &[&LEADER]).await?.try_get(0)?;
    if !leads {
        client.batch_execute("ROLLBACK").await?;
        session.release();
        return Ok(CheckpointResult::NotLeader);
    }
    if super::parting::standing(client, kept).await? == Standing::Parted {
        client.batch_execute("ROLLBACK").await?;
        session.release();
        return Ok(CheckpointResult::Parted);
    }
    let newest = newest(client).await?;
    let covered = client.query("SELECT agent_id, seq, event_hash FROM audit_heads", &[]).await?;
    let covered = covered.iter().map(|row| {
        Ok((row.try_get::<_, Uuid>(0)?.to_string(), (row.try_get(1)?, row.try_get(2)?)))
    });
    let covered = covered.collect::<Result<HashMap<_, _>, StoreError>>()?;
    let heads = "SELECT agent_id, audit_seq, coalesce(audit_head, '') FROM audit_chain_ends WHERE audit_seq > 0 ORDER BY agent_id";
    let heads =
        client.query(heads, &[]).await?.iter().map(head).collect::<Result<Vec<_>, StoreError>>()?;
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
    let Some(checkpoint) = compose(Found { heads, covered, newest, now }, signer)? else {
        client.batch_execute("ROLLBACK").await?;
        session.release();
        return Ok(CheckpointResult::NothingNew);
    };
    let insert = "INSERT INTO audit_checkpoints
        (number, created_at, tree_size, heads_count, merkle_root, previous_hash, hash, public_key, signature, heads)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    client
        .execute(
            insert,
            &[
                &checkpoint.number,
                &checkpoint.created_at,
                &checkpoint.tree_size,
                &checkpoint.heads_count,
                &checkpoint.merkle_root,
                &checkpoint.previous_hash,
                &checkpoint.hash,
                &checkpoint.public_key,
                &checkpoint.signature,
                &to_json(&checkpoint.heads)?,
            ],
        )
        .await?;
    let cover = "INSERT INTO audit_heads (agent_id, seq, event_hash)
        SELECT a::uuid, s, h FROM unnest($1::text[], $2::bigint[], $3::text[]) AS changed (a, s, h)
        ON CONFLICT (agent_id) DO UPDATE SET seq = excluded.seq, event_hash = excluded.event_hash";
    let agents: Vec<&str> = checkpoint.heads.iter().map(|head| head.agent_id.as_str()).collect();
    let numbers: Vec<i64> = checkpoint.heads.iter().map(|head| head.seq).collect();
    let hashes: Vec<&str> = checkpoint.heads.iter().map(|head| head.event_hash.as_str()).collect();
    client.execute(cover, &[&agents, &numbers, &hashes]).await?;
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(CheckpointResult::Made(Box::new(checkpoint)))
}

pub(super) async fn newest(client: &Client) -> Result<Option<Newest>, StoreError> {
    let row = client
        .query_opt("SELECT number, hash FROM audit_checkpoints ORDER BY number DESC LIMIT 1", &[])
        .await?;
    row.map(|row| Ok(Newest { number: row.try_get(0)?, hash: row.try_get(1)? })).transpose()
}

fn head(row: &Row) -> Result<ChainHead, StoreError> {
    Ok(ChainHead {
        agent_id: row.try_get::<_, Uuid>(0)?.to_string(),
        seq: row.try_get(1)?,
        event_hash: row.try_get(2)?,
    })
}

pub(super) async fn checkpoints(
    pool: &Pool,
    after: i64,
    limit: u32,
) -> Result<Vec<Checkpoint>, StoreError> {
    let client = pool.get().await?;
    let find = format!("{CHECKPOINT} WHERE number > $1 ORDER BY number LIMIT $2");
    let rows = client.query(&find, &[&after, &i64::from(limit)]).await?;
    rows.iter().map(stored_checkpoint).collect()
}

pub(super) fn stored_checkpoint(row: &Row) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        number: row.try_get(0)?,
        created_at: row.try_get(1)?,
        tree_size: row.try_get(2)?,
        heads_count: row.try_get(3)?,
        merkle_root: row.try_get(4)?,
        previous_hash: row.try_get(5)?,
        hash: row.try_get(6)?,
        public_key: row.try_get(7)?,
        signature: row.try_get(8)?,
        heads: from_json(row.try_get(9)?)?,
    })
}

pub(super) async fn account_head(
    pool: &Pool,
    agent_id: AgentId,
) -> Result<Option<ChainHead>, StoreError> {
    let client = pool.get().await?;
    let find = "SELECT agent_id, audit_seq, coalesce(audit_head, '') FROM audit_chain_ends WHERE agent_id = $1";
    client.query_opt(find, &[&agent_id.0]).await?.as_ref().map(head).transpose()
}

/// The next agent that has an event or an account, in order.
pub(super) async fn next_agent(
    pool: &Pool,
    after: Option<AgentId>,
) -> Result<Option<AgentId>, StoreError> {
    let client = pool.get().await?;
    let after = after.map(|agent_id| agent_id.0);
    let find = client
        .prepare_cached(
            "(SELECT agent_id FROM audit_events WHERE $1::uuid IS NULL OR agent_id > $1 ORDER BY agent_id LIMIT 1)
             UNION ALL (SELECT agent_id FROM audit_chain_ends WHERE $1::uuid IS NULL OR agent_id > $1 ORDER BY agent_id LIMIT 1) ORDER BY 1 LIMIT 1",
        )
        .await?;
    let row = client.query_opt(&find, &[&after]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.map(AgentId))
}

pub(super) async fn chain_events(
    pool: &Pool,
    agent_id: AgentId,
    since: i64,
    limit: u32,
) -> Result<Vec<ChainEvent>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT seq, event_id, event_type, payload, previous_hash, event_hash, created_at
             FROM audit_events WHERE agent_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .await?;
    let rows = client.query(&find, &[&agent_id.0, &since, &i64::from(limit)]).await?;
    let events = rows.iter().map(|row| {
        Ok(ChainEvent {
            agent_id: agent_id.0.to_string(),
            seq: row.try_get(0)?,
            event_id: row.try_get::<_, Uuid>(1)?.to_string(),
            event_type: row.try_get(2)?,
            payload: row.try_get(3)?,
            previous_hash: row.try_get(4)?,
            event_hash: row.try_get(5)?,
            created_at: event_time(row.try_get(6)?),
        })
    });
    events.collect()
}

pub(super) async fn height(pool: &Pool) -> Result<AuditHeight, StoreError> {
    let client = pool.get().await?;
    let row = client
        .query_one(
            "SELECT (SELECT coalesce(sum(audit_seq), 0)::bigint FROM audit_chain_ends), (SELECT max(created_at) FROM audit_events)",
            &[],
        )
        .await?;
    let newest =
        client.query_opt(&format!("{CHECKPOINT} ORDER BY number DESC LIMIT 1"), &[]).await?;
    Ok(AuditHeight {
        global_height: row.try_get(0)?,
        latest_event_at: row.try_get::<_, Option<Timestamp>>(1)?.map(event_time),
        checkpoint: newest.as_ref().map(stored_checkpoint).transpose()?.map(Into::into),
    })
}

pub(super) async fn public_events(
    pool: &Pool,
    before: &PublicCursor,
    limit: u32,
) -> Result<Vec<PublicEvent>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT e.seq, e.event_type, g.name, e.created_at, e.event_hash, g.agent_id, g.tenant_id
             FROM audit_events e JOIN agents g ON g.agent_id = e.agent_id JOIN tenants t ON t.tenant_id = g.tenant_id
             WHERE (e.created_at, e.event_hash) < ($1::text::timestamptz, $2) AND coalesce(t.name, '') NOT LIKE 'internal-%'
             ORDER BY e.created_at DESC, e.event_hash DESC LIMIT $3",
        )
        .await?;
    let rows =
        client.query(&find, &[&before.created_at, &before.event_hash, &i64::from(limit)]).await?;
    let events = rows.iter().map(|row| {
        Ok(PublicEvent {
            agent_id: AgentId(row.try_get(5)?),
            tenant_id: TenantId(row.try_get(6)?),
            seq: row.try_get(0)?,
            event_type: row.try_get(1)?,
            agent_name: row.try_get(2)?,
            created_at: event_time(row.try_get(3)?),
            event_hash: row.try_get(4)?,
        })
    });
    events.collect()
}

pub(super) async fn receipt(
    pool: &Pool,
    agent_id: AgentId,
    receipt_id: Uuid,
) -> Result<Option<Receipt>, StoreError> {
    let client = pool.get().await?;
    let find = "SELECT inference_id, cost_usd, CAST(coercions AS text) FROM inferences WHERE receipt_id = $1 AND agent_id = $2";
    let Some(row) = client.query_opt(find, &[&receipt_id, &agent_id.0]).await? else {
        return Ok(None);
    };
    let coercions = from_json(row.try_get(2)?)?;
    Ok(Some(Receipt {
        receipt_id,
        inference_id: row.try_get(0)?,
        cost_usd: usd(&row, 1)?,
        coercions,
    }))
}
