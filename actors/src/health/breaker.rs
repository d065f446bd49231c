//! The breaker of one model at one provider: a pure state machine that is told the time.
//!
//! Closed until 5 failures in a row, or more than half of at least 20 within ten seconds. Then open, for a second, doubling to a minute. Then one
//! call may try: its first content closes the breaker, its failure opens it again for longer. A provider that asks us to wait is limited, not broken.

use std::time::{Duration, Instant};

use super::window::Window;

const FAILURES_IN_A_ROW: u32 = 5;
const LEAST_CALLS: u32 = 20;
const SHORTEST_OPEN_MS: u64 = 1000;
const LONGEST_OPEN_MS: u64 = 60_000;

/// See the module.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    window: Window,
    in_a_row: u32,
    /// Openings since the last call that went well to its end: each is twice as long.
    openings: u32,
    limited_until: Option<Instant>,
    probes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { probe: u64 },
}

/// On what terms a call goes to the provider. Whoever has one says how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    Usual,
    /// The one call by which it is found out whether the provider is well again.
    Probe(u64),
    /// Against the breaker's advice, because there was nobody else.
    Regardless,
}

/// How things stand, as `/metrics` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Closed,
    HalfOpen,
    Open,
}

/// When a call that is not let in now may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reopens {
    At(Instant),
    /// When the probe that is on its way has an answer.
    WithTheProbe,
}

impl Breaker {
    pub fn new(now: Instant) -> Self {
        Self { state: State::Closed, window: Window::new(now), in_a_row: 0, openings: 0, limited_until: None, probes: 0 }
    }

    /// Lets a call in, as the probe if it is time for one.
    pub fn admit(&mut self, now: Instant) -> Result<Terms, Reopens> {
        if let Some(until) = self.limited_until.filter(|until| *until > now) {
            return Err(self.not_before(until));
        }
        match self.state {
            State::Closed => Ok(Terms::Usual),
            State::Open { until } if until > now => Err(Reopens::At(until)),
            State::Open { .. } => {
                self.probes += 1;
                self.state = State::HalfOpen { probe: self.probes };
                Ok(Terms::Probe(self.probes))
            }
            State::HalfOpen { .. } => Err(Reopens::WithTheProbe),
        }
    }

    /// The first content is here: a provider that was tried is well again.
    pub fn answered(&mut self, terms: Terms) {
        match terms {
            Terms::Usual => {}
            Terms::Probe(_) if !self.is_probe(terms) => {}
            Terms::Probe(_) | Terms::Regardless => self.close(),
        }
    }

    /// The answer is whole.
    pub fn succeeded(&mut self, terms: Terms, now: Instant) {
        self.answered(terms);
        let bucket = self.window.bucket(now);
        bucket.succeeded = bucket.succeeded.saturating_add(1);
        if self.state == State::Closed {
            self.in_a_row = 0;
            self.openings = 0;
        }
    }

    /// The provider is at fault. `chance` is any number, for the jitter: processes must not all come back at once.
    pub fn failed(&mut self, terms: Terms, now: Instant, chance: u16) {
        let bucket = self.window.bucket(now);
        bucket.failed = bucket.failed.saturating_add(1);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let too_much = self.is_too_much(now);
        match self.state {
            State::Closed if too_much => self.open(now, chance),
            State::HalfOpen { .. } if self.is_probe(terms) => self.open(now, chance),
            // calls that began earlier say nothing new, and neither shorten nor lengthen the wait
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => {}
        }
    }

    /// The provider asks for a pause.
    pub fn limited(&mut self, terms: Terms, now: Instant, pause: Duration) {
        let until = now.checked_add(pause).unwrap_or(now);
        self.limited_until = self.limited_until.max(Some(until));
        self.unanswered(terms, now);
    }

    /// The call says nothing about the provider: the next one may be the probe.
    pub fn unanswered(&mut self, terms: Terms, now: Instant) {
        if self.is_probe(terms) {
            self.state = State::Open { until: now };
        }
    }

    pub fn standing(&self, now: Instant) -> Standing {
        let limited = self.limited_until.is_some_and(|until| until > now);
        match self.state {
            State::HalfOpen { .. } => Standing::HalfOpen,
            State::Open { .. } => Standing::Open,
            State::Closed if limited => Standing::Open,
            State::Closed => Standing::Closed,
        }
    }

    fn not_before(&self, limited_until: Instant) -> Reopens {
        match self.state {
            State::Closed => Reopens::At(limited_until),
            State::Open { until } => Reopens::At(until.max(limited_until)),
            State::HalfOpen { .. } => Reopens::WithTheProbe,
        }
    }

    fn is_probe(&self, terms: Terms) -> bool {
        matches!((self.state, terms), (State::HalfOpen { probe }, Terms::Probe(number)) if probe == number)
    }

    fn is_too_much(&mut self, now: Instant) -> bool {
        let counts = self.window.total(now);
        let calls = counts.succeeded.saturating_add(counts.failed);
        self.in_a_row >= FAILURES_IN_A_ROW || (calls >= LEAST_CALLS && counts.failed > calls - counts.failed)
    }

    fn open(&mut self, now: Instant, chance: u16) {
        let doubled = SHORTEST_OPEN_MS.checked_shl(self.openings.min(16)).unwrap_or(LONGEST_OPEN_MS).min(LONGEST_OPEN_MS);
        // three quarters to five quarters
        let jittered_ms = doubled * 3 / 4 + doubled * u64::from(chance) / (2 * u64::from(u16::MAX));
        self.openings = self.openings.saturating_add(1);
        self.state = State::Open { until: now + Duration::from_millis(jittered_ms) };
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.in_a_row = 0;
        self.window.clear();
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
