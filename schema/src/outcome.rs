//! What is known of one call when it is over: the row of `routing_outcomes` and of `inferences`.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    AgentId, FailureCause, InferenceId, ModelSlug, Price, ProviderId, ReceiptId, RequestId,
    StreamMode, TaskType, TaskTypeSource, TenantId, TokenUsage, UsageBasis, Usd,
};

/// Whether the router chose the model or the caller did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// A routing name was asked for: exactly one `routing_outcomes` row is owed.
    Routed,
    /// A vendor's model was pinned: no row, but an audit event with `router:"direct"`.
    Direct,
}

impl CallKind {
    pub fn as_str(self) -> &'static str {
        match self {
            CallKind::Routed => "routed",
            CallKind::Direct => "direct",
        }
    }

    /// The word that audit events carry: the canonical routing name, whatever alias was used, or
    /// `direct`.
    pub fn router(self) -> &'static str {
        match self {
            CallKind::Routed => "ainfera-inference",
            CallKind::Direct => "direct",
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    Succeeded,
    RejectedFloor,
    RejectedTools,
    /// The call was strict, and no model would have got it as it was sent.
    RejectedStrict,
    RejectedCap,
    RejectedFunds,
    RejectedInactive,
    /// Every attempt failed before the first content.
    FailedProviderError,
    /// The provider failed after the first content.
    FailedMidstream,
    ClientGone,
    /// The client was there but did not read.
    ClientStalled,
    TimedOut,
    /// Our own fault: a panic, a forced stop.
    FailedOther,
    /// The process died while the call was open; written by a later boot.
    Lost,
}

impl OutcomeStatus {
    pub const ALL: [OutcomeStatus; 14] = [
        OutcomeStatus::Succeeded,
        OutcomeStatus::RejectedFloor,
        OutcomeStatus::RejectedTools,
        OutcomeStatus::RejectedStrict,
        OutcomeStatus::RejectedCap,
        OutcomeStatus::RejectedFunds,
        OutcomeStatus::RejectedInactive,
        OutcomeStatus::FailedProviderError,
        OutcomeStatus::FailedMidstream,
        OutcomeStatus::ClientGone,
        OutcomeStatus::ClientStalled,
        OutcomeStatus::TimedOut,
        OutcomeStatus::FailedOther,
        OutcomeStatus::Lost,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            OutcomeStatus::Succeeded => "succeeded",
            OutcomeStatus::RejectedFloor => "rejected_floor",
            OutcomeStatus::RejectedTools => "rejected_tools",
            OutcomeStatus::RejectedStrict => "rejected_strict",
            OutcomeStatus::RejectedCap => "rejected_cap",
            OutcomeStatus::RejectedFunds => "rejected_funds",
            OutcomeStatus::RejectedInactive => "rejected_inactive",
            OutcomeStatus::FailedProviderError => "failed_provider_error",
            OutcomeStatus::FailedMidstream => "failed_midstream",
            OutcomeStatus::ClientGone => "client_gone",
            OutcomeStatus::ClientStalled => "client_stalled",
            OutcomeStatus::TimedOut => "timed_out",
            OutcomeStatus::FailedOther => "failed_other",
            OutcomeStatus::Lost => "lost",
        }
    }
}

/// How one provider attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    Succeeded,
    ConnectFailed,
    /// The connection had been kept from an earlier call and was closed; the same request was sent
    /// again at once over a new one.
    StaleConnection,
    TimedOut,
    /// The provider answered with an error status.
    Refused,
    /// The provider sent an error inside a 200.
    ErrorEvent,
    /// The stream ended without its terminal event.
    Truncated,
    /// Bytes that are not of the provider's dialect.
    Malformed,
    /// We stopped it: the client left, a deadline of ours passed.
    Cancelled,
    /// A panic on our side.
    Crashed,
}

/// One provider attempt within a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub provider: ProviderId,
    pub model: ModelSlug,
    pub result: AttemptResult,
    /// Why it failed. Absent where it did not, and from attempts that were kept before it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
    /// The provider's HTTP status, where it sent one.
    pub http_status: Option<u16>,
    pub latency_ms: u32,
    pub usage: TokenUsage,
    pub usage_basis: UsageBasis,
    pub cost_usd: Usd,
    /// What the attempt was billed at. Absent from attempts that were kept before it was.
    #[serde(default)]
    pub price: Option<Price>,
    /// The part of the cost that is for tools which the vendor ran.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fees_usd: Usd,
    /// The provider reported what cannot be true: the cost is what was reserved.
    #[serde(default, skip_serializing_if = "is_false")]
    pub implausible: bool,
}

