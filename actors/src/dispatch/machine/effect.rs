//! What a call wants done.

use std::time::Duration;

use ainfera_routing::DeploymentIndex;
use ainfera_schema::{Attempt, OutcomeStatus, PriceError, TokenUsage, Usd};
use ainfera_wire::event::ProviderEvent;

use super::attempt_end::AttemptEnd;
use super::call_reservation::Grant;
use crate::dispatch::CallFailure;

/// See the module. They are done in the order in which they come.
#[derive(Debug)]
pub enum Effect {
    AskBrain,
    Admit,
    /// Ask who of these can be asked now. Answered at once.
    TakeTurn {
        queue: Vec<DeploymentIndex>,
        budget: BudgetUse,
    },
    /// The one whose turn it was is not asked.
    ReleaseTurn,
    /// Ask the one whose turn it is. A failure to start is said at once.
    StartAttempt {
        attempt: u32,
        output_tokens: u64,
    },
    /// For the record; the attempt goes on.
    NoteSentAgain(Box<EndedAttempt>),
    /// For the record; the attempt is stopped, or has ended.
    EndAttempt(Box<EndedAttempt>),
    Extend(Extension),
    Write(Vec<ProviderEvent>),
    ReadOn,
    StopReading,
    /// From now on no other candidate is asked.
    Commit,
    /// The head of a stream goes out.
    OpenStream,
    /// The whole answer that the sink made, or the one of an earlier call.
    AnswerWhole,
    AnswerFailure(CallFailure),
    WriteFailure(CallFailure),
    Close(OutcomeStatus),
    /// The same, and say when the row is durable.
    CloseAndWait(OutcomeStatus),
    /// The stream's last event may go out.
    FinishStream,
    StartTimer(Timer, Duration),
    /// Nobody else holds the call any more, and it goes on.
    StayWithoutClient,
    Stop,
    Log(Notice),
}

/// Whether an attempt takes from the retry budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetUse {
    Free,
    Needed,
}

/// A larger reservation to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    pub purpose: Purpose,
    pub attempt: u32,
    pub grant: Grant,
}

/// What waits for a larger reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The attempt's start.
    Start,
    /// The batch that the provider waits with.
    Batch,
    /// Nothing yet.
    Ahead,
}

/// A deadline of the call as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// A client that waited so long for a status gets it.
    Head,
    /// Counted from the call's beginning; a new one replaces the former.
    Total,
    /// How long a provider is read for nobody.
    Drain,
}

/// An attempt as it goes into the record.
#[derive(Debug)]
pub struct EndedAttempt {
    pub end: AttemptEnd,
    /// Its latency is not filled in.
    pub attempt: Attempt,
    /// The provider's own figures, however implausible.
    pub reported: TokenUsage,
    /// The most that it could have cost.
    pub reserved: Usd,
    /// Why the call's answer ended, where this attempt gave it.
    pub stop_reason: Option<String>,
}

/// What the operator should read in the log.
#[derive(Debug)]
pub enum Notice {
    ReservationNotComputable(PriceError),
    EndsWithItsReservation { why: String },
}
