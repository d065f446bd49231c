//! A panic of CaptureActor's costs no record and does not end it. Everybody has its address, and
//! what it holds is the only copy of what is closed; so the machine decides where a panic can be
//! caught, an input is in its queue before any work on it begins, and afterwards the work goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ainfera_store::StoreError;
use futures_util::FutureExt;

use super::CaptureActor;
use super::machine::Input;
use super::waiter::Waiter;

impl CaptureActor {
    /// What the machine had decided before it panicked is done, too.
    pub(super) fn decide(&mut self, input: Input<Waiter>) {
        let now = self.begun.elapsed();
        let (machine, effects) = (&mut self.machine, &mut self.effects);
        if catch_unwind(AssertUnwindSafe(|| machine.on(input, now, effects))).is_err() {
            machine.on(Input::Panicked, now, effects);
        }
    }
}

/// A store that panics over a batch has a reason of its own, like one that refuses it: the batch
/// is taken apart and the culprit put into quarantine.
pub(super) async fn guarded<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let panicked = |_| Err(StoreError::Statement("store panicked".to_owned()));
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(panicked)
}
