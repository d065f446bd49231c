//! Records of closed calls that the database refused for good. Each is kept whole until an operator
//! puts it back or dismisses it.

use ainfera_schema::audit::AuditEventType;
use ainfera_schema::{AgentId, RequestId, RoutingOutcome, Usd};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::apply::event::Event;
use crate::read::stored::from_json;
use crate::{CaptureBatch, CloseResult, Closing, StoreError, StoredAnswer};

/// A record that was refused, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedRecord {
    pub closing: Closing,
    /// What the database said.
    pub reason: String,
    /// Whose record it is.
    pub replica: String,
}

/// The outcome's own fields, and beside them what else there is.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    outcome: RoutingOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<StoredAnswer>,
    #[serde(default)]
    refused_because: String,
    #[serde(default)]
    refused_by: String,
}

impl RefusedRecord {
    /// One line of JSON.
    pub fn to_json(&self) -> Result<String, StoreError> {
        let written = Written {
            outcome: self.closing.outcome.clone(),
            answer: self.closing.answer.clone(),
            refused_because: self.reason.clone(),
            refused_by: self.replica.clone(),
        };
        let text = serde_json::to_string(&written);
        text.map_err(|error| StoreError::Corrupt(format!("record cannot be written: {error}")))
    }

    /// Reads a line of the spool as well: that one says neither why nor by whom.
    pub fn from_json(text: &str) -> Result<Self, StoreError> {
        let written: Written = from_json(text)?;
        let Written { outcome, answer, refused_because, refused_by } = written;
        let closing = Closing { outcome, answer };
        Ok(Self { closing, reason: refused_because, replica: refused_by })
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    Waiting,
    PutBack,
    Dismissed,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineScope {
    Waiting,
    All,
}

/// A row of the quarantine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuarantinedRecord {
    pub request_id: RequestId,
    pub agent_id: AgentId,
    pub refused_at: Timestamp,
    pub replica: String,
    pub reason: String,
    pub state: QuarantineState,
    pub settled_at: Option<Timestamp>,
    pub settled_by: Option<String>,
    pub settled_reason: Option<String>,
    /// The JSON of the whole record.
    #[serde(skip)]
    pub record: String,
}

impl QuarantinedRecord {
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == QuarantineState::Waiting
    }

    pub fn closing(&self) -> Result<Closing, StoreError> {
        Ok(RefusedRecord::from_json(&self.record)?.closing)
    }

    /// What the call cost by its record.
    pub fn cost_usd(&self) -> Result<Usd, StoreError> {
        Ok(self.closing()?.outcome.cost_actual_usd)
    }

    pub(crate) fn batch(&self) -> Result<CaptureBatch, StoreError> {
        Ok(CaptureBatch { closings: vec![self.closing()?], ..CaptureBatch::default() })
    }
}

/// What shall become of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It is applied now, by the rules for a record that comes late.
    PutBack,
    /// It is never applied.
    Dismiss { reason: String },
}

/// An operator's decision about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineDecision {
    pub settlement: Settlement,
    /// Who decides.
    pub decided_by: String,
}

impl QuarantineDecision {
    pub(crate) fn state(&self) -> &'static str {
        match self.settlement {
            Settlement::PutBack => "put_back",
            Settlement::Dismiss { .. } => "dismissed",
        }
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        match &self.settlement {
            Settlement::PutBack => None,
            Settlement::Dismiss { reason } => Some(reason),
        }
    }

    /// What the agent's chain is told.
    pub(crate) fn event(&self, record: &QuarantinedRecord) -> Event {
        let mut fields = json!({
            "decided_by": self.decided_by,
            "refused_because": record.reason,
            "refused_at": crate::apply::chain::event_time(record.refused_at),
            "replica": record.replica,
        });
        match &self.settlement {
            Settlement::PutBack => Event::new(AuditEventType::QuarantinePutBack, fields),
            Settlement::Dismiss { reason } => {
                fields["reason"] = json!(reason);
                Event::new(AuditEventType::QuarantineDismissed, fields)
            }
        }
    }
}

/// How a decision ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    PutBack(CloseResult),
    Dismissed,
    /// Somebody had decided before; nothing was changed.
    Before(Box<QuarantinedRecord>),
}

/// Only a call that the database knows can be charged.
pub(crate) fn unknown_call(request_id: RequestId) -> StoreError {
    let id = request_id.header_value();
    StoreError::Refused(format!(
        "this database does not know the call {id}: its record can only be dismissed"
    ))
}
