//! The one hot row of an agent and the one of its tenant: what each has, what each may spend. And
//! the rule by which calls are let in.

use ainfera_schema::policy::{CapSource, SpendPolicy};
use ainfera_schema::{AgentId, AgentStatus, Funding, TenantId, Usd};
use jiff::Timestamp;

use super::chain::Chain;
use super::purse::{Charged, Hold, Place, Purse};
use crate::{Refusal, StoreError};

/// An agent's account as locked by the transaction, with what the agent may spend.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub agent_id: AgentId,
    pub tenant_id: TenantId,
    pub status: AgentStatus,
    pub spend_policy: SpendPolicy,
    pub funding: Funding,
    pub purse: Purse,
    pub chain: Chain,
}

/// A tenant's account: its purse is the pool that its agents share, and counts what all of them
/// hold and spend.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantAccount {
    pub tenant_id: TenantId,
    pub spend_policy: SpendPolicy,
    /// An agent whose wallet is short is refused, although the pool could pay.
    pub wallet_strict_per_agent: bool,
    pub purse: Purse,
    pub chain: Chain,
}

impl Account {
    /// With a wallet that has nothing in it.
    pub fn new(
        agent_id: AgentId,
        tenant_id: TenantId,
        spend_policy: SpendPolicy,
        now: Timestamp,
    ) -> Self {
        let (purse, chain) = (Purse::new(now), Chain::new(agent_id.0));
        let (status, funding) = (AgentStatus::Active, Funding::Prepaid);
        Self { agent_id, tenant_id, status, spend_policy, funding, purse, chain }
    }
}

#[cfg(test)]
impl TenantAccount {
    pub fn new(tenant_id: TenantId, now: Timestamp) -> Self {
        let (purse, chain) = (Purse::new(now), Chain::new(tenant_id.0));
        Self {
            tenant_id,
            spend_policy: SpendPolicy::default(),
            wallet_strict_per_agent: false,
            purse,
            chain,
        }
    }
}

