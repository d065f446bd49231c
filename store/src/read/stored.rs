//! How rows become values again. Each store reads its own types; what the words mean is decided
//! here.

use ainfera_schema::{
    Agent, AgentId, AgentStatus, Attempt, InferenceId, ModelSlug, ProviderId, ReceiptId, RequestId,
    RoutingOutcome, Served, TenantId, TokenUsage, ToolUses, Usd,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as WordError, StrDeserializer};
use uuid::Uuid;

use super::InferenceView;
use crate::apply::rows::DirectDecision;
use crate::row::{FromRow, StoredRow};
use crate::{StoreError, StoredKey};

/// A row of `inferences` with its decision, which is in `routing_outcomes` or in `direct_decision`.
pub(crate) struct StoredInference {
    pub request_id: Uuid,
    pub agent_id: Uuid,
    pub tenant_id: Uuid,
    pub inference_id: Uuid,
    pub receipt_id: Uuid,
    pub kind: String,
    pub model_requested: String,
    pub task_type: String,
    pub task_type_source: String,
    pub cell: Option<String>,
    pub policy_version: String,
    pub chosen_model_slug: Option<String>,
    pub provider: Option<String>,
    pub outcome_status: String,
    pub attempts: String,
    pub input_tokens: i64,
    pub cache_read_input_tokens: i64,
    pub cache_creation_input_tokens: i64,
    pub output_tokens: i64,
    pub thinking_tokens: i64,
    pub usage_basis: String,
    pub cost_usd: Usd,
    pub stop_reason: Option<String>,
    pub streamed: bool,
    pub first_content_ms: Option<i64>,
    pub observed_latency_ms: i64,
    pub coercions: String,
    pub created_at: Timestamp,
    pub decision: StoredDecision,
}

/// Where the decision behind an inference was kept.
pub(crate) enum StoredDecision {
    Direct(String),
    Routed {
        ruleset_hash: String,
        decision_rule: String,
        candidates: String,
        m_allowed_set: String,
        q_prior_used: Option<Decimal>,
        cost_projected_usd: Option<Usd>,
    },
}

impl FromRow for StoredInference {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            request_id: row.value("request_id")?,
            agent_id: row.value("agent_id")?,
            tenant_id: row.value("tenant_id")?,
            inference_id: row.value("inference_id")?,
            receipt_id: row.value("receipt_id")?,
            kind: row.value("kind")?,
            model_requested: row.value("model_requested")?,
            task_type: row.value("task_type")?,
            task_type_source: row.value("task_type_source")?,
            cell: row.value("cell")?,
            policy_version: row.value("policy_version")?,
            chosen_model_slug: row.value("chosen_model_slug")?,
            provider: row.value("provider")?,
            outcome_status: row.value("outcome_status")?,
            attempts: row.value("attempts_text")?,
            input_tokens: row.value("input_tokens")?,
            cache_read_input_tokens: row.value("cache_read_input_tokens")?,
            cache_creation_input_tokens: row.value("cache_creation_input_tokens")?,
            output_tokens: row.value("output_tokens")?,
            thinking_tokens: row.value("thinking_tokens")?,
            usage_basis: row.value("usage_basis")?,
            cost_usd: row.value("cost_usd")?,
            stop_reason: row.value("stop_reason")?,
            streamed: row.value("streamed")?,
            first_content_ms: row.value("first_content_ms")?,
            observed_latency_ms: row.value("observed_latency_ms")?,
            coercions: row.value("coercions_text")?,
            created_at: row.value("created_at")?,
            decision: match row.value("direct_decision_text")? {
                Some(text) => StoredDecision::Direct(text),
                None => StoredDecision::Routed {
                    ruleset_hash: row.value("ruleset_hash")?,
                    decision_rule: row.value("decision_rule")?,
                    candidates: row.value("candidates_text")?,
                    m_allowed_set: row.value("m_allowed_set_text")?,
                    q_prior_used: row.value("q_prior_used")?,
                    cost_projected_usd: row.value("cost_projected_usd")?,
                },
            },
        })
    }
}

