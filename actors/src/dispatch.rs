//! DispatchActor: one call, from its admission to its row.
//!
//! What it does next is decided by a [`machine::Machine`], which has no I/O of its own. The actor
//! tells it what happened and does what it says ([`effects`]). Everything whose `Drop` does
//! something is owned here: the head's sender, the permit, the open outcome, the running attempt.

pub mod admission;
mod attempt;
pub mod count_tokens;
pub mod draft;
mod effects;
mod entrance;
mod extension;
pub mod failure;
pub mod head;
pub mod machine;
mod mailbox;
mod open_call;
mod passing_on;
mod queue;
pub mod replay;
pub(crate) mod reservation;
mod row;
pub mod strict;
mod terms;
mod timers;
mod turns;

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, Context, Message};
use bytes::Bytes;

use crate::brain::Choice;
use crate::gate::Permit;
use admission::CallSetup;
pub use failure::{CallFailure, Pressure};
pub use head::{FailedHead, Head, HeadBody, HeadFacts, HeadReply, SinkAddress, StreamAddress};
use machine::Machine;
use machine::effect::Effect;
use machine::input::Input;
use open_call::OpenCall;
use timers::Timers;

/// Told by [`crate::sink::body::ClientHold`] when the client leaves.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ClientGone;

/// See the module.
pub struct DispatchActor {
    setup: Rc<CallSetup>,
    machine: Machine,
    /// Empty between two inputs; kept so that no batch has to allocate one.
    effects: Vec<Effect>,
    /// Taken when the call asks to be admitted; from then on it travels with the outcome.
    permit: Option<Permit>,
    /// What the brain chose, until the call is admitted.
    choice: Option<Box<Choice>>,
    /// The duty to leave a row, and the attempt that runs. Taken when the call is closed.
    open: Option<OpenCall>,
    sink: SinkAddress,
    /// Taken when the head is sent.
    head: Option<HeadReply>,
    /// The body that the sink made of a whole answer.
    whole: Option<Bytes>,
    /// What a head with a whole body will say.
    whole_head: Option<Head>,
    /// Those of the last attempt, for a failure that is told when the call is closed.
    coercions: Arc<[String]>,
    timers: Timers,
    /// Of this actor itself: held where nobody else holds one any more.
    address: Option<Addr<Self>>,
}

impl DispatchActor {
    pub fn new(setup: Rc<CallSetup>, permit: Permit, sink: SinkAddress, head: HeadReply) -> Self {
        Self {
            machine: Machine::new(terms::terms(&setup)),
            setup,
            effects: Vec::new(),
            permit: Some(permit),
            choice: None,
            open: None,
            sink,
            head: Some(head),
            whole: None,
            whole_head: None,
            coercions: Arc::default(),
            timers: Timers::new(),
            address: None,
        }
    }
}

impl Actor for DispatchActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        crate::fault_injection::arm(self.setup.request_id, &self.setup.call.body);
        self.drive(Input::Begun, context);
    }
}
