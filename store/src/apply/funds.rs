//! Money as a row has it: what is there, what is reserved, what was spent in the day and the month.
//! Agents and tenants have one each.

use ainfera_schema::{MoneyError, Usd};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Two clocks may stand on two sides of midnight.
const DRIFT_DAYS: i64 = 1;

/// Whose balance a call is charged to. Its intent remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charged {
    /// The agent's own wallet.
    Wallet,
    /// Its tenant's pool.
    Pool,
}

impl Charged {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Charged::Wallet => "wallet",
            Charged::Pool => "pool",
        }
    }

    /// Nothing but what the schema's check lets through.
    pub(crate) fn parse(word: &str) -> Self {
        if word == "pool" { Charged::Pool } else { Charged::Wallet }
    }
}

/// The reservation of an open call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub amount: Usd,
    pub charged: Charged,
}

/// The money columns of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Funds {
    pub balance: Usd,
    /// Reserved on this balance.
    pub reserved: Usd,
    /// Reserved for the same calls on somebody else's balance: an agent's calls that its pool pays,
    /// a tenant's calls that its agents pay.
    pub reserved_elsewhere: Usd,
    /// The UTC day that `spent_day_usd` is about.
    pub spent_day: Date,
    pub spent_day_usd: Usd,
    /// The first day of the calendar month that `spent_month_usd` is about.
    pub spent_month: Date,
    pub spent_month_usd: Usd,
    /// A paused balance pays for nothing new.
    pub paused: bool,
}

impl Funds {
    pub(crate) fn new(now: Timestamp) -> Self {
        let today = utc_day(now);
        Self {
            balance: Usd::ZERO,
            reserved: Usd::ZERO,
            reserved_elsewhere: Usd::ZERO,
            spent_day: today,
            spent_day_usd: Usd::ZERO,
            spent_month: today.first_of_month(),
            spent_month_usd: Usd::ZERO,
            paused: false,
        }
    }

    /// What a new call may still reserve: nothing of a paused balance.
    pub(crate) fn available(&self) -> Result<Usd, MoneyError> {
        if self.paused { Ok(Usd::ZERO) } else { self.balance.checked_sub(self.reserved) }
    }

    /// Whether the balance pays for a call that may cost `most`. Equality passes.
    pub(crate) fn covers(&self, most: Usd) -> Result<bool, MoneyError> {
        Ok(!self.paused && self.available()? >= most)
    }

    /// Spent today and reserved, on whatever balance.
    pub(crate) fn committed_today(&mut self, now: Timestamp) -> Result<Usd, MoneyError> {
        self.roll_windows(now);
        self.with_reservations(self.spent_day_usd)
    }

    /// Spent this month and reserved, on whatever balance.
    pub(crate) fn committed_this_month(&mut self, now: Timestamp) -> Result<Usd, MoneyError> {
        self.roll_windows(now);
        self.with_reservations(self.spent_month_usd)
    }

    fn with_reservations(&self, spent: Usd) -> Result<Usd, MoneyError> {
        spent.checked_add(self.reserved)?.checked_add(self.reserved_elsewhere)
    }

    pub(crate) fn reserve(&mut self, amount: Usd, from: PaidFrom) -> Result<(), MoneyError> {
        let reserved = self.reserved_on(from);
        *reserved = reserved.checked_add(amount)?;
        Ok(())
    }

    pub(crate) fn release(&mut self, amount: Usd, from: PaidFrom) -> Result<(), MoneyError> {
        let reserved = self.reserved_on(from);
        *reserved = reserved.checked_sub(amount)?;
        Ok(())
    }

    /// Counts what a call cost, and takes it from the balance where it is this one that pays. A
    /// call may cost more than was reserved for it: then the balance may go below zero.
    pub(crate) fn spend(
        &mut self,
        amount: Usd,
        from: PaidFrom,
        now: Timestamp,
    ) -> Result<(), MoneyError> {
        self.roll_windows(now);
        self.spent_day_usd = self.spent_day_usd.checked_add(amount)?;
        self.spent_month_usd = self.spent_month_usd.checked_add(amount)?;
        if from == PaidFrom::ThisBalance {
            self.balance = self.balance.checked_sub(amount)?;
        }
        Ok(())
    }

