//! Reads.

use ainfera_schema::{AgentId, InferenceId, TenantId};
use rusqlite::{Connection, OptionalExtension, Row};

use super::value::{Key, Nanos, Text, Time};
use crate::read::stored::{StoredAgent, StoredDecision, StoredInference, secret_sha256, word};
use crate::read::verify::{AuditLink, ChainEnd};
use crate::read::{ledger_amount, selects};
use crate::{InferenceView, LedgerEntryRow, LedgerView, StoreError, StoredKey, TenantRow};

pub fn find_key(
    connection: &mut Connection,
    key_id: &str,
) -> Result<Option<StoredKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT k.secret_sha256, g.agent_id, g.tenant_id, g.name, g.status, g.spend_policy
         FROM api_keys k JOIN agents g ON g.agent_id = k.agent_id WHERE k.key_id = ?1 AND k.revoked_at IS NULL",
    )?;
    let found = statement.query_row((key_id,), |row| {
        let agent = StoredAgent {
            agent_id: row.get::<_, Key>(1)?.0,
            tenant_id: row.get::<_, Key>(2)?.0,
            name: row.get(3)?,
            status: row.get(4)?,
            spend_policy: row.get(5)?,
        };
        Ok((row.get::<_, Vec<u8>>(0)?, agent))
    });
    let Some((secret, agent)) = found.optional()? else {
        return Ok(None);
    };
    Ok(Some(StoredKey { secret_sha256: secret_sha256(&secret)?, agent: agent.into_agent()? }))
}

pub fn inference(
    connection: &mut Connection,
    agent_id: AgentId,
    inference_id: InferenceId,
) -> Result<Option<InferenceView>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{} WHERE i.agent_id = ?1 AND i.inference_id = ?2",
        selects::INFERENCE
    ))?;
    let found =
        statement.query_row((Key(agent_id.0), Key(inference_id.0)), stored_inference).optional()?;
    found.map(StoredInference::into_view).transpose()
}

pub(super) fn stored_inference(row: &Row<'_>) -> rusqlite::Result<StoredInference> {
    Ok(StoredInference {
        request_id: row.get::<_, Key>("request_id")?.0,
        agent_id: row.get::<_, Key>("agent_id")?.0,
        tenant_id: row.get::<_, Key>("tenant_id")?.0,
        inference_id: row.get::<_, Key>("inference_id")?.0,
        receipt_id: row.get::<_, Key>("receipt_id")?.0,
        kind: row.get("kind")?,
        model_requested: row.get("model_requested")?,
        task_type: row.get("task_type")?,
        task_type_source: row.get("task_type_source")?,
        cell: row.get("cell")?,
        policy_version: row.get("policy_version")?,
        chosen_model_slug: row.get("chosen_model_slug")?,
        provider: row.get("provider")?,
        outcome_status: row.get("outcome_status")?,
        attempts: row.get("attempts_text")?,
        input_tokens: row.get("input_tokens")?,
        cache_read_input_tokens: row.get("cache_read_input_tokens")?,
        cache_creation_input_tokens: row.get("cache_creation_input_tokens")?,
        output_tokens: row.get("output_tokens")?,
        thinking_tokens: row.get("thinking_tokens")?,
        usage_basis: row.get("usage_basis")?,
        cost_usd: row.get::<_, Nanos>("cost_usd")?.0,
        stop_reason: row.get("stop_reason")?,
        streamed: row.get("streamed")?,
        first_content_ms: row.get("first_content_ms")?,
        observed_latency_ms: row.get("observed_latency_ms")?,
        coercions: row.get("coercions_text")?,
        created_at: row.get::<_, Time>("created_at")?.0,
        decision: match row.get("direct_decision_text")? {
            Some(text) => StoredDecision::Direct(text),
            None => StoredDecision::Routed {
                ruleset_hash: row.get("ruleset_hash")?,
                decision_rule: row.get("decision_rule")?,
                candidates: row.get("candidates_text")?,
                m_allowed_set: row.get("m_allowed_set_text")?,
                q_prior_used: row.get::<_, Option<Text<_>>>("q_prior_used")?.map(|text| text.0),
                cost_projected_usd: row
                    .get::<_, Option<Nanos>>("cost_projected_usd")?
                    .map(|nanos| nanos.0),
            },
        },
    })
}

