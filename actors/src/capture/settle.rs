//! A reader that misses a row has what waits written first.

use actix::{Handler, Message};
use tokio::sync::oneshot;

use super::CaptureActor;

/// Tells `done` when everything that was told before is durable. What waits for a locked account is
/// not waited for.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Settle {
    pub done: oneshot::Sender<()>,
}

impl Handler<Settle> for CaptureActor {
    type Result = ();

    fn handle(&mut self, settle: Settle, context: &mut Self::Context) {
        self.queue.settle(settle.done);
        self.survive(context, Self::advance);
    }
}
