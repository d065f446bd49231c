//! How wallets, their entries and tenants are read from either database.

use ainfera_schema::{AgentId, TenantId};

use super::stored::word;
use super::{LedgerEntryRow, LedgerView, TenantRow, ledger_amount};
use crate::StoreError;
use crate::row::{FromRow, StoredRow};

/// Without entries.
impl FromRow for LedgerView {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        let funding = word(&row.value::<String>("funding")?)?;
        let agent_id = AgentId(row.value("agent_id")?);
        Ok(Self::new(agent_id, funding, row.value("balance")?, row.value("held")?)?)
    }
}

impl FromRow for LedgerEntryRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        let agent_id = AgentId(row.value("agent_id")?);
        let debit_account: String = row.value("debit_account")?;
        Ok(Self {
            id: row.value("transfer_id")?,
            agent_id,
            amount_usd: ledger_amount(agent_id, &debit_account, row.value("amount")?)?,
            balance_after_usd: row.value("balance_after")?,
            kind: row.value("kind")?,
            memo: row.value("memo")?,
            created_at: row.value("created_at")?,
            seq: row.value("audit_seq")?,
        })
    }
}

impl FromRow for TenantRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self { tenant_id: TenantId(row.value("tenant_id")?), name: row.value("name")? })
    }
}
