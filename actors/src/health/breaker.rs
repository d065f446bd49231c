//! The breaker of one model at one provider, or of one provider's key: a pure state machine that is
//! told the time.
//!
//! Closed until 5 failures in a row, or more than half of at least 20 within ten seconds. Then
//! open, for a second, doubling to a minute. Then one call may try: its first content closes the
//! breaker, its failure opens it again for longer. A refusal that the next call would meet too (of
//! the key, of the model) opens it at once, for longer. A provider that asks us to wait is limited,
//! not broken; one that names no time, or a longer one than the operator allows, is tried again by
//! one call first.

use std::time::{Duration, Instant};

use super::blame::Reason;
use super::window::Window;

const FAILURES_IN_A_ROW: u32 = 5;
const LEAST_CALLS: u32 = 20;
const SHORTEST_OPEN_MS: u64 = 1000;
const LONGEST_OPEN_MS: u64 = 60_000;
/// A refused key or a missing model is mended by a person, not by the next second.
const SHORTEST_REFUSED_MS: u64 = 5000;

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
    /// Why it is not asked, while it is not.
    aside: Option<Aside>,
}

/// Since when and why a provider or a model is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aside {
    pub reason: Reason,
    pub since: Instant,
}

/// Whether this was news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// From now on it is not asked.
    Aside(Reason),
    /// It is asked again; before, it was not, for this reason.
    Back(Reason),
    Unchanged,
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
        Self {
            state: State::Closed,
            window: Window::new(now),
            in_a_row: 0,
            openings: 0,
            limited_until: None,
            probes: 0,
            aside: None,
        }
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
    pub fn answered(&mut self, terms: Terms) -> Turned {
        match terms {
            Terms::Usual => Turned::Unchanged,
            Terms::Probe(_) if !self.is_probe(terms) => Turned::Unchanged,
            Terms::Probe(_) | Terms::Regardless => self.close(),
        }
    }

    /// The answer is whole.
    pub fn succeeded(&mut self, terms: Terms, now: Instant) -> Turned {
        let turned = self.answered(terms);
        let bucket = self.window.bucket(now);
        bucket.succeeded = bucket.succeeded.saturating_add(1);
        if self.state == State::Closed {
            self.in_a_row = 0;
            self.openings = 0;
            if self.aside.is_some_and(|aside| aside.reason == Reason::RateLimited)
                && self.limited_until.is_none_or(|until| until <= now)
            {
                return self.back();
            }
        }
        turned
    }

    /// The provider is at fault. `chance` is any number, for the jitter: processes must not all
    /// come back at once.
    pub fn failed(&mut self, terms: Terms, now: Instant, chance: u16) -> Turned {
        let bucket = self.window.bucket(now);
        bucket.failed = bucket.failed.saturating_add(1);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let too_much = self.is_too_much(now);
        match self.state {
            State::Closed if too_much => self.open(now, chance, Pause::FAILING, Reason::Failing),
            State::HalfOpen { .. } if self.is_probe(terms) => {
                self.open(now, chance, Pause::FAILING, Reason::Failing)
            }
            // calls that began earlier say nothing new, and neither shorten nor lengthen the wait
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => Turned::Unchanged,
        }
    }

    /// The provider refuses every such call: the next one would meet the same.
    pub fn refused(
        &mut self,
        terms: Terms,
        now: Instant,
        chance: u16,
        reason: Reason,
        longest: Duration,
    ) -> Turned {
        let pause = Pause { shortest_ms: SHORTEST_REFUSED_MS, longest_ms: millis(longest) };
        match self.state {
            State::Closed => self.open(now, chance, pause, reason),
            State::HalfOpen { .. } if self.is_probe(terms) => self.open(now, chance, pause, reason),
            State::Open { .. } | State::HalfOpen { .. } => Turned::Unchanged,
        }
    }

    /// The provider asks for a pause of so long. One of no time, or one that is over, says as much
    /// as none.
    pub fn limited(
        &mut self,
        terms: Terms,
        now: Instant,
        chance: u16,
        pause: Option<Duration>,
        longest: Duration,
    ) -> Turned {
        match pause.filter(|pause| !pause.is_zero()) {
            Some(pause) if pause <= longest => {
                let until = now.checked_add(pause).unwrap_or(now);
                self.limited_until = self.limited_until.max(Some(until));
                self.unanswered(terms, now);
                self.put_aside(now, Reason::RateLimited)
            }
            Some(_) => self.paused(
                terms,
                now,
                chance,
                Pause { shortest_ms: millis(longest), longest_ms: millis(longest) },
            ),
            None => self.paused(
                terms,
                now,
                chance,
                Pause { longest_ms: LONGEST_OPEN_MS.min(millis(longest)), ..Pause::FAILING },
            ),
        }
    }

    /// The call says nothing about the provider: the next one may be the probe.
    pub fn unanswered(&mut self, terms: Terms, now: Instant) {
        if self.is_probe(terms) {
            self.state = State::Open { until: now };
        }
    }

    /// An operator knows better: whatever was known is forgotten.
    pub fn clear(&mut self) -> Turned {
        self.limited_until = None;
        self.openings = 0;
        self.close()
    }

    /// Why and since when it is not asked.
    pub fn aside(&self, now: Instant) -> Option<Aside> {
        self.aside.filter(|_| self.standing(now) != Standing::Closed)
    }

    /// When the next call may go to it, where it may not now.
    pub fn retry_at(&self, now: Instant) -> Option<Instant> {
        let opens = match self.state {
            State::Open { until } => Some(until),
            State::Closed | State::HalfOpen { .. } => None,
        };
        opens.max(self.limited_until).filter(|until| *until > now)
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
        match (self.state, terms) {
            (State::HalfOpen { probe }, Terms::Probe(number)) => probe == number,
            _ => false,
        }
    }

    fn is_too_much(&mut self, now: Instant) -> bool {
        let counts = self.window.total(now);
        let calls = counts.succeeded.saturating_add(counts.failed);
        self.in_a_row >= FAILURES_IN_A_ROW
            || (calls >= LEAST_CALLS && counts.failed > calls - counts.failed)
    }

    fn paused(&mut self, terms: Terms, now: Instant, chance: u16, pause: Pause) -> Turned {
        match self.state {
            State::Closed => self.open(now, chance, pause, Reason::RateLimited),
            State::HalfOpen { .. } if self.is_probe(terms) => {
                self.open(now, chance, pause, Reason::RateLimited)
            }
            State::Open { .. } | State::HalfOpen { .. } => Turned::Unchanged,
        }
    }

    fn open(&mut self, now: Instant, chance: u16, pause: Pause, reason: Reason) -> Turned {
        let doubled = pause
            .shortest_ms
            .checked_shl(self.openings.min(16))
            .unwrap_or(pause.longest_ms)
            .min(pause.longest_ms);
        // three quarters to five quarters
        let jittered_ms = doubled * 3 / 4 + doubled * u64::from(chance) / (2 * u64::from(u16::MAX));
        self.openings = self.openings.saturating_add(1);
        self.state = State::Open { until: now + Duration::from_millis(jittered_ms) };
        self.put_aside(now, reason)
    }

    fn put_aside(&mut self, now: Instant, reason: Reason) -> Turned {
        let since = self.aside.map_or(now, |known| known.since);
        match self.aside.replace(Aside { reason, since }) {
            Some(known) if known.reason == reason => Turned::Unchanged,
            Some(_) | None => Turned::Aside(reason),
        }
    }

    fn close(&mut self) -> Turned {
        self.state = State::Closed;
        self.in_a_row = 0;
        self.window.clear();
        self.back()
    }

    fn back(&mut self) -> Turned {
        self.aside.take().map_or(Turned::Unchanged, |aside| Turned::Back(aside.reason))
    }
}

/// How long it stays open: at first, and at most.
#[derive(Debug, Clone, Copy)]
struct Pause {
    shortest_ms: u64,
    longest_ms: u64,
}

impl Pause {
    const FAILING: Pause = Pause { shortest_ms: SHORTEST_OPEN_MS, longest_ms: LONGEST_OPEN_MS };
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(u64::from(u32::MAX))
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
