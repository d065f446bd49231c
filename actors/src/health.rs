//! What all workers of a process know about the providers: who is broken, who is full, and how much
//! trying again there may still be.
//!
//! It only reorders and skips what the router cleared; it never adds a candidate. [`breaker`],
//! [`window`] and [`budget`] are pure; [`provider_permit`] is how one attempt holds its place and
//! tells how it ended.

pub mod blame;
pub mod breaker;
pub mod budget;
pub mod conversations;
pub mod deployments;
pub mod provider_permit;
pub mod reach;
pub mod seats;
pub mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ainfera_routing::Catalogue;
use ainfera_schema::provider::KEY_SEPARATOR;
use ainfera_schema::{CallKind, Model, ModelSlug, Provider, ProviderId};

use blame::Reason;
use breaker::{Breaker, Reopens, Standing, Turned};
use budget::{RetryBudget, RetrySettings};
use deployments::DeploymentLoads;
use provider_permit::{ProviderPermit, TakenSeats, Watch};
use reach::{Reach, Unreachable};
use seats::{Full, Seats};

/// What an operator decides about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthSettings {
    pub breaker: BreakerUse,
    /// However long a provider asks to be left alone, it is tried again after this.
    pub longest_pause: Duration,
    pub retry: RetrySettings,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            breaker: BreakerUse::default(),
            longest_pause: LONGEST_PAUSE,
            retry: RetrySettings::default(),
        }
    }
}

/// One caller's `retry-after` of a day must not take a model away from everybody for a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BreakerUse {
    #[default]
    On,
    Off,
}

/// See the module.
#[derive(Debug)]
pub struct Health {
    /// One for each deployment of a model. Empty when breakers are not used.
    breakers: HashMap<ModelSlug, Vec<Watched>>,
    /// One for each provider, for what is about its key and not about one model. Empty when
    /// breakers are not used.
    keys: HashMap<ProviderId, SharedBreaker>,
    longest_pause: Duration,
    reach: Reach,
    /// Only the providers that have a limit.
    seats: HashMap<ProviderId, Seats>,
    deployments: DeploymentLoads,
    budget: Arc<Mutex<RetryBudget>>,
    retry: RetrySettings,
}

/// One deployment of a model.
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
    Of { position: usize, permit: ProviderPermit },
    /// All that are left are set aside or full; `reason` is that of the one that can be asked
    /// first.
    NoneAvailable { retry_after_seconds: u64, reason: Option<Reason> },
}

/// A provider, or one model at it, that is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub provider: ProviderId,
    /// `None`: the key, and so all models of the provider.
    pub model: Option<ModelSlug>,
    pub reason: Reason,
    pub since_seconds: u64,
    /// Until the next call may try it. 0: one call is trying it now.
    pub retry_in_seconds: u64,
}

/// What [`Health::clear`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleared {
    /// So many were set aside and are not any more.
    Entries(usize),
    /// There is no such provider, or no such model at it.
    Unknown,
}

