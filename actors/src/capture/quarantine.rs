//! Keeps records that the store refuses for good, while the gateway runs and when it starts.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_store::{RefusedRecord, StoreWriter};

use super::CaptureActor;
use super::catch_panic::guarded;
use super::machine::{Input, SpoolName};
use super::refused_records::{offer_again, quarantine};
use super::spool_file::SpoolFile;
use super::spool_thread::{SharedSpool, blocking};
use super::start::StartFailure;

impl CaptureActor {
    /// The record goes to quarantine. Then its call is given up: its reservation would stay until
    /// the process ends.
    pub(super) fn quarantine(&self, record: RefusedRecord, context: &mut Context<Self>) {
        let request_id = record.closing.outcome.request_id;
        let (store, spool) = (Arc::clone(&self.store), self.spool.clone());
        let kept = async move {
            if let Err(error) = quarantine(&*store, spool.as_ref(), vec![record]).await {
                tracing::error!(%error, "a refused record is kept nowhere but in this log");
            }
            if let Err(error) = guarded(store.give_up(vec![request_id])).await {
                tracing::error!(%error,
                    "a call whose record was refused stays open until this process ends");
            }
        };
        context.spawn(kept.into_actor(self).map(move |(), actor, context| {
            actor.on(Input::Quarantined { request_id }, context);
        }));
    }

    pub(super) fn offer_refused_records(
        &self,
        spool: SpoolName,
        replica: String,
        context: &mut Context<Self>,
    ) {
        let Some(file) = self.spool_file(spool) else { return };
        let store = Arc::clone(&self.store);
        let offered = async move { offer_again(&*store, &file, &replica).await };
        context.spawn(offered.into_actor(self).map(|result, actor, context| {
            actor.on(Input::RefusedRecordsOffered(result.map_err(Into::into)), context);
        }));
    }

    pub(super) fn finish_replay(
        &self,
        spool: SpoolName,
        refused: Vec<RefusedRecord>,
        unknown: Vec<u8>,
        context: &mut Context<Self>,
    ) {
        let Some(file) = self.spool_file(spool) else { return };
        let finished = finish(Arc::clone(&self.store), file, spool, refused, unknown);
        context.spawn(finished.into_actor(self).map(|result, actor, context| {
            actor.on(Input::SpoolReplayed(result), context);
        }));
    }
}

async fn finish(
    store: Arc<dyn StoreWriter>,
    file: SharedSpool,
    spool: SpoolName,
    refused: Vec<RefusedRecord>,
    unknown: Vec<u8>,
) -> Result<(), StartFailure> {
    quarantine(&*store, Some(&file), refused).await?;
    let empty = move |file: &mut SpoolFile| {
        if !unknown.is_empty() {
            let path = file.set_unknown_aside(&unknown)?;
            let path = path.display();
            tracing::error!(
                %path,
                "records of the spool whose calls the store does not know are set aside"
            );
        }
        file.clear()?;
        if spool == SpoolName::Former { file.remove_if_empty() } else { Ok(()) }
    };
    Ok(blocking(&file, empty).await?)
}
