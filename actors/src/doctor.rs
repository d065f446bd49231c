//! DoctorActor: asks from time to time, by way of ReaderActor, whether the rows keep what they promise, and shows the answer to `/metrics`.
//! It only reads and tells nobody: what is found is for a person.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, WrapFuture};
use ainfera_store::invariants::DIRECT_CALL_HAS_NO_OUTCOME;
use ainfera_store::{Invariant, StoreError};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::counters::Counters;
use crate::reader::{ReaderActor, ask};

/// What the last look found.
#[derive(Debug, Clone, Default)]
pub struct Checkup {
    /// None before the first look, and for ever where there is none.
    pub checked_at: Option<Timestamp>,
    pub invariants: Vec<Invariant>,
}

/// See the module. It lives on the main arbiter.
pub struct DoctorActor {
    reader: Addr<ReaderActor>,
    every: Duration,
    longest_call: Duration,
    counters: Arc<Counters>,
    found: watch::Sender<Checkup>,
    look: Look,
}

/// One at a time, however long it takes.
#[derive(PartialEq, Eq)]
enum Look {
    Idle,
    UnderWay,
}

impl DoctorActor {
    /// `longest_call` is how long a call may be open here.
    pub fn new(
        reader: Addr<ReaderActor>,
        every: Duration,
        longest_call: Duration,
        counters: Arc<Counters>,
    ) -> (Self, watch::Receiver<Checkup>) {
        let (found, seen) = watch::channel(Checkup::default());
        (Self { reader, every, longest_call, counters, found, look: Look::Idle }, seen)
    }

    fn check(&mut self, context: &mut Context<Self>) {
        if self.look == Look::UnderWay {
            return;
        }
        self.look = Look::UnderWay;
        let (reader, longest_call) = (self.reader.clone(), self.longest_call);
        let asked = async move { ask(&reader, move |store| Box::pin(async move { store.invariants_within(longest_call).await })).await };
        context.spawn(asked.into_actor(self).map(|answer, actor, _| {
            actor.look = Look::Idle;
            actor.took(answer);
        }));
    }

    fn took(&self, answer: Result<Vec<Invariant>, StoreError>) {
        let invariants = match answer {
            Ok(invariants) => invariants,
            Err(error) => return tracing::warn!(%error, "invariants cannot be checked"),
        };
        for broken in invariants.iter().filter(|invariant| !invariant.holds) {
            tracing::error!(name = broken.name, detail = broken.detail, "invariant is broken");
            if broken.name == DIRECT_CALL_HAS_NO_OUTCOME {
                self.counters.passthrough_with_capture.raise_to(broken.broken.unsigned_abs());
            }
        }
        self.found.send_replace(Checkup { checked_at: Some(Timestamp::now()), invariants });
    }
}

impl Actor for DoctorActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.check(context);
        context.run_interval(self.every, Self::check);
    }
}
