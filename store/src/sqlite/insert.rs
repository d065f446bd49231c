//! Writes the rows of a transaction.

use rusqlite::{Transaction, params};

use super::idempotency;
use super::value::{Key, Nanos, Text, Time};
use crate::StoreError;
use crate::apply::chain::Chain;
use crate::apply::purse::Purse;
use crate::apply::rows::{
    AuditRow, Changes, ClosedCallRow, HoldRow, InferenceRow, IntentRow, OutcomeRow, TransferRow,
    to_json, token_count,
};

pub fn changes(transaction: &Transaction<'_>, changes: &Changes<'_>) -> Result<(), StoreError> {
    intents(transaction, &changes.intents)?;
    holds(transaction, &changes.holds)?;
    outcomes(transaction, &changes.outcomes)?;
    closed_calls(transaction, &changes.closed_calls)?;
    inferences(transaction, &changes.inferences)?;
    transfers(transaction, &changes.transfers)?;
    audit_events(transaction, &changes.audit_events)?;
    for row in &changes.accounts {
        account(transaction, AccountTable::Agents, &row.purse, &row.chain)?;
    }
    for row in &changes.tenants {
        account(transaction, AccountTable::Tenants, &row.purse, &row.chain)?;
    }
    idempotency::write(transaction, &changes.keys)
}

fn intents(transaction: &Transaction<'_>, rows: &[IntentRow]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO intents (request_id, agent_id, boot_id, kind, hold, charge_if_lost, draft, created_at, charged)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for row in rows {
        statement.execute(params![
            Key(row.request_id.0),
            Key(row.agent_id.0),
            Key(row.boot_id.0),
            row.kind.as_str(),
            Nanos(row.hold),
            Nanos(row.charge_if_lost),
            row.draft,
            Time(row.created_at),
            row.charged.as_str(),
        ])?;
    }
    Ok(())
}

fn holds(transaction: &Transaction<'_>, rows: &[HoldRow]) -> Result<(), StoreError> {
    let mut statement = transaction
        .prepare_cached("UPDATE intents SET hold = ?2, charged = ?3 WHERE request_id = ?1")?;
    for row in rows {
        statement.execute(params![
            Key(row.request_id.0),
            Nanos(row.hold.amount),
            row.hold.charged.as_str()
        ])?;
    }
    Ok(())
}

fn outcomes(transaction: &Transaction<'_>, rows: &[OutcomeRow<'_>]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO routing_outcomes (request_id, agent_id, tenant_id, inference_id, task_type, cell, policy_version, ruleset_hash,
           decision_rule, candidates, chosen_model_slug, q_prior_used, m_allowed_set, cost_projected_usd, cost_actual_usd,
           observed_latency_ms, first_content_ms, outcome_status, input_tokens, cache_read_input_tokens, cache_creation_input_tokens,
           output_tokens, usage_basis, created_at, closed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)",
    )?;
    for row in rows {
        let outcome = &*row.outcome;
        statement.execute(params![
            Key(outcome.request_id.0),
            Key(outcome.agent_id.0),
            Key(outcome.tenant_id.0),
            outcome.inference_id.map(|id| Key(id.0)),
            outcome.task_type.as_str(),
            outcome.cell,
            outcome.policy_version,
            outcome.ruleset_hash,
            outcome.decision_rule,
            outcome.candidates_json,
            outcome.chosen_model.as_ref().map(|slug| slug.as_str()),
            outcome.q_prior_used.map(Text),
            outcome.m_allowed_set_json,
            outcome.cost_projected_usd.map(Nanos),
            Nanos(outcome.cost_actual_usd),
            outcome.latency_ms,
            outcome.first_content_ms,
            row.status.as_str(),
            token_count(outcome.usage.input_tokens),
            token_count(outcome.usage.cache_read_input_tokens),
            token_count(outcome.usage.cache_creation_input_tokens),
            token_count(outcome.usage.output_tokens),
            outcome.usage_basis.as_str(),
            Time(outcome.created_at),
            Time(row.closed_at),
        ])?;
    }
    Ok(())
}

fn closed_calls(transaction: &Transaction<'_>, rows: &[ClosedCallRow]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO closed_calls (request_id, agent_id, kind, outcome_status, cost_usd, refusal, closed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for row in rows {
        statement.execute(params![
            Key(row.request_id.0),
            Key(row.agent_id.0),
            row.kind.as_str(),
            row.status.as_str(),
            Nanos(row.cost),
            row.refusal,
            Time(row.closed_at),
        ])?;
    }
    Ok(())
}

