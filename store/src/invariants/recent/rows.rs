//! The rows of a slice, and how they are read from either database.

use ainfera_schema::Usd;
use uuid::Uuid;

use crate::StoreError;
use crate::row::{FromRow, StoredRow};

#[derive(Debug, Clone)]
pub struct EventRow {
    pub agent_id: Uuid,
    pub seq: i64,
    pub event_type: String,
    pub request_id: Option<Uuid>,
    pub previous_hash: Option<String>,
    pub event_hash: String,
}

#[derive(Debug, Clone)]
pub struct OutcomeRow {
    pub request_id: Uuid,
    pub agent_id: Uuid,
    pub inference_id: Option<Uuid>,
    pub status: String,
    pub cost: Usd,
}

#[derive(Debug, Clone)]
pub struct ClosedRow {
    pub request_id: Uuid,
    pub agent_id: Uuid,
    pub kind: String,
    pub status: String,
    pub cost: Usd,
}

#[derive(Debug, Clone)]
pub struct InferenceRow {
    pub request_id: Uuid,
    pub agent_id: Uuid,
    pub inference_id: Uuid,
    pub kind: String,
    pub status: String,
    pub cost: Usd,
}

#[derive(Debug, Clone)]
pub struct TransferRow {
    pub transfer_id: Uuid,
    pub agent_id: Uuid,
    pub audit_seq: i64,
    pub kind: String,
    pub request_id: Option<Uuid>,
    pub debit_account: String,
    pub credit_account: String,
    pub amount: Usd,
    pub balance_after: Usd,
}

/// An agent's account or, without a tenant, a tenant's.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub owner: Uuid,
    pub tenant_id: Option<Uuid>,
    pub balance: Usd,
    pub held: Usd,
    pub held_elsewhere: Usd,
    pub audit_seq: i64,
    pub audit_head: Option<String>,
    /// The newest event of its chain.
    pub newest_event: Option<(i64, String)>,
    /// Its newest transfers, newest first.
    pub newest_transfers: Vec<TransferRow>,
}

#[derive(Debug, Clone)]
pub struct IntentRow {
    pub request_id: Uuid,
    pub agent_id: Uuid,
    pub tenant_id: Option<Uuid>,
    pub reservation: Usd,
    pub pooled: bool,
    pub boot_is_open: bool,
    pub is_too_old: bool,
}

/// What a store read.
#[derive(Debug, Default)]
pub struct Slice {
    pub events: Vec<EventRow>,
    pub outcomes: Vec<OutcomeRow>,
    pub closed: Vec<ClosedRow>,
    pub inferences: Vec<InferenceRow>,
    /// Of the agents that have events here, and with their numbers.
    pub transfers: Vec<TransferRow>,
    pub accounts: Vec<AccountRow>,
    pub intents: Vec<IntentRow>,
    /// Calls that are over and whose key is in flight all the same.
    pub keys_in_flight: Vec<Uuid>,
}

impl FromRow for EventRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            agent_id: row.value("agent_id")?,
            seq: row.value("seq")?,
            event_type: row.value("event_type")?,
            request_id: row.value("request_id")?,
            previous_hash: row.value("previous_hash")?,
            event_hash: row.value("event_hash")?,
        })
    }
}

impl FromRow for OutcomeRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: row.value("request_id")?,
            agent_id: row.value("agent_id")?,
            inference_id: row.value("inference_id")?,
            status: row.value("outcome_status")?,
            cost: row.value("cost_actual_usd")?,
        })
    }
}

impl FromRow for ClosedRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: row.value("request_id")?,
            agent_id: row.value("agent_id")?,
            kind: row.value("kind")?,
            status: row.value("outcome_status")?,
            cost: row.value("cost_usd")?,
        })
    }
}

impl FromRow for InferenceRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: row.value("request_id")?,
            agent_id: row.value("agent_id")?,
            inference_id: row.value("inference_id")?,
            kind: row.value("kind")?,
            status: row.value("outcome_status")?,
            cost: row.value("cost_usd")?,
        })
    }
}

impl FromRow for TransferRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            transfer_id: row.value("transfer_id")?,
            agent_id: row.value("agent_id")?,
            audit_seq: row.value("audit_seq")?,
            kind: row.value("kind")?,
            request_id: row.value("request_id")?,
            debit_account: row.value("debit_account")?,
            credit_account: row.value("credit_account")?,
            amount: row.value("amount")?,
            balance_after: row.value("balance_after")?,
        })
    }
}

/// Without its newest event and transfers.
impl FromRow for AccountRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            owner: row.value("owner")?,
            tenant_id: row.value("tenant_id")?,
            balance: row.value("balance")?,
            held: row.value("held")?,
            held_elsewhere: row.value("held_elsewhere")?,
            audit_seq: row.value("audit_seq")?,
            audit_head: row.value("audit_head")?,
            newest_event: None,
            newest_transfers: Vec::new(),
        })
    }
}

impl FromRow for IntentRow {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: row.value("request_id")?,
            agent_id: row.value("agent_id")?,
            tenant_id: row.value("tenant_id")?,
            reservation: row.value("hold")?,
            pooled: row.value("pooled")?,
            boot_is_open: row.value("boot_is_open")?,
            is_too_old: row.value("is_too_old")?,
        })
    }
}
