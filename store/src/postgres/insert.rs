//! Writes the rows of a transaction: one statement for each table.
//!
//! Every function here sends its statement at its first poll and not later, which
//! [`super::session::Session::commit_behind`] relies on.

use futures_util::try_join;

use super::client::Client;
use super::columns::write;
use super::idempotency;
use super::statements::Statements;
use crate::StoreError;
use crate::apply::rows::Changes;
use crate::table::{
    AgentBalances, AuditEvents, BalanceRow, ClosedCalls, Inferences, Intents, Outcomes,
    Reservations, TenantBalances, Transfers,
};

pub(super) async fn changes(
    client: &Client,
    statements: &Statements,
    changes: &Changes<'_>,
) -> Result<(), StoreError> {
    let agents: Vec<BalanceRow> = changes.accounts.iter().map(BalanceRow::from).collect();
    let tenants: Vec<BalanceRow> = changes.tenants.iter().map(BalanceRow::from).collect();
    try_join!(
        write::<Intents>(client, &statements.intents, &changes.intents),
        write::<Reservations>(client, &statements.reservations, &changes.reservations),
        write::<Outcomes>(client, &statements.outcomes, &changes.outcomes),
        write::<ClosedCalls>(client, &statements.closed_calls, &changes.closed_calls),
        write::<Inferences>(client, &statements.inferences, &changes.inferences),
        write::<Transfers>(client, &statements.transfers, &changes.transfers),
        write::<AuditEvents>(client, &statements.audit_events, &changes.audit_events),
        write::<AgentBalances>(client, &statements.accounts, &agents),
        write::<TenantBalances>(client, &statements.tenants, &tenants),
        idempotency::remove(client, &statements.keys, &changes.keys),
        idempotency::insert(client, &statements.keys, &changes.keys),
        idempotency::sweep(client, &statements.keys, &changes.keys),
    )?;
    Ok(())
}
