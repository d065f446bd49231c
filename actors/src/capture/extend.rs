//! A call that is under way reserves more, in the same transactions as everything else.

use actix::{Context, Handler, Message};
use ainfera_store::{Extended, Extension};
use tokio::sync::oneshot;

use super::machine::Input;
use super::waiter::Waiter;
use super::{CaptureActor, CaptureError};

/// Answered when the larger reservation is durable, or at once while the store is down. An
/// extension in doubt may be asked for again: it names the whole reservation, not what is added.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Extend {
    pub extension: Extension,
    pub reply: oneshot::Sender<Result<Extended, CaptureError>>,
}

impl Handler<Extend> for CaptureActor {
    type Result = ();

    fn handle(&mut self, extend: Extend, context: &mut Context<Self>) {
        let waiter = Waiter::Extension(extend.reply);
        self.on(Input::Extend { extension: extend.extension, waiter }, context);
    }
}
