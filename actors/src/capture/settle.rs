//! A reader that misses a row has what waits written first.

use actix::{Context, Handler, Message};
use tokio::sync::oneshot;

use super::CaptureActor;
use super::machine::Input;
use super::waiter::Waiter;

/// Tells `done` when everything that came before is durable. What waits for a locked account is
/// not waited for.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Settle {
    pub done: oneshot::Sender<()>,
}

impl Handler<Settle> for CaptureActor {
    type Result = ();

    fn handle(&mut self, settle: Settle, context: &mut Context<Self>) {
        self.on(Input::Settle { waiter: Waiter::Settle(settle.done) }, context);
    }
}
