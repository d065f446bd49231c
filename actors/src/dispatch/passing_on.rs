//! A batch of a provider, from its arrival to the answer that the provider waits for.

use actix::{ActorFutureExt, Context, MailboxError, ResponseActFuture, WrapFuture};
use ainfera_store::StoredAnswer;
use ainfera_wire::event::ProviderEvent;

use super::DispatchActor;
use super::machine::effect::Extension;
use super::machine::input::{Input, WriteResult};
use crate::provider::Taken;
use crate::sink::{SinkError, Write, Written};

/// What is to be done about a batch.
#[derive(Debug)]
pub(super) enum BatchStep {
    ReadOn,
    StopReading,
    /// The client's side has to take it first.
    Write(Vec<ProviderEvent>),
    /// More has to be reserved first.
    Extend(Extension),
}

impl DispatchActor {
    /// Answers the provider, when it is time.
    pub(super) fn follow(&mut self, step: Option<BatchStep>) -> ResponseActFuture<Self, Taken> {
        match step {
            Some(BatchStep::Write(events)) => {
                let coercions = self.open.as_ref().map(|open| open.coercions()).unwrap_or_default();
                let written = self.sink.write.send(Write { events, coercions }).into_actor(self);
                Box::pin(written.map(|result, actor, context| actor.written(result, context)))
            }
            Some(BatchStep::Extend(extension)) => {
                let asked = self.ask_for(extension).into_actor(self);
                Box::pin(asked.then(move |answer, actor, context| {
                    let step = actor.drive(Input::Extended { extension, answer }, context);
                    actor.follow(step)
                }))
            }
            Some(BatchStep::ReadOn) => taken(Taken::ReadOn),
            Some(BatchStep::StopReading) | None => taken(Taken::Stop),
        }
    }

    fn written(
        &mut self,
        result: Result<Result<Written, SinkError>, MailboxError>,
        context: &mut Context<Self>,
    ) -> Taken {
        let result = match result {
            Ok(Ok(written)) => {
                self.keep(written);
                WriteResult::Taken
            }
            Ok(Err(SinkError::Gone)) => WriteResult::Gone,
            Ok(Err(SinkError::Stalled)) => WriteResult::Stalled,
            Err(_) => WriteResult::SinkLost,
        };
        match self.drive(Input::Written(result), context) {
            Some(BatchStep::ReadOn) => Taken::ReadOn,
            _ => Taken::Stop,
        }
    }

    /// What the sink made of the whole answer.
    fn keep(&mut self, written: Written) {
        let (whole, recording) = match written {
            Written::Taken => return,
            Written::Ended { recording } => (None, recording),
            Written::Whole { body, recording } => (Some(body), recording),
        };
        self.whole = whole;
        if let (Some(open), Some(frames)) = (&mut self.open, recording) {
            open.outcome.keep_answer(StoredAnswer { frames: frames.into() });
        }
    }
}

/// An answer that needs no waiting.
fn taken(taken: Taken) -> ResponseActFuture<DispatchActor, Taken> {
    Box::pin(actix::fut::ready(taken))
}