/// Reserves `amount`, or says why not. Equality passes. Caps first, an agent's own in place of its
/// tenant's of the same kind; then the money: an agent on account needs none, one with a wallet has
/// what is in it, and where that does not pay the tenant's pool does.
pub fn admit(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    amount: Usd,
    now: Timestamp,
) -> Result<Result<Hold, Refusal>, StoreError> {
    if amount.is_negative() {
        return Err(StoreError::Corrupt(format!("hold of {amount}")));
    }
    match agent.status {
        AgentStatus::Active => {}
        AgentStatus::Suspended => {
            return Ok(Err(Refusal::Inactive { status: agent.status.as_str().to_owned() }));
        }
    }
    if let Some(refusal) = passes_a_cap(agent, tenant, amount, now)? {
        return Ok(Err(refusal));
    }
    let charged = match payer(agent, tenant, amount)? {
        Ok(charged) => charged,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let hold = Hold { amount, charged };
    keep(agent, tenant, hold)?;
    Ok(Ok(hold))
}

/// Reserves what was decided.
pub fn keep(agent: &mut Account, tenant: &mut TenantAccount, hold: Hold) -> Result<(), StoreError> {
    let (at_agent, at_tenant) = places(hold.charged);
    agent.purse.hold(hold.amount, at_agent)?;
    tenant.purse.hold(hold.amount, at_tenant)?;
    Ok(())
}

/// Gives a hold back.
pub fn release(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    hold: Hold,
) -> Result<(), StoreError> {
    let (at_agent, at_tenant) = places(hold.charged);
    agent.purse.release(hold.amount, at_agent)?;
    tenant.purse.release(hold.amount, at_tenant)?;
    Ok(())
}

/// Takes what a call cost from whom it is charged to, and returns that balance after it.
pub fn charge(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    charged: Charged,
    amount: Usd,
    now: Timestamp,
) -> Result<Usd, StoreError> {
    let (at_agent, at_tenant) = places(charged);
    agent.purse.spend(amount, at_agent, now)?;
    tenant.purse.spend(amount, at_tenant, now)?;
    Ok(match charged {
        Charged::Wallet => agent.purse.balance,
        Charged::Pool => tenant.purse.balance,
    })
}

fn places(charged: Charged) -> (Place, Place) {
    match charged {
        Charged::Wallet => (Place::Here, Place::Elsewhere),
        Charged::Pool => (Place::Elsewhere, Place::Here),
    }
}

fn passes_a_cap(
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
        let committed = agent.purse.committed_today(now)?;
        if committed.checked_add(needed)? > cap {
            return Ok(Some(Refusal::DailyCap { cap, committed, needed }));
        }
    }
    // a cap that nobody chose for this agent does not lift the one that somebody chose for all
    let own_stands_alone = own.daily_cap_usd.is_some() && own.daily_cap_source == CapSource::Owner;
    if let Some(cap) = shared.daily_cap_usd.filter(|_| !own_stands_alone) {
        let committed = tenant.purse.committed_today(now)?;
        if committed.checked_add(needed)? > cap {
            return Ok(Some(Refusal::TenantDailyCap { cap, committed, needed }));
        }
    }
    if let Some(cap) = own.monthly_cap_usd {
        let committed = agent.purse.committed_this_month(now)?;
        if committed.checked_add(needed)? > cap {
            return Ok(Some(Refusal::MonthlyCap { cap, committed, needed }));
        }
    } else if let Some(cap) = shared.monthly_cap_usd {
        let committed = tenant.purse.committed_this_month(now)?;
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
        Funding::OnAccount => !agent.purse.paused,
        Funding::Prepaid => agent.purse.covers(needed)?,
    };
    if pays {
        return Ok(Ok(Charged::Wallet));
    }
    if !tenant.wallet_strict_per_agent && tenant.purse.covers(needed)? {
        return Ok(Ok(Charged::Pool));
    }
    if agent.funding == Funding::OnAccount {
        return Ok(Err(Refusal::AccountPaused { needed }));
    }
    let available = agent.purse.available()?;
    if tenant.wallet_strict_per_agent {
        return Ok(Err(Refusal::WalletInsufficientPerAgent { available, needed }));
    }
    Ok(Err(Refusal::Funds { available: available.max(tenant.purse.available()?), needed }))
}

/// Who pays for what was let in before: the pool where the wallet is short and the pool is not.
pub fn payer_regardless(
    agent: &Account,
    tenant: &TenantAccount,
    amount: Usd,
) -> Result<Charged, StoreError> {
    Ok(payer(agent, tenant, amount)?.unwrap_or(Charged::Wallet))
}

#[cfg(test)]
mod tests {
    use ainfera_schema::MoneyError;

    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn noon() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn caps(per_call: Option<&str>, daily: Option<&str>, monthly: Option<&str>) -> SpendPolicy {
        SpendPolicy {
            per_call_cap_usd: per_call.map(usd),
            daily_cap_usd: daily.map(usd),
            monthly_cap_usd: monthly.map(usd),
            ..SpendPolicy::default()
        }
    }

    fn pair(
        own: SpendPolicy,
        shared: SpendPolicy,
        wallet: &str,
        pool: &str,
    ) -> (Account, TenantAccount) {
        let tenant_id = TenantId::mint();
        let mut agent = Account::new(AgentId::mint(), tenant_id, own, noon());
        agent.purse.balance = usd(wallet);
        let mut tenant =
            TenantAccount { spend_policy: shared, ..TenantAccount::new(tenant_id, noon()) };
        tenant.purse.balance = usd(pool);
        (agent, tenant)
    }

    fn hold(
        (agent, tenant): &mut (Account, TenantAccount),
        amount: &str,
    ) -> Result<Charged, Refusal> {
        admit(agent, tenant, usd(amount), noon()).unwrap().map(|hold| hold.charged)
    }

    const NANO: &str = "0.000000001";

