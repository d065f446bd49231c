//! A call by the id of its request: what its caller has in hand when there is no inference to ask
//! for.

use ainfera_schema::{AgentId, RequestId, Usd};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::InferenceView;
use super::stored::from_json;
use crate::row::{FromRow, StoredRow};
use crate::{Refusal, StoreError};

/// A call that is over.
#[derive(Debug, Clone)]
pub enum CallView {
    /// It has an inference: a provider was tried.
    Inference(Box<InferenceView>),
    /// It has none.
    Bare(Box<BareCall>),
}

/// What is kept of a call without an inference: one that was refused, or was lost before anything
/// was known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BareCall {
    pub request_id: RequestId,
    pub agent_id: AgentId,
    pub kind: String,
    pub outcome_status: String,
    pub cost_usd: Usd,
    pub task_type: Option<String>,
    pub decision_rule: Option<String>,
    pub policy_version: Option<String>,
    pub candidates: Value,
    /// Why money or its owner refused it, where that was the reason.
    pub refusal: Option<Refusal>,
    pub closed_at: Timestamp,
}

/// Its row as it was read; a call may be in one of two tables or in both.
pub(crate) struct StoredBareCall {
    pub request_id: Uuid,
    pub agent_id: Uuid,
    pub kind: String,
    pub outcome_status: String,
    pub cost_usd: Usd,
    pub task_type: Option<String>,
    pub decision_rule: Option<String>,
    pub policy_version: Option<String>,
    pub candidates: Option<String>,
    pub refusal: Option<String>,
    pub closed_at: Timestamp,
}

/// The same in both databases but for the numbers of the parameters: the agent, then the request.
pub(crate) fn select(agent: &str, request: &str) -> String {
    format!(
        "SELECT asked.request_id, asked.agent_id, COALESCE(c.kind, 'routed') AS kind, COALESCE(o.outcome_status, c.outcome_status) AS outcome_status, o.task_type,
           o.decision_rule, o.policy_version, CAST(o.candidates AS text) AS candidates_text, c.refusal,
           COALESCE(o.closed_at, c.closed_at) AS closed_at,
           COALESCE(o.cost_actual_usd, c.cost_usd) AS cost_usd
         FROM (SELECT CAST({request} AS {id}) AS request_id, CAST({agent} AS {id}) AS agent_id) asked
         LEFT JOIN routing_outcomes o ON o.request_id = asked.request_id AND o.agent_id = asked.agent_id
         LEFT JOIN closed_calls c ON c.request_id = asked.request_id AND c.agent_id = asked.agent_id
         WHERE o.request_id IS NOT NULL OR c.request_id IS NOT NULL",
        id = if request.starts_with('$') { "uuid" } else { "text" },
    )
}

impl FromRow for StoredBareCall {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: row.value("request_id")?,
            agent_id: row.value("agent_id")?,
            kind: row.value("kind")?,
            outcome_status: row.value("outcome_status")?,
            cost_usd: row.value("cost_usd")?,
            task_type: row.value("task_type")?,
            decision_rule: row.value("decision_rule")?,
            policy_version: row.value("policy_version")?,
            candidates: row.value("candidates_text")?,
            refusal: row.value("refusal")?,
            closed_at: row.value("closed_at")?,
        })
    }
}

impl StoredBareCall {
    pub(crate) fn into_view(self) -> Result<CallView, StoreError> {
        Ok(CallView::Bare(Box::new(BareCall {
            request_id: RequestId(self.request_id),
            agent_id: AgentId(self.agent_id),
            kind: self.kind,
            outcome_status: self.outcome_status,
            cost_usd: self.cost_usd,
            task_type: self.task_type,
            decision_rule: self.decision_rule,
            policy_version: self.policy_version,
            candidates: self.candidates.as_deref().map_or(Ok(Value::Null), from_json)?,
            refusal: self.refusal.as_deref().map(from_json).transpose()?,
            closed_at: self.closed_at,
        })))
    }
}
