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
    agent.funds.balance = usd(wallet);
    let mut tenant =
        TenantAccount { spend_policy: shared, ..TenantAccount::new(tenant_id, noon()) };
    tenant.funds.balance = usd(pool);
    (agent, tenant)
}

fn admitted(
    (agent, tenant): &mut (Account, TenantAccount),
    amount: &str,
) -> Result<Charged, Refusal> {
    admit(agent, tenant, usd(amount), noon()).unwrap().map(|reservation| reservation.charged)
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
        assert_eq!(admitted(&mut both, "3"), Ok(Charged::Wallet));
        assert_eq!(admitted(&mut both, NANO), Err(refusal));
        assert_eq!(admitted(&mut both, "0"), Ok(Charged::Wallet));
    }
    for (own, shared) in [
        (caps(Some("1"), None, None), caps(None, None, None)),
        (caps(None, None, None), caps(Some("1"), None, None)),
    ] {
        let mut both = pair(own, shared, "10", "0");
        assert_eq!(admitted(&mut both, "1"), Ok(Charged::Wallet));
        let refusal = Refusal::PerCallCap { cap: usd("1"), needed: usd("1.000000001") };
        assert_eq!(admitted(&mut both, "1.000000001"), Err(refusal));
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
    assert_eq!(admitted(&mut above, "5"), Ok(Charged::Wallet));
    let mut other_kind =
        pair(caps(Some("5"), None, None), caps(Some("1"), Some("3"), None), "10", "0");
    assert!(matches!(admitted(&mut other_kind, "4"), Err(Refusal::TenantDailyCap { .. })));
    assert_eq!(admitted(&mut other_kind, "3"), Ok(Charged::Wallet));
}

#[test]
fn the_pool_pays_where_the_wallet_is_short_or_paused_unless_wallets_are_strict() {
    let mut both = pair(caps(None, None, None), caps(None, None, None), "2", "3");
    assert_eq!(admitted(&mut both, "2"), Ok(Charged::Wallet));
    assert_eq!(admitted(&mut both, "3"), Ok(Charged::Pool));
    assert_eq!(
        admitted(&mut both, NANO),
        Err(Refusal::Funds { available: Usd::ZERO, needed: usd(NANO) })
    );
    assert_eq!((both.0.funds.reserved, both.0.funds.reserved_elsewhere), (usd("2"), usd("3")));
    assert_eq!((both.1.funds.reserved, both.1.funds.reserved_elsewhere), (usd("3"), usd("2")));

    let mut paused = pair(caps(None, None, None), caps(None, None, None), "9", "3");
    paused.0.funds.paused = true;
    assert_eq!(admitted(&mut paused, "1"), Ok(Charged::Pool));
    paused.1.funds.paused = true;
    assert_eq!(
        admitted(&mut paused, "1"),
        Err(Refusal::Funds { available: Usd::ZERO, needed: usd("1") })
    );

    let mut strict = pair(caps(None, None, None), caps(None, None, None), "2", "3");
    strict.1.wallet_strict_per_agent = true;
    assert_eq!(
        admitted(&mut strict, "2.5"),
        Err(Refusal::WalletInsufficientPerAgent { available: usd("2"), needed: usd("2.5") })
    );
    assert_eq!(admitted(&mut strict, "2"), Ok(Charged::Wallet));
}

#[test]
fn an_agent_on_account_has_no_balance_to_run_out_of_and_only_caps_limit_it() {
    let on_account = |own, shared, pool| {
        let mut both = pair(own, shared, "0", pool);
        both.0.funding = Funding::OnAccount;
        both
    };
    let mut uncapped = on_account(caps(None, None, None), caps(None, None, None), "5");
    uncapped.0.funds.balance = usd("-1000");
    assert_eq!(admitted(&mut uncapped, "1000000"), Ok(Charged::Wallet), "the pool keeps its money");
    let mut capped = on_account(caps(None, Some("3"), None), caps(None, None, None), "0");
    assert_eq!(admitted(&mut capped, "3"), Ok(Charged::Wallet));
    assert!(matches!(admitted(&mut capped, NANO), Err(Refusal::DailyCap { .. })));
    let mut prepaid = pair(caps(None, Some("3"), None), caps(None, None, None), "2", "0");
    assert!(
        matches!(admitted(&mut prepaid, "2.5"), Err(Refusal::Funds { .. })),
        "a wallet is limited by what is in it"
    );
    prepaid.0.funds.balance = usd("100");
    assert!(matches!(admitted(&mut prepaid, "3.5"), Err(Refusal::DailyCap { .. })), "and by caps");
}

#[test]
fn a_paused_account_pays_for_nothing_new() {
    let mut both = pair(caps(None, None, None), caps(None, None, None), "0", "0");
    both.0.funding = Funding::OnAccount;
    both.0.funds.paused = true;
    assert_eq!(admitted(&mut both, "1"), Err(Refusal::AccountPaused { needed: usd("1") }));
    both.1.funds.balance = usd("1");
    assert_eq!(admitted(&mut both, "1"), Ok(Charged::Pool));
    both.0.funds.paused = false;
    assert_eq!(admitted(&mut both, "1"), Ok(Charged::Wallet));
}

#[test]
fn a_cap_by_default_does_not_lift_the_tenants() {
    let by_default =
        SpendPolicy { daily_cap_source: CapSource::Default, ..caps(None, Some("10"), None) };
    let mut both = pair(by_default.clone(), caps(None, Some("1"), None), "100", "0");
    assert!(matches!(admitted(&mut both, "2"), Err(Refusal::TenantDailyCap { .. })));
    assert_eq!(admitted(&mut both, "1"), Ok(Charged::Wallet));
    let mut alone = pair(by_default, caps(None, None, None), "100", "0");
    assert!(matches!(admitted(&mut alone, "10.5"), Err(Refusal::DailyCap { .. })));
    let mut chosen = pair(caps(None, Some("10"), None), caps(None, Some("1"), None), "100", "0");
    assert_eq!(admitted(&mut chosen, "2"), Ok(Charged::Wallet));
}

#[test]
fn what_was_reserved_comes_back_and_what_was_spent_counts_for_both() {
    let mut both = pair(caps(None, None, None), caps(None, None, None), "0", "3");
    let taken = admit(&mut both.0, &mut both.1, usd("2"), noon()).unwrap().unwrap();
    release(&mut both.0, &mut both.1, taken).unwrap();
    assert_eq!(
        charge(&mut both.0, &mut both.1, taken.charged, usd("0.5"), noon()).unwrap(),
        usd("2.5")
    );
    assert_eq!(
        (both.0.funds.balance, both.0.funds.spent_day_usd, both.0.funds.spent_month_usd),
        (usd("0"), usd("0.5"), usd("0.5"))
    );
    assert_eq!(
        (both.1.funds.spent_day_usd, both.1.funds.reserved, both.0.funds.reserved_elsewhere),
        (usd("0.5"), usd("0"), usd("0"))
    );
}

#[test]
fn money_that_does_not_fit_is_an_error_and_a_negative_reservation_too() {
    let (mut agent, mut tenant) = pair(caps(None, None, None), caps(None, None, None), "1", "0");
    assert!(matches!(
        admit(&mut agent, &mut tenant, usd("-1"), noon()),
        Err(StoreError::Corrupt(_))
    ));
    agent.funds.reserved = Usd::from_nanos(i64::MIN);
    assert!(matches!(
        admit(&mut agent, &mut tenant, usd("1"), noon()),
        Err(StoreError::Money(MoneyError::Overflow))
    ));
}
