//! What an agent may spend, in a sentence for people.

use ainfera_schema::Funding;
use ainfera_schema::policy::{CapSource, SpendPolicy};
use ainfera_store::WalletView;

/// What its calls are paid from, and what limits it.
pub fn may_spend(agent: &str, view: &WalletView) -> String {
    let caps = caps(&view.spend_policy);
    let limits = if caps.is_empty() {
        "no cap limits it".to_owned()
    } else {
        format!("at most {}", caps.join(", "))
    };
    let paused = if view.paused { "; it is paused, and pays for no new call" } else { "" };
    match view.funding {
        Funding::OnAccount => {
            format!(
                "agent {agent} spends on account: it has no wallet that could run out, only caps limit it: {limits}{paused}"
            )
        }
        Funding::Prepaid => {
            format!(
                "agent {agent} has a wallet with ${}, which can run out, and caps: {limits}{paused}",
                view.balance_usd
            )
        }
    }
}

/// What its tenant lets all its agents spend together. `None` where that is not limited.
pub fn may_spend_together(tenant: &str, view: &WalletView) -> Option<String> {
    let caps = caps(&view.spend_policy);
    (!caps.is_empty()).then(|| {
        format!("caps of tenant {tenant}, for all its agents together: at most {}", caps.join(", "))
    })
}

fn caps(policy: &SpendPolicy) -> Vec<String> {
    let by_default = match policy.daily_cap_source {
        CapSource::Owner => "",
        CapSource::Default => " (the default; `ainfera agents cap` sets another)",
    };
    let daily = policy.daily_cap_usd.map(|cap| format!("${cap} a day{by_default}"));
    let monthly = policy.monthly_cap_usd.map(|cap| format!("${cap} a month"));
    let per_call = policy.per_call_cap_usd.map(|cap| format!("${cap} a call"));
    per_call.into_iter().chain(daily).chain(monthly).collect()
}

#[cfg(test)]
mod tests {
    use ainfera_schema::Usd;

    use super::*;

    fn view(funding: Funding, balance: &str, spend_policy: SpendPolicy) -> WalletView {
        WalletView {
            status: "active".to_owned(),
            funding,
            balance_usd: balance.parse().unwrap(),
            owed_usd: None,
            held_usd: Usd::ZERO,
            paused: false,
            spent_today_usd: Usd::ZERO,
            spent_this_month_usd: Usd::ZERO,
            spend_policy,
            wallet_strict_per_agent: false,
        }
    }

    #[test]
    fn each_kind_of_agent_is_told_by_its_own_words() {
        let by_default = SpendPolicy {
            daily_cap_usd: Some("10".parse().unwrap()),
            daily_cap_source: CapSource::Default,
            ..SpendPolicy::default()
        };
        assert_eq!(
            may_spend("coder", &view(Funding::OnAccount, "-2", by_default)),
            "agent coder spends on account: it has no wallet that could run out, only caps limit it: at most $10 a day (the default; \
             `ainfera agents cap` sets another)"
        );
        let chosen = SpendPolicy {
            per_call_cap_usd: Some("0.5".parse().unwrap()),
            monthly_cap_usd: Some("100".parse().unwrap()),
            ..SpendPolicy::default()
        };
        assert_eq!(
            may_spend("coder", &view(Funding::Prepaid, "5", chosen.clone())),
            "agent coder has a wallet with $5, which can run out, and caps: at most $0.5 a call, $100 a month"
        );
        let paused =
            WalletView { paused: true, ..view(Funding::OnAccount, "0", SpendPolicy::default()) };
        assert!(
            may_spend("coder", &paused)
                .ends_with("no cap limits it; it is paused, and pays for no new call")
        );
        assert_eq!(
            may_spend_together("acme", &view(Funding::Prepaid, "0", chosen)).as_deref(),
            Some(
                "caps of tenant acme, for all its agents together: at most $0.5 a call, $100 a month"
            )
        );
        assert_eq!(
            may_spend_together("acme", &view(Funding::Prepaid, "0", SpendPolicy::default())),
            None
        );
    }
}
