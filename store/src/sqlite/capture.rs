//! One batch, one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use ainfera_schema::{AgentId, RequestId, Usd};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::insert;
use super::value::{Key, Nanos, Text, Time};
use crate::apply::account::Account;
use crate::apply::{Known, agents_of, apply};
use crate::read::stored::{from_json, word};
use crate::{CaptureBatch, CaptureReply, Refusal, StoreError};

pub fn capture(connection: &mut Connection, batch: &CaptureBatch) -> Result<CaptureReply, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = known(&transaction, batch)?;
    let changes = apply(batch, known)?;
    insert::changes(&transaction, &changes)?;
    transaction.commit()?;
    Ok(changes.reply)
}

fn known(transaction: &Transaction<'_>, batch: &CaptureBatch) -> Result<Known, StoreError> {
    Ok(Known {
        now: Time::now().0,
        accounts: accounts(transaction, batch)?,
        open: open(transaction, batch)?,
        removed: remove(transaction, batch)?,
        closed: closed(transaction, batch)?,
    })
}

fn accounts(transaction: &Transaction<'_>, batch: &CaptureBatch) -> Result<BTreeMap<AgentId, Account>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT g.status, g.spend_policy, a.balance, a.held, a.spent_day, a.spent_day_usd, a.audit_seq, a.audit_head
         FROM accounts a JOIN agents g ON g.agent_id = a.agent_id WHERE a.agent_id = ?1",
    )?;
    let mut accounts = BTreeMap::new();
    for agent_id in agents_of(batch) {
        let mut rows = statement.query((Key(agent_id.0),))?;
        if let Some(row) = rows.next()? {
            let account = Account {
                agent_id,
                status: word(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?,
                spend_policy: from_json(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?,
                balance: row.get::<_, Nanos>(2)?.0,
                held: row.get::<_, Nanos>(3)?.0,
                spent_day: row.get::<_, Text<_>>(4)?.0,
                spent_day_usd: row.get::<_, Nanos>(5)?.0,
                audit_seq: row.get(6)?,
                audit_head: row.get(7)?,
            };
            accounts.insert(agent_id, account);
        }
    }
    Ok(accounts)
}

fn open(transaction: &Transaction<'_>, batch: &CaptureBatch) -> Result<HashSet<RequestId>, StoreError> {
    let mut statement = transaction.prepare_cached("SELECT 1 FROM intents WHERE request_id = ?1")?;
    let mut open = HashSet::new();
    for admission in &batch.admissions {
        if statement.exists((Key(admission.draft.request_id.0),))? {
            open.insert(admission.draft.request_id);
        }
    }
    Ok(open)
}

fn remove(transaction: &Transaction<'_>, batch: &CaptureBatch) -> Result<HashMap<RequestId, Usd>, StoreError> {
    let mut statement = transaction.prepare_cached("DELETE FROM intents WHERE request_id = ?1 AND agent_id = ?2 RETURNING hold")?;
    let mut removed = HashMap::new();
    for closing in &batch.closings {
        let keys = (Key(closing.outcome.request_id.0), Key(closing.outcome.agent_id.0));
        if let Some(hold) = statement.query_row(keys, |row| row.get::<_, Nanos>(0)).optional()? {
            removed.insert(closing.outcome.request_id, hold.0);
        }
    }
    Ok(removed)
}

fn closed(transaction: &Transaction<'_>, batch: &CaptureBatch) -> Result<HashMap<RequestId, Option<Refusal>>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT refusal FROM closed_calls WHERE request_id = ?1
         UNION ALL SELECT NULL FROM routing_outcomes WHERE request_id = ?1",
    )?;
    let mut closed = HashMap::new();
    for request_id in batch.request_ids() {
        let mut rows = statement.query((Key(request_id.0),))?;
        if let Some(row) = rows.next()? {
            let refusal: Option<String> = row.get(0)?;
            closed.insert(request_id, refusal.as_deref().map(from_json).transpose()?);
        }
    }
    Ok(closed)
}
