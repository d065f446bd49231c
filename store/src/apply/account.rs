//! The one hot row of an agent: what it has, what is reserved, what it spent today. And the rule by which calls are let in.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, AgentStatus, MoneyError, Usd};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::{Refusal, StoreError, Verdict};

/// An account as locked by the transaction, with what its agent may spend.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub agent_id: AgentId,
    pub status: AgentStatus,
    pub spend_policy: SpendPolicy,
    pub balance: Usd,
    /// The sum of the holds of this agent's open intents.
    pub held: Usd,
    /// The UTC day that `spent_day_usd` is about.
    pub spent_day: Date,
    pub spent_day_usd: Usd,
    /// The number of events in the agent's audit chain, and the hash of the newest.
    pub audit_seq: i64,
    pub audit_head: Option<String>,
}

impl Account {
    pub fn new(agent_id: AgentId, spend_policy: SpendPolicy, now: Timestamp) -> Self {
        Self {
            agent_id,
            status: AgentStatus::Active,
            spend_policy,
            balance: Usd::ZERO,
            held: Usd::ZERO,
            spent_day: utc_day(now),
            spent_day_usd: Usd::ZERO,
            audit_seq: 0,
            audit_head: None,
        }
    }

    /// Reserves `hold`, or says why not. Equality passes.
    pub fn admit(&mut self, hold: Usd, now: Timestamp) -> Result<Verdict, StoreError> {
        if hold.is_negative() {
            return Err(StoreError::Corrupt(format!("hold of {hold}")));
        }
        match self.status {
            AgentStatus::Active => {}
            AgentStatus::Suspended => return refuse(Refusal::Inactive { status: self.status.as_str().to_owned() }),
        }
        if let Some(cap) = self.spend_policy.per_call_cap_usd
            && hold > cap
        {
            return refuse(Refusal::PerCallCap { cap, needed: hold });
        }
        if let Some(cap) = self.spend_policy.daily_cap_usd {
            self.turn_day(now);
            let committed = self.spent_day_usd.checked_add(self.held)?;
            if committed.checked_add(hold)? > cap {
                return refuse(Refusal::DailyCap { cap, committed, needed: hold });
            }
        }
        let available = self.balance.checked_sub(self.held)?;
        if available < hold {
            return refuse(Refusal::Funds { available, needed: hold });
        }
        self.held = self.held.checked_add(hold)?;
        Ok(Verdict::Admitted)
    }

    /// Gives a hold back.
    pub fn release(&mut self, hold: Usd) -> Result<(), MoneyError> {
        self.held = self.held.checked_sub(hold)?;
        Ok(())
    }

    /// Takes what a call cost, and returns the balance after it. A call may cost more than was held for it: then the balance may go below zero.
    pub fn charge(&mut self, amount: Usd, now: Timestamp) -> Result<Usd, MoneyError> {
        self.turn_day(now);
        self.balance = self.balance.checked_sub(amount)?;
        self.spent_day_usd = self.spent_day_usd.checked_add(amount)?;
        Ok(self.balance)
    }

    /// Days only go forward, so that a clock set back does not open yesterday's cap again.
    fn turn_day(&mut self, now: Timestamp) {
        let today = utc_day(now);
        if today > self.spent_day {
            self.spent_day = today;
            self.spent_day_usd = Usd::ZERO;
        }
    }
}

fn refuse(refusal: Refusal) -> Result<Verdict, StoreError> {
    Ok(Verdict::Refused(refusal))
}

fn utc_day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOON: &str = "2026-11-23T12:00:00Z";

    fn account(per_call: Option<&str>, daily: Option<&str>, balance: &str) -> Account {
        let spend_policy = SpendPolicy { per_call_cap_usd: per_call.map(usd), daily_cap_usd: daily.map(usd), ..SpendPolicy::default() };
        let mut account = Account::new(AgentId::mint(), spend_policy, at(NOON));
        account.balance = usd(balance);
        account
    }

    #[test]
    fn equality_passes_and_one_nano_more_does_not() {
        let nano = Usd::from_nanos(1);
        let mut capped = account(Some("1"), None, "10");
        assert_eq!(capped.admit(usd("1"), at(NOON)).unwrap(), Verdict::Admitted);
        let above = usd("1").checked_add(nano).unwrap();
        let refusal = Refusal::PerCallCap { cap: usd("1"), needed: above };
        assert_eq!(capped.admit(above, at(NOON)).unwrap(), Verdict::Refused(refusal));

        let mut daily = account(None, Some("3"), "10");
        assert_eq!(daily.admit(usd("3"), at(NOON)).unwrap(), Verdict::Admitted);
        let refusal = Refusal::DailyCap { cap: usd("3"), committed: usd("3"), needed: nano };
        assert_eq!(daily.admit(nano, at(NOON)).unwrap(), Verdict::Refused(refusal));

        let mut poor = account(None, None, "2");
        assert_eq!(poor.admit(usd("2"), at(NOON)).unwrap(), Verdict::Admitted);
        assert_eq!(poor.admit(nano, at(NOON)).unwrap(), Verdict::Refused(Refusal::Funds { available: Usd::ZERO, needed: nano }));
        assert_eq!(poor.admit(Usd::ZERO, at(NOON)).unwrap(), Verdict::Admitted);
    }

    #[test]
    fn the_day_turns_at_midnight_in_utc_and_never_back() {
        let mut account = account(None, Some("3"), "10");
        account.charge(usd("3"), at("2026-11-23T23:59:59.999999Z")).unwrap();
        let refused = account.admit(usd("1"), at("2026-11-23T23:59:59.999999Z")).unwrap();
        assert!(matches!(refused, Verdict::Refused(Refusal::DailyCap { .. })));
        assert_eq!(account.admit(usd("1"), at("2026-11-24T00:00:00Z")).unwrap(), Verdict::Admitted);
        account.charge(usd("2"), at("2026-11-23T23:00:00Z")).unwrap();
        assert_eq!(account.spent_day_usd, usd("2"));
        assert_eq!(account.spent_day.to_string(), "2026-11-24");
    }

    #[test]
    fn money_that_does_not_fit_is_an_error_and_a_negative_hold_too() {
        let mut rich = account(None, None, "1");
        rich.held = Usd::from_nanos(i64::MIN);
        assert!(matches!(rich.admit(usd("1"), at(NOON)), Err(StoreError::Money(MoneyError::Overflow))));
        assert!(matches!(account(None, None, "1").admit(usd("-1"), at(NOON)), Err(StoreError::Corrupt(_))));
    }
}
