//! Reads a slice of what was written lately, what is open, and a few accounts in turn. Every
//! statement is a look-up by an index.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::client::Client;
use super::pool::Pool;
use super::session::Session;
use crate::StoreError;
use crate::invariants::recent::{
    ACCOUNTS, AccountRow, EVENTS, Plan, RecentLook, Slice, TRANSFERS, TransferRow, Watermark,
};
use crate::row::{FromRow, StoredRow};

const END: &str = "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM audit_events
    WHERE created_at > $1::text::timestamptz AND created_at <= $2::text::timestamptz ORDER BY created_at LIMIT 1 OFFSET $3";
const EVENTS_OF: &str = "SELECT agent_id, seq, event_type, (payload::json ->> 'request_id')::uuid AS request_id,
    previous_hash, event_hash
    FROM audit_events WHERE created_at > $1::text::timestamptz AND created_at <= $2::text::timestamptz";
const OUTCOMES: &str = "SELECT request_id, agent_id, inference_id, outcome_status, cost_actual_usd FROM routing_outcomes WHERE request_id = ANY($1)";
const CLOSED: &str = "SELECT request_id, agent_id, kind, outcome_status, cost_usd FROM closed_calls WHERE request_id = ANY($1)";
const INFERENCES: &str = "SELECT request_id, agent_id, inference_id, kind, outcome_status, cost_usd FROM inferences WHERE request_id = ANY($1)";
const KEYS: &str = "SELECT k.request_id FROM idempotency_keys k WHERE k.request_id = ANY($1) AND k.state = 'in_flight'
    AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.request_id = k.request_id)";
// OFFSET 0 keeps each look-up one of its own
const TRANSFERS_OF: &str = "SELECT t.* FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS c (agent_id, first, last)
    CROSS JOIN LATERAL (SELECT transfer_id, agent_id, audit_seq, kind, request_id, debit_account, credit_account, amount, balance_after
      FROM transfers WHERE agent_id = c.agent_id AND audit_seq BETWEEN c.first AND c.last OFFSET 0) t";
const NEWEST_TRANSFERS: &str = "SELECT t.* FROM unnest($1::uuid[]) AS o (owner)
    CROSS JOIN LATERAL (SELECT transfer_id, agent_id, audit_seq, kind, request_id, debit_account, credit_account, amount, balance_after
      FROM transfers WHERE agent_id = o.owner ORDER BY audit_seq DESC LIMIT $2) t";
const TURN: &str = "SELECT agent_id FROM accounts WHERE agent_id > $1 ORDER BY agent_id LIMIT $2";
const AGENTS: &str = "SELECT a.agent_id AS owner, g.tenant_id, a.balance, a.held, a.held_elsewhere, a.audit_seq, a.audit_head, e.seq, e.event_hash
    FROM accounts a JOIN agents g ON g.agent_id = a.agent_id
    LEFT JOIN LATERAL (SELECT seq, event_hash FROM audit_events WHERE agent_id = a.agent_id ORDER BY seq DESC LIMIT 1) e ON true
    WHERE a.agent_id = ANY($1)";
const TENANTS: &str = "SELECT a.tenant_id AS owner, NULL::uuid AS tenant_id, a.balance, a.held, a.held_elsewhere, a.audit_seq, a.audit_head, e.seq, e.event_hash
    FROM tenant_accounts a
    LEFT JOIN LATERAL (SELECT seq, event_hash FROM audit_events WHERE agent_id = a.tenant_id ORDER BY seq DESC LIMIT 1) e ON true
    WHERE a.tenant_id = ANY($1)";
/// Everything that is open: there are never many.
const INTENTS: &str = "SELECT i.request_id, i.agent_id, g.tenant_id, i.hold, i.charged = 'pool' AS pooled,
    EXISTS (SELECT 1 FROM boots b WHERE b.boot_id = i.boot_id AND b.state IN ('open', 'fenced')) AS boot_is_open,
    i.created_at < $1::text::timestamptz AS is_too_old
    FROM intents i LEFT JOIN agents g ON g.agent_id = i.agent_id";

