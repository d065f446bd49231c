//! Records that the store refuses for good: each keeps its row, as a call that was lost, and the
//! record itself goes to a file.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_store::StoreError;

use super::batch::Batch;
use super::survive::guarded;
use super::{CaptureActor, CaptureError};

impl CaptureActor {
    /// The batch is one entry that fails alone, by itself and again: nothing else may wait for it.
    pub(super) fn refuse_for_good(
        &mut self,
        batch: Batch,
        error: &StoreError,
        context: &mut Context<Self>,
    ) {
        for closing in &batch.rows().closings {
            let outcome = &closing.outcome;
            tracing::error!(request_id = outcome.request_id.header_value(), agent_id = %outcome.agent_id, cost_usd = %outcome.cost_actual_usd, %error,
                "the store refuses this record for good: the call is closed as lost, at the cost of its reservation");
        }
        tracing::error!(%error, "record refused by the store");
        self.counters.capture_failed.add_one();
        self.set_aside(&batch, context);
        self.give_up(&batch, context);
        self.queue.refused(batch, &CaptureError::Refused(error.to_string()));
    }

    /// Without it the reservation would stay until the process ends.
    fn give_up(&self, batch: &Batch, context: &mut Context<Self>) {
        let request_ids: Vec<_> =
            batch.rows().closings.iter().map(|closing| closing.outcome.request_id).collect();
        if request_ids.is_empty() {
            return;
        }
        let store = Arc::clone(&self.store);
        let given_up = async move { guarded(store.give_up(request_ids)).await }.into_actor(self);
        context.spawn(given_up.map(|result, _, _| {
            if let Err(error) = result {
                tracing::error!(%error, "a call whose record was refused stays open until this process ends");
            }
        }));
    }
}
