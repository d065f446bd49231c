//! What goes into one closing or admitting transaction, and what comes back.

use ainfera_schema::{AgentId, BootId, OutcomeStatus, RequestId, RoutingOutcome, Usd};
use serde::{Deserialize, Serialize};

use crate::idempotency::{Earlier, IdempotencyClaim, StoredAnswer};

/// A call that asks to be let in: the intent, with the reservation that covers its first candidate.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Complete but for the end; kept in the intent, so that a later boot can close the call as
    /// `lost`.
    pub draft: RoutingOutcome,
    pub boot_id: BootId,
    /// Reserved on the wallet until the call closes.
    pub reservation: Usd,
    /// What will do where that does not fit, largest first: fewer candidates are tried then.
    pub smaller_reservations: Vec<Usd>,
    /// What the agent is charged if this process dies with the call open.
    pub charge_if_lost: Usd,
    /// The caller's own name for the call, where it gave one.
    pub idempotency: Option<IdempotencyClaim>,
}

/// A call that is over. `outcome.status` is set.
#[derive(Debug, Clone, PartialEq)]
pub struct Closing {
    pub outcome: RoutingOutcome,
    /// Kept for the caller who sends the call again, where the call has an idempotency key and
    /// succeeded.
    pub answer: Option<StoredAnswer>,
}

/// A call that is under way and needs more: its reservation shall be at least this much. So it may
/// be sent again, and a smaller one means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    pub request_id: RequestId,
    pub agent_id: AgentId,
    /// What shall be reserved for the whole call.
    pub reservation: Usd,
}

/// Whether the store may have seen what is in a batch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// What is there already is looked for.
    #[default]
    PerhapsBefore,
    /// No admission and no rejection in it was ever sent, so nothing is looked for. If that is not
    /// true the batch is refused as a whole.
    Never,
    /// All of it was committed by a server that another one has taken over from, which may lack it.
    /// What is missing is written as it was decided then: no limit is asked.
    ToldAgain,
}

/// How long a transaction waits for accounts that another one has locked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Locks {
    /// As long as a statement may take.
    #[default]
    Patiently,
    /// Hardly at all: then nothing is written, and
    /// [`StoreError::Locked`](crate::StoreError::Locked) names whose accounts they are.
    Briefly,
}

/// A call that was refused by what its accounts said then.
#[derive(Debug, Clone)]
pub struct Refused {
    pub draft: RoutingOutcome,
    pub refusal: Refusal,
}

/// Everything that one transaction captures.
#[derive(Debug, Default, Clone)]
pub struct CaptureBatch {
    pub sent: Sent,
    pub locks: Locks,
    /// Decided before the admissions: who is under way goes before who wants in.
    pub extensions: Vec<Extension>,
    pub admissions: Vec<Admission>,
    /// Calls that the router itself rejected (status `rejected_floor` or `rejected_tools`): their
    /// row is written at once.
    pub rejections: Vec<RoutingOutcome>,
    pub closings: Vec<Closing>,
    /// Only where all of the batch is told again.
    pub refusals: Vec<Refused>,
    /// What [`StoreWriter::server_changes`](crate::StoreWriter::server_changes) said before:
    /// nothing is written on a server that took over since. `None`: on whichever answers.
    pub server_changes: Option<u64>,
    /// What all tenants together may spend in a UTC day; above it nobody is let in. `None`: no
    /// limit.
    pub killswitch_daily_usd: Option<Usd>,
}

impl CaptureBatch {
    /// Every call that the batch speaks of.
    pub fn request_ids(&self) -> impl Iterator<Item = RequestId> {
        let admitted = self.admissions.iter().map(|admission| admission.draft.request_id);
        let rejected = self.rejections.iter().map(|outcome| outcome.request_id);
        let refused = self.refusals.iter().map(|refused| refused.draft.request_id);
        let closed = self.closings.iter().map(|closing| closing.outcome.request_id);
        admitted.chain(rejected).chain(refused).chain(closed)
    }
}

