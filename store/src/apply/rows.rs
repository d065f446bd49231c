//! The rows that a transaction inserts, before either database has seen them.

use std::borrow::Cow;

use ainfera_schema::audit::AuditEventType;
use ainfera_schema::{
    AgentId, BootId, CallKind, InferenceId, OutcomeStatus, RequestId, RoutingOutcome, TenantId, Usd,
};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::account::{Account, TenantAccount};
use super::funds::{Charged, Reservation};
use super::idempotency::KeyChanges;
use crate::{Admission, CaptureReply, Refusal, StoreError};

/// Everything that a transaction writes, and the answer that it gives once it is durable.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    pub reply: CaptureReply,
    pub intents: Vec<IntentRow>,
    /// Intents that are there, whose calls reserve more now.
    pub reservations: Vec<ReservationRow>,
    pub outcomes: Vec<OutcomeRow<'a>>,
    pub closed_calls: Vec<ClosedCallRow>,
    pub inferences: Vec<InferenceRow<'a>>,
    pub transfers: Vec<TransferRow>,
    pub audit_events: Vec<AuditRow>,
    /// The new state of the accounts that changed, in order.
    pub accounts: Vec<Account>,
    pub keys: KeyChanges,
    pub tenants: Vec<TenantAccount>,
}

/// A row of `intents`.
#[derive(Debug)]
pub(crate) struct IntentRow {
    pub request_id: RequestId,
    pub agent_id: AgentId,
    pub boot_id: BootId,
    pub kind: CallKind,
    pub reserved: Usd,
    pub charged: Charged,
    pub charge_if_lost: Usd,
    pub draft: String,
    pub created_at: Timestamp,
}

impl IntentRow {
    /// With what was reserved: a smaller amount than asked for bounds what a lost call is charged,
    /// too.
    pub(crate) fn new(admission: &Admission, reservation: Reservation) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: admission.draft.request_id,
            agent_id: admission.draft.agent_id,
            boot_id: admission.boot_id,
            kind: admission.draft.kind,
            reserved: reservation.amount,
            charged: reservation.charged,
            charge_if_lost: admission.charge_if_lost.min(reservation.amount),
            draft: to_json(&admission.draft)?,
            created_at: admission.draft.created_at,
        })
    }
}

/// What a row of `intents` says of its reservation from now on.
#[derive(Debug)]
pub(crate) struct ReservationRow {
    pub request_id: RequestId,
    pub reservation: Reservation,
}

/// A row of `routing_outcomes`.
#[derive(Debug)]
pub(crate) struct OutcomeRow<'a> {
    pub outcome: Cow<'a, RoutingOutcome>,
    pub status: OutcomeStatus,
    pub closed_at: Timestamp,
}

/// A row of `closed_calls`.
#[derive(Debug)]
pub(crate) struct ClosedCallRow {
    pub request_id: RequestId,
    pub agent_id: AgentId,
    pub kind: CallKind,
    pub status: OutcomeStatus,
    pub cost: Usd,
    pub refusal: Option<String>,
    pub closed_at: Timestamp,
}

impl ClosedCallRow {
    pub(crate) fn new(
        outcome: &RoutingOutcome,
        status: OutcomeStatus,
        refusal: Option<&Refusal>,
        closed_at: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: outcome.request_id,
            agent_id: outcome.agent_id,
            kind: outcome.kind,
            status,
            cost: outcome.cost_actual_usd,
            refusal: refusal.map(to_json).transpose()?,
            closed_at,
        })
    }
}

/// A row of `inferences`.
#[derive(Debug)]
pub(crate) struct InferenceRow<'a> {
    pub inference_id: InferenceId,
    pub status: OutcomeStatus,
    pub outcome: &'a RoutingOutcome,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransferKind {
    /// A call was charged.
    Post,
    /// A call that was charged as lost cost something else.
    Adjust,
    /// A wallet was filled.
    Topup,
}

