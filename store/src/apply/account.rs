//! The one hot row of an agent and the one of its tenant: what each has, what each may spend. And
//! the rule by which calls are let in.

use ainfera_schema::policy::{CapSource, SpendPolicy};
use ainfera_schema::{AgentId, AgentStatus, Funding, TenantId, Usd};
use jiff::Timestamp;

use super::chain::Chain;
use super::funds::{Charged, Funds, PaidFrom, Reservation};
use crate::{Refusal, StoreError};

/// An agent's account as locked by the transaction, with what the agent may spend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    pub agent_id: AgentId,
    pub tenant_id: TenantId,
    pub status: AgentStatus,
    pub spend_policy: SpendPolicy,
    pub funding: Funding,
    pub funds: Funds,
    pub chain: Chain,
}

/// A tenant's account: its funds is the pool that its agents share, and counts what all of them
/// reserve and spend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TenantAccount {
    pub tenant_id: TenantId,
    pub spend_policy: SpendPolicy,
    /// An agent whose wallet is short is refused, although the pool could pay.
    pub wallet_strict_per_agent: bool,
    pub funds: Funds,
    pub chain: Chain,
}

impl Account {
    /// With a wallet that has nothing in it.
    pub(crate) fn new(
        agent_id: AgentId,
        tenant_id: TenantId,
        spend_policy: SpendPolicy,
        now: Timestamp,
    ) -> Self {
        let (funds, chain) = (Funds::new(now), Chain::new(agent_id.0));
        let (status, funding) = (AgentStatus::Active, Funding::Prepaid);
        Self { agent_id, tenant_id, status, spend_policy, funding, funds, chain }
    }
}

#[cfg(test)]
impl TenantAccount {
    pub fn new(tenant_id: TenantId, now: Timestamp) -> Self {
        let (funds, chain) = (Funds::new(now), Chain::new(tenant_id.0));
        Self {
            tenant_id,
            spend_policy: SpendPolicy::default(),
            wallet_strict_per_agent: false,
            funds,
            chain,
        }
    }
}

/// Reserves `amount`, or says why not. Equality passes. Caps first, an agent's own in place of its
/// tenant's of the same kind; then the money: an agent on account needs none, one with a wallet has
/// what is in it, and where that does not pay the tenant's pool does.
pub(crate) fn admit(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    amount: Usd,
    now: Timestamp,
) -> Result<Result<Reservation, Refusal>, StoreError> {
    if amount.is_negative() {
        return Err(StoreError::Corrupt(format!("reservation of {amount}")));
    }
    match agent.status {
        AgentStatus::Active => {}
        AgentStatus::Suspended => {
            return Ok(Err(Refusal::Inactive { status: agent.status.as_str().to_owned() }));
        }
    }
    if let Some(refusal) = cap_refusal(agent, tenant, amount, now)? {
        return Ok(Err(refusal));
    }
    let charged = match payer(agent, tenant, amount)? {
        Ok(charged) => charged,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let reservation = Reservation { amount, charged };
    reserve(agent, tenant, reservation)?;
    Ok(Ok(reservation))
}

/// Reserves what was decided.
pub(crate) fn reserve(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    reservation: Reservation,
) -> Result<(), StoreError> {
    let (at_agent, at_tenant) = paid_from(reservation.charged);
    agent.funds.reserve(reservation.amount, at_agent)?;
    tenant.funds.reserve(reservation.amount, at_tenant)?;
    Ok(())
}

/// Gives a reservation back.
pub(crate) fn release(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    reservation: Reservation,
) -> Result<(), StoreError> {
    let (at_agent, at_tenant) = paid_from(reservation.charged);
    agent.funds.release(reservation.amount, at_agent)?;
    tenant.funds.release(reservation.amount, at_tenant)?;
    Ok(())
}

/// Takes what a call cost from whom it is charged to, and returns that balance after it.
pub(crate) fn charge(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    charged: Charged,
    amount: Usd,
    now: Timestamp,
) -> Result<Usd, StoreError> {
    let (at_agent, at_tenant) = paid_from(charged);
    agent.funds.spend(amount, at_agent, now)?;
    tenant.funds.spend(amount, at_tenant, now)?;
    Ok(match charged {
        Charged::Wallet => agent.funds.balance,
        Charged::Pool => tenant.funds.balance,
    })
}

fn paid_from(charged: Charged) -> (PaidFrom, PaidFrom) {
    match charged {
        Charged::Wallet => (PaidFrom::ThisBalance, PaidFrom::OtherBalance),
        Charged::Pool => (PaidFrom::OtherBalance, PaidFrom::ThisBalance),
    }
}

fn cap_refusal(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    needed: Usd,
    now: Timestamp,
) -> Result<Option<Refusal>, StoreError> {
    let (own, shared) = (&agent.spend_policy, &tenant.spend_policy);
    if let Some(cap) = own.per_call_cap_usd.or(shared.per_call_cap_usd)
        && needed > cap
    {
        return Ok(Some(Refusal::PerCallCap { cap, needed }));
    }
    if let Some(cap) = own.daily_cap_usd {
        let committed = agent.funds.committed_today(now)?;
        if committed.checked_add(needed)? > cap {
            return Ok(Some(Refusal::DailyCap { cap, committed, needed }));
        }
    }
    // a cap that nobody chose for this agent does not lift the one that somebody chose for all
    let own_stands_alone = own.daily_cap_usd.is_some() && own.daily_cap_source == CapSource::Owner;
    if let Some(cap) = shared.daily_cap_usd.filter(|_| !own_stands_alone) {
        let committed = tenant.funds.committed_today(now)?;
        if committed.checked_add(needed)? > cap {
            return Ok(Some(Refusal::TenantDailyCap { cap, committed, needed }));
        }
    }
    if let Some(cap) = own.monthly_cap_usd {
        let committed = agent.funds.committed_this_month(now)?;
        if committed.checked_add(needed)? > cap {
            return Ok(Some(Refusal::MonthlyCap { cap, committed, needed }));
        }
    } else if let Some(cap) = shared.monthly_cap_usd {
        let committed = tenant.funds.committed_this_month(now)?;
        if committed.checked_add(needed)? > cap {
            return Ok(Some(Refusal::TenantMonthlyCap { cap, committed, needed }));
        }
    }
    Ok(None)
}

fn payer(
    agent: &Account,
    tenant: &TenantAccount,
    needed: Usd,
) -> Result<Result<Charged, Refusal>, StoreError> {
    let pays = match agent.funding {
        Funding::OnAccount => !agent.funds.paused,
        Funding::Prepaid => agent.funds.covers(needed)?,
    };
    if pays {
        return Ok(Ok(Charged::Wallet));
    }
    if !tenant.wallet_strict_per_agent && tenant.funds.covers(needed)? {
        return Ok(Ok(Charged::Pool));
    }
    if agent.funding == Funding::OnAccount {
        return Ok(Err(Refusal::AccountPaused { needed }));
    }
    let available = agent.funds.available()?;
    if tenant.wallet_strict_per_agent {
        return Ok(Err(Refusal::WalletInsufficientPerAgent { available, needed }));
    }
    Ok(Err(Refusal::Funds { available: available.max(tenant.funds.available()?), needed }))
}

/// Who pays for what was let in before: the pool where the wallet is short and the pool is not.
pub(crate) fn payer_regardless(
    agent: &Account,
    tenant: &TenantAccount,
    amount: Usd,
) -> Result<Charged, StoreError> {
    Ok(payer(agent, tenant, amount)?.unwrap_or(Charged::Wallet))
}

#[cfg(test)]
mod tests;
