//! A boot begins: what an earlier one put into its spool goes into the store, then its open calls
//! are closed as lost. First what really happened, then what can no longer be known.

use std::collections::VecDeque;
use std::sync::Arc;

use ainfera_schema::BootId;
use ainfera_store::{
    CaptureBatch, CaptureReply, CloseResult, Closing, Locks, RefusedRecord, StoreError,
};

use super::CaptureMachine;
use super::batch::Source;
use super::effect::{Effect, Effects, Lane, Reply, SpoolName};
use super::log_event::{LogEvent, StartEvent};
use crate::capture::spool::{Spooled, encode};
use crate::capture::spool_file::SpoolError;
use crate::capture::start::{StartFailure, Started};

/// How many calls go into one transaction.
const PAGE: usize = 500;

/// Safe to do again: whoever is closed stays closed.
#[derive(Debug, Clone)]
pub(super) struct Starting<T> {
    pub boot_id: BootId,
    pub spools: VecDeque<SpoolName>,
    waiter: T,
    pub replay: Option<Replay>,
    /// How many calls the spools closed.
    pub replayed: u64,
}

/// One spool on its way into the store.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    spool: SpoolName,
    pub pages: VecDeque<Arc<CaptureBatch>>,
    pub refused: Vec<RefusedRecord>,
    /// Lines of records whose calls the store does not know.
    pub unknown: Vec<u8>,
}

impl<T> Starting<T> {
    pub(super) fn new(boot_id: BootId, spools: Vec<SpoolName>, waiter: T) -> Self {
        Self { boot_id, spools: spools.into(), waiter, replay: None, replayed: 0 }
    }
}

impl<T> CaptureMachine<T> {
    pub(super) fn start_boot(&mut self, starting: Starting<T>, effects: &mut Effects<T>) {
        self.starting = Some(starting);
        self.read_next_spool(effects);
    }

    fn read_next_spool(&mut self, effects: &mut Effects<T>) {
        let Some(starting) = &mut self.starting else { return };
        starting.replay = None;
        let next = match starting.spools.pop_front() {
            Some(spool) => Effect::ReadSpool(spool),
            None => Effect::BeginBoot { boot_id: starting.boot_id, replica: self.replica.clone() },
        };
        effects.push(next);
    }

    pub(super) fn spool_read(
        &mut self,
        spool: SpoolName,
        result: Result<Spooled, StartFailure>,
        effects: &mut Effects<T>,
    ) {
        let spooled = match result {
            Ok(spooled) => spooled,
            Err(StartFailure::Spool(error @ SpoolError::InUse { .. })) => {
                effects.push(Effect::Log(LogEvent::Start(StartEvent::SpoolInUse {
                    error: error.to_string(),
                })));
                return self.read_next_spool(effects);
            }
            Err(failure) => return self.end_start(Err(failure), effects),
        };
        if spooled.damaged_lines > 0 {
            let lines = spooled.damaged_lines;
            effects.push(Effect::Log(LogEvent::Start(StartEvent::SpoolDamaged { lines })));
        }
        let Some(starting) = &mut self.starting else { return };
        let pages = spooled.closings.chunks(PAGE).map(page).collect();
        starting.replay = Some(Replay { spool, pages, refused: Vec::new(), unknown: Vec::new() });
        effects.push(Effect::OfferRefusedRecords { spool, replica: self.replica.clone() });
    }

    pub(super) fn refused_records_offered(
        &mut self,
        result: Result<(), StartFailure>,
        effects: &mut Effects<T>,
    ) {
        if let Err(failure) = result {
            return self.end_start(Err(failure), effects);
        }
        match self.replay() {
            Some(replay) if !replay.pages.is_empty() => self.send_page(effects),
            Some(_) | None => self.read_next_spool(effects),
        }
    }

