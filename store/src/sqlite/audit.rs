//! Checkpoints, and what the audit's public pages and its verifier read.

use std::collections::HashMap;

use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::{AgentId, TenantId};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};
use uuid::Uuid;

use super::value::{Key, Nanos, Time};
use crate::StoreError;
use crate::apply::rows::to_json;
use crate::audit_verify::ChainEvent;
use crate::checkpoint::{CheckpointResult, Found, Newest, compose};
use crate::parting::{Kept, Standing};
use crate::read::audit::{AuditHeight, PublicCursor, PublicEvent, Receipt};
use crate::read::stored::from_json;

pub(super) const CHECKPOINT: &str =
    "SELECT number, created_at, tree_size, heads_count, merkle_root, previous_hash, hash, public_key, signature, heads
    FROM audit_checkpoints";

pub(super) fn checkpoint(
    connection: &mut Connection,
    signer: &CheckpointSigner,
    kept: Option<&Kept>,
) -> Result<CheckpointResult, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if super::parting::standing(&transaction, kept)? == Standing::Parted {
        return Ok(CheckpointResult::Parted);
    }
    let heads = heads(&transaction, "WHERE audit_seq > 0 ORDER BY agent_id", ())?;
    let covered = transaction
        .prepare_cached("SELECT agent_id, seq, event_hash FROM audit_heads")?
        .query_map((), |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
        .collect::<Result<HashMap<String, (i64, String)>, _>>()?;
    let newest = newest(&transaction)?;
    let Some(checkpoint) = compose(Found { heads, covered, newest, now: Time::now().0 }, signer)?
    else {
        return Ok(CheckpointResult::NothingNew);
    };
    transaction.execute(
        "INSERT INTO audit_checkpoints (number, created_at, tree_size, heads_count, merkle_root, previous_hash, hash, public_key, signature, heads)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            checkpoint.number,
            &checkpoint.created_at,
            checkpoint.tree_size,
            checkpoint.heads_count,
            &checkpoint.merkle_root,
            &checkpoint.previous_hash,
            &checkpoint.hash,
            &checkpoint.public_key,
            &checkpoint.signature,
            to_json(&checkpoint.heads)?,
        ),
    )?;
    {
        let mut cover = transaction.prepare_cached(
            "INSERT INTO audit_heads (agent_id, seq, event_hash) VALUES (?1, ?2, ?3)
             ON CONFLICT (agent_id) DO UPDATE SET seq = excluded.seq, event_hash = excluded.event_hash",
        )?;
        for head in &checkpoint.heads {
            cover.execute((&head.agent_id, head.seq, &head.event_hash))?;
        }
    }
    transaction.commit()?;
    Ok(CheckpointResult::Made(Box::new(checkpoint)))
}

pub(super) fn newest(connection: &Connection) -> Result<Option<Newest>, StoreError> {
    let newest = connection.query_row(
        "SELECT number, hash FROM audit_checkpoints ORDER BY number DESC LIMIT 1",
        (),
        |row| Ok(Newest { number: row.get(0)?, hash: row.get(1)? }),
    );
    Ok(newest.optional()?)
}

pub(super) fn checkpoints(
    connection: &mut Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<Checkpoint>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("{CHECKPOINT} WHERE number > ?1 ORDER BY number LIMIT ?2"))?;
    let rows =
        statement.query_map((after, limit), stored_checkpoint)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(whole).collect()
}

pub(super) fn stored_checkpoint(row: &Row<'_>) -> rusqlite::Result<(Checkpoint, String)> {
    let checkpoint = Checkpoint {
        number: row.get(0)?,
        created_at: row.get(1)?,
        tree_size: row.get(2)?,
        heads_count: row.get(3)?,
        merkle_root: row.get(4)?,
        previous_hash: row.get(5)?,
        hash: row.get(6)?,
        public_key: row.get(7)?,
        signature: row.get(8)?,
        heads: Vec::new(),
    };
    Ok((checkpoint, row.get(9)?))
}

pub(super) fn whole((checkpoint, heads): (Checkpoint, String)) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint { heads: from_json(&heads)?, ..checkpoint })
}

