//! One attempt's place at a provider, and its word on how the provider did. An attempt that is
//! dropped without a word gives its place back all the same, so that a probe whose client has left
//! does not block the next one.

use std::time::{Duration, Instant};

use ainfera_schema::{ModelSlug, ProviderId};

use super::blame::{Blame, Reason};
use super::breaker::{Reopens, Terms, Turned};
use super::reach::Line;
use super::seats::Seat;
use super::{SharedBreaker, lock};
use crate::provider::ProviderFailure;

/// See the module.
#[derive(Debug)]
pub struct ProviderPermit {
    provider: ProviderId,
    watch: Option<Watch>,
    line: Option<Line>,
    reported: Reported,
    #[expect(dead_code, reason = "held for its Drop")]
    seats: TakenSeats,
}

/// Where an attempt is counted while it runs.
#[derive(Debug, Default)]
pub(super) struct TakenSeats {
    /// At a provider with a limit.
    #[expect(dead_code, reason = "held for its Drop")]
    pub provider: Option<Seat>,
    /// At one of several deployments of a model.
    #[expect(dead_code, reason = "held for its Drop")]
    pub deployment: Option<Seat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reported {
    Nothing,
    /// There was content.
    Content,
    TheEnd,
}

/// The two breakers that one attempt passes: the one of the provider's key, and the one of the
/// model.
#[derive(Debug)]
pub struct Watch {
    provider: ProviderId,
    model: ModelSlug,
    key: (SharedBreaker, Terms),
    of_model: (SharedBreaker, Terms),
    longest_pause: Duration,
}

impl Watch {
    /// Against the breakers' advice, until [`Watch::admit`] has asked them.
    pub(super) fn new(
        (provider, model): (ProviderId, ModelSlug),
        key: SharedBreaker,
        of_model: SharedBreaker,
        longest_pause: Duration,
    ) -> Self {
        Self {
            provider,
            model,
            key: (key, Terms::Regardless),
            of_model: (of_model, Terms::Regardless),
            longest_pause,
        }
    }

    /// Asks both. A probe of the key that the model's breaker does not let through is given back.
    pub(super) fn admit(&self, now: Instant) -> Result<AdmittedTerms, Reopens> {
        let key = lock(&self.key.0).admit(now)?;
        match lock(&self.of_model.0).admit(now) {
            Ok(of_model) => Ok(AdmittedTerms { key, of_model }),
            Err(reopens) => {
                lock(&self.key.0).unanswered(key, now);
                Err(reopens)
            }
        }
    }

    pub(super) fn on(self, terms: AdmittedTerms) -> Self {
        Self { key: (self.key.0, terms.key), of_model: (self.of_model.0, terms.of_model), ..self }
    }

    fn answered(&self) {
        let key = lock(&self.key.0).answered(self.key.1);
        let of_model = lock(&self.of_model.0).answered(self.of_model.1);
        self.tell(key, of_model);
    }

    fn succeeded(&self, now: Instant) {
        let key = lock(&self.key.0).succeeded(self.key.1, now);
        let of_model = lock(&self.of_model.0).succeeded(self.of_model.1, now);
        self.tell(key, of_model);
    }

    fn unanswered(&self, now: Instant) {
        lock(&self.key.0).unanswered(self.key.1, now);
        lock(&self.of_model.0).unanswered(self.of_model.1, now);
    }

    fn failed(&self, blame: Blame, now: Instant, chance: u16) {
        let ((key, key_terms), (of_model, terms)) = (&self.key, &self.of_model);
        let longest = self.longest_pause;
        if let Blame::Key(reason) = blame {
            let turned = lock(key).refused(*key_terms, now, chance, reason, longest);
            lock(of_model).unanswered(*terms, now);
            return self.tell(turned, Turned::Unchanged);
        }
        // whatever the model does, the key was accepted, unless it was not asked about at all
        let turned_key = match blame {
            Blame::Pause { .. } | Blame::Model => lock(key).answered(*key_terms),
            Blame::Provider | Blame::Nothing | Blame::Key(_) => {
                lock(key).unanswered(*key_terms, now);
                Turned::Unchanged
            }
        };
        let mut breaker = lock(of_model);
        let turned = match blame {
            Blame::Provider => breaker.failed(*terms, now, chance),
            Blame::Pause { seconds } => {
                breaker.limited(*terms, now, chance, seconds.map(Duration::from_secs), longest)
            }
            Blame::Model => breaker.refused(*terms, now, chance, Reason::NoSuchModel, longest),
            Blame::Nothing | Blame::Key(_) => {
                breaker.unanswered(*terms, now);
                Turned::Unchanged
            }
        };
        drop(breaker);
        self.tell(turned_key, turned);
    }

    /// Once when something is set aside, and once when it is back.
    fn tell(&self, key: Turned, of_model: Turned) {
        let (provider, model) = (&self.provider, &self.model);
        match key {
            Turned::Aside(reason) => {
                tracing::error!(%provider, reason = reason.as_str(), "provider is set aside: it answers none of our calls");
            }
            Turned::Back(reason) => {
                tracing::info!(%provider, reason = reason.as_str(), "provider answers again")
            }
            Turned::Unchanged => {}
        }
        match of_model {
            // a pause that the provider asked for is its ordinary way to say that we are too fast
            Turned::Aside(reason @ Reason::RateLimited) => {
                tracing::warn!(%provider, %model, reason = reason.as_str(), "model is set aside at this provider");
            }
            Turned::Aside(reason) => {
                tracing::error!(%provider, %model, reason = reason.as_str(), "model is set aside at this provider");
            }
            Turned::Back(reason) => {
                tracing::info!(%provider, %model, reason = reason.as_str(), "model answers again at this provider")
            }
            Turned::Unchanged => {}
        }
    }
}

/// On what terms both breakers let a call through.
#[derive(Debug, Clone, Copy)]
pub struct AdmittedTerms {
    key: Terms,
    of_model: Terms,
}

impl ProviderPermit {
    pub(super) fn new(
        provider: ProviderId,
        watch: Option<Watch>,
        line: Option<Line>,
        seats: TakenSeats,
    ) -> Self {
        Self { provider, watch, line, reported: Reported::Nothing, seats }
    }

    fn reached(&self) {
        if let Some(line) = &self.line {
            line.reached(&self.provider);
        }
    }

    /// The first content is here.
    pub fn answered(&mut self) {
        self.reported = Reported::Content;
        self.reached();
        if let Some(watch) = &self.watch {
            watch.answered();
        }
    }

    /// The answer is whole.
    pub fn succeeded(&mut self, now: Instant) {
        self.reported = Reported::TheEnd;
        self.reached();
        if let Some(watch) = &self.watch {
            watch.succeeded(now);
        }
    }

    pub fn failed(&mut self, failure: &ProviderFailure, now: Instant, chance: u16) {
        self.reported = Reported::TheEnd;
        if let Some(line) = &self.line {
            line.failed(&self.provider, failure, now);
        }
        if let Some(watch) = &self.watch {
            watch.failed(Blame::of(failure), now, chance);
        }
    }
}

impl Drop for ProviderPermit {
    fn drop(&mut self) {
        let Some(watch) = &self.watch else { return };
        match self.reported {
            Reported::Nothing => watch.unanswered(Instant::now()),
            // it was well as long as its answer was read
            Reported::Content => watch.succeeded(Instant::now()),
            Reported::TheEnd => {}
        }
    }
}
