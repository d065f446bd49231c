//! What a call says of itself: it wants in, it was rejected, it is over.

use actix::{Context, Handler, Message};
use ainfera_schema::RoutingOutcome;
use ainfera_store::{Admission, Closing, StoredAnswer, Verdict};
use tokio::sync::oneshot;

use super::machine::{Awaited, Input};
use super::waiter::Waiter;
use super::{CaptureActor, CaptureError};
use crate::gate::Permit;

/// Let this call in. Answered when the intent is durable, or at once while the store is down.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Admit {
    pub admission: Box<Admission>,
    pub reply: oneshot::Sender<Result<Verdict, CaptureError>>,
}

/// The router rejected this call; its row is written in an admission transaction and then answered.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reject {
    pub outcome: Box<RoutingOutcome>,
    pub permit: Permit,
    pub reply: oneshot::Sender<Result<(), CaptureError>>,
}

/// This call is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Record {
    pub outcome: Box<RoutingOutcome>,
    /// For a caller who sends the call again.
    pub answer: Option<StoredAnswer>,
    pub permit: Permit,
    /// Told when the record is durable: in the store, or in the spool. Such a record does not wait
    /// for others.
    pub durable: Option<oneshot::Sender<()>>,
}

impl Handler<Admit> for CaptureActor {
    type Result = ();

    fn handle(&mut self, admit: Admit, context: &mut Context<Self>) {
        let waiter = Waiter::Admission(admit.reply);
        self.on(Input::Admit { admission: admit.admission, waiter }, context);
    }
}

impl Handler<Reject> for CaptureActor {
    type Result = ();

    fn handle(&mut self, reject: Reject, context: &mut Context<Self>) {
        let waiter = Waiter::Rejection(reject.reply, reject.permit);
        self.on(Input::Reject { outcome: reject.outcome, waiter }, context);
    }
}

impl Handler<Record> for CaptureActor {
    type Result = ();

    fn handle(&mut self, record: Record, context: &mut Context<Self>) {
        let Record { outcome, answer, mut permit, durable } = record;
        permit.call_is_over();
        let awaited = if durable.is_some() { Awaited::ByClient } else { Awaited::ByNoClient };
        let closing = Box::new(Closing { outcome: *outcome, answer });
        let waiter = Waiter::Record(permit, durable);
        self.on(Input::Record { closing, waiter, awaited }, context);
    }
}
