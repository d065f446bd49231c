//! How the call gets from the brain to the store, and from there to its first candidate.

use std::rc::Rc;
use std::time::Instant;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use ainfera_routing::DeploymentIndex;

use super::admission::{self, Admitted, Entry};
use super::machine::candidates::{Candidate, Candidates, ToolSupport};
use super::machine::input::{AdmittedCall, Input};
use super::open_call::OpenCall;
use super::queue::{Queue, queue_of};
use super::{CallFailure, DispatchActor, replay};
use crate::brain::Choice;

impl DispatchActor {
    pub(super) fn ask_brain(&mut self, context: &mut Context<Self>) {
        let Some(permit) = self.permit.take() else { return };
        let decision = admission::decide(Rc::clone(&self.setup), permit).into_actor(self);
        context.spawn(decision.map(|result, actor, context| {
            let input = match result {
                Ok((choice, permit)) => {
                    (actor.choice, actor.permit) = (Some(choice), Some(permit));
                    Input::Decided
                }
                Err(failure) => Input::NotAdmitted(failure),
            };
            actor.drive(input, context);
        }));
    }

    pub(super) fn ask_to_be_admitted(&mut self, context: &mut Context<Self>) {
        let (Some(choice), Some(permit)) = (self.choice.take(), self.permit.take()) else { return };
        let admission = admission::admit(Rc::clone(&self.setup), choice, permit).into_actor(self);
        context.spawn(admission.map(|result, actor, context| {
            let input = actor.entered(result);
            actor.drive(input, context);
        }));
    }

    fn entered(&mut self, result: Result<Entry, CallFailure>) -> Input {
        match result {
            Err(failure) => Input::NotAdmitted(failure),
            Ok(Entry::Replay { answer, summary }) => {
                let call = &self.setup.call;
                let head = replay::head(&call.client, &answer, *summary, call.delivery);
                self.whole_head = Some(head);
                Input::AnsweredBefore
            }
            Ok(Entry::Admitted(admitted)) => {
                let Admitted { outcome, choice, reserved } = *admitted;
                let Queue { left, conversation } = queue_of(&self.setup, &choice);
                self.setup.worker.health.earn_retry(Instant::now());
                let candidates = left
                    .into_iter()
                    .filter_map(|index| candidate(&choice, index))
                    .collect::<Vec<_>>();
                let admitted = AdmittedCall {
                    candidates: Candidates::new(candidates),
                    max_attempts: choice.max_attempts,
                    reserved,
                };
                self.open = Some(OpenCall::new(outcome, choice, conversation));
                Input::Admitted(admitted)
            }
        }
    }
}

fn candidate(choice: &Choice, deployment: DeploymentIndex) -> Option<Candidate> {
    let model = &choice.catalogue.at(deployment)?.model;
    let position = choice.candidates.iter().position(|model| *model == deployment.model)?;
    Some(Candidate {
        deployment,
        reservation: *choice.reservations.get(position)?,
        context_window: model.context_window,
        tools: if model.supports_tools { ToolSupport::Supported } else { ToolSupport::Unsupported },
    })
}
