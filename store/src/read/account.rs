//! How accounts, reservations and idempotency keys are read from either database.

use ainfera_schema::{AgentId, RequestId, TenantId};
use uuid::Uuid;

use super::stored::{from_json, word};
use crate::StoreError;
use crate::apply::account::{Account, TenantAccount};
use crate::apply::chain::Chain;
use crate::apply::funds::{Charged, Funds, Reservation};
use crate::apply::idempotency::{KeyRow, KeyState};
use crate::row::{FromRow, StoredRow};

impl FromRow for Account {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        let agent_id = row.value("agent_id")?;
        Ok(Self {
            agent_id: AgentId(agent_id),
            tenant_id: TenantId(row.value("tenant_id")?),
            status: word(&row.value::<String>("status")?)?,
            spend_policy: from_json(&row.value::<String>("spend_policy_text")?)?,
            funding: word(&row.value::<String>("funding")?)?,
            funds: Funds::from_row(row)?,
            chain: chain(agent_id, row)?,
        })
    }
}

impl FromRow for TenantAccount {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        let tenant_id = row.value("tenant_id")?;
        Ok(Self {
            tenant_id: TenantId(tenant_id),
            spend_policy: from_json(&row.value::<String>("spend_policy_text")?)?,
            wallet_strict_per_agent: row.value("wallet_strict_per_agent")?,
            funds: Funds::from_row(row)?,
            chain: chain(tenant_id, row)?,
        })
    }
}

fn chain(owner: Uuid, row: &impl StoredRow) -> Result<Chain, StoreError> {
    Ok(Chain { owner, seq: row.value("audit_seq")?, head: row.value("audit_head")? })
}

impl FromRow for Funds {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            balance: row.value("balance")?,
            reserved: row.value("held")?,
            reserved_elsewhere: row.value("held_elsewhere")?,
            spent_day: row.value("spent_day")?,
            spent_day_usd: row.value("spent_day_usd")?,
            spent_month: row.value("spent_month")?,
            spent_month_usd: row.value("spent_month_usd")?,
            paused: row.value("paused")?,
        })
    }
}

/// Of the intent of a call.
impl FromRow for (RequestId, Reservation) {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        let charged = Charged::parse(&row.value::<String>("charged")?);
        let reservation = Reservation { amount: row.value("hold")?, charged };
        Ok((RequestId(row.value("request_id")?), reservation))
    }
}

impl FromRow for KeyRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        let summary: Option<String> = row.value("summary")?;
        let summary = summary.as_deref().map(from_json).transpose()?;
        Ok(Self {
            agent_id: AgentId(row.value("agent_id")?),
            key_sha256: row.value("key_sha256")?,
            fingerprint: row.value("fingerprint")?,
            request_id: RequestId(row.value("request_id")?),
            state: KeyState::from_columns(summary, row.value("answer")?)?,
            expires_at: row.value("expires_at")?,
        })
    }
}