fn heads(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<ChainHead>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT agent_id, audit_seq, coalesce(audit_head, '') FROM audit_chain_ends {condition}"
    ))?;
    let rows = statement.query_map(parameters, |row| {
        Ok(ChainHead { agent_id: row.get(0)?, seq: row.get(1)?, event_hash: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn account_head(
    connection: &mut Connection,
    agent_id: AgentId,
) -> Result<Option<ChainHead>, StoreError> {
    Ok(heads(connection, "WHERE agent_id = ?1", (Key(agent_id.0),))?.pop())
}

/// The next agent that has an event or an account, in order.
pub(super) fn next_agent(
    connection: &mut Connection,
    after: Option<AgentId>,
) -> Result<Option<AgentId>, StoreError> {
    let after = after.map_or_else(String::new, |agent_id| agent_id.0.to_string());
    let mut statement = connection.prepare_cached(
        "SELECT min(agent_id) FROM (SELECT min(agent_id) AS agent_id FROM audit_events WHERE agent_id > ?1
         UNION ALL SELECT min(agent_id) FROM audit_chain_ends WHERE agent_id > ?1)",
    )?;
    Ok(statement.query_row((after,), |row| row.get::<_, Option<Key>>(0))?.map(|key| AgentId(key.0)))
}

pub(super) fn chain_events(
    connection: &mut Connection,
    agent_id: AgentId,
    since: i64,
    limit: u32,
) -> Result<Vec<ChainEvent>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT agent_id, seq, event_id, event_type, payload, previous_hash, event_hash, created_at
         FROM audit_events WHERE agent_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let rows = statement.query_map((Key(agent_id.0), since, limit), |row| {
        Ok(ChainEvent {
            agent_id: row.get(0)?,
            seq: row.get(1)?,
            event_id: row.get(2)?,
            event_type: row.get(3)?,
            payload: row.get(4)?,
            previous_hash: row.get(5)?,
            event_hash: row.get(6)?,
            created_at: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn height(connection: &mut Connection) -> Result<AuditHeight, StoreError> {
    let snapshot = connection.transaction()?;
    let global_height = snapshot.query_row(
        "SELECT coalesce(sum(audit_seq), 0) FROM audit_chain_ends",
        (),
        |row| row.get(0),
    )?;
    let latest_event_at =
        snapshot.query_row("SELECT max(created_at) FROM audit_events", (), |row| row.get(0))?;
    let newest = snapshot
        .query_row(&format!("{CHECKPOINT} ORDER BY number DESC LIMIT 1"), (), stored_checkpoint)
        .optional()?;
    Ok(AuditHeight {
        global_height,
        latest_event_at,
        checkpoint: newest.map(|(checkpoint, _)| checkpoint.into()),
    })
}

pub(super) fn public_events(
    connection: &mut Connection,
    before: &PublicCursor,
    limit: u32,
) -> Result<Vec<PublicEvent>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT e.seq, e.event_type, g.name, e.created_at, e.event_hash, g.agent_id, g.tenant_id
         FROM audit_events e JOIN agents g ON g.agent_id = e.agent_id JOIN tenants t ON t.tenant_id = g.tenant_id
         WHERE (e.created_at, e.event_hash) < (?1, ?2) AND coalesce(t.name, '') NOT LIKE 'internal-%'
         ORDER BY e.created_at DESC, e.event_hash DESC LIMIT ?3",
    )?;
    let rows = statement.query_map((&before.created_at, &before.event_hash, limit), |row| {
        Ok(PublicEvent {
            agent_id: AgentId(row.get::<_, Key>(5)?.0),
            tenant_id: TenantId(row.get::<_, Key>(6)?.0),
            seq: row.get(0)?,
            event_type: row.get(1)?,
            agent_name: row.get(2)?,
            created_at: row.get(3)?,
            event_hash: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn receipt(
    connection: &mut Connection,
    agent_id: AgentId,
    receipt_id: Uuid,
) -> Result<Option<Receipt>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT inference_id, cost_usd, coercions FROM inferences WHERE receipt_id = ?1 AND agent_id = ?2")?;
    let found = statement.query_row((Key(receipt_id), Key(agent_id.0)), |row| {
        Ok((row.get::<_, Key>(0)?.0, row.get::<_, Nanos>(1)?.0, row.get::<_, String>(2)?))
    });
    let Some((inference_id, cost_usd, coercions)) = found.optional()? else { return Ok(None) };
    Ok(Some(Receipt { receipt_id, inference_id, cost_usd, coercions: from_json(&coercions)? }))
}
