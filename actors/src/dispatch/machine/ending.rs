//! The end of a call. The row first, then the terminal event: a client that has heard that this was
//! all is never one whose call can still be lost.

use ainfera_schema::OutcomeStatus;
use ainfera_wire::client::Delivery;

use super::attempt_end::AttemptEnd;
use super::phase::Ending;
use super::{CallFailure, Effect, Head, Machine, Phase};
use crate::capture::acknowledge::Acknowledge;

impl Machine {
    /// The answer is whole.
    pub(super) fn succeed(&mut self, effects: &mut Vec<Effect>) {
        self.end_attempt(AttemptEnd::Succeeded, effects);
        self.row_first(OutcomeStatus::Succeeded, Ending::Success, effects);
    }

    /// Closes the call and tells the client, in its head or in its stream.
    pub(super) fn fail(
        &mut self,
        failure: CallFailure,
        status: OutcomeStatus,
        effects: &mut Vec<Effect>,
    ) {
        self.row_first(status, Ending::Failure(failure), effects);
    }

    /// Closes the call, and goes on when its row is durable. Should the client leave meanwhile, the
    /// call has ended already as it did.
    fn row_first(&mut self, status: OutcomeStatus, ending: Ending, effects: &mut Vec<Effect>) {
        if self.phase.open().is_none() {
            return;
        }
        match self.terms.acknowledge {
            Acknowledge::After => {
                effects.push(Effect::Close(status));
                self.tell(ending, effects);
            }
            Acknowledge::BeforeStop => {
                effects.push(Effect::CloseAndWait(status));
                self.phase = Phase::AwaitingRow(ending);
            }
        }
    }

    pub(super) fn row_awaited(&mut self, effects: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, Phase::EndingStream) {
            Phase::AwaitingRow(ending) => self.tell(ending, effects),
            phase => self.phase = phase,
        }
    }

    fn tell(&mut self, ending: Ending, effects: &mut Vec<Effect>) {
        match ending {
            Ending::Success => self.finish(effects),
            Ending::Failure(failure) => self.answer_failure(failure, effects),
        }
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        if self.terms.delivery == Delivery::Whole {
            if self.head == Head::Due {
                self.head = Head::Sent;
                effects.push(Effect::AnswerWhole);
            }
            return self.stop(effects);
        }
        match self.terms.acknowledge {
            Acknowledge::After => self.stop(effects),
            Acknowledge::BeforeStop => {
                effects.push(Effect::FinishStream);
                self.phase = Phase::EndingStream;
            }
        }
    }

    pub(super) fn answer_failure(&mut self, failure: CallFailure, effects: &mut Vec<Effect>) {
        match self.head {
            Head::Due => {
                self.head = Head::Sent;
                effects.push(Effect::AnswerFailure(failure));
                self.stop(effects);
            }
            Head::Sent => {
                effects.push(Effect::WriteFailure(failure));
                self.phase = Phase::EndingStream;
            }
        }
    }

    /// The client, or a deadline of ours, ends the call while an attempt may be running: what was
    /// observed is billed.
    pub(super) fn end_early(&mut self, status: OutcomeStatus, effects: &mut Vec<Effect>) {
        self.settle_attempt(effects);
        if self.phase.open().is_some() {
            effects.push(Effect::Close(status));
        }
        self.stop(effects);
    }

    /// Stops the running attempt and bills what was observed of it.
    pub(super) fn settle_attempt(&mut self, effects: &mut Vec<Effect>) {
        self.end_attempt(AttemptEnd::Cancelled, effects);
    }

    pub(super) fn stop(&mut self, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Over) {
            self.phase = Phase::Over;
            effects.push(Effect::Stop);
        }
    }
}
