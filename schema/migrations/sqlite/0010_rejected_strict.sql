-- A call whose strictness refuses every model has a status of its own. A check of a column can only be changed with its table.
CREATE TABLE routing_outcomes_now (
    request_id                  TEXT PRIMARY KEY,
    agent_id                    TEXT NOT NULL,
    tenant_id                   TEXT NOT NULL,
    inference_id                TEXT UNIQUE,
    task_type                   TEXT NOT NULL,
    cell                        TEXT,
    policy_version              TEXT NOT NULL,
    ruleset_hash                TEXT NOT NULL,
    decision_rule               TEXT NOT NULL,
    candidates                  TEXT NOT NULL CHECK (json_valid(candidates)),
    chosen_model_slug           TEXT,
    q_prior_used                TEXT,
    m_allowed_set               TEXT NOT NULL CHECK (json_valid(m_allowed_set)),
    cost_projected_usd          INTEGER,
    cost_actual_usd             INTEGER NOT NULL CHECK (cost_actual_usd >= 0),
    observed_latency_ms         INTEGER NOT NULL CHECK (observed_latency_ms >= 0),
    first_content_ms            INTEGER,
    outcome_status              TEXT NOT NULL CHECK (outcome_status IN (
        'succeeded', 'rejected_floor', 'rejected_tools', 'rejected_strict', 'rejected_cap', 'rejected_funds', 'rejected_inactive',
        'failed_provider_error', 'failed_midstream', 'client_gone', 'client_stalled', 'timed_out', 'failed_other', 'lost')),
    input_tokens                INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    usage_basis                 TEXT NOT NULL CHECK (usage_basis IN ('reported', 'estimated')),
    seed                        INTEGER,
    exploration                 INTEGER NOT NULL DEFAULT 0 CHECK (exploration IN (0, 1)),
    created_at                  TEXT NOT NULL,
    closed_at                   TEXT NOT NULL
) STRICT;

INSERT INTO routing_outcomes_now (
    request_id, agent_id, tenant_id, inference_id, task_type, cell, policy_version,
    ruleset_hash, decision_rule, candidates, chosen_model_slug, q_prior_used, m_allowed_set,
    cost_projected_usd, cost_actual_usd, observed_latency_ms, first_content_ms, outcome_status,
    input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens,
    usage_basis, seed, exploration, created_at, closed_at)
SELECT
    request_id, agent_id, tenant_id, inference_id, task_type, cell, policy_version,
    ruleset_hash, decision_rule, candidates, chosen_model_slug, q_prior_used, m_allowed_set,
    cost_projected_usd, cost_actual_usd, observed_latency_ms, first_content_ms, outcome_status,
    input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens,
    usage_basis, seed, exploration, created_at, closed_at
FROM routing_outcomes;

DROP TABLE routing_outcomes;
ALTER TABLE routing_outcomes_now RENAME TO routing_outcomes;

CREATE TRIGGER routing_outcomes_no_update BEFORE UPDATE ON routing_outcomes BEGIN SELECT RAISE(ABORT, 'routing_outcomes is append only'); END;
CREATE TRIGGER routing_outcomes_no_delete BEFORE DELETE ON routing_outcomes BEGIN SELECT RAISE(ABORT, 'routing_outcomes is append only'); END;
