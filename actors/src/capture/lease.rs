//! What ReplicaActor tells and asks CaptureActor: that this process lives, and that others do not.
//! Both run beside the batches, on connections of their own, so admissions do not wait for them.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseActFuture, WrapFuture,
};
use ainfera_schema::BootId;
use ainfera_store::{Heartbeat, StoreError};

use super::CaptureActor;
use super::survive::guarded;

/// A sign of life of this boot. Answered with whether it was given up meanwhile.
#[derive(Message)]
#[rtype(result = "Result<Heartbeat, StoreError>")]
pub struct Beat {
    pub boot_id: BootId,
}

/// Close what silent replicas have left open. Ignored while the one before it is at work.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reap {
    pub boot_id: BootId,
    pub lease: Duration,
}

/// Whether a reaper is at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Reaper {
    #[default]
    Idle,
    AtWork,
}

impl Handler<Beat> for CaptureActor {
    type Result = ResponseActFuture<Self, Result<Heartbeat, StoreError>>;

    fn handle(&mut self, beat: Beat, _: &mut Context<Self>) -> Self::Result {
        let store = Arc::clone(&self.store);
        let beaten = async move { guarded(store.heartbeat(beat.boot_id)).await }.into_actor(self);
        Box::pin(beaten.map(|heartbeat, actor, context| {
            actor.counters.heartbeat_unwritten.set(u64::from(heartbeat.is_err()));
            if heartbeat.is_ok() {
                actor.survive(context, Self::look_for_another_server);
            }
            heartbeat
        }))
    }
}

impl Handler<Reap> for CaptureActor {
    type Result = ();

    fn handle(&mut self, reap: Reap, context: &mut Context<Self>) {
        if self.reaper == Reaper::AtWork {
            return;
        }
        self.reaper = Reaper::AtWork;
        let store = Arc::clone(&self.store);
        let reaped =
            async move { guarded(store.reap(reap.boot_id, reap.lease)).await }.into_actor(self);
        context.spawn(reaped.map(|result, actor, _| {
            actor.reaper = Reaper::Idle;
            match result {
                Ok(0) => {}
                Ok(lost) => tracing::warn!(lost, "calls that a silent replica left open were closed as lost"),
                Err(error) => tracing::warn!(%error, "calls of silent replicas could not be closed, next heartbeat tries again"),
            }
        }));
    }
}
