//! Who waits for a reply of CaptureActor's, and what each still holds.

use ainfera_store::{Extended, Verdict};
use tokio::sync::oneshot;

use super::CaptureError;
use super::machine::Reply;
use super::start::{StartFailure, Started};
use crate::gate::Permit;

/// A permit goes home with the reply.
#[derive(Debug)]
pub(super) enum Waiter {
    Admission(oneshot::Sender<Result<Verdict, CaptureError>>),
    Rejection(oneshot::Sender<Result<(), CaptureError>>, Permit),
    Extension(oneshot::Sender<Result<Extended, CaptureError>>),
    Record(Permit, Option<oneshot::Sender<()>>),
    Settle(oneshot::Sender<()>),
    Start(oneshot::Sender<Result<Started, StartFailure>>),
}

impl Waiter {
    /// An answer that nobody receives any more is dropped: who asked has left, and what it owned
    /// closes the call.
    pub(super) fn reply(self, reply: Reply) {
        match (self, reply) {
            (Waiter::Admission(to), Reply::Admission(verdict)) => drop(to.send(verdict)),
            (Waiter::Rejection(to, permit), Reply::Rejection(result)) => {
                drop(permit);
                drop(to.send(result));
            }
            (Waiter::Extension(to), Reply::Extension(extended)) => drop(to.send(extended)),
            (Waiter::Record(permit, durable), Reply::Durable) => {
                drop(permit);
                let _ = durable.map(|durable| durable.send(()));
            }
            // who waits hears that by the end of its channel
            (Waiter::Record(permit, _), Reply::NeverDurable) => drop(permit),
            (Waiter::Settle(to), Reply::Settled) => {
                let _ = to.send(());
            }
            (Waiter::Start(to), Reply::Started(result)) => drop(to.send(result)),
            (waiter, reply) => {
                tracing::error!(?waiter, ?reply, "reply is not of the kind that was asked for")
            }
        }
    }
}
