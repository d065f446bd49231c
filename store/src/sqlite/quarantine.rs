//! Records that were refused for good: kept, shown, and settled by an operator.

use ainfera_schema::RequestId;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::capture::{account, capture_within};
use super::insert;
use super::value::{Key, Time};
use crate::quarantine::{
    QuarantineDecision, QuarantineScope, QuarantinedRecord, RefusedRecord, Settled, Settlement,
    unknown_call,
};
use crate::read::stored::word;
use crate::table::BalanceRow;
use crate::{CloseResult, StoreError};

const RECORD: &str = "SELECT request_id, agent_id, refused_at, replica, reason, record, state,
    settled_at, settled_by, settled_reason FROM quarantine";

const KNOWN: &str = "SELECT 1 FROM intents WHERE request_id = ?1
    UNION ALL SELECT 1 FROM routing_outcomes WHERE request_id = ?1
    UNION ALL SELECT 1 FROM closed_calls WHERE request_id = ?1";

/// One transaction.
pub(super) fn keep(
    connection: &mut Connection,
    records: &[RefusedRecord],
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for record in records {
        let outcome = &record.closing.outcome;
        transaction.execute(
            "INSERT INTO quarantine (request_id, agent_id, refused_at, replica, reason, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (request_id) DO NOTHING",
            params![
                Key(outcome.request_id.0),
                Key(outcome.agent_id.0),
                Time::now(),
                record.replica,
                record.reason,
                record.to_json()?
            ],
        )?;
    }
    Ok(transaction.commit()?)
}

pub(super) fn waiting(connection: &mut Connection) -> Result<i64, StoreError> {
    let count = "SELECT count(*) FROM quarantine WHERE state = 'waiting'";
    Ok(connection.prepare_cached(count)?.query_row((), |row| row.get(0))?)
}

pub(super) fn list(
    connection: &mut Connection,
    scope: QuarantineScope,
    limit: u32,
) -> Result<Vec<QuarantinedRecord>, StoreError> {
    let which = match scope {
        QuarantineScope::Waiting => "WHERE state = 'waiting'",
        QuarantineScope::All => "",
    };
    let find = format!("{RECORD} {which} ORDER BY refused_at, request_id LIMIT ?1");
    let mut statement = connection.prepare(&find)?;
    let mut rows = statement.query((limit,))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn find(
    connection: &mut Connection,
    request_id: RequestId,
) -> Result<Option<QuarantinedRecord>, StoreError> {
    find_within(connection, request_id)
}

fn find_within(
    connection: &Connection,
    request_id: RequestId,
) -> Result<Option<QuarantinedRecord>, StoreError> {
    let mut statement = connection.prepare(&format!("{RECORD} WHERE request_id = ?1"))?;
    let mut rows = statement.query((Key(request_id.0),))?;
    rows.next()?.map(read).transpose()
}

/// One transaction: the decision, its audit event, and what a record that is put back writes.
pub(super) fn settle(
    connection: &mut Connection,
    request_id: RequestId,
    decision: &QuarantineDecision,
) -> Result<Option<Settled>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(record) = find_within(&transaction, request_id)? else {
        return Ok(None);
    };
    if !record.is_waiting() {
        return Ok(Some(Settled::Before(Box::new(record))));
    }
    tell(&transaction, &record, decision)?;
    transaction.execute(
        "UPDATE quarantine SET state = ?2, settled_at = ?3, settled_by = ?4, settled_reason = ?5
         WHERE request_id = ?1",
        params![
            Key(request_id.0),
            decision.state(),
            Time::now(),
            decision.decided_by,
            decision.reason()
        ],
    )?;
    let settled = match decision.settlement {
        Settlement::Dismiss { .. } => Settled::Dismissed,
        Settlement::PutBack => Settled::PutBack(put_back(&transaction, &record)?),
    };
    transaction.commit()?;
    Ok(Some(settled))
}

fn put_back(
    transaction: &Transaction<'_>,
    record: &QuarantinedRecord,
) -> Result<CloseResult, StoreError> {
    let unknown = || unknown_call(record.request_id);
    let known = transaction.query_row(KNOWN, (Key(record.request_id.0),), |_| Ok(())).optional()?;
    known.ok_or_else(unknown)?;
    let reply = capture_within(transaction, &record.batch()?)?;
    reply.closed.first().map(|(_, result)| *result).ok_or_else(unknown)
}

/// Where the agent is none of this database's there is no chain to tell.
fn tell(
    transaction: &Transaction<'_>,
    record: &QuarantinedRecord,
    decision: &QuarantineDecision,
) -> Result<(), StoreError> {
    let Some(mut account) = account(transaction, record.agent_id)? else {
        return Ok(());
    };
    let event = decision.event(record);
    let row = account.chain.append(event, Some(record.request_id), Time::now().0);
    insert::audit_events(transaction, &[row])?;
    insert::agent_balance(transaction, BalanceRow::from(&account))
}

fn read(row: &Row<'_>) -> Result<QuarantinedRecord, StoreError> {
    let id = |column| -> rusqlite::Result<uuid::Uuid> { Ok(row.get::<_, Key>(column)?.0) };
    Ok(QuarantinedRecord {
        request_id: RequestId(id(0)?),
        agent_id: ainfera_schema::AgentId(id(1)?),
        refused_at: row.get::<_, Time>(2)?.0,
        replica: row.get(3)?,
        reason: row.get(4)?,
        record: row.get(5)?,
        state: word(&row.get::<_, String>(6)?)?,
        settled_at: row.get::<_, Option<Time>>(7)?.map(|time| time.0),
        settled_by: row.get(8)?,
        settled_reason: row.get(9)?,
    })
}
