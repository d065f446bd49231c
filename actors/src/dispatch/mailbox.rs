//! What others tell the call.

use actix::{Context, Handler, ResponseActFuture};

use super::machine::input::Input;
use super::{ClientGone, DispatchActor};
use crate::provider::{Emit, Failed, SentAgain, Taken};

impl Handler<Emit> for DispatchActor {
    type Result = ResponseActFuture<Self, Taken>;

    fn handle(&mut self, emit: Emit, context: &mut Self::Context) -> Self::Result {
        crate::fault_injection::maybe_panic("dispatch", &self.setup.call.body);
        let Emit { attempt, events, stream_mode } = emit;
        if let Some(open) = &mut self.open {
            open.note_stream_mode(attempt, stream_mode);
        }
        let step = self.drive(Input::Events { attempt, events }, context);
        self.follow(step)
    }
}

impl Handler<Failed> for DispatchActor {
    type Result = ();

    fn handle(&mut self, failed: Failed, context: &mut Context<Self>) {
        let Failed { attempt, failure } = failed;
        self.drive(Input::AttemptFailed { attempt, failure }, context);
    }
}

impl Handler<SentAgain> for DispatchActor {
    type Result = ();

    fn handle(&mut self, sent_again: SentAgain, context: &mut Context<Self>) {
        self.drive(Input::SentAgain { attempt: sent_again.attempt }, context);
    }
}

impl Handler<ClientGone> for DispatchActor {
    type Result = ();

    fn handle(&mut self, _: ClientGone, context: &mut Context<Self>) {
        // stopped while it is being admitted, the pending admission closes itself
        self.drive(Input::ClientLeft, context);
    }
}
