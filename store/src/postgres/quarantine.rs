//! Records that were refused for good: kept, shown, and settled by an operator.

use ainfera_schema::{AgentId, RequestId};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::administer::AGENT;
use super::capture::{self, Begun};
use super::client::Client;
use super::columns::{text, write};
use super::pool::Pool;
use super::session::Session;
use super::statements::{ACCOUNTS, AUDIT_EVENTS};
use crate::StoreError;
use crate::apply::account::Account;
use crate::quarantine::{
    QuarantineDecision, QuarantineScope, QuarantinedRecord, RefusedRecord, Settled, Settlement,
    unknown_call,
};
use crate::read::stored::word;
use crate::row::FromRow;
use crate::table::{AgentBalances, AuditEvents, BalanceRow};

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

const RECORD: &str = "SELECT request_id, agent_id, refused_at, replica, reason, record, state,
    settled_at, settled_by, settled_reason FROM quarantine";

const KEEP: &str = "INSERT INTO quarantine
    (request_id, agent_id, refused_at, replica, reason, record)
    VALUES ($1, $2, clock_timestamp(), $3, $4, $5) ON CONFLICT (request_id) DO NOTHING";

const SETTLE: &str = "UPDATE quarantine SET state = $2, settled_at = clock_timestamp(),
    settled_by = $3, settled_reason = $4 WHERE request_id = $1";

const KNOWN: &str = "SELECT 1 FROM intents WHERE request_id = $1
    UNION ALL SELECT 1 FROM routing_outcomes WHERE request_id = $1
    UNION ALL SELECT 1 FROM closed_calls WHERE request_id = $1";

/// One transaction.
pub(super) async fn keep(pool: &Pool, records: &[RefusedRecord]) -> Result<(), StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    let insert = client.prepare_cached(KEEP).await?;
    client.begin(BEGIN, "").await?;
    for record in records {
        let outcome = &record.closing.outcome;
        let (replica, reason) = (text(&record.replica), text(&record.reason));
        let json = record.to_json()?;
        let (request_id, agent_id) = (outcome.request_id.0, outcome.agent_id.0);
        client.execute(&insert, &[&request_id, &agent_id, &replica, &reason, &json]).await?;
    }
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(())
}

pub(super) async fn waiting(pool: &Pool) -> Result<i64, StoreError> {
    let client = pool.get().await?;
    let count = "SELECT count(*) FROM quarantine WHERE state = 'waiting'";
    Ok(client.query_one(count, &[]).await?.try_get(0)?)
}

pub(super) async fn list(
    pool: &Pool,
    scope: QuarantineScope,
    limit: u32,
) -> Result<Vec<QuarantinedRecord>, StoreError> {
    let which = match scope {
        QuarantineScope::Waiting => "WHERE state = 'waiting'",
        QuarantineScope::All => "",
    };
    let find = format!("{RECORD} {which} ORDER BY refused_at, request_id LIMIT $1");
    let rows = pool.get().await?.query(&find, &[&i64::from(limit)]).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn find_one(
    pool: &Pool,
    request_id: RequestId,
) -> Result<Option<QuarantinedRecord>, StoreError> {
    let find = format!("{RECORD} WHERE request_id = $1");
    let row = pool.get().await?.query_opt(&find, &[&request_id.0]).await?;
    row.as_ref().map(read).transpose()
}

/// One transaction: the decision, its audit event, and what a record that is put back writes.
pub(super) async fn settle(
    pool: &Pool,
    request_id: RequestId,
    decision: &QuarantineDecision,
) -> Result<Option<Settled>, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    client.begin(BEGIN, "").await?;
    let lock = format!("{RECORD} WHERE request_id = $1 FOR UPDATE");
    let Some(row) = client.query_opt(&lock, &[&request_id.0]).await? else {
        return Ok(None);
    };
    let record = read(&row)?;
    if !record.is_waiting() {
        return Ok(Some(Settled::Before(Box::new(record))));
    }
    tell(client, &record, decision).await?;
    let (state, reason) = (decision.state(), decision.reason().map(text));
    let decided_by = text(&decision.decided_by);
    client.execute(SETTLE, &[&request_id.0, &state, &decided_by, &reason]).await?;
    match decision.settlement {
        Settlement::Dismiss { .. } => {
            client.batch_execute("COMMIT").await?;
            session.release();
            Ok(Some(Settled::Dismissed))
        }
        Settlement::PutBack => {
            // the account is locked: nobody closes the call meanwhile
            if client.query(KNOWN, &[&request_id.0]).await?.is_empty() {
                return Err(unknown_call(request_id));
            }
            let reply = capture::capture_on(session, Begun::Already, &record.batch()?).await?;
            let (_, result) = reply.closed.first().ok_or_else(|| unknown_call(request_id))?;
            Ok(Some(Settled::PutBack(*result)))
        }
    }
}

/// Where the agent is none of this database's there is no chain to tell.
async fn tell(
    client: &Client,
    record: &QuarantinedRecord,
    decision: &QuarantineDecision,
) -> Result<(), StoreError> {
    let audit_events = client.prepare_cached(&AUDIT_EVENTS).await?;
    let accounts = client.prepare_cached(&ACCOUNTS).await?;
    // the lock first: a statement that waited for it has an old view of what hangs on it
    let lock = "SELECT 1 FROM accounts WHERE agent_id = $1 FOR UPDATE";
    client.query_opt(lock, &[&record.agent_id.0]).await?;
    let Some(row) = client.query_opt(AGENT, &[&record.agent_id.0]).await? else {
        return Ok(());
    };
    let mut account = Account::from_row(&row)?;
    let clock = client.query_one("SELECT clock_timestamp()", &[]).await?;
    let now: Timestamp = clock.try_get(0)?;
    let event = account.chain.append(decision.event(record), Some(record.request_id), now);
    write::<AuditEvents>(client, &audit_events, &[event]).await?;
    write::<AgentBalances>(client, &accounts, &[BalanceRow::from(&account)]).await
}

fn read(row: &Row) -> Result<QuarantinedRecord, StoreError> {
    Ok(QuarantinedRecord {
        request_id: RequestId(row.try_get(0)?),
        agent_id: AgentId(row.try_get(1)?),
        refused_at: row.try_get(2)?,
        replica: row.try_get(3)?,
        reason: row.try_get(4)?,
        record: row.try_get(5)?,
        state: word(row.try_get(6)?)?,
        settled_at: row.try_get(7)?,
        settled_by: row.try_get(8)?,
        settled_reason: row.try_get(9)?,
    })
}