/// Why an admission was refused. A routed call that is refused leaves its row (and audit event) in
/// the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The agent's status, which is not `active`.
    Inactive {
        status: String,
    },
    /// `reservation` is above the cap on one call.
    PerCallCap {
        cap: Usd,
        needed: Usd,
    },
    /// What was spent and reserved today, and this reservation, would pass the cap.
    DailyCap {
        cap: Usd,
        committed: Usd,
        needed: Usd,
    },
    /// The same over the calendar month.
    MonthlyCap {
        cap: Usd,
        committed: Usd,
        needed: Usd,
    },
    /// The cap is the tenant's, and so is what was spent and held: by all its agents.
    TenantDailyCap {
        cap: Usd,
        committed: Usd,
        needed: Usd,
    },
    TenantMonthlyCap {
        cap: Usd,
        committed: Usd,
        needed: Usd,
    },
    /// The wallet is short or paused, and the tenant wants no pool to stand in for it.
    WalletInsufficientPerAgent {
        available: Usd,
        needed: Usd,
    },
    /// The agent spends on account, and that is paused; no pool stands in for it.
    AccountPaused {
        needed: Usd,
    },
    /// What everybody spent and reserved in the UTC day that began at `window_start`, and this
    /// reservation, would pass the threshold.
    KillSwitch {
        threshold: Usd,
        spent: Usd,
        needed: Usd,
        window_start: String,
    },
    /// The call was strict: what each model would have lost of it.
    Coercions {
        coercions: Vec<String>,
    },
    /// Neither the wallet nor the tenant's pool has what this call may cost.
    Funds {
        available: Usd,
        needed: Usd,
    },
}

impl Refusal {
    /// The reason and its amounts, as the audit chain has them.
    pub fn facts(&self) -> serde_json::Value {
        crate::apply::event::refusal_fields(self)
    }

    /// How the refused call ended.
    pub fn status(&self) -> OutcomeStatus {
        match self {
            Refusal::Inactive { .. } => OutcomeStatus::RejectedInactive,
            Refusal::PerCallCap { .. }
            | Refusal::DailyCap { .. }
            | Refusal::MonthlyCap { .. }
            | Refusal::TenantDailyCap { .. }
            | Refusal::TenantMonthlyCap { .. }
            | Refusal::KillSwitch { .. } => OutcomeStatus::RejectedCap,
            Refusal::Coercions { .. } => OutcomeStatus::RejectedStrict,
            Refusal::Funds { .. }
            | Refusal::WalletInsufficientPerAgent { .. }
            | Refusal::AccountPaused { .. } => OutcomeStatus::RejectedFunds,
        }
    }
}

/// The answer to one [`Admission`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Admitted,
    /// Only so much fits: one of the smaller reservations.
    AdmittedForLess(Usd),
    Refused(Refusal),
    /// Its idempotency key was used before: nothing is held, and the call leaves no row.
    Duplicate(Earlier),
}

/// The answer to one [`Extension`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extended {
    /// At least so much is reserved.
    Held,
    /// The reservation is as it was.
    Refused(Refusal),
    /// There is no intent: the call is over.
    NotOpen,
}

/// The answer to one [`Closing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseResult {
    /// This closing wrote the call's row (or, for a direct call, its audit events).
    Closed,
    /// The call was closed before: by an earlier try of this very closing, or as `lost` by a later
    /// boot.
    AlreadyClosed,
    /// The call was closed as `lost` while its owner was asleep: no second row, but the difference
    /// to what it cost was charged or given back.
    Adjusted,
    /// There is neither an intent nor an outcome: a call that was dispatched without being
    /// captured. Must never happen.
    Unknown,
}

/// In the order of the batch: one answer for each extension, one verdict for each admission, one
/// result for each closing.
#[derive(Debug, Default, Clone)]
pub struct CaptureReply {
    pub extended: Vec<(RequestId, Extended)>,
    pub verdicts: Vec<(RequestId, Verdict)>,
    pub closed: Vec<(RequestId, CloseResult)>,
}
