//! What is asked of CaptureActor about boots: that this one lives, that others do not, and that
//! this one is over. All run beside the batches, on connections of their own, so admissions do not
//! wait for them.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, Context, Handler, Message, ResponseActFuture, WrapFuture};
use ainfera_schema::BootId;
use ainfera_store::{Heartbeat, StoreError};

use super::CaptureActor;
use super::catch_panic::guarded;
use super::machine::Input;

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

/// After a drain: this boot has nothing open.
#[derive(Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct EndBoot {
    pub boot_id: BootId,
}

impl Handler<Beat> for CaptureActor {
    type Result = ResponseActFuture<Self, Result<Heartbeat, StoreError>>;

    fn handle(&mut self, beat: Beat, _: &mut Context<Self>) -> Self::Result {
        let store = Arc::clone(&self.store);
        let beating = async move { guarded(store.heartbeat(beat.boot_id)).await };
        Box::pin(beating.into_actor(self).map(|result, actor, context| {
            actor.counters.heartbeat_unwritten.set(u64::from(result.is_err()));
            // a gateway that nobody calls notices here that a standby was promoted
            if let (Ok(_), Some(changes)) = (&result, actor.store.server_changes()) {
                actor.on(Input::ServerSeen { changes }, context);
            }
            result
        }))
    }
}

impl Handler<Reap> for CaptureActor {
    type Result = ();

    fn handle(&mut self, reap: Reap, context: &mut Context<Self>) {
        self.on(Input::ReapDue { boot_id: reap.boot_id, lease: reap.lease }, context);
    }
}

impl Handler<EndBoot> for CaptureActor {
    type Result = ResponseActFuture<Self, Result<(), StoreError>>;

    fn handle(&mut self, end: EndBoot, _: &mut Context<Self>) -> Self::Result {
        let store = Arc::clone(&self.store);
        let ending = async move { guarded(store.end_boot(end.boot_id)).await };
        Box::pin(ending.into_actor(self))
    }
}