impl Health {
    pub fn new<'p>(
        settings: HealthSettings,
        catalogue: &Catalogue,
        providers: impl IntoIterator<Item = &'p Provider>,
        now: Instant,
    ) -> Self {
        let watched = |model: &Model| Watched {
            provider: model.provider.clone(),
            breaker: Arc::new(Mutex::new(Breaker::new(now))),
        };
        let models = catalogue.entries().iter().enumerate().map(|(index, entry)| {
            let deployments = catalogue.deployments(index).iter();
            (
                entry.model.slug.clone(),
                deployments.map(|deployment| watched(&deployment.entry.model)).collect(),
            )
        });
        let breakers: HashMap<ModelSlug, Vec<Watched>> = match settings.breaker {
            BreakerUse::On => models.collect(),
            BreakerUse::Off => HashMap::new(),
        };
        let keys = breakers
            .values()
            .flatten()
            .map(|watched| (watched.provider.clone(), Arc::new(Mutex::new(Breaker::new(now)))))
            .collect();
        let providers: Vec<&Provider> = providers.into_iter().collect();
        let limited = providers.iter().filter_map(|provider| {
            Some((provider.id.clone(), Seats::new(provider.max_concurrent?)))
        });
        Self {
            breakers,
            keys,
            longest_pause: settings.longest_pause,
            reach: Reach::new(providers.iter().map(|provider| provider.id.clone())),
            seats: limited.collect(),
            deployments: DeploymentLoads::new(catalogue),
            budget: Arc::new(Mutex::new(RetryBudget::new(settings.retry, now))),
            retry: settings.retry,
        }
    }

    /// After a reload of the configuration: what `former` knows of the providers for which
    /// `unchanged` is true stays known, and so does who is being asked now.
    #[must_use]
    pub fn following(mut self, former: &Health, unchanged: impl Fn(&ProviderId) -> bool) -> Self {
        let deployments = self
            .breakers
            .iter_mut()
            .flat_map(|(slug, all)| all.iter_mut().map(move |watched| (slug, watched)));
        for (slug, watched) in deployments {
            if let Some(known) =
                former.watched(slug, &watched.provider).filter(|known| unchanged(&known.provider))
            {
                watched.breaker = Arc::clone(&known.breaker);
            }
        }
        for (provider, breaker) in &mut self.keys {
            if let Some(known) = former.keys.get(provider).filter(|_| unchanged(provider)) {
                *breaker = Arc::clone(known);
            }
        }
        for (provider, seats) in &mut self.seats {
            if let Some(known) = former.seats.get(provider) {
                seats.count_with(known);
            }
        }
        self.reach.follow(&former.reach, unchanged);
        self.deployments.follow(&former.deployments);
        if self.retry == former.retry {
            self.budget = Arc::clone(&former.budget);
        }
        self
    }

    /// The first of the queue that is well, or due for its probe, and has room. Where none is, a
    /// routed call tries the one that opens first; a pinned call, which named its model, is told to
    /// come again.
    pub fn choose<'m>(
        &self,
        kind: CallKind,
        queue: impl Iterator<Item = (usize, &'m Model)>,
        now: Instant,
    ) -> Turn {
        let mut opens_first: Option<(Instant, usize, &Model)> = None;
        for (position, model) in queue {
            let Ok(seats) = self.seats(model) else { continue };
            let Some(watch) = self.watch(model) else {
                return Turn::Of { position, permit: self.permit(model, None, seats) };
            };
            match watch.admit(now) {
                Ok(terms) => {
                    return Turn::Of {
                        position,
                        permit: self.permit(model, Some(watch.on(terms)), seats),
                    };
                }
                Err(Reopens::At(until))
                    if opens_first.is_none_or(|(earliest, _, _)| until < earliest) =>
                {
                    opens_first = Some((until, position, model));
                }
                // its probe is the only call that it gets
                Err(Reopens::At(_) | Reopens::WithTheProbe) => {}
            }
        }
        match (opens_first, kind) {
            (Some((until, _, model)), CallKind::Direct) => {
                let wait_ms = until.saturating_duration_since(now).as_millis();
                let retry_after_seconds =
                    u64::try_from(wait_ms.div_ceil(1000)).unwrap_or(u64::MAX).max(1);
                Turn::NoneAvailable { retry_after_seconds, reason: self.reason(model, now) }
            }
            (Some((_, position, model)), CallKind::Routed) => match self.seats(model) {
                Ok(seats) => {
                    Turn::Of { position, permit: self.permit(model, self.watch(model), seats) }
                }
                Err(Full) => Turn::NoneAvailable { retry_after_seconds: 1, reason: None },
            },
            (None, _) => Turn::NoneAvailable { retry_after_seconds: 1, reason: None },
        }
    }

    /// What is not asked at this moment, with the reason: a whole provider where the key is
    /// refused, else one model.
    pub fn set_aside(&self, now: Instant) -> Vec<SetAside> {
        let aside = |provider: &ProviderId, model: Option<&ModelSlug>, breaker: &SharedBreaker| {
            let breaker = lock(breaker);
            let aside = breaker.aside(now)?;
            let seconds = |duration: Duration| duration.as_secs();
            Some(SetAside {
                provider: provider.clone(),
                model: model.cloned(),
                reason: aside.reason,
                since_seconds: seconds(now.saturating_duration_since(aside.since)),
                retry_in_seconds: breaker
                    .retry_at(now)
                    .map_or(0, |at| seconds(at.saturating_duration_since(now)) + 1),
            })
        };
        let keys =
            self.keys.iter().filter_map(|(provider, breaker)| aside(provider, None, breaker));
        let models = self
            .each_watched()
            .filter_map(|(model, watched)| aside(&watched.provider, Some(model), &watched.breaker));
        let mut all: Vec<SetAside> = keys.chain(models).collect();
        all.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
        all
    }

    /// Forgets what is known against a provider, or against one model at it. How many were set
    /// aside.
    pub fn clear(&self, provider: &str, model: Option<&str>) -> Cleared {
        let of_all = if model.is_none() { self.reach.clear(provider) } else { Cleared::Unknown };
        let (mut known, mut cleared) = match of_all {
            Cleared::Entries(count) => (true, count),
            Cleared::Unknown => (false, 0),
        };
        for (_, breaker) in self.keys.iter().filter(|(id, _)| is_of(id, provider)) {
            cleared += usize::from(lock(breaker).clear() != Turned::Unchanged);
        }
        let of_provider =
            self.each_watched().filter(|(_, watched)| is_of(&watched.provider, provider));
        for (_, watched) in
            of_provider.filter(|(slug, _)| model.is_none_or(|model| slug.as_str() == model))
        {
            known = true;
            cleared += usize::from(lock(&watched.breaker).clear() != Turned::Unchanged);
        }
        if known { Cleared::Entries(cleared) } else { Cleared::Unknown }
    }

    /// The providers that could not be reached when they were last tried, with the cause.
    pub fn unreachable(&self, now: Instant) -> Vec<Unreachable> {
        self.reach.unreachable(now)
    }

    fn permit(&self, model: &Model, watch: Option<Watch>, seats: TakenSeats) -> ProviderPermit {
        ProviderPermit::new(model.provider.clone(), watch, self.reach.line(&model.provider), seats)
    }

    fn watch(&self, model: &Model) -> Option<Watch> {
        let watched = self.watched(&model.slug, &model.provider)?;
        let key = self.keys.get(&watched.provider)?;
        let places = (watched.provider.clone(), model.slug.clone());
        Some(Watch::new(places, Arc::clone(key), Arc::clone(&watched.breaker), self.longest_pause))
    }

    fn reason(&self, model: &Model, now: Instant) -> Option<Reason> {
        let watched = self.watched(&model.slug, &model.provider)?;
        let key = self.keys.get(&watched.provider).and_then(|breaker| lock(breaker).aside(now));
        key.or_else(|| lock(&watched.breaker).aside(now)).map(|aside| aside.reason)
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
        self.each_watched().map(standing).collect()
    }

    /// What is known of the deployments of models that have several.
    pub fn deployments(&self) -> &DeploymentLoads {
        &self.deployments
    }

    fn watched(&self, model: &ModelSlug, provider: &ProviderId) -> Option<&Watched> {
        self.breakers.get(model)?.iter().find(|watched| watched.provider == *provider)
    }

    fn each_watched(&self) -> impl Iterator<Item = (&ModelSlug, &Watched)> {
        self.breakers.iter().flat_map(|(slug, all)| all.iter().map(move |watched| (slug, watched)))
    }

    fn seats(&self, model: &Model) -> Result<TakenSeats, Full> {
        let provider = self.seats.get(&model.provider).map(Seats::take).transpose()?;
        Ok(TakenSeats { provider, deployment: self.deployments.begin(model) })
    }
}

/// Whether `id` is the provider, or the provider with one of its keys.
fn is_of(id: &ProviderId, provider: &str) -> bool {
    id.as_str() == provider
        || id.as_str().split_once(KEY_SEPARATOR).is_some_and(|(before, _)| before == provider)
}

fn standing_of<'h>(
    slug: &'h ModelSlug,
    watched: &'h Watched,
    now: Instant,
) -> (&'h ProviderId, &'h ModelSlug, Standing) {
    (&watched.provider, slug, lock(&watched.breaker).standing(now))
}

/// What a panic leaves behind is still a state: each change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "health/tests.rs"]
mod tests;
