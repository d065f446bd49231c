//! What the server counts and remembers, for tests that wait and look.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

/// So many refusals are remembered.
const MOST_REFUSALS: usize = 64;

/// A snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests being answered right now.
    pub connections_open: u64,
    pub requests: u64,
    pub streams_started: u64,
    /// Streams of which everything was written that their script and fault say.
    pub streams_finished: u64,
    /// Answers that the client left before that.
    pub aborted: u64,
    /// Requests that a vendor's published rules refuse. Faults that a prompt ordered are not
    /// counted.
    pub refused: u64,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Null when the body is not JSON.
    pub body: Value,
}

impl Recorded {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl Stats {
    pub fn to_json(self) -> Value {
        json!({"connections_open": self.connections_open, "requests": self.requests, "streams_started": self.streams_started,
            "streams_finished": self.streams_finished, "aborted": self.aborted, "refused": self.refused})
    }
}

pub(crate) struct Counters {
    pub requests: AtomicU64,
    pub streams_started: AtomicU64,
    pub streams_finished: AtomicU64,
    pub aborted: AtomicU64,
    refused: AtomicU64,
    /// The messages of the last refusals.
    refusals: Mutex<VecDeque<String>>,
    answering: watch::Sender<u64>,
    recorded: Mutex<VecDeque<Arc<Recorded>>>,
    keep: usize,
}

impl Counters {
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            requests: AtomicU64::new(0),
            streams_started: AtomicU64::new(0),
            streams_finished: AtomicU64::new(0),
            aborted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            refusals: Mutex::default(),
            answering: watch::Sender::new(0),
            recorded: Mutex::new(VecDeque::new()),
            keep,
        }
    }

    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            connections_open: *self.answering.borrow(),
            requests: self.requests.load(Relaxed),
            streams_started: self.streams_started.load(Relaxed),
            streams_finished: self.streams_finished.load(Relaxed),
            aborted: self.aborted.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        self.answering.send_modify(|open| *open += 1);
        Answering { counters: Arc::clone(self) }
    }

    pub(crate) async fn idle(&self) {
        // The sender lives in self, so that waiting can only end with the value.
        let _ended = self.answering.subscribe().wait_for(|open| *open == 0).await.is_ok();
    }

    pub(crate) fn remember(&self, recorded: Arc<Recorded>) {
        self.requests.fetch_add(1, Relaxed);
        if self.keep == 0 {
            return;
        }
        let mut kept = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == self.keep {
            kept.pop_front();
        }
        kept.push_back(recorded);
    }

    pub(crate) fn refuse(&self, message: String) {
        self.refused.fetch_add(1, Relaxed);
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() == MOST_REFUSALS {
            refusals.pop_front();
        }
        refusals.push_back(message);
    }

    pub(crate) fn refusals(&self) -> Vec<String> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn recorded(&self) -> Vec<Arc<Recorded>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// One request being answered; its end is its drop, however that comes.
pub(crate) struct Answering {
    counters: Arc<Counters>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.counters.answering.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_waits_for_the_last_answer() {
        let counters = Arc::new(Counters::new(1));
        counters.idle().await;
        let answering = counters.answering();
        assert_eq!(counters.snapshot().connections_open, 1);
        let ((), ()) = tokio::join!(counters.idle(), async { drop(answering) });
        assert_eq!(counters.snapshot().connections_open, 0);
    }

    #[test]
    fn only_the_last_requests_are_kept() {
        let counters = Counters::new(2);
        for path in ["/1", "/2", "/3"] {
            let recorded = Recorded {
                method: "GET".to_owned(),
                path: path.to_owned(),
                headers: Vec::new(),
                body: Value::Null,
            };
            counters.remember(Arc::new(recorded));
        }
        let paths: Vec<String> =
            counters.recorded().iter().map(|recorded| recorded.path.clone()).collect();
        assert_eq!(paths, ["/2", "/3"]);
        assert_eq!(counters.snapshot().requests, 3);
    }
}
