//! Writes the rows of a transaction: one statement for each table, its columns as arrays.
//!
//! Every function here sends its statement at its first poll and not later, which
//! [`super::session::Session::commit_behind`] relies on.

use std::borrow::Cow;

use ainfera_schema::Usd;
use futures_util::try_join;

use super::client::{Client, Statement};
use super::idempotency;
use super::parameter::Parameter;
use super::statements::Statements;
use crate::StoreError;
use crate::apply::chain::Chain;
use crate::apply::purse::Purse;
use crate::apply::rows::{
    AuditRow, Changes, ClosedCallRow, HoldRow, InferenceRow, IntentRow, OutcomeRow, TransferRow,
    to_json, token_count,
};

pub async fn changes(
    client: &Client,
    statements: &Statements,
    changes: &Changes<'_>,
) -> Result<(), StoreError> {
    let (agents, tenants) = (
        column(&changes.accounts, |row| (&row.purse, &row.chain)),
        column(&changes.tenants, |row| (&row.purse, &row.chain)),
    );
    try_join!(
        intents(client, &statements.intents, &changes.intents),
        holds(client, &statements.holds, &changes.holds),
        outcomes(client, &statements.outcomes, &changes.outcomes),
        closed_calls(client, &statements.closed_calls, &changes.closed_calls),
        inferences(client, &statements.inferences, &changes.inferences),
        transfers(client, &statements.transfers, &changes.transfers),
        audit_events(client, &statements.audit_events, &changes.audit_events),
        accounts(client, &statements.accounts, &agents),
        accounts(client, &statements.tenants, &tenants),
        idempotency::remove(client, &statements.keys, &changes.keys),
        idempotency::insert(client, &statements.keys, &changes.keys),
        idempotency::sweep(client, &statements.keys, &changes.keys),
    )?;
    Ok(())
}

async fn intents(
    client: &Client,
    statement: &Statement,
    rows: &[IntentRow],
) -> Result<(), StoreError> {
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |row| row.request_id.0),
            &column(rows, |row| row.agent_id.0),
            &column(rows, |row| row.boot_id.0),
            &column(rows, |row| row.kind.as_str()),
            &column(rows, |row| row.hold.to_decimal()),
            &column(rows, |row| row.charge_if_lost.to_decimal()),
            &column(rows, |row| row.draft.as_str()),
            &column(rows, |row| row.created_at),
            &column(rows, |row| row.charged.as_str()),
        ],
    )
    .await
}

async fn holds(client: &Client, statement: &Statement, rows: &[HoldRow]) -> Result<(), StoreError> {
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |row| row.request_id.0),
            &column(rows, |row| row.hold.amount.to_decimal()),
            &column(rows, |row| row.hold.charged.as_str()),
        ],
    )
    .await
}

async fn outcomes(
    client: &Client,
    statement: &Statement,
    rows: &[OutcomeRow<'_>],
) -> Result<(), StoreError> {
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |row| row.outcome.request_id.0),
            &column(rows, |row| row.outcome.agent_id.0),
            &column(rows, |row| row.outcome.tenant_id.0),
            &column(rows, |row| row.outcome.inference_id.map(|id| id.0)),
            &column(rows, |row| row.outcome.task_type.as_str()),
            &column(rows, |row| row.outcome.cell.as_deref().map(text)),
            &column(rows, |row| text(&row.outcome.policy_version)),
            &column(rows, |row| text(&row.outcome.ruleset_hash)),
            &column(rows, |row| text(&row.outcome.decision_rule)),
            &column(rows, |row| text(&row.outcome.candidates_json)),
            &column(rows, |row| row.outcome.chosen_model.as_ref().map(|slug| text(slug.as_str()))),
            &column(rows, |row| row.outcome.q_prior_used),
            &column(rows, |row| text(&row.outcome.m_allowed_set_json)),
            &column(rows, |row| row.outcome.cost_projected_usd.map(Usd::to_decimal)),
            &column(rows, |row| row.outcome.cost_actual_usd.to_decimal()),
            &column(rows, |row| i64::from(row.outcome.latency_ms)),
            &column(rows, |row| row.outcome.first_content_ms.map(i64::from)),
            &column(rows, |row| row.status.as_str()),
            &column(rows, |row| token_count(row.outcome.usage.input_tokens)),
            &column(rows, |row| token_count(row.outcome.usage.cache_read_input_tokens)),
            &column(rows, |row| token_count(row.outcome.usage.cache_creation_input_tokens)),
            &column(rows, |row| token_count(row.outcome.usage.output_tokens)),
            &column(rows, |row| row.outcome.usage_basis.as_str()),
            &column(rows, |row| row.outcome.created_at),
            &column(rows, |row| row.closed_at),
        ],
    )
    .await
}

async fn closed_calls(
    client: &Client,
    statement: &Statement,
    rows: &[ClosedCallRow],
) -> Result<(), StoreError> {
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |row| row.request_id.0),
            &column(rows, |row| row.agent_id.0),
            &column(rows, |row| row.kind.as_str()),
            &column(rows, |row| row.status.as_str()),
            &column(rows, |row| row.cost.to_decimal()),
            &column(rows, |row| row.refusal.as_deref()),
            &column(rows, |row| row.closed_at),
        ],
    )
    .await
}

