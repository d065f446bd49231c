//! What operators watch, counted where it happens and read by `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ainfera_schema::{OutcomeStatus, ProviderId};
use ainfera_wire::event::{Oddity, ProviderEvent, StreamEvent};

use crate::unforeseen::UnforeseenRefusals;

/// Shared by every actor of a process.
#[derive(Debug, Default)]
pub struct Counters {
    /// Closed calls that had neither an intent nor an outcome. Must stay 0.
    pub dispatch_without_capture: Counter,
    /// Pinned calls that left an outcome to learn from, as far as the doctor saw. Must stay 0.
    pub passthrough_with_capture: Counter,
    /// Records that the store refused for good. Must stay 0.
    pub capture_failed: Counter,
    /// Answers whose provider reported usage that cannot be true.
    pub implausible_usage: Counter,
    /// Panics that CaptureActor survived. Must stay 0.
    pub capture_panics: Counter,
    /// Answers whose last word went out before their row was durable.
    pub unacknowledged: Counter,
    /// Rows that a server which took over had lost, and that were written again.
    pub written_again: Counter,
    pub store_errors: Counter,
    /// 1 while the store takes nothing and admissions are refused, else 0.
    pub store_away: Counter,
    /// 1 while the last sign of life could not be written, else 0.
    pub heartbeat_unwritten: Counter,
    /// 1 while the last try to write to the spool failed, else 0.
    pub spool_unwritable: Counter,
    /// Closed calls that are in the spool and not yet in the store.
    pub spooled: Counter,
    /// 1 while the database lacks what was signed and nobody has declared it, else 0.
    pub audit_parted: Counter,
    /// By provider, model, and what they were about.
    pub unforeseen_refusals: UnforeseenRefusals,
    pub commits: Counter,
    pub streams_open: Counter,
    /// WebSocket connections that are open now.
    pub websockets_open: Counter,
    pub oddities: OddityCounters,
    outcomes: [Counter; OutcomeStatus::ALL.len()],
}

/// A number that several threads change.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn take_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// A count that is taken elsewhere, and never goes back.
    pub fn raise_to(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub fn outcome(&self, status: OutcomeStatus) -> &Counter {
        let position =
            OutcomeStatus::ALL.iter().position(|known| *known == status).unwrap_or_default();
        &self.outcomes[position]
    }
}

/// What was odd about the answers of each provider. They are few, so a lock does not matter.
#[derive(Debug, Default)]
pub struct OddityCounters(Mutex<BTreeMap<(ProviderId, Oddity), u64>>);

impl OddityCounters {
    /// Counts those among these events of a provider.
    pub fn observe(&self, provider: &ProviderId, events: &[ProviderEvent]) {
        for event in events {
            if let StreamEvent::Oddity(oddity) = event.event {
                let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry((provider.clone(), oddity)).or_default() += 1;
            }
        }
    }

    /// All that are not 0.
    pub fn values(&self) -> Vec<(ProviderId, Oddity, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .iter()
            .map(|((provider, oddity), count)| (provider.clone(), *oddity, *count))
            .collect()
    }
}
