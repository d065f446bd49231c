//! A closed call, for the tests of this crate.

use ainfera_schema::{
    AgentId, CallKind, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome, TaskType, TaskTypeSource, TenantId, TokenUsage, UsageBasis, Usd,
};

pub fn outcome(model_requested: &str) -> RoutingOutcome {
    RoutingOutcome {
        request_id: RequestId::mint(),
        agent_id: AgentId::mint(),
        tenant_id: TenantId::mint(),
        kind: CallKind::Routed,
        inference_id: None,
        receipt_id: ReceiptId::mint(),
        model_requested: model_requested.to_owned(),
        task_type: TaskType::General,
        task_type_source: TaskTypeSource::Default,
        cell: None,
        policy_version: "balanced@1.0.0+07dbdce7".to_owned(),
        ruleset_hash: "07dbdce7".to_owned(),
        decision_rule: "pinned".to_owned(),
        candidates_json: "[]".to_owned(),
        m_allowed_set_json: "[]".to_owned(),
        chosen_model: None,
        provider: None,
        q_prior_used: Some("0.93".parse().unwrap()),
        cost_projected_usd: None,
        status: Some(OutcomeStatus::Succeeded),
        attempts: Vec::new(),
        usage: TokenUsage::default(),
        usage_basis: UsageBasis::Reported,
        cost_actual_usd: Usd::ZERO,
        stop_reason: None,
        streamed: false,
        first_content_ms: None,
        latency_ms: 0,
        coercions: Vec::new(),
        created_at: jiff::Timestamp::now(),
    }
}
