//! One batch, one transaction, two round trips: look and lock, then write and commit.

use std::collections::{BTreeMap, HashMap, HashSet};

use ainfera_schema::{AgentId, RequestId, Usd};
use deadpool_postgres::{ClientWrapper, Pool};
use futures_util::try_join;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::insert;
use super::session::Session;
use super::statements::Statements;
use crate::apply::account::Account;
use crate::apply::{Known, agents_of, apply};
use crate::read::stored::{from_json, word};
use crate::{CaptureBatch, CaptureReply, Refusal, StoreError};

pub async fn capture(pool: &Pool, batch: &CaptureBatch) -> Result<CaptureReply, StoreError> {
    let session = Session::open(pool).await?;
    let statements = Statements::prepare(session.client()?).await?;
    let known = known(session.client()?, &statements, batch).await?;
    let changes = apply(batch, known)?;
    session.commit_behind(Box::pin(insert::changes(session.client()?, &statements, &changes))).await?;
    session.release();
    Ok(changes.reply)
}

/// The five requests go out together, and the server takes them in this order: what is looked up is looked up under the locks.
async fn known(client: &ClientWrapper, statements: &Statements, batch: &CaptureBatch) -> Result<Known, StoreError> {
    let agents: Vec<Uuid> = agents_of(batch).into_iter().map(|agent_id| agent_id.0).collect();
    let admitted: Vec<Uuid> = batch.admissions.iter().map(|admission| admission.draft.request_id.0).collect();
    let closing: Vec<Uuid> = batch.closings.iter().map(|closing| closing.outcome.request_id.0).collect();
    let all: Vec<Uuid> = batch.request_ids().map(|request_id| request_id.0).collect();
    let ((), accounts, open, removed, closed) = try_join!(
        async { Ok(client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?) },
        query(client, &statements.lock_accounts, [&agents]),
        query(client, &statements.find_open, [&admitted]),
        query(client, &statements.remove_intents, [&closing, &agents]),
        query(client, &statements.find_closed, [&all]),
    )?;
    Ok(Known {
        now: accounts.first().map(|row| row.try_get("now")).transpose()?.unwrap_or_else(Timestamp::now),
        accounts: accounts.iter().map(account).collect::<Result<BTreeMap<AgentId, Account>, StoreError>>()?,
        open: open.iter().map(|row| Ok(RequestId(row.try_get(0)?))).collect::<Result<HashSet<_>, StoreError>>()?,
        removed: removed.iter().map(hold).collect::<Result<HashMap<_, _>, StoreError>>()?,
        closed: closed_calls(&closed)?,
    })
}

async fn query<const N: usize>(client: &ClientWrapper, statement: &Statement, keys: [&Vec<Uuid>; N]) -> Result<Vec<Row>, StoreError> {
    let parameters = keys.map(|key| key as &(dyn ToSql + Sync));
    Ok(client.query(statement, &parameters).await?)
}

fn account(row: &Row) -> Result<(AgentId, Account), StoreError> {
    let agent_id = AgentId(row.try_get(0)?);
    let account = Account {
        agent_id,
        status: word(row.try_get(1)?)?,
        spend_policy: from_json(row.try_get(2)?)?,
        balance: usd(row, 3)?,
        held: usd(row, 4)?,
        spent_day: row.try_get(5)?,
        spent_day_usd: usd(row, 6)?,
        audit_seq: row.try_get(7)?,
        audit_head: row.try_get(8)?,
    };
    Ok((agent_id, account))
}

fn hold(row: &Row) -> Result<(RequestId, Usd), StoreError> {
    Ok((RequestId(row.try_get(0)?), usd(row, 1)?))
}

/// A refused routed call is in both tables: the refusal is what counts.
fn closed_calls(rows: &[Row]) -> Result<HashMap<RequestId, Option<Refusal>>, StoreError> {
    let mut closed: HashMap<RequestId, Option<Refusal>> = HashMap::with_capacity(rows.len());
    for row in rows {
        let refusal: Option<&str> = row.try_get(1)?;
        let entry = closed.entry(RequestId(row.try_get(0)?)).or_default();
        if let Some(refusal) = refusal {
            *entry = Some(from_json(refusal)?);
        }
    }
    Ok(closed)
}

/// A column of money.
pub fn usd(row: &Row, column: usize) -> Result<Usd, StoreError> {
    Ok(Usd::from_decimal(row.try_get::<_, Decimal>(column)?)?)
}
