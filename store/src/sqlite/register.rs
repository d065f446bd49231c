//! Agents, keys and boots: written once, not in a hurry.

use std::sync::LazyLock;

use ainfera_schema::{Agent, AgentId, AgentStatus, BootId, TenantId};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::columns::write;
use super::insert;
use super::value::{Key, Time};
use crate::apply::register::register;
use crate::apply::rows::to_json;
use crate::table::NewAccounts;
use crate::table::statement::sqlite_insert;
use crate::{NewAgent, Opening, StoreError};

static NEW_ACCOUNT: LazyLock<String> = LazyLock::new(sqlite_insert::<NewAccounts>);

pub(super) fn create_agent(
    connection: &mut Connection,
    new: NewAgent,
    opening: Opening,
) -> Result<AgentId, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let find = "SELECT agent_id FROM agents WHERE tenant_id = ?1 AND name = ?2";
    let found = transaction
        .query_row(find, (Key(new.tenant_id.0), &new.name), |row| row.get::<_, Key>(0))
        .optional()?;
    if let Some(agent_id) = found {
        return Ok(AgentId(agent_id.0));
    }
    let now = Time::now();
    let agent = Agent {
        agent_id: AgentId::mint(),
        tenant_id: new.tenant_id,
        name: new.name,
        status: AgentStatus::Active,
        spend_policy: new.spend_policy,
    };
    let registration = register(&agent, opening, now.0)?;
    transaction.execute(
        "INSERT INTO tenants (tenant_id, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        (Key(agent.tenant_id.0), Time(now.0)),
    )?;
    transaction.execute(
        "INSERT INTO tenant_accounts (tenant_id) VALUES (?1) ON CONFLICT DO NOTHING",
        (Key(agent.tenant_id.0),),
    )?;
    transaction.execute(
        "INSERT INTO agents (agent_id, tenant_id, name, status, spend_policy, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            Key(agent.agent_id.0),
            Key(agent.tenant_id.0),
            &agent.name,
            agent.status.as_str(),
            to_json(&agent.spend_policy)?,
            Time(now.0),
        ),
    )?;
    write::<NewAccounts>(&transaction, &NEW_ACCOUNT, [&registration.account])?;
    insert::transfers(&transaction, &registration.transfer)?;
    insert::audit_events(&transaction, &registration.audit_events)?;
    transaction.commit()?;
    Ok(agent.agent_id)
}

pub(super) fn name_tenant(
    connection: &mut Connection,
    tenant_id: TenantId,
    name: &str,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO tenants (tenant_id, created_at, name) VALUES (?1, ?2, ?3)
         ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name",
        (Key(tenant_id.0), Time::now(), name),
    )?;
    transaction.execute(
        "INSERT INTO tenant_accounts (tenant_id) VALUES (?1) ON CONFLICT DO NOTHING",
        (Key(tenant_id.0),),
    )?;
    Ok(transaction.commit()?)
}

pub(super) fn add_key(
    connection: &mut Connection,
    agent_id: AgentId,
    key_id: &str,
    secret_sha256: [u8; 32],
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO api_keys (key_id, agent_id, secret_sha256, created_at)
         VALUES (?1, ?2, ?3, ?4)",
        (key_id, Key(agent_id.0), secret_sha256, Time::now()),
    )?;
    Ok(())
}

/// Whatever an earlier life of this replica still does, it does no longer in its own name.
pub(super) fn fence_boots(
    connection: &mut Connection,
    boot_id: BootId,
    replica: &str,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE boots SET state = 'fenced'
         WHERE replica = ?1 AND state = 'open' AND boot_id <> ?2",
        (replica, Key(boot_id.0)),
    )?;
    Ok(())
}

pub(super) fn add_boot(
    connection: &mut Connection,
    boot_id: BootId,
    replica: &str,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO boots (boot_id, replica, state, started_at, heartbeat_at)
         VALUES (?1, ?2, 'open', ?3, ?3) ON CONFLICT (boot_id) DO NOTHING",
        (Key(boot_id.0), replica, Time::now()),
    )?;
    Ok(())
}

pub(super) fn end_boot(connection: &mut Connection, boot_id: BootId) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE boots SET state =
           CASE WHEN EXISTS (SELECT 1 FROM intents WHERE boot_id = ?1) THEN 'fenced'
           ELSE 'closed' END
         WHERE boot_id = ?1 AND state = 'open'",
        (Key(boot_id.0),),
    )?;
    Ok(())
}
