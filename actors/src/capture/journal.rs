//! What was committed in the last moments, to be sent again when a standby is promoted that may lack it. Pure: told the time.
//!
//! Only stores that can be taken over by a standby need it. A batch that is sent again writes what is missing and nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ainfera_store::{CaptureBatch, Sent};
use tokio::time::Instant;

/// Longer than a standby that still counts as one lags behind.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Rows that are kept at most: a bound on the memory.
const MOST_ROWS: usize = 4_000;

/// Batches in the order in which they were committed.
#[derive(Default)]
pub struct Journal {
    committed: VecDeque<(Instant, Arc<CaptureBatch>)>,
    rows: usize,
    /// How many changes of the server are dealt with.
    seen_changes: u64,
}

impl Journal {
    /// The batch is durable on the server that answers now.
    pub fn note(&mut self, batch: Arc<CaptureBatch>, now: Instant) {
        self.rows += rows_of(&batch);
        self.committed.push_back((now, batch));
        while let Some((at, oldest)) = self.committed.front() {
            if self.rows <= MOST_ROWS && now.duration_since(*at) <= KEPT_FOR {
                break;
            }
            self.rows -= rows_of(oldest);
            self.committed.pop_front();
        }
    }

    /// What the server that answers now may lack, oldest first: nothing unless it is another one than before.
    pub fn take_after(&mut self, server_changes: u64) -> Vec<CaptureBatch> {
        if std::mem::replace(&mut self.seen_changes, server_changes) == server_changes {
            return Vec::new();
        }
        self.rows = 0;
        let batches = self.committed.drain(..).map(|(_, batch)| {
            // what a call was allowed beyond its first reservation does not matter once it is over
            CaptureBatch { sent: Sent::PerhapsBefore, extensions: Vec::new(), ..Arc::unwrap_or_clone(batch) }
        });
        batches.collect()
    }
}

fn rows_of(batch: &CaptureBatch) -> usize {
    batch.admissions.len() + batch.rejections.len() + batch.closings.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::example::closing;

    fn batch(closings: usize) -> Arc<CaptureBatch> {
        Arc::new(CaptureBatch { closings: (0..closings).map(|_| closing("a")).collect(), ..CaptureBatch::default() })
    }

    #[test]
    fn what_was_committed_lately_is_told_once_to_a_new_server() {
        let now = Instant::now();
        let mut journal = Journal::default();
        journal.note(batch(1), now);
        journal.note(batch(2), now + Duration::from_secs(1));
        assert!(journal.take_after(0).is_empty(), "the server is the same");
        let told = journal.take_after(1);
        assert_eq!(told.iter().map(|batch| batch.closings.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(told.iter().all(|batch| batch.sent == Sent::PerhapsBefore));
        assert!(journal.take_after(1).is_empty() && journal.take_after(2).is_empty());
    }

    #[test]
    fn what_is_old_or_too_much_is_forgotten() {
        let now = Instant::now();
        let mut journal = Journal::default();
        journal.note(batch(1), now);
        journal.note(batch(2), now + KEPT_FOR + Duration::from_secs(1));
        journal.note(batch(MOST_ROWS - 2), now + KEPT_FOR + Duration::from_secs(1));
        assert_eq!((journal.committed.len(), journal.rows), (2, MOST_ROWS));
        journal.note(batch(1), now + KEPT_FOR + Duration::from_secs(1));
        assert_eq!((journal.committed.len(), journal.rows), (2, MOST_ROWS - 1));
    }
}
