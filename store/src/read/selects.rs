//! Queries that are the same in both databases.

/// An inference and its decision; the condition is appended.
pub const INFERENCE: &str = "SELECT i.*, g.tenant_id, o.ruleset_hash, o.decision_rule, o.candidates, o.m_allowed_set, o.q_prior_used,
    o.cost_projected_usd
  FROM inferences i JOIN agents g ON g.agent_id = i.agent_id
  LEFT JOIN routing_outcomes o ON o.request_id = i.request_id";
