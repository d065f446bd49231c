//! One attempt's place at a provider, and its word on how the provider did. An attempt that is dropped without a word gives its place back all the
//! same, so that a probe whose client has left does not block the next one.

use std::time::{Duration, Instant};

use super::blame::Blame;
use super::breaker::Terms;
use super::seats::Seat;
use super::{SharedBreaker, lock};
use crate::provider::ProviderFailure;

/// See the module.
#[derive(Debug)]
pub struct Pass {
    breaker: Option<SharedBreaker>,
    terms: Terms,
    said: Said,
    #[expect(dead_code, reason = "held for its Drop")]
    seat: Option<Seat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    /// There was content.
    Answered,
    Everything,
}

impl Pass {
    pub(super) fn new(breaker: Option<SharedBreaker>, terms: Terms, seat: Option<Seat>) -> Self {
        Self { breaker, terms, said: Said::Nothing, seat }
    }

    /// The first content is here.
    pub fn answered(&mut self) {
        self.said = Said::Answered;
        if let Some(breaker) = &self.breaker {
            lock(breaker).answered(self.terms);
        }
    }

    /// The answer is whole.
    pub fn succeeded(&mut self, now: Instant) {
        self.said = Said::Everything;
        if let Some(breaker) = &self.breaker {
            lock(breaker).succeeded(self.terms, now);
        }
    }

    pub fn failed(&mut self, failure: &ProviderFailure, now: Instant, chance: u16) {
        self.said = Said::Everything;
        let Some(breaker) = &self.breaker else { return };
        match Blame::of(failure) {
            Blame::Provider => lock(breaker).failed(self.terms, now, chance),
            Blame::Pause { seconds } => lock(breaker).limited(self.terms, now, Duration::from_secs(seconds)),
            Blame::Nobody => lock(breaker).unanswered(self.terms, now),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(breaker) = &self.breaker else { return };
        match self.said {
            Said::Nothing => lock(breaker).unanswered(self.terms, Instant::now()),
            // it was well as long as anybody listened
            Said::Answered => lock(breaker).succeeded(self.terms, Instant::now()),
            Said::Everything => {}
        }
    }
}
