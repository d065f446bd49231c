//! Tells the machine what happened, and does what it says.

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::machine::effect::{Effect, Extension, Notice, Purpose};
use super::machine::input::Input;
use super::passing_on::BatchStep;
use super::{DispatchActor, turns};

/// What is left to do after an effect.
enum Then {
    Nothing,
    /// It is known at once what came of it.
    Tell(Input),
    /// The provider waits for this.
    Answer(BatchStep),
}

impl DispatchActor {
    /// What is to be done about the batch that a provider waits with, if the input was about one.
    pub(super) fn drive(&mut self, input: Input, context: &mut Context<Self>) -> Option<BatchStep> {
        let mut effects = std::mem::take(&mut self.effects);
        let (mut next, mut answer) = (Some(input), None);
        while let Some(input) = next.take() {
            self.machine.on(input, &mut effects);
            for effect in effects.drain(..) {
                match self.perform(effect, context) {
                    Then::Nothing => {}
                    Then::Tell(input) => next = Some(input),
                    Then::Answer(step) => answer = Some(step),
                }
            }
        }
        self.effects = effects;
        answer
    }

    fn perform(&mut self, effect: Effect, context: &mut Context<Self>) -> Then {
        let tell = |input: Option<Input>| input.map_or(Then::Nothing, Then::Tell);
        match effect {
            Effect::AskBrain => self.ask_brain(context),
            Effect::Admit => self.ask_to_be_admitted(context),
            Effect::TakeTurn { queue, budget } => {
                let Some(open) = &mut self.open else { return Then::Nothing };
                return Then::Tell(Input::Turn(turns::take(&self.setup, open, &queue, budget)));
            }
            Effect::ReleaseTurn => {
                if let Some(open) = &mut self.open {
                    open.attempt = None;
                }
            }
            Effect::StartAttempt { attempt, output_tokens } => {
                return tell(self.start_attempt(attempt, output_tokens, context));
            }
            Effect::NoteSentAgain(ended) => self.note_sent_again(&ended),
            Effect::EndAttempt(ended) => self.end_attempt(*ended),
            Effect::Extend(extension) if extension.purpose == Purpose::Batch => {
                return Then::Answer(BatchStep::Extend(extension));
            }
            Effect::Extend(extension) => self.extend(extension, context),
            Effect::Write(events) => return Then::Answer(BatchStep::Write(events)),
            Effect::ReadOn => return Then::Answer(BatchStep::ReadOn),
            Effect::StopReading => return Then::Answer(BatchStep::StopReading),
            Effect::Commit => {
                if let Some(open) = &mut self.open {
                    open.note_first_content();
                }
            }
            Effect::OpenStream => self.open_stream(),
            Effect::AnswerWhole => {
                if let Some(head) = self.whole_head.take() {
                    self.answer(Ok(head));
                }
            }
            Effect::AnswerFailure(failure) => self.answer_failure(failure),
            Effect::WriteFailure(failure) => return tell(self.write_failure(&failure, context)),
            Effect::Close(status) => self.close(status),
            Effect::CloseAndWait(status) => self.close_and_wait(status, context),
            Effect::FinishStream => return tell(self.finish_stream(context)),
            Effect::StartTimer(timer, after) => self.start_timer(timer, after, context),
            Effect::StayWithoutClient => self.address = Some(context.address()),
            Effect::Stop => context.stop(),
            Effect::Log(notice) => self.log(&notice),
        }
        Then::Nothing
    }

    fn extend(&mut self, extension: Extension, context: &mut Context<Self>) {
        let asked = self.ask_for(extension).into_actor(self);
        context.spawn(asked.map(move |answer, actor, context| {
            actor.drive(Input::Extended { extension, answer }, context);
        }));
    }

    fn log(&self, notice: &Notice) {
        let request_id = self.setup.request_id.header_value();
        match notice {
            Notice::ReservationNotComputable(error) => {
                tracing::error!(request_id, %error, "reservation cannot be computed");
            }
            Notice::EndsWithItsReservation { why } => {
                tracing::info!(request_id, why, "call stops where its reservation ends");
            }
        }
    }
}