impl TransferKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            TransferKind::Post => "post",
            TransferKind::Adjust => "adjust",
            TransferKind::Topup => "topup",
        }
    }
}

/// A row of `transfers`.
#[derive(Debug)]
pub(crate) struct TransferRow {
    pub transfer_id: Uuid,
    pub debit_account: String,
    pub credit_account: String,
    pub amount: Usd,
    pub kind: TransferKind,
    pub request_id: Option<RequestId>,
    pub agent_id: AgentId,
    pub balance_after: Usd,
    pub memo: String,
    /// Known once the event is in the chain.
    pub audit_seq: i64,
    pub created_at: Timestamp,
}

impl TransferRow {
    /// What a call cost. Its id follows from the call's, so that a second one cannot be written.
    pub(crate) fn post(
        outcome: &RoutingOutcome,
        payer: String,
        amount: Usd,
        balance_after: Usd,
        now: Timestamp,
    ) -> Self {
        let model = outcome
            .chosen_model
            .as_ref()
            .map_or(outcome.model_requested.as_str(), |slug| slug.as_str());
        Self {
            transfer_id: Uuid::new_v5(&outcome.request_id.0, b"post"),
            debit_account: payer,
            credit_account: "revenue".to_owned(),
            amount,
            kind: TransferKind::Post,
            request_id: Some(outcome.request_id),
            agent_id: outcome.agent_id,
            balance_after,
            memo: format!("inference on {model}"),
            audit_seq: 0,
            created_at: now,
        }
    }

    /// What an agent starts with.
    pub(crate) fn first_topup(agent_id: AgentId, amount: Usd, now: Timestamp) -> Self {
        Self {
            transfer_id: Uuid::new_v5(&agent_id.0, b"topup"),
            debit_account: "funding".to_owned(),
            credit_account: wallet(agent_id),
            amount,
            kind: TransferKind::Topup,
            request_id: None,
            agent_id,
            balance_after: amount,
            memo: "first funding".to_owned(),
            audit_seq: 0,
            created_at: now,
        }
    }
}

/// The ledger's name for a tenant's pool.
pub(crate) fn pool(tenant_id: TenantId) -> String {
    format!("pool:{tenant_id}")
}

/// The ledger's name for an agent's wallet.
pub(crate) fn wallet(agent_id: AgentId) -> String {
    format!("wallet:{agent_id}")
}

/// A row of `audit_events`.
#[derive(Debug)]
pub(crate) struct AuditRow {
    pub agent_id: AgentId,
    pub seq: i64,
    pub event_id: Uuid,
    pub event_type: AuditEventType,
    pub payload: String,
    pub previous_hash: Option<String>,
    pub event_hash: String,
    pub created_at: Timestamp,
}

/// What an inference keeps of its decision when no `routing_outcomes` row does: that of a pinned
/// call.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct DirectDecision {
    pub ruleset_hash: String,
    pub decision_rule: String,
    pub candidates_json: String,
    pub m_allowed_set_json: String,
    pub q_prior_used: Option<rust_decimal::Decimal>,
    pub cost_projected_usd: Option<Usd>,
}

impl InferenceRow<'_> {
    pub(crate) fn direct_decision(&self) -> Result<Option<String>, StoreError> {
        match self.outcome.kind {
            CallKind::Routed => Ok(None),
            CallKind::Direct => to_json(&DirectDecision {
                ruleset_hash: self.outcome.ruleset_hash.clone(),
                decision_rule: self.outcome.decision_rule.clone(),
                candidates_json: self.outcome.candidates_json.clone(),
                m_allowed_set_json: self.outcome.m_allowed_set_json.clone(),
                q_prior_used: self.outcome.q_prior_used,
                cost_projected_usd: self.outcome.cost_projected_usd,
            })
            .map(Some),
        }
    }
}

/// A token count as both databases keep it. No provider counts beyond 63 bits truthfully.
pub(crate) fn token_count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// The JSON text of a value of ours.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}
