//! One batch, one transaction, two round trips: look and lock, then write and commit.

use std::collections::{BTreeSet, HashMap, HashSet};

use ainfera_schema::{AgentId, RequestId, Usd};
use futures_util::try_join;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use uuid::Uuid;

use super::client::{Client, Statement};
use super::parameter::Parameter;
use super::pool::Pool;
use super::session::Session;
use super::statements::Statements;
use super::{adjust, idempotency, insert};
use crate::apply::account::{Account, TenantAccount};
use crate::apply::idempotency::{KeyBook, KeyRow};
use crate::apply::{Known, agents_of, apply};
use crate::read::stored::from_json;
use crate::row::FromRow;
use crate::{CaptureBatch, CaptureReply, Locks, Refusal, Sent, StoreError};

/// Whether a transaction is under way on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    NotYet,
    /// The same, for one that must not wait long for a lock.
    NotYetAndBriefly,
    Already,
}

impl Begun {
    async fn begin(self, client: &Client) -> Result<(), StoreError> {
        match self {
            Begun::NotYet => client.begin(BEGIN, "").await,
            // longer than a commit of another replica takes, and shorter than callers would notice
            Begun::NotYetAndBriefly => {
                client.begin(BEGIN, "SET LOCAL lock_timeout = '100ms'").await
            }
            Begun::Already => Ok(()),
        }
    }
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

pub(super) async fn capture(pool: &Pool, batch: &CaptureBatch) -> Result<CaptureReply, StoreError> {
    match batch.locks {
        Locks::Patiently => capture_on(Session::open(pool).await?, Begun::NotYet, batch).await,
        Locks::Briefly => {
            match capture_on(Session::open(pool).await?, Begun::NotYetAndBriefly, batch).await {
                Err(StoreError::Locked { .. }) => {
                    Err(StoreError::Locked { agents: locked(pool, batch).await? })
                }
                other => other,
            }
        }
    }
}

/// Whose accounts, or whose tenants' accounts, are locked by others right now.
async fn locked(pool: &Pool, batch: &CaptureBatch) -> Result<BTreeSet<AgentId>, StoreError> {
    let agents = agents_of(batch);
    let ids: Vec<Uuid> = agents.iter().map(|agent_id| agent_id.0).collect();
    let session = Session::open(pool).await?;
    let client = session.client()?;
    client.begin(BEGIN, "").await?;
    let free = client.query(FREE_ACCOUNTS, &[&ids]).await?;
    let free: HashSet<Uuid> = free.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let tenants = client.query(FREE_TENANTS, &[&ids]).await?;
    let tenants: HashSet<Uuid> =
        tenants.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let known = client
        .query("SELECT agent_id, tenant_id FROM agents WHERE agent_id = ANY($1)", &[&ids])
        .await?;
    client.batch_execute("ROLLBACK").await?;
    session.release();
    let mut locked = BTreeSet::new();
    for row in &known {
        let (agent_id, tenant_id): (Uuid, Uuid) = (row.try_get(0)?, row.try_get(1)?);
        if !free.contains(&agent_id) || !tenants.contains(&tenant_id) {
            locked.insert(AgentId(agent_id));
        }
    }
    Ok(locked)
}

const FREE_ACCOUNTS: &str = "SELECT agent_id FROM accounts WHERE agent_id = ANY($1) ORDER BY agent_id FOR UPDATE SKIP LOCKED";

const FREE_TENANTS: &str = "SELECT tenant_id FROM tenant_accounts
WHERE tenant_id = ANY(ARRAY(SELECT g.tenant_id FROM agents g WHERE g.agent_id = ANY($1))) ORDER BY tenant_id FOR UPDATE SKIP LOCKED";

/// Ends the transaction, and gives the session back.
pub(super) async fn capture_on(
    session: Session,
    begun: Begun,
    batch: &CaptureBatch,
) -> Result<CaptureReply, StoreError> {
    let statements = Box::pin(Statements::prepare(session.client()?)).await?;
    let known = Box::pin(known(session.client()?, begun, &statements, batch)).await?;
    let changes = session.client()?.server_changes();
    if batch.server_changes.is_some_and(|seen| seen != changes) {
        return Err(StoreError::AnotherServer);
    }
    let changes = apply(batch, known)?;
    session
        .commit_behind(Box::pin(insert::changes(session.client()?, &statements, &changes)))
        .await?;
    session.release();
    Ok(changes.reply)
}

/// The requests go out together, and the server takes them in this order: what is looked up is
/// looked up under the locks.
async fn known(
    client: &Client,
    begun: Begun,
    statements: &Statements,
    batch: &CaptureBatch,
) -> Result<Known, StoreError> {
    let agents: Vec<Uuid> = agents_of(batch).into_iter().map(|agent_id| agent_id.0).collect();
    let admitted: Vec<Uuid> =
        batch.admissions.iter().map(|admission| admission.draft.request_id.0).collect();
    let closing: Vec<Uuid> =
        batch.closings.iter().map(|closing| closing.outcome.request_id.0).collect();
    let extending: Vec<Uuid> =
        batch.extensions.iter().map(|extension| extension.request_id.0).collect();
    let (seen, all) = match batch.sent {
        Sent::PerhapsBefore | Sent::ToldAgain => {
            (admitted, batch.request_ids().map(|request_id| request_id.0).collect())
        }
        Sent::Never => (Vec::new(), Vec::new()),
    };
    let killswitch = batch.killswitch_daily_usd.is_some()
        && !(batch.admissions.is_empty() && extending.is_empty());
    let ((), (), accounts, tenants, open, removed, reserved, closed, keys) = try_join!(
        begun.begin(client),
        client.on_known_server(),
        query(client, &statements.lock_accounts, [&agents]),
        query(client, &statements.lock_tenants, [&agents]),
        query(client, &statements.find_open, [&seen]),
        query(client, &statements.remove_intents, [&closing, &agents]),
        query(client, &statements.find_reservations, [&extending, &agents]),
        query(client, &statements.find_closed, [&all]),
        idempotency::find(client, &statements.keys, batch),
    )?;
    let (mut closed, mut lost) = (closed_calls(&closed)?, HashMap::new());
    if removed.len() < closing.len() {
        if batch.sent == Sent::Never {
            closed = closed_calls(&query(client, &statements.find_closed, [&closing]).await?)?;
        }
        lost = adjust::lost_calls(client, &closing).await?;
    }
    // last of all locks
    let spent_by_all =
        if killswitch { Some(spent_by_all(client, statements).await?) } else { None };
    Ok(Known {
        now: accounts
            .first()
            .map(|row| row.try_get("now"))
            .transpose()?
            .unwrap_or_else(Timestamp::now),
        accounts: read::<Account, Vec<_>>(&accounts)?
            .into_iter()
            .map(|account| (account.agent_id, account))
            .collect(),
        tenants: read::<TenantAccount, Vec<_>>(&tenants)?
            .into_iter()
            .map(|account| (account.tenant_id, account))
            .collect(),
        spent_by_all,
        open: open
            .iter()
            .map(|row| Ok(RequestId(row.try_get(0)?)))
            .collect::<Result<HashSet<_>, StoreError>>()?,
        reserved: read(&reserved)?,
        removed: read(&removed)?,
        closed,
        lost,
        keys: KeyBook::new(read::<KeyRow, Vec<_>>(&keys)?),
    })
}

/// Nothing is asked about no keys.
async fn query<const N: usize>(
    client: &Client,
    statement: &Statement,
    keys: [&Vec<Uuid>; N],
) -> Result<Vec<Row>, StoreError> {
    if keys.first().is_some_and(|first| first.is_empty()) {
        return Ok(Vec::new());
    }
    let parameters = keys.map(|key| key as &dyn Parameter);
    client.query(statement, &parameters).await
}

async fn spent_by_all(client: &Client, statements: &Statements) -> Result<Usd, StoreError> {
    let (_, sums) = try_join!(
        query(client, &statements.lock_killswitch, [] as [&Vec<Uuid>; 0]),
        query(client, &statements.spent_by_all, [])
    )?;
    sums.first().map(|row| usd(row, 0)).transpose().map(Option::unwrap_or_default)
}

fn read<T: FromRow, C: FromIterator<T>>(rows: &[Row]) -> Result<C, StoreError> {
    rows.iter().map(T::from_row).collect()
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
pub(super) fn usd(row: &Row, column: usize) -> Result<Usd, StoreError> {
    Ok(Usd::from_decimal(row.try_get::<_, Decimal>(column)?)?)
}