    fn reserved_on(&mut self, from: PaidFrom) -> &mut Usd {
        match from {
            PaidFrom::ThisBalance => &mut self.reserved,
            PaidFrom::OtherBalance => &mut self.reserved_elsewhere,
        }
    }

    /// Windows only go forward, so that a clock set back does not open yesterday's cap again. A
    /// window further ahead than clocks drift is the work of a clock that once was wrong: it
    /// becomes today's, and what was counted in it stays counted.
    pub(crate) fn roll_windows(&mut self, now: Timestamp) {
        let today = utc_day(now);
        let latest = today.saturating_add(Span::new().days(DRIFT_DAYS));
        if self.spent_day > latest {
            tracing::warn!(
                spent_day = %self.spent_day,
                %today,
                "an account counted for a day in the future: it counts for today"
            );
            self.spent_day = today;
        }
        if self.spent_month > latest.first_of_month() {
            self.spent_month = today.first_of_month();
        }
        if today > self.spent_day {
            self.spent_day = today;
            self.spent_day_usd = Usd::ZERO;
        }
        let month = today.first_of_month();
        if month > self.spent_month {
            self.spent_month = month;
            self.spent_month_usd = Usd::ZERO;
        }
    }
}

/// Whether the balance at hand pays for a call, or the other one that the call counts for: an
/// agent's call counts for its tenant too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaidFrom {
    ThisBalance,
    OtherBalance,
}

pub(crate) fn utc_day(now: Timestamp) -> Date {
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

    #[test]
    fn windows_roll_at_midnight_and_with_the_month_in_utc_and_never_back() {
        let mut funds = Funds::new(at("2026-11-29T12:00:00Z"));
        funds.spend(usd("3"), PaidFrom::ThisBalance, at("2026-11-29T23:59:59.999999Z")).unwrap();
        assert_eq!(funds.committed_today(at("2026-11-30T00:00:00Z")).unwrap(), usd("0"));
        assert_eq!(funds.committed_this_month(at("2026-11-30T23:59:59Z")).unwrap(), usd("3"));
        assert_eq!(funds.committed_this_month(at("2026-12-01T00:00:00Z")).unwrap(), usd("0"));
        funds.spend(usd("2"), PaidFrom::OtherBalance, at("2026-11-30T23:00:00Z")).unwrap();
        assert_eq!(
            (funds.spent_day.to_string().as_str(), funds.spent_month.to_string().as_str()),
            ("2026-12-01", "2026-12-01")
        );
        assert_eq!(
            (funds.spent_day_usd, funds.spent_month_usd, funds.balance),
            (usd("2"), usd("2"), usd("-3"))
        );
    }

    #[test]
    fn a_window_in_the_future_becomes_todays_and_rolls_again_tomorrow() {
        let mut funds = Funds::new(at("2036-01-01T00:00:00Z"));
        funds.spend(usd("3"), PaidFrom::ThisBalance, at("2036-01-01T00:00:00Z")).unwrap();
        let (now, tomorrow) = (at("2026-11-29T12:00:00Z"), at("2026-11-30T00:00:00Z"));
        assert_eq!(funds.committed_today(now).unwrap(), usd("3"));
        assert_eq!(
            (funds.spent_day.to_string().as_str(), funds.spent_month.to_string().as_str()),
            ("2026-11-29", "2026-11-01")
        );
        assert_eq!(funds.committed_today(tomorrow).unwrap(), usd("0"));
        assert_eq!(funds.committed_this_month(tomorrow).unwrap(), usd("3"));
    }

    #[test]
    fn reservations_count_for_caps_wherever_they_are_and_for_the_balance_only_here() {
        let now = at("2026-11-29T12:00:00Z");
        let mut funds = Funds { balance: usd("5"), ..Funds::new(now) };
        funds.reserve(usd("2"), PaidFrom::ThisBalance).unwrap();
        funds.reserve(usd("4"), PaidFrom::OtherBalance).unwrap();
        assert_eq!(funds.committed_today(now).unwrap(), usd("6"));
        assert_eq!(funds.available().unwrap(), usd("3"));
        assert!(funds.covers(usd("3")).unwrap() && !funds.covers(usd("3.000000001")).unwrap());
        funds.release(usd("4"), PaidFrom::OtherBalance).unwrap();
        assert_eq!(funds.committed_today(now).unwrap(), usd("2"));
        funds.paused = true;
        assert!(!funds.covers(Usd::ZERO).unwrap());
    }
}
