//! What an operator does to wallets, pools, caps and agents. Each change is one transaction with
//! its audit event; a change that changes nothing writes nothing.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, Funding, TenantId, Usd};
use serde::Serialize;
use uuid::Uuid;

/// Whose money it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// An agent's own wallet.
    Agent(AgentId),
    /// The pool that a tenant's agents share.
    Tenant(TenantId),
}

/// What shall become of it.
#[derive(Debug, Clone, PartialEq)]
pub enum WalletChange {
    /// Adds money, of which an agent on account has none. The id is the caller's: the same one
    /// again adds nothing.
    TopUp {
        transfer_id: Uuid,
        amount: Usd,
        memo: String,
    },
    /// A paused balance pays for no new call; calls that are under way end as they would, or where
    /// what they hold ends.
    Pause,
    Resume,
    /// A suspended agent is let in no more. Agents only.
    Suspend,
    Reinstate,
    Caps {
        per_call: CapChange,
        daily: CapChange,
        monthly: CapChange,
    },
    /// Whether an agent whose wallet is short is refused instead of paid for by the pool. Tenants
    /// only.
    StrictPerAgent(Strictness),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapChange {
    Keep,
    Remove,
    Set(Usd),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The pool pays where the wallet is short.
    PoolPays,
    Strict,
}

impl CapChange {
    pub fn after(self, before: Option<Usd>) -> Option<Usd> {
        match self {
            CapChange::Keep => before,
            CapChange::Remove => None,
            CapChange::Set(cap) => Some(cap),
        }
    }
}

/// A wallet or a pool as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WalletView {
    /// `active` or `suspended`; a tenant is always active.
    pub status: String,
    /// A pool is prepaid.
    pub funding: Funding,
    pub balance_usd: Usd,
    /// Of an agent on account: what its calls have cost. The balance is minus that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed_usd: Option<Usd>,
    /// Reserved on this balance by open calls.
    pub held_usd: Usd,
    pub paused: bool,
    /// Spent on calls in the current UTC day and calendar month, whoever paid.
    pub spent_today_usd: Usd,
    pub spent_this_month_usd: Usd,
    pub spend_policy: SpendPolicy,
    /// Of a tenant.
    pub wallet_strict_per_agent: bool,
}
