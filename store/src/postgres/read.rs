//! Reads.

use std::time::Duration;

use ainfera_schema::{AgentId, InferenceId, TenantId, Usd};
use futures_util::try_join;
use rust_decimal::Decimal;
use tokio_postgres::Row;

use super::capture::usd;
use super::parameter::Parameter;
use super::pool::Pool;
use super::session::Session;
use crate::invariants::{Invariant, QUESTIONS};
use crate::read::stored::{StoredAgent, StoredDecision, StoredInference, secret_sha256, word};
use crate::read::verify::{AuditLink, ChainEnd};
use crate::read::{ledger_amount, selects};
use crate::{InferenceView, LedgerEntryRow, LedgerView, StoreError, StoredKey, TenantRow};

/// Whether this server takes writes: a standby, or a primary that was demoted, answers reads as if
/// nothing had happened.
pub async fn ping(pool: &Pool) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let answer = client.takes_writes().await;
    if answer.is_err() {
        // the next question goes to whoever is the primary by then
        client.discard();
    }
    answer
}

pub async fn find_key(pool: &Pool, key_id: &str) -> Result<Option<StoredKey>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT k.secret_sha256, g.agent_id, g.tenant_id, g.name, g.status, g.spend_policy::text
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
    let agent = StoredAgent {
        agent_id: row.try_get(1)?,
        tenant_id: row.try_get(2)?,
        name: row.try_get(3)?,
        status: row.try_get(4)?,
        spend_policy: row.try_get(5)?,
    };
    Ok(Some(StoredKey {
        secret_sha256: secret_sha256(row.try_get(0)?)?,
        agent: agent.into_agent()?,
    }))
}

pub async fn inference(
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
    stored_inference(&row)?.into_view().map(Some)
}

pub(super) fn stored_inference(row: &Row) -> Result<StoredInference, StoreError> {
    Ok(StoredInference {
        request_id: row.try_get("request_id")?,
        agent_id: row.try_get("agent_id")?,
        tenant_id: row.try_get("tenant_id")?,
        inference_id: row.try_get("inference_id")?,
        receipt_id: row.try_get("receipt_id")?,
        kind: row.try_get("kind")?,
        model_requested: row.try_get("model_requested")?,
        task_type: row.try_get("task_type")?,
        task_type_source: row.try_get("task_type_source")?,
        cell: row.try_get("cell")?,
        policy_version: row.try_get("policy_version")?,
        chosen_model_slug: row.try_get("chosen_model_slug")?,
        provider: row.try_get("provider")?,
        outcome_status: row.try_get("outcome_status")?,
        attempts: row.try_get("attempts_text")?,
        input_tokens: row.try_get("input_tokens")?,
        cache_read_input_tokens: row.try_get("cache_read_input_tokens")?,
        cache_creation_input_tokens: row.try_get("cache_creation_input_tokens")?,
        output_tokens: row.try_get("output_tokens")?,
        thinking_tokens: row.try_get("thinking_tokens")?,
        usage_basis: row.try_get("usage_basis")?,
        cost_usd: Usd::from_decimal(row.try_get::<_, Decimal>("cost_usd")?)?,
        stop_reason: row.try_get("stop_reason")?,
        streamed: row.try_get("streamed")?,
        first_content_ms: row.try_get("first_content_ms")?,
        observed_latency_ms: row.try_get("observed_latency_ms")?,
        coercions: row.try_get("coercions_text")?,
        created_at: row.try_get("created_at")?,
        decision: match row.try_get("direct_decision_text")? {
            Some(text) => StoredDecision::Direct(text),
            None => StoredDecision::Routed {
                ruleset_hash: row.try_get("ruleset_hash")?,
                decision_rule: row.try_get("decision_rule")?,
                candidates: row.try_get("candidates_text")?,
                m_allowed_set: row.try_get("m_allowed_set_text")?,
                q_prior_used: row.try_get("q_prior_used")?,
                cost_projected_usd: row
                    .try_get::<_, Option<Decimal>>("cost_projected_usd")?
                    .map(Usd::from_decimal)
                    .transpose()?,
            },
        },
    })
}

pub async fn chain_end(pool: &Pool, agent_id: AgentId) -> Result<ChainEnd, StoreError> {
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

pub async fn audit_links(
    pool: &Pool,
    agent_id: AgentId,
    since_seq: i64,
    limit: u32,
) -> Result<Vec<AuditLink>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT seq, event_id, event_type, payload, previous_hash, event_hash, created_at
             FROM audit_events WHERE agent_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .await?;
    let rows = client.query(&find, &[&agent_id.0, &since_seq, &i64::from(limit)]).await?;
    let links = rows.iter().map(|row| {
        Ok(AuditLink {
            agent_id,
            seq: row.try_get(0)?,
            event_id: row.try_get(1)?,
            event_type: row.try_get(2)?,
            payload: row.try_get(3)?,
            previous_hash: row.try_get(4)?,
            event_hash: row.try_get(5)?,
            created_at: row.try_get(6)?,
        })
    });
    links.collect()
}

/// One statement, so that the entries add up to the balance beside them.
pub async fn ledger(
    pool: &Pool,
    agent_id: AgentId,
    before_seq: Option<i64>,
    limit: u32,
) -> Result<Option<LedgerView>, StoreError> {
    let client = pool.get().await?;
    let find = client
        .prepare_cached(
            "SELECT a.balance, a.held, t.amount, t.balance_after, t.transfer_id, t.debit_account, t.kind, t.memo, t.created_at,
               a.funding, t.audit_seq
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
    let funding = word(first.try_get(9)?)?;
    let mut view = LedgerView::new(agent_id, funding, usd(first, 0)?, usd(first, 1)?)?;
    for row in &rows {
        let Some(id) = row.try_get(4)? else {
            continue;
        };
        view.entries.push(LedgerEntryRow {
            id,
            agent_id,
            amount_usd: ledger_amount(agent_id, row.try_get(5)?, usd(row, 2)?)?,
            balance_after_usd: usd(row, 3)?,
            kind: row.try_get(6)?,
            memo: row.try_get(7)?,
            created_at: row.try_get(8)?,
            seq: row.try_get(10)?,
        });
    }
    Ok(Some(view))
}

pub async fn tenants(pool: &Pool, limit: u32) -> Result<Vec<TenantRow>, StoreError> {
    let client = pool.get().await?;
    let list = "SELECT tenant_id, name FROM tenants ORDER BY tenant_id LIMIT $1";
    let rows = client.query(list, &[&i64::from(limit)]).await?;
    rows.iter()
        .map(|row| Ok(TenantRow { tenant_id: TenantId(row.try_get(0)?), name: row.try_get(1)? }))
        .collect()
}

/// All questions are answered from one snapshot.
pub async fn invariants(pool: &Pool, longest_call: Duration) -> Result<Vec<Invariant>, StoreError> {
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
