//! The row of a call, and what its client may hear only after it.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_schema::OutcomeStatus;
use tokio::time::timeout;

use super::machine::input::Input;
use super::{CallFailure, DispatchActor, FailedHead, Head, HeadBody};
use crate::sink::{Finish, Opened, WriteError};

impl DispatchActor {
    pub(super) fn close(&mut self, status: OutcomeStatus) {
        self.prepare_whole_head();
        if let Some(open) = self.open.take() {
            self.coercions = open.coercions();
            open.outcome.close(status);
        }
    }

    pub(super) fn close_and_wait(&mut self, status: OutcomeStatus, context: &mut Context<Self>) {
        self.prepare_whole_head();
        let Some(open) = self.open.take() else { return };
        self.coercions = open.coercions();
        let durable = open.outcome.close_acknowledged(status);
        let durable = timeout(self.setup.worker.deadlines.acknowledge, durable);
        context.spawn(durable.into_actor(self).map(|durable, actor, context| {
            if matches!(durable, Ok(Ok(()))) {
                actor.drive(Input::RowDurable, context);
                return;
            }
            actor.setup.worker.counters.unacknowledged.add_one();
            tracing::warn!(
                request_id = actor.setup.request_id.header_value(),
                "answer ends before its row is durable"
            );
            actor.drive(Input::RowNotDurable, context);
        }));
    }

    /// The row's figures are in the head, and the row is about to go.
    fn prepare_whole_head(&mut self) {
        let facts = self.open.as_mut().and_then(|open| open.facts());
        if let (Some(facts), Some(body)) = (facts, self.whole.take()) {
            self.whole_head = Some(Head { facts, body: HeadBody::Whole(body) });
        }
    }

    pub(super) fn answer_failure(&mut self, failure: CallFailure) {
        let of_open = self.open.as_ref().map(|open| open.coercions());
        let coercions = of_open.unwrap_or_else(|| Arc::clone(&self.coercions)).to_vec();
        self.answer(Err(FailedHead { failure, coercions }));
    }

    pub(super) fn answer(&mut self, answer: Result<Head, FailedHead>) {
        if let Some(head) = self.head.take() {
            // nobody there: the client has left, and ClientGone is on its way
            let _ = head.send(answer);
        }
    }

    pub(super) fn open_stream(&mut self) {
        let Some(facts) = self.open.as_mut().and_then(|open| open.facts()) else { return };
        self.answer(Ok(Head { facts, body: HeadBody::Stream }));
        if let Some(stream) = &self.sink.stream {
            stream.opened.do_send(Opened);
        }
    }

    pub(super) fn finish_stream(&mut self, context: &mut Context<Self>) -> Option<Input> {
        let Some(stream) = &self.sink.stream else { return Some(Input::StreamEnded) };
        let finished = stream.finish.send(Finish).into_actor(self);
        context.spawn(finished.map(|_, actor, context| {
            actor.drive(Input::StreamEnded, context);
        }));
        None
    }

    pub(super) fn write_failure(
        &mut self,
        failure: &CallFailure,
        context: &mut Context<Self>,
    ) -> Option<Input> {
        let Some(stream) = &self.sink.stream else { return Some(Input::StreamEnded) };
        let error = WriteError {
            error_type: failure.error_type(),
            message: failure.message(),
            code: failure.code(),
        };
        let written = stream.error.send(error).into_actor(self);
        context.spawn(written.map(|_, actor, context| {
            actor.drive(Input::StreamEnded, context);
        }));
        None
    }
}
