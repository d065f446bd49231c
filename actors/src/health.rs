//! What all workers of a process know about the providers: who is broken, who is full, and how much trying again there may still be.
//!
//! It only reorders and skips what the router cleared; it never adds a candidate. [`breaker`], [`window`] and [`budget`] are pure; [`pass`] is how one
//! attempt holds its place and tells how it ended.

pub mod blame;
pub mod breaker;
pub mod budget;
pub mod pass;
pub mod seats;
pub mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ainfera_routing::Catalogue;
use ainfera_schema::{CallKind, Model, ModelSlug, Provider, ProviderId};

use breaker::{Breaker, Reopens, Standing, Terms};
use budget::{RetryBudget, RetrySettings};
use pass::Pass;
use seats::{Full, Seats};

/// What an operator decides about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealthSettings {
    pub breaker: BreakerUse,
    pub retry: RetrySettings,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BreakerUse {
    #[default]
    On,
    Off,
}

/// See the module.
#[derive(Debug)]
pub struct Health {
    /// Empty when breakers are not used.
    breakers: HashMap<ModelSlug, Watched>,
    /// Only the providers that have a limit.
    seats: HashMap<ProviderId, Seats>,
    budget: Arc<Mutex<RetryBudget>>,
    retry: RetrySettings,
}

#[derive(Debug)]
struct Watched {
    provider: ProviderId,
    breaker: SharedBreaker,
}

type SharedBreaker = Arc<Mutex<Breaker>>;

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// The candidate at this place of the queue.
    Of { position: usize, pass: Pass },
    /// Everybody that is left is broken or full.
    Nobody { retry_after_seconds: u64 },
}

impl Health {
    pub fn new<'p>(
        settings: HealthSettings,
        catalogue: &Catalogue,
        providers: impl IntoIterator<Item = &'p Provider>,
        now: Instant,
    ) -> Self {
        let watched = |model: &Model| Watched { provider: model.provider.clone(), breaker: Arc::new(Mutex::new(Breaker::new(now))) };
        let models = catalogue.entries().iter().map(|entry| &entry.model);
        let breakers = match settings.breaker {
            BreakerUse::On => models.map(|model| (model.slug.clone(), watched(model))).collect(),
            BreakerUse::Off => HashMap::new(),
        };
        let limited = providers.into_iter().filter_map(|provider| Some((provider.id.clone(), Seats::new(provider.max_concurrent?))));
        Self {
            breakers,
            seats: limited.collect(),
            budget: Arc::new(Mutex::new(RetryBudget::new(settings.retry, now))),
            retry: settings.retry,
        }
    }

    /// After a reload of the configuration: what `former` knows of the providers for which `unchanged` is true stays known, and so does who is being
    /// asked now.
    #[must_use]
    pub fn following(mut self, former: &Health, unchanged: impl Fn(&ProviderId) -> bool) -> Self {
        for (slug, watched) in &mut self.breakers {
            let known = former.breakers.get(slug).filter(|known| known.provider == watched.provider && unchanged(&known.provider));
            if let Some(known) = known {
                watched.breaker = Arc::clone(&known.breaker);
            }
        }
        for (provider, seats) in &mut self.seats {
            if let Some(known) = former.seats.get(provider) {
                seats.count_with(known);
            }
        }
        if self.retry == former.retry {
            self.budget = Arc::clone(&former.budget);
        }
        self
    }

    /// The first of the queue that is well, or due for its probe, and has room. Where nobody is, a routed call tries who opens first; a pinned call,
    /// which named its model, is told to come again.
    pub fn choose<'m>(&self, kind: CallKind, queue: impl Iterator<Item = (usize, &'m Model)>, now: Instant) -> Turn {
        let mut opens_first: Option<(Instant, usize, &Model)> = None;
        for (position, model) in queue {
            let Ok(seat) = self.seat(model) else { continue };
            let Some(watched) = self.breakers.get(&model.slug) else {
                return Turn::Of { position, pass: Pass::new(None, Terms::Usual, seat) };
            };
            match lock(&watched.breaker).admit(now) {
                Ok(terms) => return Turn::Of { position, pass: Pass::new(Some(Arc::clone(&watched.breaker)), terms, seat) },
                Err(Reopens::At(until)) if opens_first.is_none_or(|(earliest, _, _)| until < earliest) => {
                    opens_first = Some((until, position, model));
                }
                // its probe is the only call that it gets
                Err(Reopens::At(_) | Reopens::WithTheProbe) => {}
            }
        }
        match (opens_first, kind) {
            (Some((until, _, _)), CallKind::Direct) => {
                let wait_ms = until.saturating_duration_since(now).as_millis();
                Turn::Nobody { retry_after_seconds: u64::try_from(wait_ms.div_ceil(1000)).unwrap_or(u64::MAX).max(1) }
            }
            (Some((_, position, model)), CallKind::Routed) => match self.seat(model) {
                Ok(seat) => {
                    let breaker = self.breakers.get(&model.slug).map(|watched| Arc::clone(&watched.breaker));
                    Turn::Of { position, pass: Pass::new(breaker, Terms::Regardless, seat) }
                }
                Err(Full) => Turn::Nobody { retry_after_seconds: 1 },
            },
            (None, _) => Turn::Nobody { retry_after_seconds: 1 },
        }
    }

    /// Every admitted call earns a part of a failover.
    pub fn earn_retry(&self, now: Instant) {
        lock(&self.budget).earn(now);
    }

    /// Whether one more failover may be made.
    pub fn may_retry(&self, now: Instant) -> bool {
        lock(&self.budget).spend(now)
    }

    pub fn standings(&self, now: Instant) -> Vec<(&ProviderId, &ModelSlug, Standing)> {
        let standing = |(slug, watched)| standing_of(slug, watched, now);
        self.breakers.iter().map(standing).collect()
    }

    fn seat(&self, model: &Model) -> Result<Option<seats::Seat>, Full> {
        self.seats.get(&model.provider).map(Seats::take).transpose()
    }
}

fn standing_of<'h>(slug: &'h ModelSlug, watched: &'h Watched, now: Instant) -> (&'h ProviderId, &'h ModelSlug, Standing) {
    (&watched.provider, slug, lock(&watched.breaker).standing(now))
}

/// What a panic leaves behind is still a state: each change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "health/tests.rs"]
mod tests;
