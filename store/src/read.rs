//! What can be read back.

pub mod audit;
pub(crate) mod selects;
pub(crate) mod stored;
pub(crate) mod verify;

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{Agent, AgentId, RoutingOutcome, TenantId, Usd};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::StoreError;
use crate::apply::rows::wallet;

/// An agent to be made.
#[derive(Debug, Clone)]
pub struct NewAgent {
    pub name: String,
    pub tenant_id: TenantId,
    pub spend_policy: SpendPolicy,
}

/// A key as kept: never the secret itself.
#[derive(Debug, Clone)]
pub struct StoredKey {
    pub secret_sha256: [u8; 32],
    pub agent: Agent,
}

/// One inference and the decision behind it, as rebuilt from the rows.
#[derive(Debug, Clone)]
pub struct InferenceView {
    pub outcome: RoutingOutcome,
}

/// One link of an agent's chain. `payload` is exactly what was hashed.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEventRow {
    pub id: uuid::Uuid,
    pub agent_id: AgentId,
    pub seq: i64,
    pub event_type: String,
    pub payload: Value,
    pub previous_hash: Option<String>,
    pub event_hash: String,
    pub created_at: Timestamp,
}

/// What a walk over a chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainVerdict {
    pub agent_id: AgentId,
    pub event_count: u64,
    /// False for an empty chain too: nothing was verified.
    pub valid: bool,
    pub failure_seq: Option<i64>,
    pub failure_reason: Option<String>,
}

/// One movement on an agent's wallet. `amount_usd` is negative for a charge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LedgerEntryRow {
    pub id: uuid::Uuid,
    pub agent_id: AgentId,
    pub amount_usd: Usd,
    pub balance_after_usd: Usd,
    pub kind: String,
    pub memo: String,
    pub created_at: Timestamp,
}

/// A wallet: what is there, what is reserved, how it came to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LedgerView {
    pub agent_id: AgentId,
    pub balance_usd: Usd,
    pub held_usd: Usd,
    pub entries: Vec<LedgerEntryRow>,
}

/// An amount as the agent sees it: what leaves its wallet is negative.
pub(crate) fn ledger_amount(agent_id: AgentId, debit_account: &str, amount: Usd) -> Result<Usd, StoreError> {
    if debit_account == wallet(agent_id) { Ok(Usd::ZERO.checked_sub(amount)?) } else { Ok(amount) }
}
