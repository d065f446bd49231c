//! The client leaves in the middle of its answer. Usually the provider is stopped at once; where
//! its own count of what it used is wanted, it is read to its end, for a bounded time and for
//! nobody.

use std::time::Instant;

use actix::{ActorContext, Addr, AsyncContext, Context};
use ainfera_schema::{OnDisconnect, OutcomeStatus};

use super::attempt_end::AttemptEnd;
use super::{DispatchActor, Phase};
use crate::provider::Taken;

/// Whether anybody is there to be told.
pub(super) enum Client {
    There,
    /// The address keeps this actor alive: nobody else may know it any more.
    Left(#[expect(dead_code, reason = "held to stay alive")] Addr<DispatchActor>),
}

impl DispatchActor {
    /// Stops the provider and closes the call, or reads on in silence.
    pub(super) fn client_left(&mut self, context: &mut Context<Self>) -> Taken {
        if let Client::Left(_) = self.client {
            return Taken::ReadOn;
        }
        if self.on_disconnect() == OnDisconnect::Cancel {
            return self.end_early(OutcomeStatus::ClientGone, context);
        }
        self.client = Client::Left(context.address());
        context.run_later(self.setup.worker.deadlines.drain_after_disconnect, |actor, context| {
            actor.end_early(OutcomeStatus::ClientGone, context);
        });
        Taken::ReadOn
    }

    /// The answer that nobody waits for is whole: the provider's own count is known.
    pub(super) fn finished_alone(&mut self, context: &mut Context<Self>) {
        if let Phase::Committed { open } = &mut self.phase
            && let Some((mut running, attempting)) = open.running.take()
        {
            running.pass.succeeded(Instant::now());
            open.note_attempt(&running, AttemptEnd::Succeeded);
            open.bill(&running);
            attempting.let_finish();
        }
        self.close(OutcomeStatus::ClientGone);
        context.stop();
    }

    /// Before the first content there is nothing worth reading on for.
    fn on_disconnect(&self) -> OnDisconnect {
        let Phase::Committed { open } = &self.phase else { return OnDisconnect::Cancel };
        let provider = open.running.as_ref().and_then(|(running, _)| {
            self.setup.worker.providers.get(&running.entry.model.provider)
        });
        provider.map_or(OnDisconnect::Cancel, |provider| provider.on_disconnect)
    }
}
