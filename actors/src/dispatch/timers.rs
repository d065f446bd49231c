//! The deadlines of a call, as timers of its actor.

use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, SpawnHandle};

use super::DispatchActor;
use super::machine::effect::Timer;
use super::machine::input::Input;

pub(super) struct Timers {
    begun: Instant,
    /// Of the whole call.
    total: Option<SpawnHandle>,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), total: None }
    }
}

impl DispatchActor {
    pub(super) fn start_timer(
        &mut self,
        timer: Timer,
        after: Duration,
        context: &mut Context<Self>,
    ) {
        let left = match timer {
            Timer::Total => after.saturating_sub(self.timers.begun.elapsed()),
            Timer::Head | Timer::Drain => after,
        };
        let handle = context.run_later(left, move |actor, context| {
            actor.drive(Input::Deadline(timer), context);
        });
        if timer == Timer::Total
            && let Some(former) = self.timers.total.replace(handle)
        {
            context.cancel_future(former);
        }
    }
}
