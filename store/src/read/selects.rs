//! Queries that are the same in both databases.

/// An inference and its decision; the condition is appended. JSON is read as the text that it was.
pub(crate) const INFERENCE: &str = "SELECT i.request_id, i.agent_id, i.inference_id, i.receipt_id, i.kind, i.model_requested, i.task_type,
    i.task_type_source, i.cell, i.policy_version, i.chosen_model_slug, i.provider, i.outcome_status, CAST(i.attempts AS text) AS attempts_text,
    i.input_tokens, i.cache_read_input_tokens, i.cache_creation_input_tokens, i.output_tokens, i.thinking_tokens, i.usage_basis, i.cost_usd,
    i.stop_reason, i.streamed, i.first_content_ms, i.observed_latency_ms, CAST(i.coercions AS text) AS coercions_text, i.created_at,
    CAST(i.direct_decision AS text) AS direct_decision_text, g.tenant_id, o.ruleset_hash, o.decision_rule,
    CAST(o.candidates AS text) AS candidates_text, CAST(o.m_allowed_set AS text) AS m_allowed_set_text, o.q_prior_used, o.cost_projected_usd
  FROM inferences i JOIN agents g ON g.agent_id = i.agent_id
  LEFT JOIN routing_outcomes o ON o.request_id = i.request_id";
