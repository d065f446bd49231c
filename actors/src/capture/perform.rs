//! Begins what the machine decided, and tells it how that ended.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_schema::BootId;
use ainfera_store::CaptureBatch;

use super::catch_panic::guarded;
use super::machine::{Disk, Effect, FileWrite, Input, Lane, Metric, SpoolName};
use super::spool_file::{SpoolError, SpoolFile};
use super::spool_thread::{SharedSpool, blocking};
use super::waiter::Waiter;
use super::{CaptureActor, log};
use crate::fault_injection::maybe_panic_over;

impl CaptureActor {
    pub(super) fn perform_effects(&mut self, context: &mut Context<Self>) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.perform(effect, context);
        }
        // its memory is used again
        self.effects = effects;
    }

    fn perform(&mut self, effect: Effect<Waiter>, context: &mut Context<Self>) {
        match effect {
            Effect::Reply(waiter, reply) => waiter.reply(reply),
            Effect::Commit { lane, rows } => self.commit(lane, rows, context),
            Effect::Start { timer, after } => {
                context
                    .run_later(after, move |actor, context| actor.on(Input::Timer(timer), context));
            }
            Effect::AppendToSpool { lines } => self.append_to_spool(lines, context),
            Effect::ClearSpool => self.clear_spool(context),
            Effect::Quarantine { record } => self.quarantine(*record, context),
            Effect::Checkpoint => self.make_checkpoint(context),
            Effect::WriteCheckpointFiles => self.write_checkpoint_files(context),
            Effect::AuditIsWhole => self.is_whole(),
            Effect::AuditIsParted => self.is_parted(context),
            Effect::Reap { boot_id, lease } => {
                let store = Arc::clone(&self.store);
                let reaped =
                    async move { guarded(store.reap(boot_id, lease)).await }.into_actor(self);
                context.spawn(
                    reaped.map(|result, actor, context| actor.on(Input::Reaped(result), context)),
                );
            }
            Effect::ReadSpool(spool) => self.read_spool(spool, context),
            Effect::OfferRefusedRecords { spool, replica } => {
                self.offer_refused_records(spool, replica, context);
            }
            Effect::FinishReplay { spool, refused, unknown } => {
                self.finish_replay(spool, refused, unknown, context);
            }
            Effect::BeginBoot { boot_id, replica } => self.begin_boot(boot_id, replica, context),
            Effect::Count(metric) => self.count(metric),
            Effect::Log(event) => log::log(event),
        }
    }

    fn commit(&self, lane: Lane, rows: Arc<CaptureBatch>, context: &mut Context<Self>) {
        let store = Arc::clone(&self.store);
        let committed = guarded(async move {
            rows.request_ids().for_each(|request_id| maybe_panic_over("store", request_id));
            let closed = rows.closings.iter().map(|closing| closing.outcome.request_id);
            closed.for_each(|request_id| maybe_panic_over("store close", request_id));
            store.capture_shared(rows).await
        });
        context.spawn(committed.into_actor(self).map(move |result, actor, context| {
            let server = actor.store.server_changes();
            let input = match result {
                Ok(reply) => Input::Committed { lane, reply, server },
                Err(error) => Input::Failed { lane, error, server },
            };
            actor.on(input, context);
        }));
    }

    fn begin_boot(&self, boot_id: BootId, replica: String, context: &mut Context<Self>) {
        let store = Arc::clone(&self.store);
        let begun = async move { guarded(store.begin_boot(boot_id, &replica)).await };
        let begun = begun.into_actor(self);
        context
            .spawn(begun.map(|result, actor, context| actor.on(Input::BootBegun(result), context)));
    }

    fn append_to_spool(&self, lines: Vec<u8>, context: &mut Context<Self>) {
        let Some(file) = self.spool.clone() else { return };
        let appended = async move { blocking(&file, move |spool| spool.append(&lines)).await };
        context.spawn(appended.into_actor(self).map(|result, actor, context| {
            let failed = |error: SpoolError| FileWrite::Failed(error.to_string());
            let write = result.map_or_else(failed, |()| FileWrite::Durable);
            actor.on(Input::SpoolAppended(write), context);
        }));
    }

    fn clear_spool(&self, context: &mut Context<Self>) {
        let Some(file) = self.spool.clone() else { return };
        let cleared = async move { blocking(&file, SpoolFile::clear).await };
        context.spawn(cleared.into_actor(self).map(|result, actor, context| {
            if let Err(error) = result {
                tracing::error!(%error, "spool cannot be emptied");
            }
            actor.on(Input::SpoolCleared, context);
        }));
    }

    fn read_spool(&self, spool: SpoolName, context: &mut Context<Self>) {
        let Some(file) = self.spool_file(spool) else { return };
        let read = async move {
            let spooled = blocking(&file, SpoolFile::read).await?;
            if spool == SpoolName::Former && spooled.closings.is_empty() {
                blocking(&file, SpoolFile::remove_if_empty).await?;
            }
            Ok::<_, SpoolError>(spooled)
        };
        context.spawn(read.into_actor(self).map(move |result, actor, context| {
            let result = result.map_err(Into::into);
            actor.on(Input::SpoolRead { spool, result }, context);
        }));
    }

    pub(super) fn spool_file(&self, spool: SpoolName) -> Option<SharedSpool> {
        match spool {
            SpoolName::Own => self.spool.clone(),
            SpoolName::Former => self.former_spool.clone(),
        }
    }

    fn count(&self, metric: Metric) {
        let counters = &self.counters;
        match metric {
            Metric::Commit => counters.commits.add_one(),
            Metric::StoreError => counters.store_errors.add_one(),
            Metric::StoreAway => counters.store_away.add_one(),
            Metric::StoreBack => counters.store_away.take_one(),
            Metric::CaptureFailed => counters.capture_failed.add_one(),
            Metric::DispatchWithoutCapture => counters.dispatch_without_capture.add_one(),
            Metric::ImplausibleUsage => counters.implausible_usage.add_one(),
            Metric::Panic => counters.capture_panics.add_one(),
            Metric::Outcome(status) => counters.outcome(status).add_one(),
            Metric::WrittenAgain => counters.written_again.add_one(),
            Metric::Spooled(calls) => counters.spooled.set(calls),
            Metric::SpoolDisk(disk) => {
                counters.spool_unwritable.set(u64::from(disk == Disk::Unwritable));
            }
        }
    }
}
