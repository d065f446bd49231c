//! The owner of one call: what it asked, what it heard, what it does next. It stands for the rest
//! of the gateway.

use ainfera_actors::capture::CaptureError;
use ainfera_actors::capture::machine::Awaited;
use ainfera_schema::{
    AgentId, CallKind, InferenceId, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome, TenantId,
    Usd,
};
use ainfera_store::{Admission, Closing, IdempotencyClaim};
use jiff::Timestamp;
use uuid::Uuid;

use crate::model_store::boot;

/// Who waits for a reply of the machine. Each is replied to once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ticket {
    Admission(usize),
    Rejection(usize),
    Extension(usize),
    Record(usize),
    Settle(u32),
    Start,
}

#[derive(Debug, Clone, Hash)]
pub struct Owner {
    pub call: usize,
    pub agent: usize,
    pub replica: usize,
    /// The boot of the replica in which the call came.
    pub life: u32,
    pub key: Option<u8>,
    pub stage: Stage,
    pub extension: Extension,
    /// How it will end, or ended.
    pub status: OutcomeStatus,
    /// The machine said that the record is durable.
    pub acknowledged: bool,
    /// The machine said that the record never will be.
    pub quarantined: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    NotBegun,
    /// Asked to be let in, and did not listen yet.
    Waiting(Option<ProviderEvent>),
    Rejected,
    Working,
    /// Over, and the record is on its way.
    Recorded,
    Over,
    /// The process died with it.
    Dead,
}

/// The answer to an admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderEvent {
    Admitted,
    Refused,
    Duplicate,
    InDoubt,
    /// Unavailable, or refused by the store for good: nothing of it was written.
    NotIn,
}

/// A reservation is made larger at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    None,
    Asked,
    Answered,
}

impl Owner {
    pub fn new(call: usize, agent: usize, replica: usize) -> Self {
        Self {
            call,
            agent,
            replica,
            life: 0,
            key: None,
            stage: Stage::NotBegun,
            extension: Extension::None,
            status: OutcomeStatus::Succeeded,
            acknowledged: false,
            quarantined: false,
        }
    }

    pub fn request_id(&self) -> RequestId {
        request_id(self.call)
    }

    /// What the call really costs. No two are alike, and none is like what a lost one is charged.
    pub fn cost(&self) -> i64 {
        1_000 + self.call as i64
    }

    fn draft(&self) -> RoutingOutcome {
        let id = Uuid::from_u128(self.call as u128);
        let (agent_id, tenant_id) = (agent_id(self.agent), TenantId(Uuid::nil()));
        RoutingOutcome {
            inference_id: Some(InferenceId(id)),
            created_at: Timestamp::UNIX_EPOCH,
            ..RoutingOutcome::begun(
                RequestId(id),
                ReceiptId(id),
                agent_id,
                tenant_id,
                CallKind::Routed,
            )
        }
    }

    pub fn admission(&self) -> Box<Admission> {
        let idempotency =
            self.key.map(|key| IdempotencyClaim { key_sha256: [key; 32], fingerprint: [0; 32] });
        Box::new(Admission {
            draft: self.draft(),
            boot_id: boot(self.replica, self.life),
            reservation: Usd::from_nanos(5_000),
            smaller_reservations: Vec::new(),
            charge_if_lost: Usd::from_nanos(7),
            idempotency,
        })
    }

    pub fn rejection(&self) -> Box<RoutingOutcome> {
        Box::new(RoutingOutcome { status: Some(OutcomeStatus::RejectedFloor), ..self.draft() })
    }

    pub fn extension(&self) -> ainfera_store::Extension {
        let (request_id, agent_id) = (self.request_id(), agent_id(self.agent));
        ainfera_store::Extension { request_id, agent_id, reservation: Usd::from_nanos(9_000) }
    }

    pub fn closing(&self) -> Box<Closing> {
        let cost_actual_usd = Usd::from_nanos(self.cost());
        let outcome = RoutingOutcome { status: Some(self.status), cost_actual_usd, ..self.draft() };
        Box::new(Closing { outcome, answer: None })
    }

    /// Whether a client's last word waits: for answers it does, for those who left it does not.
    pub fn awaited(&self) -> Awaited {
        match self.status {
            OutcomeStatus::Succeeded if self.call.is_multiple_of(2) => Awaited::ByClient,
            _ => Awaited::ByNoClient,
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over | Stage::Dead)
    }
}

impl From<&CaptureError> for ProviderEvent {
    fn from(error: &CaptureError) -> Self {
        match error {
            CaptureError::InDoubt(_) => ProviderEvent::InDoubt,
            CaptureError::Unavailable(_) | CaptureError::Refused(_) => ProviderEvent::NotIn,
        }
    }
}

pub fn request_id(call: usize) -> RequestId {
    RequestId(Uuid::from_u128(call as u128))
}

pub fn agent_id(agent: usize) -> AgentId {
    AgentId(Uuid::from_u128(agent as u128))
}
