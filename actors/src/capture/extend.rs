//! A call that is under way holds more, in the same transactions as everything else.

use actix::{Context, Handler, Message};
use ainfera_store::{Extended, Extension};
use tokio::sync::oneshot;

use super::{CaptureActor, CaptureError, Phase};

/// Answered when the larger hold is durable, or at once while the store is down. An extension in
/// doubt may be asked for again: it names the whole hold, not what is added to it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Extend {
    pub extension: Extension,
    pub reply: oneshot::Sender<Result<Extended, CaptureError>>,
}

impl Handler<Extend> for CaptureActor {
    type Result = ();

    fn handle(&mut self, extend: Extend, context: &mut Self::Context) {
        if let Phase::Failing { message, .. } = &self.phase {
            // nobody there: the call has ended
            let _ = extend.reply.send(Err(CaptureError::Unavailable(message.clone())));
            return;
        }
        let agent_id = extend.extension.agent_id;
        if let Some(message) = self.queue.turned_away(agent_id).map(str::to_owned) {
            let _ = extend.reply.send(Err(CaptureError::Unavailable(message)));
            return;
        }
        self.queue.extend(extend);
        self.survive(context, |actor: &mut Self, context: &mut Context<Self>| {
            actor.advance_with(agent_id, context)
        });
    }
}
