//! What follows a commit: figures, all who wait, and what a server that was promoted may lack.

use actix::Context;
use ainfera_store::{CaptureReply, CloseResult, Locks};
use tokio::time::Instant;

use super::CaptureActor;
use super::batch::{Batch, Source, Terms};

impl CaptureActor {
    /// The batch is durable: what is to be counted is counted, and all who wait are told.
    pub(super) fn book(&mut self, batch: Batch, reply: CaptureReply, context: &mut Context<Self>) {
        self.counters.commits.add_one();
        for (request_id, result) in &reply.closed {
            match (result, batch.source) {
                (CloseResult::Closed, Source::Calls)
                | (CloseResult::AlreadyClosed, Source::Journal) => {}
                (CloseResult::Closed, Source::Journal) => {
                    self.counters.written_again.add_one();
                    tracing::warn!(
                        request_id = request_id.header_value(),
                        "the database had lost the row of this call in a failover: it is written again"
                    );
                }
                (CloseResult::AlreadyClosed, Source::Calls) => {
                    tracing::info!(request_id = request_id.header_value(), "call was closed before")
                }
                (CloseResult::Adjusted, _) => {
                    tracing::warn!(
                        request_id = request_id.header_value(),
                        "call was closed as lost, its charge was adjusted"
                    )
                }
                (CloseResult::Unknown, _) => {
                    self.counters.dispatch_without_capture.add_one();
                    tracing::error!(
                        request_id = request_id.header_value(),
                        "call was dispatched without an intent"
                    );
                }
            }
        }
        if batch.source == Source::Calls {
            for _ in 0..batch.implausible() {
                self.counters.implausible_usage.add_one();
            }
        }
        for status in batch.statuses() {
            self.counters.outcome(status).add_one();
        }
        if let Some(changes) = self.store.server_changes() {
            self.journal.note(batch.shared_rows(), &reply, Instant::now());
            self.tell_again(changes);
        }
        self.queue.done(batch, reply);
        self.clear_spool(context);
    }

    /// What holds for a batch that is sent now.
    pub(super) fn terms(&self, locks: Locks) -> Terms {
        let server_changes = self.store.server_changes().map(|_| self.journal.seen_changes());
        Terms { killswitch_daily_usd: self.killswitch_daily_usd, locks, server_changes }
    }

    /// A server that took over is looked for also while nothing is written.
    pub(super) fn look_for_another_server(&mut self, context: &mut Context<Self>) {
        if let Some(changes) = self.store.server_changes() {
            self.tell_again(changes);
            self.advance(context);
        }
    }

    /// The batch was not written, because another server answers: what that one lacks goes first.
    pub(super) fn met_another_server(&mut self, batch: Batch, context: &mut Context<Self>) {
        self.queue.tell_first(vec![batch]);
        self.store_answers();
        self.look_for_another_server(context);
    }

    /// A promoted standby hears again what was committed lately, before anything else.
    pub(super) fn tell_again(&mut self, server_changes: u64) {
        let told: Vec<Batch> =
            self.journal.take_after(server_changes).into_iter().map(Batch::of_journal).collect();
        if !told.is_empty() {
            tracing::warn!(
                batches = told.len(),
                "another database server answers: what was committed lately is written again where it is missing"
            );
            self.queue.tell_first(told);
        }
    }
}
