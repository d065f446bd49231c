//! An operator's change to a wallet, a pool or an agent: one transaction.

use ainfera_schema::{AgentId, TenantId, Usd};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::capture::{account, spent_by_all, tenant_account};
use super::insert;
use super::value::{Key, Time};
use crate::apply::administer::Administered;
use crate::apply::rows::to_json;
use crate::table::BalanceRow;
use crate::wallet::{WalletChange, WalletView};
use crate::{Owner, StoreError};

pub(super) fn administer(
    connection: &mut Connection,
    owner: Owner,
    change: &WalletChange,
) -> Result<Option<WalletView>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let now = Time::now().0;
    let Some(mut administered) = find(&transaction, owner)? else {
        return Ok(None);
    };
    if !done_before(&transaction, change)? {
        let written = administered.apply(change, now)?;
        if !written.audit_events.is_empty() {
            insert::transfers(&transaction, &written.transfers)?;
            insert::audit_events(&transaction, &written.audit_events)?;
            update(&transaction, &administered)?;
        }
    }
    transaction.commit()?;
    Ok(Some(administered.view(now)?))
}

pub(super) fn wallet(
    connection: &mut Connection,
    owner: Owner,
) -> Result<Option<WalletView>, StoreError> {
    let snapshot = connection.transaction()?;
    let found = find(&snapshot, owner)?;
    Ok(found.map(|found| found.view(Time::now().0)).transpose()?)
}

pub(super) fn find_agent(
    connection: &mut Connection,
    tenant_id: TenantId,
    name: &str,
) -> Result<Option<AgentId>, StoreError> {
    let find = "SELECT agent_id FROM agents WHERE tenant_id = ?1 AND name = ?2";
    let found = connection
        .query_row(find, (Key(tenant_id.0), name), |row| row.get::<_, Key>(0))
        .optional()?;
    Ok(found.map(|key| AgentId(key.0)))
}

pub(super) fn spent_today(connection: &mut Connection) -> Result<Usd, StoreError> {
    spent_by_all(connection)
}

fn find(transaction: &Transaction<'_>, owner: Owner) -> Result<Option<Administered>, StoreError> {
    Ok(match owner {
        Owner::Agent(agent_id) => account(transaction, agent_id)?.map(Administered::from),
        Owner::Tenant(tenant_id) => tenant_account(transaction, tenant_id)?.map(Administered::from),
    })
}

fn done_before(transaction: &Transaction<'_>, change: &WalletChange) -> Result<bool, StoreError> {
    let WalletChange::TopUp { transfer_id, .. } = change else {
        return Ok(false);
    };
    let mut statement =
        transaction.prepare_cached("SELECT 1 FROM transfers WHERE transfer_id = ?1")?;
    Ok(statement.exists((Key(*transfer_id),))?)
}

fn update(transaction: &Transaction<'_>, administered: &Administered) -> Result<(), StoreError> {
    let spend_policy = to_json(&administered.spend_policy)?;
    let row = BalanceRow { funds: &administered.funds, chain: &administered.chain };
    match administered.owner {
        Owner::Agent(agent_id) => {
            let update = "UPDATE agents SET status = ?2, spend_policy = ?3 WHERE agent_id = ?1";
            transaction
                .execute(update, (Key(agent_id.0), administered.status.as_str(), spend_policy))?;
            insert::agent_balance(transaction, row)
        }
        Owner::Tenant(tenant_id) => {
            let update = "UPDATE tenant_accounts SET wallet_strict_per_agent = ?2, spend_policy = ?3 WHERE tenant_id = ?1";
            transaction.execute(
                update,
                (Key(tenant_id.0), administered.wallet_strict_per_agent, spend_policy),
            )?;
            insert::tenant_balance(transaction, row)
        }
    }
}
