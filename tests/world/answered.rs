//! Callers that call one after another while something happens to the database, and what they had.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::gateway::{routed, streamed};
use crate::support::process::{Process, Site};

const PATIENCE: Duration = Duration::from_secs(90);

/// What callers have had so far.
#[derive(Default)]
pub struct Answered {
    count: AtomicUsize,
    changed: Notify,
    done: AtomicBool,
}

impl Answered {
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until so many answers were whole.
    pub async fn reach(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.count() < count {
            let waited = tokio::time::timeout_at(deadline, self.changed.notified()).await;
            assert!(waited.is_ok(), "{} of {count} answers came", self.count());
        }
    }

    /// The same for so many more than now.
    pub async fn reach_more(&self, count: usize) {
        self.reach(self.count() + count).await;
    }

    /// Every caller ends with the call that it makes now.
    pub fn end(&self) {
        self.done.store(true, Ordering::Relaxed);
    }

    /// Calls one after another until the end; returns the ids of calls whose answers were whole.
    pub async fn caller(&self, site: &Site, process: &Process) -> Vec<Uuid> {
        let mut whole = Vec::new();
        while !self.done.load(Ordering::Relaxed) {
            let answer = site.call(process.address, &streamed(routed("hello"))).await;
            if answer.status == 200 && answer.complete && answer.text().contains("message_stop") {
                let id = answer.header("request-id").unwrap();
                whole.push(id.trim_start_matches("req_").parse().unwrap());
                self.count.fetch_add(1, Ordering::Relaxed);
                self.changed.notify_one();
            } else {
                // 408: the test stands still while it stops a server, with a connection open on
                // which nothing was sent yet
                let expected = matches!(answer.status, 200 | 408 | 503);
                assert!(expected, "{}: {}", answer.status, answer.text());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        whole
    }
}

/// The ids that are in one list and not in the database that answers here.
pub async fn without_row(acknowledged: &[Uuid], database_url: &str) -> Vec<Uuid> {
    let client = crate::support::postgres::connect(database_url).await;
    let query = "select request_id from routing_outcomes where outcome_status = 'succeeded'";
    let rows = client.query(query, &[]).await.unwrap();
    let rows: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    acknowledged.iter().filter(|request_id| !rows.contains(*request_id)).copied().collect()
}