async fn inferences(
    client: &Client,
    statement: &Statement,
    rows: &[InferenceRow<'_>],
) -> Result<(), StoreError> {
    let attempts = rows
        .iter()
        .map(|row| to_json(&row.outcome.attempts))
        .collect::<Result<Vec<String>, _>>()?;
    let coercions = rows
        .iter()
        .map(|row| to_json(&row.outcome.coercions))
        .collect::<Result<Vec<String>, _>>()?;
    let decisions = rows
        .iter()
        .map(InferenceRow::direct_decision)
        .collect::<Result<Vec<Option<String>>, _>>()?;
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |row| row.inference_id.0),
            &column(rows, |row| row.outcome.request_id.0),
            &column(rows, |row| row.outcome.agent_id.0),
            &column(rows, |row| text(&row.outcome.model_requested)),
            &column(rows, |row| row.outcome.chosen_model.as_ref().map(|slug| text(slug.as_str()))),
            &column(rows, |row| {
                row.outcome.provider.as_ref().map(|provider| text(provider.as_str()))
            }),
            &column(rows, |row| row.outcome.kind.as_str()),
            &column(rows, |row| row.outcome.task_type.as_str()),
            &column(rows, |row| row.outcome.task_type_source.as_str()),
            &column(rows, |row| text(&row.outcome.policy_version)),
            &column(rows, |row| row.outcome.cell.as_deref().map(text)),
            &attempts,
            &column(rows, |row| token_count(row.outcome.usage.input_tokens)),
            &column(rows, |row| token_count(row.outcome.usage.cache_read_input_tokens)),
            &column(rows, |row| token_count(row.outcome.usage.cache_creation_input_tokens)),
            &column(rows, |row| token_count(row.outcome.usage.output_tokens)),
            &column(rows, |row| token_count(row.outcome.usage.thinking_tokens)),
            &column(rows, |row| row.outcome.usage_basis.as_str()),
            &column(rows, |row| row.outcome.cost_actual_usd.to_decimal()),
            &column(rows, |row| row.outcome.stop_reason.as_deref().map(text)),
            &column(rows, |row| row.outcome.streamed),
            &coercions,
            &column(rows, |row| row.outcome.receipt_id.0),
            &column(rows, |row| row.status.as_str()),
            &column(rows, |row| row.outcome.first_content_ms.map(i64::from)),
            &column(rows, |row| i64::from(row.outcome.latency_ms)),
            &decisions,
            &column(rows, |row| row.outcome.created_at),
        ],
    )
    .await
}

pub async fn transfers(
    client: &Client,
    statement: &Statement,
    rows: &[TransferRow],
) -> Result<(), StoreError> {
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |row| row.transfer_id),
            &column(rows, |row| row.debit_account.as_str()),
            &column(rows, |row| row.credit_account.as_str()),
            &column(rows, |row| row.amount.to_decimal()),
            &column(rows, |row| row.kind.as_str()),
            &column(rows, |row| row.request_id.map(|id| id.0)),
            &column(rows, |row| row.agent_id.0),
            &column(rows, |row| row.balance_after.to_decimal()),
            &column(rows, |row| text(&row.memo)),
            &column(rows, |row| row.audit_seq),
            &column(rows, |row| row.created_at),
        ],
    )
    .await
}

pub async fn audit_events(
    client: &Client,
    statement: &Statement,
    rows: &[AuditRow],
) -> Result<(), StoreError> {
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |row| row.agent_id.0),
            &column(rows, |row| row.seq),
            &column(rows, |row| row.event_id),
            &column(rows, |row| row.event_type.as_str()),
            &column(rows, |row| row.payload.as_str()),
            &column(rows, |row| row.previous_hash.as_deref()),
            &column(rows, |row| row.event_hash.as_str()),
            &column(rows, |row| row.created_at),
        ],
    )
    .await
}

/// Of agents or of tenants.
pub async fn accounts(
    client: &Client,
    statement: &Statement,
    rows: &[(&Purse, &Chain)],
) -> Result<(), StoreError> {
    send(
        client,
        statement,
        rows.len(),
        &[
            &column(rows, |(_, chain)| chain.owner),
            &column(rows, |(purse, _)| purse.balance.to_decimal()),
            &column(rows, |(purse, _)| purse.held.to_decimal()),
            &column(rows, |(purse, _)| purse.held_elsewhere.to_decimal()),
            &column(rows, |(purse, _)| purse.spent_day),
            &column(rows, |(purse, _)| purse.spent_day_usd.to_decimal()),
            &column(rows, |(purse, _)| purse.spent_month),
            &column(rows, |(purse, _)| purse.spent_month_usd.to_decimal()),
            &column(rows, |(purse, _)| purse.paused),
            &column(rows, |(_, chain)| chain.seq),
            &column(rows, |(_, chain)| chain.head.as_deref()),
        ],
    )
    .await
}

/// Nothing is sent for no rows. As many rows as were meant must be written.
async fn send(
    client: &Client,
    statement: &Statement,
    rows: usize,
    columns: &[&dyn Parameter],
) -> Result<(), StoreError> {
    if rows == 0 {
        return Ok(());
    }
    let written = client.execute(statement, columns).await?;
    if written == rows as u64 {
        Ok(())
    } else {
        Err(StoreError::Corrupt(format!("{written} rows were written where {rows} were meant")))
    }
}

fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// PostgreSQL keeps any character in text but U+0000, which a caller may well send.
fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_character_that_postgres_refuses_is_replaced() {
        assert_eq!(text("a\0b"), "a\u{fffd}b");
        assert!(matches!(text("ab"), Cow::Borrowed("ab")));
    }
}
