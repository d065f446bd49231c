//! Agents, keys and boots: written once, not in a hurry.

use std::slice;
use std::sync::LazyLock;

use ainfera_schema::{Agent, AgentId, AgentStatus, BootId, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

use super::columns::write;
use super::pool::Pool;
use super::session::Session;
use super::statements::{AUDIT_EVENTS, TRANSFERS};
use crate::apply::register::register;
use crate::apply::rows::to_json;
use crate::table::statement::postgres_insert;
use crate::table::{AuditEvents, NewAccounts, Transfers};
use crate::{NewAgent, Opening, StoreError};

static NEW_ACCOUNT: LazyLock<String> = LazyLock::new(postgres_insert::<NewAccounts>);

pub(super) async fn create_agent(
    pool: &Pool,
    new: NewAgent,
    opening: Opening,
) -> Result<AgentId, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    let transfers = client.prepare_cached(&TRANSFERS).await?;
    let audit_events = client.prepare_cached(&AUDIT_EVENTS).await?;
    client.begin("BEGIN ISOLATION LEVEL READ COMMITTED", "").await?;
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
    let tenant =
        "INSERT INTO tenants (tenant_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    client.execute(tenant, &[&new.tenant_id.0, &now]).await?;
    client
        .execute(
            "INSERT INTO tenant_accounts (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING",
            &[&new.tenant_id.0],
        )
        .await?;
    let agent = Agent {
        agent_id: AgentId::mint(),
        tenant_id: new.tenant_id,
        name: new.name,
        status: AgentStatus::Active,
        spend_policy: new.spend_policy,
    };
    // whoever makes an agent of this name at the same moment is waited for
    let insert = "INSERT INTO agents (agent_id, tenant_id, name, status, spend_policy, created_at)
        VALUES ($1, $2, $3, $4, $5::text::json, $6) ON CONFLICT (tenant_id, name) DO NOTHING";
    let spend_policy = to_json(&agent.spend_policy)?;
    let made = client
        .execute(
            insert,
            &[
                &agent.agent_id.0,
                &agent.tenant_id.0,
                &agent.name,
                &agent.status.as_str(),
                &spend_policy,
                &now,
            ],
        )
        .await?;
    if made == 0 {
        let find = "SELECT agent_id FROM agents WHERE tenant_id = $1 AND name = $2";
        let found: Uuid =
            client.query_one(find, &[&agent.tenant_id.0, &agent.name]).await?.try_get(0)?;
        client.batch_execute("COMMIT").await?;
        session.release();
        return Ok(AgentId(found));
    }
    let registration = register(&agent, opening, now)?;
    let new_account = client.prepare_cached(&NEW_ACCOUNT).await?;
    write::<NewAccounts>(client, &new_account, slice::from_ref(&registration.account)).await?;
    write::<Transfers>(client, &transfers, registration.transfer.as_slice()).await?;
    write::<AuditEvents>(client, &audit_events, &registration.audit_events).await?;
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(agent.agent_id)
}

pub(super) async fn name_tenant(
    pool: &Pool,
    tenant_id: TenantId,
    name: &str,
) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let name_it = "
        WITH named AS (INSERT INTO tenants (tenant_id, created_at, name) VALUES ($1, clock_timestamp(), $2)
          ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name RETURNING tenant_id)
        INSERT INTO tenant_accounts (tenant_id) SELECT tenant_id FROM named ON CONFLICT DO NOTHING";
    client.execute(name_it, &[&tenant_id.0, &name]).await?;
    Ok(())
}

pub(super) async fn add_key(
    pool: &Pool,
    agent_id: AgentId,
    key_id: &str,
    secret_sha256: &[u8; 32],
) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let insert = "INSERT INTO api_keys (key_id, agent_id, secret_sha256, created_at) VALUES ($1, $2, $3, now())";
    client.execute(insert, &[&key_id, &agent_id.0, &secret_sha256.as_slice()]).await?;
    Ok(())
}

/// Whatever an earlier life of this replica still does, it does no longer in its own name.
pub(super) async fn fence_boots(
    pool: &Pool,
    boot_id: BootId,
    replica: &str,
) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let fence =
        "UPDATE boots SET state = 'fenced' WHERE replica = $1 AND state = 'open' AND boot_id <> $2";
    client.execute(fence, &[&replica, &boot_id.0]).await?;
    Ok(())
}

pub(super) async fn add_boot(
    pool: &Pool,
    boot_id: BootId,
    replica: &str,
) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let insert = "INSERT INTO boots (boot_id, replica, state, started_at, heartbeat_at) VALUES ($1, $2, 'open', now(), clock_timestamp())
        ON CONFLICT (boot_id) DO NOTHING";
    client.execute(insert, &[&boot_id.0, &replica]).await?;
    Ok(())
}

pub(super) async fn end_boot(pool: &Pool, boot_id: BootId) -> Result<(), StoreError> {
    let client = pool.get().await?;
    // after a failover there may be intents again of calls that were closed before it: those are
    // for a reaper
    let end = "UPDATE boots SET state = CASE WHEN EXISTS (SELECT 1 FROM intents WHERE boot_id = $1) THEN 'fenced' ELSE 'closed' END
        WHERE boot_id = $1 AND state = 'open'";
    client.execute(end, &[&boot_id.0]).await?;
    Ok(())
}
