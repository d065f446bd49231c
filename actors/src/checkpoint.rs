//! CheckpointActor: looks once a second whether anything was committed since the last checkpoint,
//! and if so tells CaptureActor, which is the only one that writes, to make the next one between
//! two batches.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context};

use crate::capture::CaptureActor;
use crate::capture::checkpointing::MakeCheckpoint;
use crate::counters::Counters;

const TICK: Duration = Duration::from_secs(1);
/// Other processes write too (the command line makes agents): then and again it is looked at
/// without a reason of ours.
const WITHOUT_REASON: u32 = 10;

/// See the module. It lives on the main arbiter.
pub struct CheckpointActor {
    capture: Addr<CaptureActor>,
    counters: Arc<Counters>,
    commits: u64,
    quiet_ticks: u32,
}

impl CheckpointActor {
    pub fn new(capture: Addr<CaptureActor>, counters: Arc<Counters>) -> Self {
        Self { capture, counters, commits: 0, quiet_ticks: WITHOUT_REASON }
    }

    fn tick(&mut self) {
        let commits = self.counters.commits.value();
        self.quiet_ticks += 1;
        if commits == self.commits && self.quiet_ticks < WITHOUT_REASON {
            return;
        }
        self.commits = commits;
        self.quiet_ticks = 0;
        self.capture.do_send(MakeCheckpoint);
    }
}

impl Actor for CheckpointActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        // at once: a database that was put back is found before much is done with it
        self.tick();
        context.run_interval(TICK, |actor, _| actor.tick());
    }
}