    #[test]
    fn equality_passes_and_one_nano_more_does_not() {
        let needed = usd(NANO);
        for (own, shared, refusal) in [
            (
                caps(None, Some("3"), None),
                caps(None, None, None),
                Refusal::DailyCap { cap: usd("3"), committed: usd("3"), needed },
            ),
            (
                caps(None, None, Some("3")),
                caps(None, None, None),
                Refusal::MonthlyCap { cap: usd("3"), committed: usd("3"), needed },
            ),
            (
                caps(None, None, None),
                caps(None, Some("3"), None),
                Refusal::TenantDailyCap { cap: usd("3"), committed: usd("3"), needed },
            ),
            (
                caps(None, None, None),
                caps(None, None, Some("3")),
                Refusal::TenantMonthlyCap { cap: usd("3"), committed: usd("3"), needed },
            ),
        ] {
            let mut both = pair(own, shared, "10", "0");
            assert_eq!(hold(&mut both, "3"), Ok(Charged::Wallet));
            assert_eq!(hold(&mut both, NANO), Err(refusal));
            assert_eq!(hold(&mut both, "0"), Ok(Charged::Wallet));
        }
        for (own, shared) in [
            (caps(Some("1"), None, None), caps(None, None, None)),
            (caps(None, None, None), caps(Some("1"), None, None)),
        ] {
            let mut both = pair(own, shared, "10", "0");
            assert_eq!(hold(&mut both, "1"), Ok(Charged::Wallet));
            let refusal = Refusal::PerCallCap { cap: usd("1"), needed: usd("1.000000001") };
            assert_eq!(hold(&mut both, "1.000000001"), Err(refusal));
        }
    }

    #[test]
    fn an_agents_cap_stands_in_place_of_its_tenants_of_the_same_kind_only() {
        let mut above = pair(
            caps(Some("5"), Some("5"), Some("5")),
            caps(Some("1"), Some("1"), Some("1")),
            "10",
            "0",
        );
        assert_eq!(hold(&mut above, "5"), Ok(Charged::Wallet));
        let mut other_kind =
            pair(caps(Some("5"), None, None), caps(Some("1"), Some("3"), None), "10", "0");
        assert!(matches!(hold(&mut other_kind, "4"), Err(Refusal::TenantDailyCap { .. })));
        assert_eq!(hold(&mut other_kind, "3"), Ok(Charged::Wallet));
    }

    #[test]
    fn the_pool_pays_where_the_wallet_is_short_or_paused_unless_wallets_are_strict() {
        let mut both = pair(caps(None, None, None), caps(None, None, None), "2", "3");
        assert_eq!(hold(&mut both, "2"), Ok(Charged::Wallet));
        assert_eq!(hold(&mut both, "3"), Ok(Charged::Pool));
        assert_eq!(
            hold(&mut both, NANO),
            Err(Refusal::Funds { available: Usd::ZERO, needed: usd(NANO) })
        );
        assert_eq!((both.0.purse.held, both.0.purse.held_elsewhere), (usd("2"), usd("3")));
        assert_eq!((both.1.purse.held, both.1.purse.held_elsewhere), (usd("3"), usd("2")));

        let mut paused = pair(caps(None, None, None), caps(None, None, None), "9", "3");
        paused.0.purse.paused = true;
        assert_eq!(hold(&mut paused, "1"), Ok(Charged::Pool));
        paused.1.purse.paused = true;
        assert_eq!(
            hold(&mut paused, "1"),
            Err(Refusal::Funds { available: Usd::ZERO, needed: usd("1") })
        );

        let mut strict = pair(caps(None, None, None), caps(None, None, None), "2", "3");
        strict.1.wallet_strict_per_agent = true;
        assert_eq!(
            hold(&mut strict, "2.5"),
            Err(Refusal::WalletInsufficientPerAgent { available: usd("2"), needed: usd("2.5") })
        );
        assert_eq!(hold(&mut strict, "2"), Ok(Charged::Wallet));
    }

