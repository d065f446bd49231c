//! Records that the store refuses for good: each keeps its row, as a call that was lost, and the
//! record itself goes to quarantine.

use ainfera_schema::RequestId;
use ainfera_store::{Closing, RefusedRecord, StoreError};

use super::CaptureMachine;
use super::batch::Batch;
use super::effect::{Effect, Effects, Metric};
use super::log_event::{CallEvent, LogEvent};
use crate::capture::CaptureError;

/// One record on its way there. Its owner waits, and the spool keeps it, until it is kept there.
#[derive(Debug, Clone)]
pub(super) struct Quarantining<T> {
    pub request_id: RequestId,
    pub batch: Batch<T>,
    error: CaptureError,
}

impl<T> CaptureMachine<T> {
    /// The batch is one entry that failed alone, for a reason of its own, and again: nothing else
    /// may wait for it.
    pub(super) fn quarantine(
        &mut self,
        batch: Batch<T>,
        error: &StoreError,
        effects: &mut Effects<T>,
    ) {
        let refused = CaptureError::Refused(error.to_string());
        let closing = batch.rows().closings.first().cloned();
        if let Some(closing) = &closing {
            let outcome = &closing.outcome;
            let event = CallEvent::RefusedForGood {
                agent_id: outcome.agent_id,
                cost_usd: outcome.cost_actual_usd,
                error: error.to_string(),
            };
            effects.push(Effect::Log(LogEvent::Call { request_id: outcome.request_id, event }));
        }
        effects.push(Effect::Log(LogEvent::EntryRefused { error: error.to_string() }));
        effects.push(Effect::Count(Metric::CaptureFailed));
        let Some(closing) = closing else {
            self.queue.refused(batch, &refused, effects);
            // A record of the call that is in the spool means nothing any more.
            return self.clear_spool(effects);
        };
        let request_id = closing.outcome.request_id;
        self.quarantining.push(Quarantining { request_id, batch, error: refused });
        let record = Box::new(self.refused_record(closing, error));
        effects.push(Effect::Quarantine { record });
    }

    /// Its permit goes home, and the spool forgets it.
    pub(super) fn quarantined(&mut self, request_id: RequestId, effects: &mut Effects<T>) {
        let mut places = self.quarantining.iter();
        let Some(place) = places.position(|one| one.request_id == request_id) else { return };
        let Quarantining { batch, error, .. } = self.quarantining.remove(place);
        self.queue.refused(batch, &error, effects);
        self.clear_spool(effects);
    }

    pub(super) fn refused_record(&self, closing: Closing, error: &StoreError) -> RefusedRecord {
        RefusedRecord { closing, reason: error.to_string(), replica: self.replica.clone() }
    }
}
