//! When the store does not take what is closed: it waits in a file too, fsynced, until it does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_schema::RequestId;

use super::queue::Ripeness;
use super::replay::{ReplayError, SharedSpool, blocking};
use super::{CaptureActor, Phase, spool, spool_file};

/// How many ticks of the queue make the time after which a record is spooled.
const SPOOL_TICKS: u32 = 8;

/// Where records wait that the store does not take.
pub(super) struct Spool {
    file: SharedSpool,
    after: Duration,
    /// One write at a time.
    busy: bool,
    /// There may be lines in the file.
    used: bool,
}

impl Spool {
    pub fn new(file: SharedSpool, after: Duration) -> Self {
        Self { file, after, busy: false, used: false }
    }

    pub fn file(&self) -> SharedSpool {
        Arc::clone(&self.file)
    }

    pub fn tick(&self) -> Duration {
        self.after / SPOOL_TICKS
    }
}

impl CaptureActor {
    /// Writes what has waited for long, or while the process stops what waits at all, to the spool.
    pub(super) fn spool_ripe(&mut self, context: &mut Context<Self>) {
        self.queue.tick();
        let long = u64::from(SPOOL_TICKS);
        let ripeness = match self.phase {
            Phase::Idle if !self.queue.has_apart() => return,
            // what waits for a lock
            Phase::Idle => Ripeness::all(long),
            Phase::Failing { .. } if self.gate.is_closed() => Ripeness::all(0),
            // a client waits for its last word, and it is known that the store does not take it
            Phase::Failing { .. } => Ripeness { awaited: 1, others: long },
            Phase::Committing => Ripeness::all(long),
        };
        let Some(spool) = self.spool.as_mut().filter(|spool| !spool.busy) else { return };
        let mut request_ids = HashSet::new();
        let mut lines = Vec::new();
        for closing in self.queue.ripe(self.under_way.as_ref(), ripeness) {
            let request_id = closing.outcome.request_id;
            match spool::encode(closing, &mut lines) {
                Ok(()) => drop(request_ids.insert(request_id)),
                Err(error) => {
                    tracing::error!(request_id = request_id.header_value(), %error, "record cannot be spooled")
                }
            }
        }
        if request_ids.is_empty() {
            return;
        }
        (spool.busy, spool.used) = (true, true);
        let file = Arc::clone(&spool.file);
        let written = async move { blocking(&file, move |spool| spool.append(&lines)).await }
            .into_actor(self);
        context.spawn(written.map(move |result, actor, context| {
            actor.survive(context, |actor, context| actor.spooled(result, &request_ids, context));
        }));
    }

    fn spooled(
        &mut self,
        result: Result<(), ReplayError>,
        request_ids: &HashSet<RequestId>,
        context: &mut Context<Self>,
    ) {
        if let Some(spool) = &mut self.spool {
            spool.busy = false;
        }
        let could_not_be_written = self.counters.spool_unwritable.value() > 0;
        self.counters.spool_unwritable.set(u64::from(result.is_err()));
        match result {
            Ok(()) => {
                tracing::warn!(
                    calls = request_ids.len(),
                    "store does not answer: closed calls are in the spool"
                );
                self.queue.spooled(self.under_way.as_mut(), request_ids);
                self.counters.spooled.set(self.queue.only_spooled() as u64);
            }
            // it is tried again very soon
            Err(_) if could_not_be_written => {}
            Err(error) => {
                tracing::error!(%error, "spool cannot be written, closed calls wait in memory")
            }
        }
        self.clear_spool(context);
    }

    /// Empties the spool once all that is in it is in the store too.
    pub(super) fn clear_spool(&mut self, context: &mut Context<Self>) {
        let Some(spool) = self.spool.as_mut().filter(|spool| spool.used && !spool.busy) else {
            return;
        };
        self.counters.spooled.set(self.queue.only_spooled() as u64);
        if self.queue.only_spooled() > 0 {
            return;
        }
        (spool.busy, spool.used) = (true, false);
        let file = Arc::clone(&spool.file);
        let cleared =
            async move { blocking(&file, spool_file::SpoolFile::clear).await }.into_actor(self);
        context.spawn(cleared.map(|result, actor, _| {
            if let Err(error) = result {
                // what is in it is replayed at the next start, and finds itself in the store
                tracing::error!(%error, "spool cannot be emptied");
            }
            if let Some(spool) = &mut actor.spool {
                spool.busy = false;
            }
        }));
    }
}
