//! Calls as the gateway would send them.

use ainfera_schema::{
    AgentId, Attempt, AttemptResult, BootId, CallKind, InferenceId, ModelSlug, OutcomeStatus,
    Price, ProviderId, ReceiptId, RequestId, RoutingOutcome, Served, TaskType, TaskTypeSource,
    TenantId, TokenUsage, ToolUses, UsageBasis, Usd,
};
use ainfera_store::{Admission, CaptureBatch, CaptureReply, CloseResult, Closing, Verdict};
use jiff::Timestamp;

pub fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A routed call with everything set, one attempt made, not over yet.
pub fn call((agent_id, tenant_id): (AgentId, TenantId)) -> RoutingOutcome {
    let usage = TokenUsage {
        input_tokens: 1000,
        cache_read_input_tokens: 20,
        cache_creation_input_tokens: 3,
        cache_creation_1h_input_tokens: 2,
        tool_uses: ToolUses { web_search: 3, ..ToolUses::NONE },
        served: Served::UNSAID,
        output_tokens: 400,
        thinking_tokens: 50,
    };
    RoutingOutcome {
        request_id: RequestId::mint(),
        agent_id,
        tenant_id,
        kind: CallKind::Routed,
        inference_id: Some(InferenceId::mint()),
        receipt_id: ReceiptId::mint(),
        model_requested: "ainfera-auto".to_owned(),
        task_type: TaskType::ToolUse,
        task_type_source: TaskTypeSource::Caller,
        cell: Some("tool_use:mistral-large-3:balanced".to_owned()),
        policy_version: "balanced@1.0.0+07dbdce7".to_owned(),
        ruleset_hash: "07dbdce7".to_owned(),
        decision_rule: "cheapest_clearing_floor".to_owned(),
        candidates_json: r#"[{"slug":"mistral-large-3","b":1,"a":2}]"#.to_owned(),
        m_allowed_set_json: r#"["mistral-large-3"]"#.to_owned(),
        chosen_model: Some(ModelSlug::new("mistral-large-3")),
        provider: Some(ProviderId::new("mistral")),
        q_prior_used: Some("0.80".parse().unwrap()),
        cost_projected_usd: Some(usd("0.008144")),
        status: None,
        attempts: vec![Attempt {
            provider: ProviderId::new("mistral"),
            model: ModelSlug::new("mistral-large-3"),
            result: AttemptResult::Succeeded,
            cause: None,
            http_status: Some(200),
            latency_ms: 812,
            usage,
            usage_basis: UsageBasis::Reported,
            fees_usd: Usd::ZERO,
            implausible: false,
            cost_usd: usd("0.0044"),
            price: Some(Price {
                input: 2.into(),
                output: 6.into(),
                cache_read: Some("0.2".parse().unwrap()),
                cache_write: None,
                cache_write_1h: None,
                reasoning: None,
            }),
        }],
        usage,
        usage_basis: UsageBasis::Reported,
        cost_actual_usd: usd("0.0044"),
        stop_reason: Some("tool_use".to_owned()),
        streamed: true,
        stream_mode: None,
        first_content_ms: Some(120),
        latency_ms: 812,
        coercions: vec!["top_k: dropped".to_owned(), "temperature: clamped".to_owned()],
        created_at: Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap(),
    }
}

/// The same, pinned.
pub fn direct_call(agent: (AgentId, TenantId)) -> RoutingOutcome {
    RoutingOutcome {
        kind: CallKind::Direct,
        model_requested: "mistral-large-3".to_owned(),
        decision_rule: "pinned".to_owned(),
        cell: None,
        ..call(agent)
    }
}

/// What is known of it before any attempt.
pub fn draft_of(outcome: &RoutingOutcome) -> RoutingOutcome {
    RoutingOutcome {
        status: None,
        attempts: Vec::new(),
        usage: TokenUsage::default(),
        cost_actual_usd: Usd::ZERO,
        stop_reason: None,
        first_content_ms: None,
        latency_ms: 0,
        ..outcome.clone()
    }
}

pub fn admission(outcome: &RoutingOutcome, boot_id: BootId, reservation: &str) -> Admission {
    Admission {
        draft: draft_of(outcome),
        boot_id,
        reservation: usd(reservation),
        smaller_reservations: Vec::new(),
        charge_if_lost: usd("0.003"),
        idempotency: None,
    }
}

pub fn closing(outcome: &RoutingOutcome, status: OutcomeStatus) -> Closing {
    Closing { outcome: RoutingOutcome { status: Some(status), ..outcome.clone() }, answer: None }
}

/// A call that the router rejected.
pub fn rejection(agent: (AgentId, TenantId), status: OutcomeStatus) -> RoutingOutcome {
    RoutingOutcome {
        inference_id: None,
        chosen_model: None,
        provider: None,
        cell: None,
        q_prior_used: None,
        status: Some(status),
        decision_rule: "no_candidate_clears_floor".to_owned(),
        ..draft_of(&call(agent))
    }
}

pub fn admissions(admissions: impl IntoIterator<Item = Admission>) -> CaptureBatch {
    CaptureBatch { admissions: admissions.into_iter().collect(), ..CaptureBatch::default() }
}

pub fn closings(closings: impl IntoIterator<Item = Closing>) -> CaptureBatch {
    CaptureBatch { closings: closings.into_iter().collect(), ..CaptureBatch::default() }
}

pub fn verdicts(reply: CaptureReply) -> Vec<Verdict> {
    reply.verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

pub fn results(reply: CaptureReply) -> Vec<CloseResult> {
    reply.closed.into_iter().map(|(_, result)| result).collect()
}
