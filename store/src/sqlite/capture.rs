//! One batch, one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use ainfera_schema::{AgentId, RequestId, TenantId, Usd};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::rows::first;
use super::value::{Key, Nanos, Time};
use super::{adjust, idempotency, insert};
use crate::apply::account::{Account, TenantAccount};
use crate::apply::funds::Reservation;
use crate::apply::{Known, agents_of, apply};
use crate::read::stored::from_json;
use crate::{CaptureBatch, CaptureReply, Refusal, Sent, StoreError};

pub(super) fn capture(
    connection: &mut Connection,
    batch: &CaptureBatch,
) -> Result<CaptureReply, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let reply = capture_within(&transaction, batch)?;
    transaction.commit()?;
    Ok(reply)
}

/// The same in a transaction that writes more.
pub(super) fn capture_within(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
) -> Result<CaptureReply, StoreError> {
    let known = known(transaction, batch)?;
    let changes = apply(batch, known)?;
    insert::changes(transaction, &changes)?;
    Ok(changes.reply)
}

fn known(transaction: &Transaction<'_>, batch: &CaptureBatch) -> Result<Known, StoreError> {
    let accounts = accounts(transaction, batch)?;
    let removed = remove(transaction, batch)?;
    Ok(Known {
        now: Time::now().0,
        lost: adjust::lost_calls(transaction, batch, &removed)?,
        tenants: tenants(transaction, &accounts)?,
        accounts,
        spent_by_all: batch.killswitch_daily_usd.map(|_| spent_by_all(transaction)).transpose()?,
        open: open(transaction, batch)?,
        reserved: reserved(transaction, batch)?,
        closed: closed(transaction, batch, &removed)?,
        removed,
        keys: idempotency::find(transaction, batch)?,
    })
}

fn accounts(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
) -> Result<BTreeMap<AgentId, Account>, StoreError> {
    let mut accounts = BTreeMap::new();
    for agent_id in agents_of(batch) {
        if let Some(account) = account(transaction, agent_id)? {
            accounts.insert(agent_id, account);
        }
    }
    Ok(accounts)
}

fn tenants(
    transaction: &Transaction<'_>,
    accounts: &BTreeMap<AgentId, Account>,
) -> Result<BTreeMap<TenantId, TenantAccount>, StoreError> {
    let mut tenants = BTreeMap::new();
    for tenant_id in accounts.values().map(|account| account.tenant_id).collect::<HashSet<_>>() {
        if let Some(tenant) = tenant_account(transaction, tenant_id)? {
            tenants.insert(tenant_id, tenant);
        }
    }
    Ok(tenants)
}

pub(super) fn account(
    transaction: &Transaction<'_>,
    agent_id: AgentId,
) -> Result<Option<Account>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT a.agent_id, a.balance, a.held, a.held_elsewhere, a.spent_day, a.spent_day_usd, a.spent_month, a.spent_month_usd, a.paused, a.audit_seq,
           a.audit_head, g.spend_policy AS spend_policy_text, g.tenant_id, g.status, a.funding
         FROM accounts a JOIN agents g ON g.agent_id = a.agent_id WHERE a.agent_id = ?1",
    )?;
    first(&mut statement, (Key(agent_id.0),))
}

pub(super) fn tenant_account(
    transaction: &Transaction<'_>,
    tenant_id: TenantId,
) -> Result<Option<TenantAccount>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT tenant_id, balance, held, held_elsewhere, spent_day, spent_day_usd, spent_month,
           spent_month_usd, paused, audit_seq, audit_head, spend_policy AS spend_policy_text, wallet_strict_per_agent
         FROM tenant_accounts WHERE tenant_id = ?1",
    )?;
    first(&mut statement, (Key(tenant_id.0),))
}

/// Spent today and held, by all tenants.
pub(super) fn spent_by_all(connection: &Connection) -> Result<Usd, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT COALESCE(sum(held + held_elsewhere + CASE WHEN spent_day >= date('now') THEN spent_day_usd ELSE 0 END), 0)
         FROM tenant_accounts",
    )?;
    Ok(statement.query_row((), |row| row.get::<_, Nanos>(0))?.0)
}

fn open(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
) -> Result<HashSet<RequestId>, StoreError> {
    let mut statement =
        transaction.prepare_cached("SELECT 1 FROM intents WHERE request_id = ?1")?;
    let mut open = HashSet::new();
    if batch.sent == Sent::Never {
        return Ok(open);
    }
    for admission in &batch.admissions {
        if statement.exists((Key(admission.draft.request_id.0),))? {
            open.insert(admission.draft.request_id);
        }
    }
    Ok(open)
}

fn remove(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
) -> Result<HashMap<RequestId, Reservation>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM intents WHERE request_id = ?1 AND agent_id = ?2 RETURNING request_id, hold, charged",
    )?;
    let mut removed = HashMap::new();
    for closing in &batch.closings {
        let keys = (Key(closing.outcome.request_id.0), Key(closing.outcome.agent_id.0));
        removed.extend(first::<(RequestId, Reservation)>(&mut statement, keys)?);
    }
    Ok(removed)
}

/// After the intents of the batch's closings are gone.
fn reserved(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
) -> Result<HashMap<RequestId, Reservation>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT request_id, hold, charged FROM intents WHERE request_id = ?1 AND agent_id = ?2",
    )?;
    let mut reserved = HashMap::new();
    for extension in &batch.extensions {
        let keys = (Key(extension.request_id.0), Key(extension.agent_id.0));
        reserved.extend(first::<(RequestId, Reservation)>(&mut statement, keys)?);
    }
    Ok(reserved)
}

fn closed(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
    removed: &HashMap<RequestId, Reservation>,
) -> Result<HashMap<RequestId, Option<Refusal>>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT refusal FROM closed_calls WHERE request_id = ?1
         UNION ALL SELECT NULL FROM routing_outcomes WHERE request_id = ?1",
    )?;
    let mut closed = HashMap::new();
    if batch.sent == Sent::Never && removed.len() == batch.closings.len() {
        return Ok(closed);
    }
    for request_id in batch.request_ids() {
        let mut rows = statement.query((Key(request_id.0),))?;
        if let Some(row) = rows.next()? {
            let refusal: Option<String> = row.get(0)?;
            closed.insert(request_id, refusal.as_deref().map(from_json).transpose()?);
        }
    }
    Ok(closed)
}
