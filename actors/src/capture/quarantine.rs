//! Records that the store refuses for good: each keeps its row, as a call that was lost, and the
//! record itself goes to quarantine.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_store::StoreError;

use super::batch::Batch;
use super::refused_records::{quarantine, refused_record};
use super::spooling::Spool;
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
            let request_id = outcome.request_id.header_value();
            tracing::error!(request_id, agent_id = %outcome.agent_id,
                cost_usd = %outcome.cost_actual_usd, %error,
                "the store refuses this record for good: the call is closed as lost, at the cost \
                 of its reservation");
        }
        tracing::error!(%error, "record refused by the store");
        self.counters.capture_failed.add_one();
        let refused = CaptureError::Refused(error.to_string());
        if batch.rows().closings.is_empty() {
            return self.queue.refused(batch, &refused);
        }
        // its permit goes home, and the spool forgets it, when it is kept elsewhere
        let kept = self.kept_elsewhere(&batch, error).into_actor(self);
        context.spawn(kept.map(move |(), actor, context| {
            actor.survive(context, |actor, context| {
                actor.queue.refused(batch, &refused);
                actor.clear_spool(context);
            });
        }));
    }

    /// The record goes to quarantine. Then its call is given up: its reservation would stay until
    /// the process ends.
    fn kept_elsewhere(
        &self,
        batch: &Batch,
        error: &StoreError,
    ) -> impl Future<Output = ()> + use<> {
        let closings = &batch.rows().closings;
        let record = |closing| refused_record(closing, error, &self.replica);
        let records: Vec<_> = closings.iter().map(record).collect();
        let request_ids = closings.iter().map(|closing| closing.outcome.request_id).collect();
        let (store, spool) = (Arc::clone(&self.store), self.spool.as_ref().map(Spool::file));
        async move {
            if let Err(error) = quarantine(&*store, spool.as_ref(), records).await {
                tracing::error!(%error, "a refused record is kept nowhere but in this log");
            }
            if let Err(error) = guarded(store.give_up(request_ids)).await {
                tracing::error!(%error,
                    "a call whose record was refused stays open until this process ends");
            }
        }
    }
}