impl StoredInference {
    pub(crate) fn into_view(self) -> Result<InferenceView, StoreError> {
        let attempts = from_json::<Vec<Attempt>>(&self.attempts)?;
        let usage = self.usage(&attempts)?;
        let decision = self.decision.into_decision()?;
        let outcome = RoutingOutcome {
            request_id: RequestId(self.request_id),
            agent_id: AgentId(self.agent_id),
            tenant_id: TenantId(self.tenant_id),
            kind: word(&self.kind)?,
            inference_id: Some(InferenceId(self.inference_id)),
            receipt_id: ReceiptId(self.receipt_id),
            model_requested: self.model_requested,
            task_type: word(&self.task_type)?,
            task_type_source: word(&self.task_type_source)?,
            cell: self.cell,
            policy_version: self.policy_version,
            ruleset_hash: decision.ruleset_hash,
            decision_rule: decision.decision_rule,
            candidates_json: decision.candidates_json,
            m_allowed_set_json: decision.m_allowed_set_json,
            chosen_model: self.chosen_model_slug.map(ModelSlug::new),
            provider: self.provider.map(ProviderId::new),
            q_prior_used: decision.q_prior_used,
            cost_projected_usd: decision.cost_projected_usd,
            status: Some(word(&self.outcome_status)?),
            stream_mode: None,
            usage,
            attempts,
            usage_basis: word(&self.usage_basis)?,
            cost_actual_usd: self.cost_usd,
            stop_reason: self.stop_reason,
            streamed: self.streamed,
            first_content_ms: self.first_content_ms.map(count).transpose()?,
            latency_ms: count(self.observed_latency_ms)?,
            coercions: from_json(&self.coercions)?,
            created_at: self.created_at,
        };
        Ok(InferenceView { outcome })
    }

    /// What the attempts used together.
    fn usage(&self, attempts: &[Attempt]) -> Result<TokenUsage, StoreError> {
        Ok(TokenUsage {
            // The row has the sum. For how long tokens are cached is known of each attempt.
            cache_creation_1h_input_tokens: attempts
                .iter()
                .map(|attempt| attempt.usage.cache_creation_1h_input_tokens)
                .sum(),
            input_tokens: count(self.input_tokens)?,
            cache_read_input_tokens: count(self.cache_read_input_tokens)?,
            cache_creation_input_tokens: count(self.cache_creation_input_tokens)?,
            output_tokens: count(self.output_tokens)?,
            thinking_tokens: count(self.thinking_tokens)?,
            tool_uses: attempts
                .iter()
                .fold(ToolUses::NONE, |sum, attempt| sum.plus(attempt.usage.tool_uses)),
            served: attempts
                .iter()
                .fold(Served::UNSAID, |served, attempt| served.and_then(attempt.usage.served)),
        })
    }
}

impl StoredDecision {
    fn into_decision(self) -> Result<DirectDecision, StoreError> {
        Ok(match self {
            Self::Direct(text) => from_json(&text)?,
            Self::Routed {
                ruleset_hash,
                decision_rule,
                candidates,
                m_allowed_set,
                q_prior_used,
                cost_projected_usd,
            } => DirectDecision {
                ruleset_hash,
                decision_rule,
                candidates_json: candidates,
                m_allowed_set_json: m_allowed_set,
                q_prior_used,
                cost_projected_usd,
            },
        })
    }
}

/// A row of `agents`.
pub(crate) struct StoredAgent {
    pub agent_id: Uuid,
    pub tenant_id: Uuid,
    pub name: String,
    pub status: String,
    pub spend_policy: String,
}

impl FromRow for StoredAgent {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            agent_id: row.value("agent_id")?,
            tenant_id: row.value("tenant_id")?,
            name: row.value("name")?,
            status: row.value("status")?,
            spend_policy: row.value("spend_policy_text")?,
        })
    }
}

impl FromRow for StoredKey {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            secret_sha256: row.value("secret_sha256")?,
            agent: StoredAgent::from_row(row)?.into_agent()?,
        })
    }
}

impl StoredAgent {
    pub(crate) fn into_agent(self) -> Result<Agent, StoreError> {
        Ok(Agent {
            agent_id: AgentId(self.agent_id),
            tenant_id: TenantId(self.tenant_id),
            name: self.name,
            status: word::<AgentStatus>(&self.status)?,
            spend_policy: from_json(&self.spend_policy)?,
        })
    }
}

/// One of the words of an enum of ours.
pub(crate) fn word<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    T::deserialize(StrDeserializer::<WordError>::new(text))
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// JSON that we wrote.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn count<N: TryFrom<i64>>(number: i64) -> Result<N, StoreError> {
    N::try_from(number).map_err(|_| StoreError::Corrupt(format!("count of {number}")))
}
