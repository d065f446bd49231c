//! How many failovers there may be: a part of the admitted calls, and a few each second for when
//! there are hardly any. Without it a provider that fails doubles the load on all the others just
//! when they have the least room.

use std::time::Instant;

/// Failovers are counted in thousandths.
const WHOLE: u64 = 1000;
/// What the seconds give is saved for so long.
const FLOOR_SAVED_SECONDS: u64 = 10;
/// What the calls give is saved up to so many failovers.
const MOST_SAVED: u64 = 1000 * WHOLE;

/// What an operator decides about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    pub budget_percent: u32,
    pub floor_per_second: u32,
}

/// See the module.
#[derive(Debug)]
pub struct RetryBudget {
    settings: RetrySettings,
    from_calls: u64,
    from_seconds: u64,
    refilled: Instant,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self { budget_percent: 20, floor_per_second: 3 }
    }
}

impl RetryBudget {
    pub fn new(settings: RetrySettings, now: Instant) -> Self {
        let from_seconds = u64::from(settings.floor_per_second) * FLOOR_SAVED_SECONDS * WHOLE;
        Self { settings, from_calls: 0, from_seconds, refilled: now }
    }

    /// A call was admitted.
    pub fn earn(&mut self, now: Instant) {
        self.refill(now);
        self.from_calls = (self.from_calls + u64::from(self.settings.budget_percent) * WHOLE / 100)
            .min(MOST_SAVED);
    }

    /// Takes one failover, if there is one.
    pub fn spend(&mut self, now: Instant) -> bool {
        self.refill(now);
        for source in [&mut self.from_calls, &mut self.from_seconds] {
            if *source >= WHOLE {
                *source -= WHOLE;
                return true;
            }
        }
        false
    }

    fn refill(&mut self, now: Instant) {
        let per_second = u64::from(self.settings.floor_per_second);
        let passed_ms = u64::try_from(now.saturating_duration_since(self.refilled).as_millis())
            .unwrap_or(u64::MAX);
        if passed_ms == 0 {
            return;
        }
        // thousandths in a millisecond are as many as wholes in a second
        let most = per_second * FLOOR_SAVED_SECONDS * WHOLE;
        self.from_seconds =
            self.from_seconds.saturating_add(passed_ms.saturating_mul(per_second)).min(most);
        self.refilled += std::time::Duration::from_millis(passed_ms);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fifth_of_the_calls_and_three_a_second() {
        let mut now = Instant::now();
        let mut budget = RetryBudget::new(RetrySettings::default(), now);
        let spent =
            |budget: &mut RetryBudget, now| (0..100_000).take_while(|_| budget.spend(now)).count();
        assert_eq!(spent(&mut budget, now), 30, "ten seconds are saved at the start");
        now += Duration::from_secs(2);
        assert_eq!(spent(&mut budget, now), 6);
        for _ in 0..100 {
            budget.earn(now);
        }
        assert_eq!(spent(&mut budget, now), 20);
        now += Duration::from_secs(3600);
        assert_eq!(spent(&mut budget, now), 30, "a quiet hour is no reserve for a storm");
    }

    #[test]
    fn nothing_allows_nothing() {
        let now = Instant::now();
        let mut budget =
            RetryBudget::new(RetrySettings { budget_percent: 0, floor_per_second: 0 }, now);
        budget.earn(now);
        assert!(!budget.spend(now + Duration::from_secs(100)));
    }

    proptest! {
        #[test]
        fn never_more_than_it_says(
            steps in prop::collection::vec((0u64..500, any::<bool>()), 1..500),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut budget = RetryBudget::new(RetrySettings::default(), start);
            let (mut calls, mut failovers) = (0_u64, 0_u64);
            for (ms, call) in steps {
                now += Duration::from_millis(ms);
                if call {
                    budget.earn(now);
                    calls += 1;
                }
                failovers += u64::from(budget.spend(now));
                let passed_ms = u64::try_from((now - start).as_millis()).unwrap();
                prop_assert!(failovers * WHOLE <= 30 * WHOLE + calls * 200 + passed_ms * 3);
            }
        }
    }
}