    /// The page in front is under way until the store has answered.
    fn send_page(&mut self, effects: &mut Effects<T>) {
        let server_changes = self.terms(Locks::Patiently).server_changes;
        let Some(replay) = self.replay() else { return };
        let next = match replay.pages.front_mut() {
            Some(rows) => {
                Arc::make_mut(rows).server_changes = server_changes;
                Effect::Commit { lane: Lane::Replay, rows: Arc::clone(rows) }
            }
            None => {
                let refused = std::mem::take(&mut replay.refused);
                let unknown = std::mem::take(&mut replay.unknown);
                Effect::FinishReplay { spool: replay.spool, refused, unknown }
            }
        };
        effects.push(next);
    }

    pub(super) fn replay_committed(
        &mut self,
        reply: &CaptureReply,
        server: Option<u64>,
        effects: &mut Effects<T>,
    ) {
        let Some(replay) = self.replay() else { return };
        let Some(page) = replay.pages.pop_front() else { return };
        let mut closed = 0;
        for (closing, (request_id, result)) in page.closings.iter().zip(&reply.closed) {
            closed += u64::from(*result == CloseResult::Closed);
            if *result == CloseResult::Unknown {
                // its admission was in doubt when it was spooled, and did not get through: its
                // caller was told so. Or this is another database's spool, so it is kept
                let request_id = *request_id;
                effects
                    .push(Effect::Log(LogEvent::Start(StartEvent::RecordUnknown { request_id })));
                let _ = encode(closing, &mut replay.unknown);
            }
        }
        if let Some(starting) = &mut self.starting {
            starting.replayed += closed;
        }
        if let Some(journal) = &mut self.journal {
            // the spool is emptied: from here on the journal remembers
            journal.note(page, Source::Calls, reply, self.now);
            self.resend_journal(server, effects);
        }
        self.send_page(effects);
    }

    pub(super) fn replay_failed(&mut self, error: StoreError, effects: &mut Effects<T>) {
        if let StoreError::AnotherServer = error {
            return self.send_page(effects);
        }
        if error.is_passing() {
            return self.end_start(Err(error.into()), effects);
        }
        let Some(replay) = self.replay() else { return };
        let Some(failed) = replay.pages.pop_front() else { return };
        match failed.closings.as_slice() {
            [closing] => {
                let request_id = closing.outcome.request_id;
                let reason = error.to_string();
                effects.push(Effect::Log(LogEvent::Start(StartEvent::RecordRefused {
                    request_id,
                    error: reason,
                })));
                let record = self.refused_record(closing.clone(), &error);
                self.replay().into_iter().for_each(|replay| replay.refused.push(record.clone()));
            }
            // one of them is at fault: each for itself
            closings => {
                closings.chunks(1).rev().map(page).for_each(|page| replay.pages.push_front(page))
            }
        }
        self.send_page(effects);
    }

    pub(super) fn spool_replayed(
        &mut self,
        result: Result<(), StartFailure>,
        effects: &mut Effects<T>,
    ) {
        match result {
            Ok(()) => self.read_next_spool(effects),
            Err(failure) => self.end_start(Err(failure), effects),
        }
    }

    pub(super) fn boot_begun(&mut self, result: Result<u64, StoreError>, effects: &mut Effects<T>) {
        let replayed = self.starting.as_ref().map_or(0, |starting| starting.replayed);
        let started = result.map(|lost| Started { replayed, lost }).map_err(StartFailure::Store);
        self.end_start(started, effects);
    }

    fn end_start(&mut self, result: Result<Started, StartFailure>, effects: &mut Effects<T>) {
        if let Some(starting) = self.starting.take() {
            effects.push(Effect::Reply(starting.waiter, Reply::Started(result)));
        }
        self.advance(effects);
    }

    fn replay(&mut self) -> Option<&mut Replay> {
        self.starting.as_mut()?.replay.as_mut()
    }
}

fn page(closings: &[Closing]) -> Arc<CaptureBatch> {
    Arc::new(CaptureBatch { closings: closings.to_vec(), ..CaptureBatch::default() })
}
