//! Reads.

use ainfera_schema::{AgentId, InferenceId};
use rusqlite::{Connection, OptionalExtension};

use super::rows::{all, first};
use super::value::Key;
use crate::read::selects;
use crate::read::stored::StoredInference;
use crate::read::verify::{AuditLink, ChainEnd};
use crate::{InferenceView, LedgerView, StoreError, StoredKey, TenantRow};

pub(super) fn find_key(
    connection: &mut Connection,
    key_id: &str,
) -> Result<Option<StoredKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT k.secret_sha256, g.agent_id, g.tenant_id, g.name, g.status,
           g.spend_policy AS spend_policy_text
         FROM api_keys k JOIN agents g ON g.agent_id = k.agent_id WHERE k.key_id = ?1 AND k.revoked_at IS NULL",
    )?;
    first(&mut statement, (key_id,))
}

pub(super) fn inference(
    connection: &mut Connection,
    agent_id: AgentId,
    inference_id: InferenceId,
) -> Result<Option<InferenceView>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{} WHERE i.agent_id = ?1 AND i.inference_id = ?2",
        selects::INFERENCE
    ))?;
    let found: Option<StoredInference> =
        first(&mut statement, (Key(agent_id.0), Key(inference_id.0)))?;
    found.map(StoredInference::into_view).transpose()
}

pub(super) fn chain_end(
    connection: &mut Connection,
    agent_id: AgentId,
) -> Result<ChainEnd, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT audit_seq, audit_head FROM accounts WHERE agent_id = ?1
        UNION ALL SELECT audit_seq, audit_head FROM tenant_accounts WHERE tenant_id = ?1",
    )?;
    let end = statement
        .query_row((Key(agent_id.0),), |row| Ok(ChainEnd { seq: row.get(0)?, head: row.get(1)? }));
    Ok(end.optional()?.unwrap_or_default())
}

pub(super) fn audit_links(
    connection: &mut Connection,
    agent_id: AgentId,
    since_seq: i64,
    limit: u32,
) -> Result<Vec<AuditLink>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT agent_id, seq, event_id, event_type, payload, previous_hash, event_hash, created_at
         FROM audit_events WHERE agent_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    all(&mut statement, (Key(agent_id.0), since_seq, limit))
}

pub(super) fn tenants(
    connection: &mut Connection,
    limit: u32,
) -> Result<Vec<TenantRow>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT tenant_id, name FROM tenants ORDER BY tenant_id LIMIT ?1")?;
    all(&mut statement, (limit,))
}

pub(super) fn ledger(
    connection: &mut Connection,
    agent_id: AgentId,
    before_seq: Option<i64>,
    limit: u32,
) -> Result<Option<LedgerView>, StoreError> {
    let snapshot = connection.transaction()?;
    let mut account = snapshot.prepare_cached(
        "SELECT agent_id, balance, held, funding FROM accounts WHERE agent_id = ?1",
    )?;
    let Some(mut view) = first::<LedgerView>(&mut account, (Key(agent_id.0),))? else {
        return Ok(None);
    };
    let mut statement = snapshot.prepare_cached(
        "SELECT agent_id, transfer_id, debit_account, amount, balance_after, kind, memo, created_at, audit_seq
         FROM transfers WHERE agent_id = ?1 AND 'wallet:' || ?1 IN (debit_account, credit_account) AND audit_seq < ?3
         ORDER BY audit_seq DESC LIMIT ?2",
    )?;
    view.entries = all(&mut statement, (Key(agent_id.0), limit, before_seq.unwrap_or(i64::MAX)))?;
    Ok(Some(view))
}
