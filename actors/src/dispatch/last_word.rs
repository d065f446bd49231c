//! The end of an answer. The row first, then the last word: a client that has heard that this was
//! all is never one whose call can still be lost.

use std::time::Instant;

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_schema::OutcomeStatus;
use ainfera_store::StoredAnswer;
use tokio::time::timeout;

use super::attempt_end::AttemptEnd;
use super::{CallFailure, DispatchActor, Head, HeadBody, Phase};
use crate::capture::acknowledge::Acknowledge;
use crate::outcome::OpenOutcome;
use crate::sink::{Finish, WriteError, Written};

impl DispatchActor {
    /// The answer is whole.
    pub(super) fn succeed(&mut self, written: Written, context: &mut Context<Self>) {
        let Phase::Committed { mut open } = std::mem::replace(&mut self.phase, Phase::Closed)
        else {
            return;
        };
        if let Some((mut running, attempting)) = open.running.take() {
            running.pass.succeeded(Instant::now());
            open.note_attempt(&running, AttemptEnd::Succeeded);
            open.bill(&running);
            attempting.let_finish();
        }
        let (whole, recording) = match written {
            Written::Taken => (None, None),
            Written::Ended { recording } => (None, recording),
            Written::Whole { body, recording } => (Some(body), recording),
        };
        let head =
            whole.and_then(|body| Some(Head { facts: open.facts()?, body: HeadBody::Whole(body) }));
        if let Some(frames) = recording {
            open.outcome.keep_answer(StoredAnswer { frames: frames.into() });
        }
        self.row_first(open.outcome, OutcomeStatus::Succeeded, context, |actor, context| {
            if let Some(head) = head {
                actor.answer(Ok(head));
            }
            actor.finish_stream(context);
        });
    }

    /// Closes the call and tells the client, in its head or in its stream.
    pub(super) fn fail(
        &mut self,
        failure: CallFailure,
        status: OutcomeStatus,
        context: &mut Context<Self>,
    ) {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Trying { open, .. } | Phase::Committed { open } => {
                self.row_first(open.outcome, status, context, |actor, context| {
                    actor.tell_failure(failure, context)
                });
            }
            Phase::Admitting | Phase::Closed => self.tell_failure(failure, context),
        }
    }

    /// Closes the call, and goes on when its row is durable. Should the client leave meanwhile, the
    /// call has ended already as it did.
    fn row_first(
        &mut self,
        outcome: OpenOutcome,
        status: OutcomeStatus,
        context: &mut Context<Self>,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) {
        if self.setup.worker.acknowledge == Acknowledge::After {
            outcome.close(status);
            return then(self, context);
        }
        let durable =
            timeout(self.setup.worker.deadlines.acknowledge, outcome.close_acknowledged(status));
        context.spawn(durable.into_actor(self).map(|durable, actor, context| {
            if !matches!(durable, Ok(Ok(()))) {
                actor.setup.worker.counters.unacknowledged.add_one();
                tracing::warn!(
                    request_id = actor.setup.request_id.header_value(),
                    "answer ends before its row is durable"
                );
            }
            then(actor, context);
        }));
    }

    fn finish_stream(&mut self, context: &mut Context<Self>) {
        let Some(stream) = self
            .sink
            .stream
            .as_ref()
            .filter(|_| self.setup.worker.acknowledge == Acknowledge::BeforeStop)
        else {
            return context.stop();
        };
        let finished = stream.finish.send(Finish).into_actor(self);
        context.spawn(finished.map(|_, _, context| context.stop()));
    }

    fn tell_failure(&mut self, failure: CallFailure, context: &mut Context<Self>) {
        if self.head.is_some() {
            self.answer(Err(failure));
            return context.stop();
        }
        let Some(stream) = &self.sink.stream else { return context.stop() };
        let error = WriteError {
            error_type: failure.error_type(),
            message: failure.message(),
            code: failure.code(),
        };
        let told = stream.error.send(error).into_actor(self);
        context.spawn(told.map(|_, _, context| context.stop()));
    }
}
