//! What follows a commit: figures, all who wait, and what a server that was promoted may lack.

use ainfera_schema::RequestId;
use ainfera_store::{CaptureReply, CloseResult, Locks};

use super::CaptureMachine;
use super::batch::{Batch, Source, Terms};
use super::effect::{Effect, Effects, Lane, Metric};
use super::journal::Journal;
use super::log_event::{CallEvent, LogEvent};

impl<T> CaptureMachine<T> {
    pub(super) fn committed(
        &mut self,
        lane: Lane,
        reply: CaptureReply,
        server: Option<u64>,
        effects: &mut Effects<T>,
    ) {
        match lane {
            Lane::Locked(agent_id) => self.committed_locked(agent_id, reply, server, effects),
            Lane::Replay => self.replay_committed(&reply, server, effects),
            Lane::Shared => {
                let Some(batch) = self.under_way.take() else { return };
                self.store_answers(effects);
                (self.own_failures, self.lock_failures) = (0, 0);
                self.record_commit(batch, reply, server, effects);
                self.advance(effects);
            }
        }
    }

    /// The batch is durable: what is to be counted is counted, and all who wait are replied to.
    pub(super) fn record_commit(
        &mut self,
        batch: Batch<T>,
        reply: CaptureReply,
        server: Option<u64>,
        effects: &mut Effects<T>,
    ) {
        effects.push(Effect::Count(Metric::Commit));
        if batch.source == Source::Calls {
            effects
                .extend((0..batch.implausible()).map(|_| Effect::Count(Metric::ImplausibleUsage)));
            effects.extend(batch.statuses().map(|status| Effect::Count(Metric::Outcome(status))));
        }
        for (request_id, result) in &reply.closed {
            note_closed(*request_id, *result, batch.source, effects);
        }
        if let Some(journal) = &mut self.journal {
            journal.note(batch.shared_rows(), batch.source, &reply, self.now);
            self.resend_journal(server, effects);
        }
        self.queue.done(batch, reply, effects);
        self.clear_spool(effects);
    }

    /// What holds for a batch that is sent now.
    pub(super) fn terms(&self, locks: Locks) -> Terms {
        let server_changes = self.journal.as_ref().map(Journal::server_changes);
        Terms { killswitch_daily_usd: self.killswitch_daily_usd, locks, server_changes }
    }

    /// The store says how often another server answered than before.
    pub(super) fn server_seen(&mut self, changes: u64, effects: &mut Effects<T>) {
        self.resend_journal(Some(changes), effects);
        self.advance(effects);
    }

    /// A promoted standby gets what was committed lately again, before anything else.
    pub(super) fn resend_journal(&mut self, server: Option<u64>, effects: &mut Effects<T>) {
        let (Some(journal), Some(server_changes)) = (&mut self.journal, server) else { return };
        let lacking = journal.take_lacking(server_changes);
        if !lacking.is_empty() {
            effects.push(Effect::Log(LogEvent::ServerChanged { batches: lacking.len() }));
        }
        for (number, rows) in lacking {
            self.queue.push_again(Batch::of_journal(rows, number));
        }
    }
}

fn note_closed<T>(
    request_id: RequestId,
    result: CloseResult,
    source: Source,
    effects: &mut Effects<T>,
) {
    let event = match (result, source) {
        (CloseResult::Closed, Source::Calls)
        | (CloseResult::AlreadyClosed, Source::Journal { .. }) => return,
        (CloseResult::Closed, Source::Journal { .. }) => {
            effects.push(Effect::Count(Metric::WrittenAgain));
            CallEvent::WrittenAgain
        }
        (CloseResult::AlreadyClosed, Source::Calls) => CallEvent::ClosedBefore,
        (CloseResult::Adjusted, _) => CallEvent::Adjusted,
        (CloseResult::Unknown, _) => {
            effects.push(Effect::Count(Metric::DispatchWithoutCapture));
            CallEvent::DispatchedWithoutIntent
        }
    };
    effects.push(Effect::Log(LogEvent::Call { request_id, event }));
}