pub fn chain_end(connection: &mut Connection, agent_id: AgentId) -> Result<ChainEnd, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT audit_seq, audit_head FROM accounts WHERE agent_id = ?1
        UNION ALL SELECT audit_seq, audit_head FROM tenant_accounts WHERE tenant_id = ?1",
    )?;
    let end = statement
        .query_row((Key(agent_id.0),), |row| Ok(ChainEnd { seq: row.get(0)?, head: row.get(1)? }));
    Ok(end.optional()?.unwrap_or_default())
}

pub fn audit_links(
    connection: &mut Connection,
    agent_id: AgentId,
    since_seq: i64,
    limit: u32,
) -> Result<Vec<AuditLink>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, event_id, event_type, payload, previous_hash, event_hash, created_at
         FROM audit_events WHERE agent_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let rows = statement.query_map((Key(agent_id.0), since_seq, limit), |row| {
        Ok(AuditLink {
            agent_id,
            seq: row.get(0)?,
            event_id: row.get::<_, Key>(1)?.0,
            event_type: row.get(2)?,
            payload: row.get(3)?,
            previous_hash: row.get(4)?,
            event_hash: row.get(5)?,
            created_at: row.get::<_, Time>(6)?.0,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn tenants(connection: &mut Connection, limit: u32) -> Result<Vec<TenantRow>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT tenant_id, name FROM tenants ORDER BY tenant_id LIMIT ?1")?;
    let rows = statement.query_map((limit,), |row| {
        Ok(TenantRow { tenant_id: TenantId(row.get::<_, Key>(0)?.0), name: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn ledger(
    connection: &mut Connection,
    agent_id: AgentId,
    before_seq: Option<i64>,
    limit: u32,
) -> Result<Option<LedgerView>, StoreError> {
    let snapshot = connection.transaction()?;
    let wallet = snapshot
        .query_row(
            "SELECT balance, held, funding FROM accounts WHERE agent_id = ?1",
            (Key(agent_id.0),),
            |row| {
                Ok((row.get::<_, Nanos>(0)?.0, row.get::<_, Nanos>(1)?.0, row.get::<_, String>(2)?))
            },
        )
        .optional()?;
    let Some((balance_usd, held_usd, funding)) = wallet else {
        return Ok(None);
    };
    let mut view = LedgerView::new(agent_id, word(&funding)?, balance_usd, held_usd)?;
    let mut statement = snapshot.prepare_cached(
        "SELECT transfer_id, debit_account, amount, balance_after, kind, memo, created_at, audit_seq
         FROM transfers WHERE agent_id = ?1 AND 'wallet:' || ?1 IN (debit_account, credit_account) AND audit_seq < ?3
         ORDER BY audit_seq DESC LIMIT ?2",
    )?;
    let mut rows = statement.query((Key(agent_id.0), limit, before_seq.unwrap_or(i64::MAX)))?;
    while let Some(row) = rows.next()? {
        let debit_account: String = row.get(1)?;
        view.entries.push(LedgerEntryRow {
            id: row.get::<_, Key>(0)?.0,
            agent_id,
            amount_usd: ledger_amount(agent_id, &debit_account, row.get::<_, Nanos>(2)?.0)?,
            balance_after_usd: row.get::<_, Nanos>(3)?.0,
            kind: row.get(4)?,
            memo: row.get(5)?,
            created_at: row.get::<_, Time>(6)?.0,
            seq: row.get(7)?,
        });
    }
    Ok(Some(view))
}