    #[test]
    fn an_agent_on_account_has_no_balance_to_run_out_of_and_only_caps_limit_it() {
        let on_account = |own, shared, pool| {
            let mut both = pair(own, shared, "0", pool);
            both.0.funding = Funding::OnAccount;
            both
        };
        let mut uncapped = on_account(caps(None, None, None), caps(None, None, None), "5");
        uncapped.0.purse.balance = usd("-1000");
        assert_eq!(hold(&mut uncapped, "1000000"), Ok(Charged::Wallet), "the pool keeps its money");
        let mut capped = on_account(caps(None, Some("3"), None), caps(None, None, None), "0");
        assert_eq!(hold(&mut capped, "3"), Ok(Charged::Wallet));
        assert!(matches!(hold(&mut capped, NANO), Err(Refusal::DailyCap { .. })));
        let mut prepaid = pair(caps(None, Some("3"), None), caps(None, None, None), "2", "0");
        assert!(
            matches!(hold(&mut prepaid, "2.5"), Err(Refusal::Funds { .. })),
            "a wallet is limited by what is in it"
        );
        prepaid.0.purse.balance = usd("100");
        assert!(matches!(hold(&mut prepaid, "3.5"), Err(Refusal::DailyCap { .. })), "and by caps");
    }

    #[test]
    fn a_paused_account_pays_for_nothing_new() {
        let mut both = pair(caps(None, None, None), caps(None, None, None), "0", "0");
        both.0.funding = Funding::OnAccount;
        both.0.purse.paused = true;
        assert_eq!(hold(&mut both, "1"), Err(Refusal::AccountPaused { needed: usd("1") }));
        both.1.purse.balance = usd("1");
        assert_eq!(hold(&mut both, "1"), Ok(Charged::Pool));
        both.0.purse.paused = false;
        assert_eq!(hold(&mut both, "1"), Ok(Charged::Wallet));
    }

    #[test]
    fn a_cap_that_nobody_chose_does_not_lift_the_tenants() {
        let by_default =
            SpendPolicy { daily_cap_source: CapSource::Default, ..caps(None, Some("10"), None) };
        let mut both = pair(by_default.clone(), caps(None, Some("1"), None), "100", "0");
        assert!(matches!(hold(&mut both, "2"), Err(Refusal::TenantDailyCap { .. })));
        assert_eq!(hold(&mut both, "1"), Ok(Charged::Wallet));
        let mut alone = pair(by_default, caps(None, None, None), "100", "0");
        assert!(matches!(hold(&mut alone, "10.5"), Err(Refusal::DailyCap { .. })));
        let mut chosen =
            pair(caps(None, Some("10"), None), caps(None, Some("1"), None), "100", "0");
        assert_eq!(hold(&mut chosen, "2"), Ok(Charged::Wallet));
    }

    #[test]
    fn what_was_held_comes_back_and_what_was_spent_counts_for_both() {
        let mut both = pair(caps(None, None, None), caps(None, None, None), "0", "3");
        let taken = admit(&mut both.0, &mut both.1, usd("2"), noon()).unwrap().unwrap();
        release(&mut both.0, &mut both.1, taken).unwrap();
        assert_eq!(
            charge(&mut both.0, &mut both.1, taken.charged, usd("0.5"), noon()).unwrap(),
            usd("2.5")
        );
        assert_eq!(
            (both.0.purse.balance, both.0.purse.spent_day_usd, both.0.purse.spent_month_usd),
            (usd("0"), usd("0.5"), usd("0.5"))
        );
        assert_eq!(
            (both.1.purse.spent_day_usd, both.1.purse.held, both.0.purse.held_elsewhere),
            (usd("0.5"), usd("0"), usd("0"))
        );
    }

    #[test]
    fn money_that_does_not_fit_is_an_error_and_a_negative_hold_too() {
        let (mut agent, mut tenant) =
            pair(caps(None, None, None), caps(None, None, None), "1", "0");
        assert!(matches!(
            admit(&mut agent, &mut tenant, usd("-1"), noon()),
            Err(StoreError::Corrupt(_))
        ));
        agent.purse.held = Usd::from_nanos(i64::MIN);
        assert!(matches!(
            admit(&mut agent, &mut tenant, usd("1"), noon()),
            Err(StoreError::Money(MoneyError::Overflow))
        ));
    }
}
