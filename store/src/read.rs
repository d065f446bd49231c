//! What can be read back.

pub(crate) mod account;
pub mod audit;
pub mod call;
mod ledger;
pub(crate) mod selects;
pub(crate) mod stored;
pub(crate) mod verify;

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{Agent, AgentId, Funding, MoneyError, RoutingOutcome, TenantId, Usd};
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

/// What a new agent's calls are paid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing is paid in advance.
    OnAccount,
    /// A wallet with so much in it.
    Prepaid(Usd),
}

impl Opening {
    pub fn funding(self) -> Funding {
        match self {
            Opening::OnAccount => Funding::OnAccount,
            Opening::Prepaid(_) => Funding::Prepaid,
        }
    }
}

/// A tenant by its id, and by its name where it was given one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    pub tenant_id: TenantId,
    pub name: Option<String>,
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

/// One movement on an agent's wallet or account. `amount_usd` is negative for a charge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LedgerEntryRow {
    pub id: uuid::Uuid,
    /// Its place: larger than that of every older entry of the agent.
    pub seq: i64,
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
    pub funding: Funding,
    pub balance_usd: Usd,
    /// Of an agent on account: what its calls have cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed_usd: Option<Usd>,
    pub held_usd: Usd,
    pub entries: Vec<LedgerEntryRow>,
}

impl LedgerView {
    /// Without entries.
    pub fn new(
        agent_id: AgentId,
        funding: Funding,
        balance_usd: Usd,
        held_usd: Usd,
    ) -> Result<Self, MoneyError> {
        Ok(Self {
            agent_id,
            funding,
            balance_usd,
            owed_usd: owed(funding, balance_usd)?,
            held_usd,
            entries: Vec::new(),
        })
    }
}

/// What an agent on account owes. One with a wallet owes nothing: it has paid.
pub(crate) fn owed(funding: Funding, balance_usd: Usd) -> Result<Option<Usd>, MoneyError> {
    match funding {
        Funding::OnAccount => Usd::ZERO.checked_sub(balance_usd).map(Some),
        Funding::Prepaid => Ok(None),
    }
}

/// An amount as the agent sees it: what leaves its wallet is negative.
pub(crate) fn ledger_amount(
    agent_id: AgentId,
    debit_account: &str,
    amount: Usd,
) -> Result<Usd, StoreError> {
    if debit_account == wallet(agent_id) { Ok(Usd::ZERO.checked_sub(amount)?) } else { Ok(amount) }
}