fn inferences(transaction: &Transaction<'_>, rows: &[InferenceRow<'_>]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO inferences (inference_id, request_id, agent_id, model_requested, chosen_model_slug, provider, kind, task_type,
           task_type_source, policy_version, cell, attempts, input_tokens, cache_read_input_tokens, cache_creation_input_tokens,
           output_tokens, thinking_tokens, usage_basis, cost_usd, stop_reason, streamed, coercions, receipt_id, outcome_status,
           first_content_ms, observed_latency_ms, direct_decision, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26,
           ?27, ?28)",
    )?;
    for row in rows {
        let outcome = row.outcome;
        statement.execute(params![
            Key(row.inference_id.0),
            Key(outcome.request_id.0),
            Key(outcome.agent_id.0),
            outcome.model_requested,
            outcome.chosen_model.as_ref().map(|slug| slug.as_str()),
            outcome.provider.as_ref().map(|provider| provider.as_str()),
            outcome.kind.as_str(),
            outcome.task_type.as_str(),
            outcome.task_type_source.as_str(),
            outcome.policy_version,
            outcome.cell,
            to_json(&outcome.attempts)?,
            token_count(outcome.usage.input_tokens),
            token_count(outcome.usage.cache_read_input_tokens),
            token_count(outcome.usage.cache_creation_input_tokens),
            token_count(outcome.usage.output_tokens),
            token_count(outcome.usage.thinking_tokens),
            outcome.usage_basis.as_str(),
            Nanos(outcome.cost_actual_usd),
            outcome.stop_reason,
            outcome.streamed,
            to_json(&outcome.coercions)?,
            Key(outcome.receipt_id.0),
            row.status.as_str(),
            outcome.first_content_ms,
            outcome.latency_ms,
            row.direct_decision()?,
            Time(outcome.created_at),
        ])?;
    }
    Ok(())
}

pub fn transfers<'a>(
    transaction: &Transaction<'_>,
    rows: impl IntoIterator<Item = &'a TransferRow>,
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO transfers (transfer_id, debit_account, credit_account, amount, kind, request_id, agent_id, balance_after, memo,
           audit_seq, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for row in rows {
        statement.execute(params![
            Key(row.transfer_id),
            row.debit_account,
            row.credit_account,
            Nanos(row.amount),
            row.kind.as_str(),
            row.request_id.map(|id| Key(id.0)),
            Key(row.agent_id.0),
            Nanos(row.balance_after),
            row.memo,
            row.audit_seq,
            Time(row.created_at),
        ])?;
    }
    Ok(())
}

pub fn audit_events(transaction: &Transaction<'_>, rows: &[AuditRow]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO audit_events (agent_id, seq, event_id, event_type, payload, previous_hash, event_hash, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for row in rows {
        statement.execute(params![
            Key(row.agent_id.0),
            row.seq,
            Key(row.event_id),
            row.event_type.as_str(),
            row.payload,
            row.previous_hash,
            row.event_hash,
            Time(row.created_at),
        ])?;
    }
    Ok(())
}

/// Whose accounts a table has.
#[derive(Debug, Clone, Copy)]
pub enum AccountTable {
    Agents,
    Tenants,
}

pub fn account(
    transaction: &Transaction<'_>,
    table: AccountTable,
    purse: &Purse,
    chain: &Chain,
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(match table {
        AccountTable::Agents => {
            "UPDATE accounts SET balance = ?2, held = ?3, held_elsewhere = ?4, spent_day = ?5, spent_day_usd = ?6, spent_month = ?7,
               spent_month_usd = ?8, paused = ?9, audit_seq = ?10, audit_head = ?11
             WHERE agent_id = ?1"
        }
        AccountTable::Tenants => {
            "UPDATE tenant_accounts SET balance = ?2, held = ?3, held_elsewhere = ?4, spent_day = ?5, spent_day_usd = ?6, spent_month = ?7,
               spent_month_usd = ?8, paused = ?9, audit_seq = ?10, audit_head = ?11
             WHERE tenant_id = ?1"
        }
    })?;
    statement.execute(params![
        Key(chain.owner),
        Nanos(purse.balance),
        Nanos(purse.held),
        Nanos(purse.held_elsewhere),
        Text(purse.spent_day),
        Nanos(purse.spent_day_usd),
        Text(purse.spent_month),
        Nanos(purse.spent_month_usd),
        purse.paused,
        chain.seq,
        chain.head,
    ])?;
    Ok(())
}
