//! What of a machine decides about its future: two that hash alike behave alike. For searches
//! through all its states.
//!
//! A call is told from another by its id alone, because nobody changes what it says on its way.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use ainfera_schema::RequestId;
use ainfera_store::{CaptureBatch, Locks, Sent};

use super::CaptureMachine;
use super::batch::Batch;
use super::lane::Waiting;
use super::start::Starting;

impl<T: Hash> Hash for CaptureMachine<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ids = |ids: &std::collections::HashSet<RequestId>| {
            ids.iter().map(|id| id.0).collect::<BTreeSet<_>>()
        };
        self.queue.shared.hash(state);
        for (agent_id, lane) in &self.queue.locked {
            (agent_id.0, &lane.waiting, &lane.under_way, &lane.refusing, lane.pause).hash(state);
        }
        (ids(&self.queue.refused), ids(&self.queue.spooled), &self.queue.settles).hash(state);
        (&self.phase, self.linger, self.gate, self.reaper).hash(state);
        (&self.under_way, self.own_failures, self.lock_failures).hash(state);
        for one in &self.quarantining {
            (one.request_id.0, &one.batch).hash(state);
        }
        (&self.spool, &self.checkpointing, &self.starting, self.now).hash(state);
        let Some(journal) = &self.journal else { return };
        journal.server_changes().hash(state);
        for (batch, number, on_server) in journal.entries() {
            (number, on_server).hash(state);
            hash_rows(batch, state);
        }
    }
}

impl<T: Hash> Hash for Waiting<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.first.hash(state);
        for (extension, waiter) in &self.extends {
            (extension.request_id.0, waiter).hash(state);
        }
        for (admission, waiter) in &self.admits {
            (admission.draft.request_id.0, waiter).hash(state);
        }
        for (outcome, waiter) in &self.rejects {
            (outcome.request_id.0, waiter).hash(state);
        }
        for (closing, owner) in &self.records {
            (closing.outcome.request_id.0, owner).hash(state);
        }
    }
}

impl<T: Hash> Hash for Batch<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_rows(self.rows(), state);
        (&self.extends, &self.admits, &self.rejects, &self.records, &self.settles).hash(state);
        (self.was_tried_again(), self.source).hash(state);
    }
}

impl<T: Hash> Hash for Starting<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.boot_id.0, &self.spools, self.replayed).hash(state);
        if let Some(replay) = &self.replay {
            replay.pages.iter().for_each(|page| hash_rows(page, state));
            for record in &replay.refused {
                record.closing.outcome.request_id.0.hash(state);
            }
            replay.unknown.hash(state);
        }
    }
}

fn hash_rows<H: Hasher>(rows: &CaptureBatch, state: &mut H) {
    let sent = match rows.sent {
        Sent::Never => 0,
        Sent::PerhapsBefore => 1,
        Sent::ToldAgain => 2,
    };
    (sent, rows.locks == Locks::Briefly, rows.server_changes).hash(state);
    let CaptureBatch { extensions, admissions, rejections, closings, .. } = rows;
    (extensions.len(), admissions.len(), rejections.len(), closings.len()).hash(state);
    extensions.iter().for_each(|extension| extension.request_id.0.hash(state));
    rows.request_ids().for_each(|request_id| request_id.0.hash(state));
}