pub(super) async fn look(
    pool: &Pool,
    mark: &Watermark,
    longest_call: Duration,
) -> Result<RecentLook, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    // a table that has grown since it was analysed last would be walked
    client
        .begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET LOCAL enable_seqscan = off")
        .await?;
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
    let plan = Plan::new(mark, now, longest_call);
    let until = client.query_opt(END, &[&plan.since, &plan.now, &i64::from(EVENTS - 1)]).await?;
    let until: Option<String> = until.map(|row| row.try_get(0)).transpose()?;
    let until = until.filter(|until| *until < plan.now);
    let mut slice = Slice::default();
    let events =
        client.query(EVENTS_OF, &[&plan.since, until.as_ref().unwrap_or(&plan.now)]).await?;
    slice.events = read(&events)?;
    let calls = Slice::request_ids(&slice.events);
    slice.outcomes = read(&client.query(OUTCOMES, &[&calls]).await?)?;
    slice.closed = read(&client.query(CLOSED, &[&calls]).await?)?;
    slice.inferences = read(&client.query(INFERENCES, &[&calls]).await?)?;
    slice.keys_in_flight = ids(&client.query(KEYS, &[&calls]).await?)?;
    let chains = Slice::chains(&slice.events);
    let (agents, ends): (Vec<Uuid>, Vec<(i64, i64)>) = chains.into_iter().unzip();
    let (first, last): (Vec<i64>, Vec<i64>) = ends.into_iter().unzip();
    slice.transfers = read(&client.query(TRANSFERS_OF, &[&agents, &first, &last]).await?)?;
    slice.intents = read(&client.query(INTENTS, &[&plan.oldest_call]).await?)?;
    let turn =
        client.query(TURN, &[&plan.account.unwrap_or_default(), &i64::from(ACCOUNTS)]).await?;
    let turn = ids(&turn)?;
    let mut owners: BTreeSet<Uuid> = agents.into_iter().chain(turn.iter().copied()).collect();
    owners.extend(
        slice.intents.iter().flat_map(|intent| [Some(intent.agent_id), intent.tenant_id]).flatten(),
    );
    slice.accounts = accounts(client, owners).await?;
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(plan.look(&slice, until, &turn))
}

/// Of these owners, and of the tenants of those that are agents.
async fn accounts(client: &Client, owners: BTreeSet<Uuid>) -> Result<Vec<AccountRow>, StoreError> {
    let mut owners: Vec<Uuid> = owners.into_iter().collect();
    let mut found = accounts_of(&client.query(AGENTS, &[&owners]).await?)?;
    owners.extend(found.iter().filter_map(|account| account.tenant_id));
    owners.sort_unstable();
    owners.dedup();
    found.extend(accounts_of(&client.query(TENANTS, &[&owners]).await?)?);
    let newest = client.query(NEWEST_TRANSFERS, &[&owners, &i64::from(TRANSFERS)]).await?;
    let mut transfers: HashMap<Uuid, Vec<TransferRow>> = HashMap::new();
    for transfer in read::<TransferRow>(&newest)? {
        transfers.entry(transfer.agent_id).or_default().push(transfer);
    }
    for account in &mut found {
        account.newest_transfers = transfers.remove(&account.owner).unwrap_or_default();
        account.newest_transfers.sort_unstable_by_key(|transfer| Reverse(transfer.audit_seq));
    }
    Ok(found)
}

fn read<T: FromRow>(rows: &[Row]) -> Result<Vec<T>, StoreError> {
    rows.iter().map(T::from_row).collect()
}

/// The first column.
fn ids(rows: &[Row]) -> Result<Vec<Uuid>, StoreError> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// With the newest event of each.
fn accounts_of(rows: &[Row]) -> Result<Vec<AccountRow>, StoreError> {
    let accounts = rows.iter().map(|row| {
        let seq: Option<i64> = row.value("seq")?;
        let newest_event = seq.zip(row.value("event_hash")?);
        Ok(AccountRow { newest_event, ..AccountRow::from_row(row)? })
    });
    accounts.collect()
}
