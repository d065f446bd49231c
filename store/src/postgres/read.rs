//! Reads.

use std::time::Duration;

use ainfera_schema::{AgentId, InferenceId};
use futures_util::try_join;
use uuid::Uuid;

use super::parameter::Parameter;
use super::pool::Pool;
use super::session::Session;
use crate::invariants::{Invariant, QUESTIONS};
use crate::read::selects;
use crate::read::stored::StoredInference;
use crate::read::verify::{AuditLink, ChainEnd};
use crate::row::{FromRow, StoredRow};
use crate::{InferenceView, LedgerEntryRow, LedgerView, StoreError, StoredKey, TenantRow};

/// Whether this server takes writes: a standby, or a primary that was demoted, answers reads as if
/// nothing had happened.
pub(super) async fn ping(pool: &Pool) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let answer = client.takes_writes().await;
    if answer.is_err() {
        // the next question goes to whoever is the primary by then
        client.discard();
    }
    answer
}

pub(super) async fn find_key(pool: &Pool, key_id: &str) -> Result<Option<StoredKey>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT k.secret_sha256, g.agent_id, g.tenant_id, g.name, g.status,
               g.spend_policy::text AS spend_policy_text
             FROM api_keys k JOIN agents g ON g.agent_id = k.agent_id WHERE k.key_id = $1 AND k.revoked_at IS NULL",
        )
        .await?;
    // a standby would know nothing of a key that was made, or revoked, a moment ago
    let key: [&dyn Parameter; 1] = [&key_id];
    let answers = async { try_join!(client.query_opt(&find, &key), client.takes_writes()) };
    let (found, ()) = match answers.await {
        Ok(answer) => answer,
        Err(error) => {
            client.discard();
            return Err(error);
        }
    };
    let Some(row) = found else {
        return Ok(None);
    };
    StoredKey::from_row(&row).map(Some)
}

pub(super) async fn inference(
    pool: &Pool,
    agent_id: AgentId,
    inference_id: InferenceId,
) -> Result<Option<InferenceView>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(&format!(
            "{} WHERE i.agent_id = $1 AND i.inference_id = $2",
            selects::INFERENCE
        ))
        .await?;
    let Some(row) = client.query_opt(&find, &[&agent_id.0, &inference_id.0]).await? else {
        return Ok(None);
    };
    StoredInference::from_row(&row)?.into_view().map(Some)
}

pub(super) async fn chain_end(pool: &Pool, agent_id: AgentId) -> Result<ChainEnd, StoreError> {
    let client = pool.get().await?;
    let row = client
        .query_opt(
            "SELECT audit_seq, audit_head FROM accounts WHERE agent_id = $1
        UNION ALL SELECT audit_seq, audit_head FROM tenant_accounts WHERE tenant_id = $1",
            &[&agent_id.0],
        )
        .await?;
    let Some(row) = row else {
        return Ok(ChainEnd::default());
    };
    Ok(ChainEnd { seq: row.try_get(0)?, head: row.try_get(1)? })
}

pub(super) async fn audit_links(
    pool: &Pool,
    agent_id: AgentId,
    since_seq: i64,
    limit: u32,
) -> Result<Vec<AuditLink>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT agent_id, seq, event_id, event_type, payload, previous_hash, event_hash, created_at
             FROM audit_events WHERE agent_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .await?;
    let rows = client.query(&find, &[&agent_id.0, &since_seq, &i64::from(limit)]).await?;
    rows.iter().map(AuditLink::from_row).collect()
}

/// One statement, so that the entries add up to the balance beside them.
pub(super) async fn ledger(
    pool: &Pool,
    agent_id: AgentId,
    before_seq: Option<i64>,
    limit: u32,
) -> Result<Option<LedgerView>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT a.balance, a.held, t.amount, t.balance_after, t.transfer_id, t.debit_account, t.kind, t.memo, t.created_at,
               a.funding, t.audit_seq, a.agent_id
             FROM accounts a LEFT JOIN LATERAL (
               SELECT * FROM transfers WHERE agent_id = a.agent_id AND 'wallet:' || a.agent_id IN (debit_account, credit_account)
                 AND audit_seq < $3
               ORDER BY audit_seq DESC LIMIT $2) t ON true
             WHERE a.agent_id = $1 ORDER BY t.audit_seq DESC",
        )
        .await?;
    let rows = client
        .query(&find, &[&agent_id.0, &i64::from(limit), &before_seq.unwrap_or(i64::MAX)])
        .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let mut view = LedgerView::from_row(first)?;
    for row in &rows {
        // an account without transfers has a row without one
        if row.value::<Option<Uuid>>("transfer_id")?.is_some() {
            view.entries.push(LedgerEntryRow::from_row(row)?);
        }
    }
    Ok(Some(view))
}

pub(super) async fn tenants(pool: &Pool, limit: u32) -> Result<Vec<TenantRow>, StoreError> {
    let client = pool.get().await?;
    let list = "SELECT tenant_id, name FROM tenants ORDER BY tenant_id LIMIT $1";
    let rows = client.query(list, &[&i64::from(limit)]).await?;
    rows.iter().map(TenantRow::from_row).collect()
}

/// All questions are answered from one snapshot.
pub(super) async fn invariants(
    pool: &Pool,
    longest_call: Duration,
) -> Result<Vec<Invariant>, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.begin(begin, "SET LOCAL statement_timeout = 0").await?;
    let mut answers = Vec::with_capacity(QUESTIONS.len());
    for question in QUESTIONS {
        let row = client.query_one(&question.sql(longest_call), &[]).await?;
        answers.push(question.answer(row.try_get(0)?, row.try_get(1)?));
    }
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(answers)
}