fn is_zero(amount: &Usd) -> bool {
    amount.is_zero()
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Everything a call leaves behind, filled while it runs. Serialised whole into the intent, so that
/// a later boot can close it as `lost`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoutingOutcome {
    pub request_id: RequestId,
    pub agent_id: AgentId,
    pub tenant_id: TenantId,
    pub kind: CallKind,
    /// Null when no attempt was made.
    pub inference_id: Option<InferenceId>,
    pub receipt_id: ReceiptId,
    /// The model string that the caller sent.
    pub model_requested: String,
    pub task_type: TaskType,
    pub task_type_source: TaskTypeSource,
    /// `task:model:band`; null on a rejection.
    pub cell: Option<String>,
    /// `{preset}@{semver}+{ruleset_hash}`.
    pub policy_version: String,
    pub ruleset_hash: String,
    /// `cheapest_clearing_floor`, `m_allowed_veto_applied`, `no_candidate_clears_floor`,
    /// `no_candidate_enrolled`, or `pinned`.
    pub decision_rule: String,
    /// The whole considered set with drop reasons, as JSON array text.
    pub candidates_json: String,
    /// Slugs with `m_allowed`, as JSON array text.
    pub m_allowed_set_json: String,
    /// The model that answered, or the last that was tried; null on a rejection.
    pub chosen_model: Option<ModelSlug>,
    /// The provider of `chosen_model`.
    pub provider: Option<ProviderId>,
    pub q_prior_used: Option<Decimal>,
    pub cost_projected_usd: Option<Usd>,
    pub status: Option<OutcomeStatus>,
    pub attempts: Vec<Attempt>,
    pub usage: TokenUsage,
    pub usage_basis: UsageBasis,
    pub cost_actual_usd: Usd,
    pub stop_reason: Option<String>,
    pub streamed: bool,
    /// How the answer of the last attempt came. Not known without one, and of a row that is read.
    #[serde(default)]
    pub stream_mode: Option<StreamMode>,
    /// From admission to the first content.
    pub first_content_ms: Option<u32>,
    /// From admission to the end.
    pub latency_ms: u32,
    /// Fields that were dropped, renamed, clamped or moved on the way to the provider.
    pub coercions: Vec<String>,
    pub created_at: Timestamp,
}

/// What a record says where no policy decided.
const PINNED: &str = "pinned";

impl RoutingOutcome {
    /// A call of which nothing is known but whose it is: no decision, no attempt, no cost, and it
    /// is not over. It begins now.
    pub fn begun(
        request_id: RequestId,
        receipt_id: ReceiptId,
        agent_id: AgentId,
        tenant_id: TenantId,
        kind: CallKind,
    ) -> Self {
        Self {
            request_id,
            agent_id,
            tenant_id,
            kind,
            inference_id: None,
            receipt_id,
            model_requested: String::new(),
            task_type: TaskType::General,
            task_type_source: TaskTypeSource::Default,
            cell: None,
            policy_version: PINNED.to_owned(),
            ruleset_hash: String::new(),
            decision_rule: PINNED.to_owned(),
            candidates_json: "[]".to_owned(),
            m_allowed_set_json: "[]".to_owned(),
            chosen_model: None,
            provider: None,
            q_prior_used: None,
            cost_projected_usd: None,
            status: None,
            attempts: Vec::new(),
            usage: TokenUsage::default(),
            usage_basis: UsageBasis::Reported,
            cost_actual_usd: Usd::ZERO,
            stop_reason: None,
            streamed: false,
            stream_mode: None,
            first_content_ms: None,
            latency_ms: 0,
            coercions: Vec::new(),
            created_at: Timestamp::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_was_kept_before_prices_were_can_still_be_read() {
        let kept = r#"{"provider":"mistral","model":"mistral-large-3","result":"succeeded","http_status":200,"latency_ms":8,
            "usage":{"input_tokens":1,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":1,"thinking_tokens":0},
            "usage_basis":"reported","cost_usd":"0.000008"}"#;
        let attempt: Attempt = serde_json::from_str(kept).unwrap();
        assert_eq!(attempt.price, None);
        let price = Price {
            input: Decimal::new(25, 2),
            output: Decimal::from(6),
            cache_read: None,
            cache_write: None,
            cache_write_1h: None,
            reasoning: None,
        };
        let priced = Attempt { price: Some(price), ..attempt };
        let text = serde_json::to_string(&priced).unwrap();
        assert!(
            text.ends_with(
                r#""price":{"input":"0.25","output":"6","cache_read":null,"cache_write":null}}"#
            ),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Attempt>(&text).unwrap(), priced);
    }
}
