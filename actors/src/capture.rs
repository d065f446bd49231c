//! CaptureActor: the only one that writes. It gathers admissions, rejections and records while a
//! transaction is under way, and commits all of them in the next one.
//!
//! It runs on the main arbiter, with the store to itself. What it does and when is decided by
//! [`machine`]; here messages become the machine's inputs, and its effects become futures. A
//! record keeps its permit until it is durable. When the store fails, the batch is sent again
//! until it is in, for an error does not say whether it was committed; meanwhile new admissions
//! are refused at once.

pub mod acknowledge;
mod call;
mod catch_panic;
pub mod checkpoint_file;
mod checkpoint_lines;
pub mod checkpointing;
mod error;
pub mod extend;
pub mod killswitch;
pub mod lease;
mod log;
pub mod machine;
pub mod parting;
mod perform;
mod quarantine;
pub mod refused_records;
mod settle;
pub mod spool;
pub mod spool_file;
pub mod spool_thread;
pub mod start;
mod waiter;

#[cfg(test)]
mod example;

use std::sync::Arc;

use actix::{Actor, Context};
use ainfera_store::StoreWriter;
use tokio::time::Instant;

use crate::counters::Counters;
use crate::gate::Gate;
pub use call::{Admit, Record, Reject};
use checkpointing::Checkpointing;
pub use error::CaptureError;
use machine::{CaptureMachine, Effects, Input};
pub use settle::Settle;
use spool_thread::SharedSpool;
use waiter::Waiter;

/// See the module.
pub struct CaptureActor {
    machine: CaptureMachine<Waiter>,
    /// Empty between two messages.
    effects: Effects<Waiter>,
    store: Arc<dyn StoreWriter>,
    counters: Arc<Counters>,
    gate: Gate,
    /// The machine's time begins here.
    begun: Instant,
    knows_that_the_gate_is_closed: bool,
    spool: Option<SharedSpool>,
    /// A spool under a name that is not used any more.
    former_spool: Option<SharedSpool>,
    checkpointing: Option<Checkpointing>,
}

impl CaptureActor {
    pub fn new(store: Arc<dyn StoreWriter>, counters: Arc<Counters>, gate: Gate) -> Self {
        let mut machine = CaptureMachine::default();
        if store.server_changes().is_some() {
            machine.use_journal();
        }
        Self {
            machine,
            effects: Effects::new(),
            store,
            counters,
            gate,
            begun: Instant::now(),
            knows_that_the_gate_is_closed: false,
            spool: None,
            former_spool: None,
            checkpointing: None,
        }
    }

    /// Something happened: the machine decides, and what it decided is begun.
    fn on(&mut self, input: Input<Waiter>, context: &mut Context<Self>) {
        if !self.knows_that_the_gate_is_closed && self.gate.is_closed() {
            self.knows_that_the_gate_is_closed = true;
            self.decide(Input::GateClosed);
        }
        self.decide(input);
        self.perform_effects(context);
    }
}

impl Actor for CaptureActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.perform_effects(context);
    }

    /// Outside of a drain this is fatal: a gateway that cannot account must not dispatch.
    fn stopped(&mut self, _: &mut Self::Context) {
        self.gate.close();
    }
}
