//! Which providers cannot be reached, and why. Known from the first connection that did not come
//! about to the next one that does; it only tells, and decides nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use ainfera_schema::ProviderId;

use super::{Cleared, is_of, lock};
use crate::provider::ProviderFailure;
use crate::provider::transport::failure::ConnectFailure;

/// See the module.
#[derive(Debug)]
pub struct Reach {
    providers: HashMap<ProviderId, Line>,
}

/// The way to one provider.
#[derive(Debug, Clone, Default)]
pub struct Line(Arc<Mutex<Option<Broken>>>);

/// Why there is no way to it.
#[derive(Debug, Clone)]
struct Broken {
    failure: ConnectFailure,
    since: Instant,
    last: Instant,
}

/// A provider that could not be reached when it was last tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    pub provider: ProviderId,
    pub failure: ConnectFailure,
    pub since_seconds: u64,
    /// Since the last call that tried.
    pub tried_seconds_ago: u64,
}

impl Reach {
    pub fn new(providers: impl IntoIterator<Item = ProviderId>) -> Self {
        Self {
            providers: providers.into_iter().map(|provider| (provider, Line::default())).collect(),
        }
    }

    /// After a reload: the ways to the providers that are the same are still known.
    pub fn follow(&mut self, former: &Reach, unchanged: impl Fn(&ProviderId) -> bool) {
        for (provider, line) in &mut self.providers {
            if let Some(known) = former.providers.get(provider).filter(|_| unchanged(provider)) {
                *line = known.clone();
            }
        }
    }

    pub fn line(&self, provider: &ProviderId) -> Option<Line> {
        self.providers.get(provider).cloned()
    }

    /// In the order of the providers' ids.
    pub fn unreachable(&self, now: Instant) -> Vec<Unreachable> {
        let mut all: Vec<Unreachable> = self
            .providers
            .iter()
            .filter_map(|(provider, line)| line.unreachable(provider, now))
            .collect();
        all.sort_by(|a, b| a.provider.cmp(&b.provider));
        all
    }

    /// Forgets it, of a provider and of all its keys.
    pub fn clear(&self, provider: &str) -> Cleared {
        let mut lines = self
            .providers
            .iter()
            .filter(|(id, _)| is_of(id, provider))
            .map(|(_, line)| line)
            .peekable();
        if lines.peek().is_none() {
            return Cleared::Unknown;
        }
        Cleared::Entries(lines.filter(|line| lock(&line.0).take().is_some()).count())
    }
}

impl Line {
    /// There is a connection.
    pub fn reached(&self, provider: &ProviderId) {
        if let Some(broken) = lock(&self.0).take() {
            tracing::info!(%provider, cause = broken.failure.as_str(), "provider can be reached again");
        }
    }

    /// What a failed attempt says about the way.
    pub fn failed(&self, provider: &ProviderId, failure: &ProviderFailure, now: Instant) {
        match failure {
            ProviderFailure::Connect(failure) => self.broken(provider, failure, now),
            ProviderFailure::Refused { .. }
            | ProviderFailure::Stream(_)
            | ProviderFailure::TimedOut(_)
            | ProviderFailure::Broken(_) => {
                self.reached(provider);
            }
            ProviderFailure::Untranslatable(_) | ProviderFailure::Crashed => {}
        }
    }

    /// Told once for each cause: the next calls will meet the same.
    fn broken(&self, provider: &ProviderId, failure: &ConnectFailure, now: Instant) {
        let mut known = lock(&self.0);
        let since = known.as_ref().map_or(now, |known| known.since);
        let is_news = known.as_ref().is_none_or(|known| known.failure.as_str() != failure.as_str());
        *known = Some(Broken { failure: failure.clone(), since, last: now });
        drop(known);
        if is_news {
            tracing::error!(%provider, cause = failure.as_str(), %failure, "provider cannot be reached");
        }
    }

    fn unreachable(&self, provider: &ProviderId, now: Instant) -> Option<Unreachable> {
        let known = lock(&self.0);
        let broken = known.as_ref()?;
        let seconds = |since: Instant| now.saturating_duration_since(since).as_secs();
        Some(Unreachable {
            provider: provider.clone(),
            failure: broken.failure.clone(),
            since_seconds: seconds(broken.since),
            tried_seconds_ago: seconds(broken.last),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ainfera_wire::error::StreamFault;

    use super::*;
    use crate::provider::transport::failure::{ProxyFault, TlsFault};

    fn expired() -> ProviderFailure {
        ProviderFailure::Connect(ConnectFailure::Tls {
            host: "h".to_owned(),
            fault: TlsFault::Expired,
        })
    }

    #[test]
    fn a_cause_is_known_until_there_is_a_connection() {
        let (start, provider) = (Instant::now(), ProviderId::new("p"));
        let reach = Reach::new([provider.clone()]);
        let line = reach.line(&provider).unwrap();
        line.failed(&provider, &expired(), start);
        let later = start + Duration::from_secs(9);
        line.failed(&provider, &expired(), start + Duration::from_secs(5));
        let known = reach.unreachable(later);
        assert_eq!(
            (known[0].failure.as_str(), known[0].since_seconds, known[0].tried_seconds_ago),
            ("tls:expired", 9, 4)
        );
        // a panic of ours says nothing about it
        line.failed(&provider, &ProviderFailure::Crashed, later);
        assert_eq!(reach.unreachable(later).len(), 1);
        line.failed(&provider, &ProviderFailure::Stream(StreamFault::Truncated), later);
        assert_eq!(reach.unreachable(later), []);
    }

    #[test]
    fn another_cause_takes_the_place_of_the_first_and_an_operator_clears_it() {
        let (now, provider) = (Instant::now(), ProviderId::new("p#second"));
        let reach = Reach::new([provider.clone()]);
        let line = reach.line(&provider).unwrap();
        line.failed(&provider, &expired(), now);
        let proxy =
            ConnectFailure::Proxy { proxy: "x".to_owned(), fault: ProxyFault::Refused(403) };
        line.failed(&provider, &ProviderFailure::Connect(proxy), now);
        assert_eq!(reach.unreachable(now)[0].failure.as_str(), "proxy:refused");
        let cleared = ["other", "p", "p"].map(|provider| reach.clear(provider));
        assert_eq!(cleared, [Cleared::Unknown, Cleared::Entries(1), Cleared::Entries(0)]);
    }
}
