//! How long the whole call may take. It depends on the models that were asked: a later candidate
//! can lengthen it and never shortens it.

use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, SpawnHandle};
use ainfera_schema::OutcomeStatus;

use super::{CallFailure, DispatchActor, Phase};

/// The deadline of the whole call.
pub(super) struct Total {
    begun: Instant,
    allowed: Duration,
    timer: Option<SpawnHandle>,
}

impl Total {
    pub fn new() -> Self {
        Self { begun: Instant::now(), allowed: Duration::ZERO, timer: None }
    }
}

impl DispatchActor {
    /// From now on the call may take at least so long, counted from its beginning.
    pub(super) fn allow_total(&mut self, total: Duration, context: &mut Context<Self>) {
        if total <= self.total.allowed {
            return;
        }
        self.total.allowed = total;
        if let Some(former) = self.total.timer.take() {
            context.cancel_future(former);
        }
        let left = total.saturating_sub(self.total.begun.elapsed());
        self.total.timer = Some(context.run_later(left, |actor, context| {
            if let Phase::Trying { .. } | Phase::Committed { .. } = actor.phase {
                actor.settle_running();
                actor.fail(CallFailure::TimedOut, OutcomeStatus::TimedOut, context);
            }
        }));
    }
}
