//! The life of a call, and of the attempt that it is at.

use ainfera_routing::DeploymentIndex;
use ainfera_schema::{OnDisconnect, Usd};
use ainfera_wire::event::ProviderEvent;

use super::attempt_meter::AttemptMeter;
use super::call_reservation::CallReservation;
use super::candidates::Candidates;
use super::input::{AdmittedCall, Offer};
use crate::dispatch::CallFailure;
use crate::provider::ProviderFailure;

/// The whole life of a call; failover is possible in `Trying` only.
#[derive(Debug)]
pub(super) enum Phase {
    Deciding,
    Admitting,
    /// There was no content yet: what came waits, and is forgotten with its attempt.
    Trying {
        open: Open,
        buffered: Vec<ProviderEvent>,
    },
    /// Content is on its way to the client: an error is now an event of the stream.
    Committed {
        open: Open,
    },
    /// Closed; the client hears its end when the row is durable.
    AwaitingRow(Ending),
    EndingStream,
    Over,
}

/// What the client is told last.
#[derive(Debug)]
pub(super) enum Ending {
    Success,
    Failure(CallFailure),
}

/// An admitted call that has not ended.
#[derive(Debug)]
pub(super) struct Open {
    pub candidates: Candidates,
    pub max_attempts: u32,
    pub reservation: CallReservation,
    /// What the attempts that have ended cost.
    pub billed: Usd,
    /// The shortest wait that a provider asked for: then it is worth trying again.
    pub retry_after_seconds: Option<u64>,
    pub step: Step,
}

/// Where the call is in an attempt.
#[derive(Debug)]
pub(super) enum Step {
    Between,
    Choosing {
        last: Option<ProviderFailure>,
    },
    /// The next attempt waits for its reservation.
    Reserving {
        attempt: u32,
        offer: Box<Offer>,
        last: Option<ProviderFailure>,
    },
    Running(Box<RunningAttempt>),
}

#[derive(Debug)]
pub(super) struct RunningAttempt {
    pub attempt: u32,
    pub deployment: DeploymentIndex,
    pub meter: AttemptMeter,
    pub on_disconnect: OnDisconnect,
    pub batch: Batch,
}

/// What the provider waits with.
#[derive(Debug)]
pub(super) enum Batch {
    None,
    /// For what it costs to be reserved.
    Reserving(Vec<ProviderEvent>),
    /// For the client's side to take it.
    Writing(WriteOf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteOf {
    Part,
    /// The provider's own end is in it.
    TheEnd,
}

impl Phase {
    pub(super) fn open(&self) -> Option<&Open> {
        match self {
            Phase::Trying { open, .. } | Phase::Committed { open } => Some(open),
            _ => None,
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match self {
            Phase::Trying { open, .. } | Phase::Committed { open } => Some(open),
            _ => None,
        }
    }

    /// The attempt of this number, if it runs.
    pub(super) fn running_mut(&mut self, attempt: u32) -> Option<&mut RunningAttempt> {
        self.open_mut()?.running_mut().filter(|running| running.attempt == attempt)
    }

    /// The answer is whole, and on its way: neither a deadline nor a provider can spoil it.
    pub(super) fn is_writing_the_end(&self) -> bool {
        let running = self.open().and_then(Open::running);
        running.is_some_and(|running| matches!(running.batch, Batch::Writing(WriteOf::TheEnd)))
    }
}

impl Open {
    pub(super) fn new(admitted: AdmittedCall) -> Self {
        Self {
            candidates: admitted.candidates,
            max_attempts: admitted.max_attempts,
            reservation: CallReservation::new(admitted.reserved),
            billed: Usd::ZERO,
            retry_after_seconds: None,
            step: Step::Between,
        }
    }

    pub(super) fn running(&self) -> Option<&RunningAttempt> {
        match &self.step {
            Step::Running(running) => Some(running),
            Step::Between | Step::Choosing { .. } | Step::Reserving { .. } => None,
        }
    }

    pub(super) fn running_mut(&mut self) -> Option<&mut RunningAttempt> {
        match &mut self.step {
            Step::Running(running) => Some(running),
            Step::Between | Step::Choosing { .. } | Step::Reserving { .. } => None,
        }
    }

    pub(super) fn take_step(&mut self) -> Step {
        std::mem::replace(&mut self.step, Step::Between)
    }

    /// One attempt costs at most what fits; a sum that does not is kept at what does.
    pub(super) fn add_to_bill(&mut self, cost: Usd) {
        self.billed = self.billed.checked_add(cost).unwrap_or(self.billed);
    }
}
