//! Who calls.

use serde::{Deserialize, Serialize};

use crate::policy::SpendPolicy;
use crate::{AgentId, TenantId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    Active,
    Suspended,
}

impl AgentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            AgentStatus::Active => "active",
            AgentStatus::Suspended => "suspended",
        }
    }
}

/// What an agent's calls are paid from. It is decided when the agent is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// Nothing was paid in advance: the balance is minus what its calls have cost, and only caps
    /// limit it.
    OnAccount,
    /// A wallet with money in it, which can run out; caps limit it as well.
    Prepaid,
}

impl Funding {
    pub fn as_str(self) -> &'static str {
        match self {
            Funding::OnAccount => "on_account",
            Funding::Prepaid => "prepaid",
        }
    }
}

/// An agent as the gateway knows it while it serves a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub agent_id: AgentId,
    pub tenant_id: TenantId,
    pub name: String,
    pub status: AgentStatus,
    pub spend_policy: SpendPolicy,
}
