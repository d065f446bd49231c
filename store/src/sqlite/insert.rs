//! Writes the rows of a transaction.

use std::sync::LazyLock;

use rusqlite::Transaction;

use super::columns::write;
use super::idempotency;
use crate::StoreError;
use crate::apply::rows::{AuditRow, Changes, TransferRow};
use crate::table::statement::{sqlite_insert as insert, sqlite_update as update};
use crate::table::{
    AgentBalances, AuditEvents, BalanceRow, ClosedCalls, Inferences, Intents, Outcomes,
    Reservations, TenantBalances, Transfers,
};

static INTENTS: LazyLock<String> = LazyLock::new(insert::<Intents>);
static RESERVATIONS: LazyLock<String> = LazyLock::new(update::<Reservations>);
static OUTCOMES: LazyLock<String> = LazyLock::new(insert::<Outcomes>);
static CLOSED_CALLS: LazyLock<String> = LazyLock::new(insert::<ClosedCalls>);
static INFERENCES: LazyLock<String> = LazyLock::new(insert::<Inferences>);
static TRANSFERS: LazyLock<String> = LazyLock::new(insert::<Transfers>);
static AUDIT_EVENTS: LazyLock<String> = LazyLock::new(insert::<AuditEvents>);
static AGENT_BALANCES: LazyLock<String> = LazyLock::new(update::<AgentBalances>);
static TENANT_BALANCES: LazyLock<String> = LazyLock::new(update::<TenantBalances>);

pub(super) fn changes(
    transaction: &Transaction<'_>,
    changes: &Changes<'_>,
) -> Result<(), StoreError> {
    write::<Intents>(transaction, &INTENTS, &changes.intents)?;
    write::<Reservations>(transaction, &RESERVATIONS, &changes.reservations)?;
    write::<Outcomes>(transaction, &OUTCOMES, &changes.outcomes)?;
    write::<ClosedCalls>(transaction, &CLOSED_CALLS, &changes.closed_calls)?;
    write::<Inferences>(transaction, &INFERENCES, &changes.inferences)?;
    transfers(transaction, &changes.transfers)?;
    audit_events(transaction, &changes.audit_events)?;
    for account in &changes.accounts {
        agent_balance(transaction, account.into())?;
    }
    for account in &changes.tenants {
        tenant_balance(transaction, account.into())?;
    }
    idempotency::write(transaction, &changes.keys)
}

pub(super) fn transfers<'r>(
    transaction: &Transaction<'_>,
    rows: impl IntoIterator<Item = &'r TransferRow>,
) -> Result<(), StoreError> {
    write::<Transfers>(transaction, &TRANSFERS, rows)
}

pub(super) fn audit_events(
    transaction: &Transaction<'_>,
    rows: &[AuditRow],
) -> Result<(), StoreError> {
    write::<AuditEvents>(transaction, &AUDIT_EVENTS, rows)
}

pub(super) fn agent_balance(
    transaction: &Transaction<'_>,
    row: BalanceRow<'_>,
) -> Result<(), StoreError> {
    write::<AgentBalances>(transaction, &AGENT_BALANCES, [&row])
}

pub(super) fn tenant_balance(
    transaction: &Transaction<'_>,
    row: BalanceRow<'_>,
) -> Result<(), StoreError> {
    write::<TenantBalances>(transaction, &TENANT_BALANCES, [&row])
}
