//! What can happen to a call.

use std::time::Duration;

use ainfera_routing::DeploymentIndex;
use ainfera_schema::{OnDisconnect, Usd};
use ainfera_wire::event::ProviderEvent;

use super::attempt_meter::AttemptMeter;
use super::candidates::Candidates;
use super::effect::{Extension, Timer};
use crate::dispatch::CallFailure;
use crate::health::blame::Reason;
use crate::provider::ProviderFailure;

/// See the module.
#[derive(Debug)]
pub enum Input {
    Begun,
    /// The router has candidates for it.
    Decided,
    /// No candidate, or the store does not let it in.
    NotAdmitted(CallFailure),
    /// It was answered before: the same answer again.
    AnsweredBefore,
    Admitted(AdmittedCall),
    /// The answer to [`super::effect::Effect::TakeTurn`].
    Turn(Turn),
    /// The attempt could not be started.
    NotStarted {
        attempt: u32,
        failure: ProviderFailure,
    },
    /// The attempt's request goes out once more, over another connection.
    SentAgain {
        attempt: u32,
    },
    /// What one read of the provider gave. It is answered exactly once, by `ReadOn` or
    /// `StopReading`, at once or after what is waited for.
    Events {
        attempt: u32,
        events: Vec<ProviderEvent>,
    },
    AttemptFailed {
        attempt: u32,
        failure: ProviderFailure,
    },
    /// The store's answer to [`super::effect::Effect::Extend`].
    Extended {
        extension: Extension,
        answer: ExtensionAnswer,
    },
    /// What became of [`super::effect::Effect::Write`].
    Written(WriteResult),
    Deadline(Timer),
    ClientLeft,
    RowDurable,
    /// The row is not durable within its deadline, or never will be.
    RowNotDurable,
    /// The stream's end or its error is on its way, or its client is not there.
    StreamEnded,
}

/// A call that is in.
#[derive(Debug)]
pub struct AdmittedCall {
    pub candidates: Candidates,
    /// How many of them may be asked. One that is passed over unasked does not count.
    pub max_attempts: u32,
    /// What is reserved, durably.
    pub reserved: Usd,
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    Of(Box<Offer>),
    /// All that are left are set aside or full.
    NoneAvailable {
        retry_after_seconds: u64,
        reason: Option<Reason>,
    },
    RetryBudgetSpent,
    /// It cannot be computed what the one whose turn it is may cost.
    NotComputable,
}

/// A deployment that can be asked now.
#[derive(Debug)]
pub struct Offer {
    pub deployment: DeploymentIndex,
    pub meter: AttemptMeter,
    /// How much output of it is reserved before it is asked.
    pub first_output_tokens: u64,
    /// How long the whole call may take once it is asked.
    pub total: Duration,
    pub on_disconnect: OnDisconnect,
}

/// The store's answer to asking for a larger reservation.
#[derive(Debug)]
pub enum ExtensionAnswer {
    Reserved,
    Denied(CallFailure),
    /// It cannot be known whether it could be had.
    Unknown,
}

/// What the client's side made of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteResult {
    Taken,
    /// The client has left.
    Gone,
    /// The client does not read.
    Stalled,
    /// A fault of ours.
    SinkLost,
}
