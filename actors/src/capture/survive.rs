//! A panic of CaptureActor's costs no record and does not end it. Everybody has its address, and
//! what it holds is the only copy of what is closed; so its work is done where a panic can be
//! caught, a message is in the queue before any work on it begins, and afterwards the work goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix::{AsyncContext, Context};
use ainfera_store::{StoreError, StoreFuture};
use futures_util::FutureExt;

use super::{CaptureActor, FIRST_PAUSE, Phase};

impl CaptureActor {
    /// Does a piece of work. The queue is whole whatever happens in it: its methods move an entry
    /// from one place to another in one step.
    pub(super) fn survive(
        &mut self,
        context: &mut Context<Self>,
        work: impl FnOnce(&mut Self, &mut Context<Self>),
    ) {
        if catch_unwind(AssertUnwindSafe(|| work(self, context))).is_ok() {
            return;
        }
        self.counters.capture_panics.add_one();
        tracing::error!("capture panicked, and goes on");
        if self.under_way.is_none() && !self.is_checkpointing() {
            // it was about to begin a transaction, or had just ended one
            self.phase = Phase::Idle;
        }
        context.run_later(FIRST_PAUSE, |actor, context| actor.survive(context, Self::advance));
    }
}

/// A store that panics over a batch has a reason of its own, like one that refuses it: the batch is
/// taken apart and the culprit set aside.
pub(super) async fn guarded<T>(call: StoreFuture<'_, T>) -> Result<T, StoreError> {
    let panicked = |_| Err(StoreError::Statement("store panicked".to_owned()));
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(panicked)
}
