//! An operator's change to a wallet, a pool or an agent: one transaction.

use ainfera_schema::{AgentId, TenantId, Usd};
use jiff::Timestamp;
use uuid::Uuid;

use super::capture::usd;
use super::client::Client;
use super::columns::write;
use super::pool::Pool;
use super::session::Session;
use super::statements::{ACCOUNTS, AUDIT_EVENTS, SPENT_BY_ALL, TENANTS, TRANSFERS};
use crate::apply::account::{Account, TenantAccount};
use crate::apply::administer::Administered;
use crate::apply::rows::to_json;
use crate::row::FromRow;
use crate::table::{AgentBalances, AuditEvents, BalanceRow, TenantBalances, Transfers};
use crate::wallet::{WalletChange, WalletView};
use crate::{Owner, StoreError};

pub(super) const AGENT: &str = "
SELECT a.*, g.tenant_id, g.status, g.spend_policy::text AS spend_policy_text
FROM accounts a JOIN agents g ON g.agent_id = a.agent_id WHERE a.agent_id = $1";

const TENANT: &str = "SELECT t.*, t.spend_policy::text AS spend_policy_text FROM tenant_accounts t WHERE t.tenant_id = $1";

pub(super) async fn administer(
    pool: &Pool,
    owner: Owner,
    change: &WalletChange,
) -> Result<Option<WalletView>, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    let (transfers, audit_events) =
        (client.prepare_cached(&TRANSFERS).await?, client.prepare_cached(&AUDIT_EVENTS).await?);
    client.begin("BEGIN ISOLATION LEVEL READ COMMITTED", "").await?;
    // the lock first, what hangs on it with the next statement: a statement that waited has an old
    // view of the tables it joins
    let lock = match owner {
        Owner::Agent(_) => "SELECT 1 FROM accounts WHERE agent_id = $1 FOR UPDATE",
        Owner::Tenant(_) => "SELECT 1 FROM tenant_accounts WHERE tenant_id = $1 FOR UPDATE",
    };
    client.query_opt(lock, &[&key(owner)]).await?;
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
    let Some(mut administered) = find(client, owner).await? else {
        return Ok(None);
    };
    if !done_before(client, change).await? {
        let written = administered.apply(change, now)?;
        if !written.audit_events.is_empty() {
            write::<Transfers>(client, &transfers, &written.transfers).await?;
            write::<AuditEvents>(client, &audit_events, &written.audit_events).await?;
            update(client, &administered).await?;
        }
    }
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(Some(administered.view(now)?))
}

pub(super) async fn wallet(pool: &Pool, owner: Owner) -> Result<Option<WalletView>, StoreError> {
    let client = pool.get().await?;
    let found = find(&client, owner).await?;
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
    Ok(found.map(|found| found.view(now)).transpose()?)
}

pub(super) async fn find_agent(
    pool: &Pool,
    tenant_id: TenantId,
    name: &str,
) -> Result<Option<AgentId>, StoreError> {
    let client = pool.get().await?;
    let row = client
        .query_opt(
            "SELECT agent_id FROM agents WHERE tenant_id = $1 AND name = $2",
            &[&tenant_id.0, &name],
        )
        .await?;
    row.map(|row| Ok(AgentId(row.try_get(0)?))).transpose()
}

pub(super) async fn spent_today(pool: &Pool) -> Result<Usd, StoreError> {
    let client = pool.get().await?;
    usd(&client.query_one(SPENT_BY_ALL, &[]).await?, 0)
}

fn key(owner: Owner) -> Uuid {
    match owner {
        Owner::Agent(agent_id) => agent_id.0,
        Owner::Tenant(tenant_id) => tenant_id.0,
    }
}

async fn find(client: &Client, owner: Owner) -> Result<Option<Administered>, StoreError> {
    Ok(match owner {
        Owner::Agent(agent_id) => match client.query_opt(AGENT, &[&agent_id.0]).await? {
            Some(row) => Some(Account::from_row(&row)?.into()),
            None => None,
        },
        Owner::Tenant(tenant_id) => match client.query_opt(TENANT, &[&tenant_id.0]).await? {
            Some(row) => Some(TenantAccount::from_row(&row)?.into()),
            None => None,
        },
    })
}

async fn done_before(client: &Client, change: &WalletChange) -> Result<bool, StoreError> {
    let WalletChange::TopUp { transfer_id, .. } = change else {
        return Ok(false);
    };
    Ok(client
        .query_opt("SELECT 1 FROM transfers WHERE transfer_id = $1", &[transfer_id])
        .await?
        .is_some())
}

async fn update(client: &Client, administered: &Administered) -> Result<(), StoreError> {
    let spend_policy = to_json(&administered.spend_policy)?;
    let row = BalanceRow { funds: &administered.funds, chain: &administered.chain };
    match administered.owner {
        Owner::Agent(agent_id) => {
            let update =
                "UPDATE agents SET status = $2, spend_policy = $3::text::json WHERE agent_id = $1";
            client
                .execute(update, &[&agent_id.0, &administered.status.as_str(), &spend_policy])
                .await?;
            let accounts = client.prepare_cached(&ACCOUNTS).await?;
            write::<AgentBalances>(client, &accounts, &[row]).await
        }
        Owner::Tenant(tenant_id) => {
            let update = "UPDATE tenant_accounts SET wallet_strict_per_agent = $2, spend_policy = $3::text::json WHERE tenant_id = $1";
            client
                .execute(
                    update,
                    &[&tenant_id.0, &administered.wallet_strict_per_agent, &spend_policy],
                )
                .await?;
            let tenants = client.prepare_cached(&TENANTS).await?;
            write::<TenantBalances>(client, &tenants, &[row]).await
        }
    }
}
