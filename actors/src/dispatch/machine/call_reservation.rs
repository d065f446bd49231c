//! What a call has reserved while it runs, and when it needs more. No event is passed on, and
//! nothing is billed, that is not reserved: a batch that would cost more waits for the store's
//! answer, and the provider is not read meanwhile.

use ainfera_routing::{is_running_out, next_output_tokens};
use ainfera_schema::{PriceError, Usd};

/// Of an admitted call.
#[derive(Debug)]
pub struct CallReservation {
    /// For the whole call, durably.
    amount: Usd,
    /// Up to how much output of the running attempt.
    output_tokens: u64,
    top_up: TopUp,
}

/// Whether more is asked for before it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TopUp {
    NotAsked,
    CallSize,
    /// It is asked for once more when it is needed.
    Denied,
}

/// What shall be reserved: for the whole call, and up to how much output of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub amount: Usd,
    pub output_tokens: u64,
}

/// Whether a batch is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    Covered,
    /// It is, and what comes after it will not be for long.
    RunningOut(Grant),
    /// Not before this is reserved.
    Short(Grant),
}

impl CallReservation {
    pub fn new(amount: Usd) -> Self {
        Self { amount, output_tokens: 0, top_up: TopUp::NotAsked }
    }

    /// What an attempt begins with. `None` where it is reserved already.
    pub fn begin(&mut self, grant: Grant) -> Option<Grant> {
        self.top_up = TopUp::NotAsked;
        self.output_tokens = grant.output_tokens;
        (grant.amount > self.amount).then_some(grant)
    }

    pub fn granted(&mut self, grant: Grant) {
        self.granted_to_another(grant);
        self.output_tokens = self.output_tokens.max(grant.output_tokens);
        self.top_up = TopUp::NotAsked;
    }

    /// The attempt that it was for is over. The call has it all the same.
    pub fn granted_to_another(&mut self, grant: Grant) {
        self.amount = self.amount.max(grant.amount);
    }

    pub fn asked_ahead(&mut self) {
        self.top_up = TopUp::CallSize;
    }

    pub fn denied_ahead(&mut self) {
        self.top_up = TopUp::Denied;
    }

    /// Nobody knows whether more can be had: it is asked for again.
    pub fn unanswered_ahead(&mut self) {
        self.top_up = TopUp::NotAsked;
    }

    /// `cost` is the call's with the batch; `tokens` are not fewer than the attempt's output with
    /// it.
    pub fn cover(
        &self,
        cost: Usd,
        tokens: u64,
        max_tokens: u64,
        price: impl Fn(u64) -> Result<Usd, PriceError>,
    ) -> Result<Cover, PriceError> {
        let tokens = tokens.min(max_tokens);
        let next = |from: u64| {
            let output_tokens = next_output_tokens(from, max_tokens);
            Ok(Grant { amount: price(output_tokens)?.max(cost), output_tokens })
        };
        if cost > self.amount || tokens > self.output_tokens {
            return next(tokens.max(self.output_tokens)).map(Cover::Short);
        }
        if self.top_up == TopUp::NotAsked
            && self.output_tokens < max_tokens
            && is_running_out(tokens, self.output_tokens)
        {
            return next(self.output_tokens).map(Cover::RunningOut);
        }
        Ok(Cover::Covered)
    }

    /// The same where it is known what the call costs: there will be no more of it.
    pub fn cover_exactly(&self, cost: Usd) -> Cover {
        if cost > self.amount {
            Cover::Short(Grant { amount: cost, output_tokens: self.output_tokens })
        } else {
            Cover::Covered
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 10_000;

    fn reserved(nanos: i64, output_tokens: u64) -> CallReservation {
        CallReservation { output_tokens, ..CallReservation::new(Usd::from_nanos(nanos)) }
    }

    /// A nano-dollar a token, and a hundred for the input.
    fn price(output_tokens: u64) -> Result<Usd, PriceError> {
        Ok(Usd::from_nanos(100 + i64::try_from(output_tokens).unwrap()))
    }

    fn cover(reserved: &CallReservation, cost: i64, tokens: u64) -> Cover {
        reserved.cover(Usd::from_nanos(cost), tokens, MAX, price).unwrap()
    }

    fn grant(nanos: i64, output_tokens: u64) -> Grant {
        Grant { amount: Usd::from_nanos(nanos), output_tokens }
    }

    #[test]
    fn more_is_asked_for_at_three_quarters_once_and_waited_for_at_the_end() {
        let mut reserved = reserved(2_148, 2_048);
        assert_eq!(cover(&reserved, 1_000, 1_535), Cover::Covered);
        assert_eq!(cover(&reserved, 1_000, 1_536), Cover::RunningOut(grant(6_244, 6_144)));
        reserved.asked_ahead();
        assert_eq!(cover(&reserved, 2_148, 2_048), Cover::Covered);
        assert_eq!(cover(&reserved, 2_148, 2_049), Cover::Short(grant(6_245, 6_145)));
        reserved.granted(grant(6_244, 6_144));
        assert_eq!(
            (cover(&reserved, 2_149, 2_049), reserved.amount),
            (Cover::Covered, Usd::from_nanos(6_244))
        );
    }

    #[test]
    fn what_is_asked_for_covers_the_batch_that_asks_however_large_it_is() {
        let mut reserved = reserved(2_148, 2_048);
        let Cover::Short(more) = cover(&reserved, 9_000, 9_500) else { panic!("not short") };
        assert_eq!(more, grant(10_100, MAX));
        reserved.granted(more);
        assert_eq!(cover(&reserved, 9_000, 9_500), Cover::Covered);
        // the estimate is above what was asked for: there is nothing more to reserve
        assert_eq!(cover(&reserved, 10_100, 11_000), Cover::Covered);
        // dearer than any reservation, by its input
        let Cover::Short(more) = cover(&reserved, 20_000, 9_500) else { panic!("not short") };
        reserved.granted(more);
        assert_eq!(cover(&reserved, 20_000, 9_500), Cover::Covered);
    }

    #[test]
    fn a_refusal_is_not_asked_for_again_before_the_end() {
        let mut reserved = reserved(2_148, 2_048);
        reserved.denied_ahead();
        assert_eq!(cover(&reserved, 1_000, 2_048), Cover::Covered);
        assert!(matches!(cover(&reserved, 1_000, 2_049), Cover::Short(_)));
    }

    #[test]
    fn an_attempt_begins_with_what_it_needs_and_keeps_what_is_there() {
        let mut reserved = reserved(5_000, 4_900);
        assert_eq!(reserved.begin(grant(5_000, 2_048)), None);
        assert_eq!((reserved.amount, reserved.output_tokens), (Usd::from_nanos(5_000), 2_048));
        assert_eq!(reserved.begin(grant(5_001, 2_048)), Some(grant(5_001, 2_048)));
        assert_eq!(reserved.amount, Usd::from_nanos(5_000), "not before it is durable");
    }

    #[test]
    fn what_was_granted_to_an_attempt_that_is_over_covers_no_output_of_the_next() {
        let mut reserved = reserved(2_148, 2_048);
        reserved.granted_to_another(grant(6_244, 6_144));
        reserved.granted_to_another(grant(2_500, 2_400));
        assert_eq!((reserved.amount, reserved.output_tokens), (Usd::from_nanos(6_244), 2_048));
    }
}
