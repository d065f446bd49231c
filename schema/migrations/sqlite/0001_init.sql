-- Money is INTEGER nano-dollars, exactly. Ids are TEXT (hyphenated UUIDs), times TEXT (RFC 3339, UTC, six decimals, so that they sort).
-- The tables are those of the PostgreSQL schema, by the same names.

CREATE TABLE tenants (
    tenant_id  TEXT PRIMARY KEY,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE agents (
    agent_id     TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants,
    name         TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    spend_policy TEXT NOT NULL CHECK (json_valid(spend_policy)),
    created_at   TEXT NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT;

-- One row for each agent: whoever holds its lock may admit, charge, and append to the agent's audit chain.
CREATE TABLE accounts (
    agent_id      TEXT PRIMARY KEY REFERENCES agents,
    balance       INTEGER NOT NULL,
    held          INTEGER NOT NULL CHECK (held >= 0),
    spent_day     TEXT NOT NULL,
    spent_day_usd INTEGER NOT NULL CHECK (spent_day_usd >= 0),
    audit_seq     INTEGER NOT NULL CHECK (audit_seq >= 0),
    audit_head    TEXT CHECK (length(audit_head) = 64)
) STRICT;

CREATE TABLE api_keys (
    key_id        TEXT PRIMARY KEY,
    agent_id      TEXT NOT NULL REFERENCES agents,
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    created_at    TEXT NOT NULL,
    revoked_at    TEXT
) STRICT;

CREATE TABLE boots (
    boot_id    TEXT PRIMARY KEY,
    replica    TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    started_at TEXT NOT NULL
) STRICT;

-- Calls that are under way. Whoever deletes a row here closes the call.
CREATE TABLE intents (
    request_id     TEXT PRIMARY KEY,
    agent_id       TEXT NOT NULL,
    boot_id        TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('routed', 'direct')),
    hold           INTEGER NOT NULL CHECK (hold >= 0),
    charge_if_lost INTEGER NOT NULL CHECK (charge_if_lost >= 0),
    draft          TEXT NOT NULL,
    created_at     TEXT NOT NULL
) STRICT;

CREATE INDEX intents_boot ON intents (boot_id);

-- One row for each routed call that is over.
CREATE TABLE routing_outcomes (
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
        'succeeded', 'rejected_floor', 'rejected_tools', 'rejected_cap', 'rejected_funds', 'rejected_inactive', 'failed_provider_error',
        'failed_midstream', 'client_gone', 'client_stalled', 'timed_out', 'failed_other', 'lost')),
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

-- What `routing_outcomes` cannot remember of calls that are over: pinned calls, and the verdict on a refused one. Keeps every retry safe.
CREATE TABLE closed_calls (
    request_id     TEXT PRIMARY KEY,
    agent_id       TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('routed', 'direct')),
    outcome_status TEXT NOT NULL,
    cost_usd       INTEGER NOT NULL CHECK (cost_usd >= 0),
    refusal        TEXT,
    closed_at      TEXT NOT NULL
) STRICT;

-- One row for each call, routed or pinned, for which a provider was tried.
CREATE TABLE inferences (
    inference_id                TEXT PRIMARY KEY,
    request_id                  TEXT NOT NULL UNIQUE,
    agent_id                    TEXT NOT NULL,
    model_requested             TEXT NOT NULL,
    chosen_model_slug           TEXT,
    provider                    TEXT,
    kind                        TEXT NOT NULL CHECK (kind IN ('routed', 'direct')),
    task_type                   TEXT NOT NULL,
    task_type_source            TEXT NOT NULL,
    policy_version              TEXT NOT NULL,
    cell                        TEXT,
    attempts                    TEXT NOT NULL CHECK (json_valid(attempts)),
    input_tokens                INTEGER NOT NULL,
    cache_read_input_tokens     INTEGER NOT NULL,
    cache_creation_input_tokens INTEGER NOT NULL,
    output_tokens               INTEGER NOT NULL,
    thinking_tokens             INTEGER NOT NULL,
    usage_basis                 TEXT NOT NULL,
    cost_usd                    INTEGER NOT NULL CHECK (cost_usd >= 0),
    stop_reason                 TEXT,
    streamed                    INTEGER NOT NULL CHECK (streamed IN (0, 1)),
    coercions                   TEXT NOT NULL CHECK (json_valid(coercions)),
    receipt_id                  TEXT NOT NULL,
    outcome_status              TEXT NOT NULL,
    first_content_ms            INTEGER,
    observed_latency_ms         INTEGER NOT NULL,
    -- what a routed call keeps in routing_outcomes
    direct_decision             TEXT CHECK (json_valid(direct_decision)),
    created_at                  TEXT NOT NULL
) STRICT;

-- Double entry: `amount` leaves `debit_account` and arrives at `credit_account`. `audit_seq` is the event that tells of it.
CREATE TABLE transfers (
    transfer_id    TEXT PRIMARY KEY,
    debit_account  TEXT NOT NULL,
    credit_account TEXT NOT NULL,
    amount         INTEGER NOT NULL CHECK (amount > 0),
    kind           TEXT NOT NULL CHECK (kind IN ('post', 'adjust', 'topup', 'refund', 'void')),
    request_id     TEXT,
    agent_id       TEXT NOT NULL,
    balance_after  INTEGER NOT NULL,
    memo           TEXT NOT NULL,
    audit_seq      INTEGER NOT NULL,
    created_at     TEXT NOT NULL,
    UNIQUE (agent_id, audit_seq)
) STRICT;

-- `payload` is the canonical JSON exactly as it was hashed.
CREATE TABLE audit_events (
    agent_id      TEXT NOT NULL,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    event_id      TEXT NOT NULL,
    event_type    TEXT NOT NULL,
    payload       TEXT NOT NULL,
    previous_hash TEXT,
    event_hash    TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    PRIMARY KEY (agent_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER routing_outcomes_no_update BEFORE UPDATE ON routing_outcomes BEGIN SELECT RAISE(ABORT, 'routing_outcomes is append only'); END;
CREATE TRIGGER routing_outcomes_no_delete BEFORE DELETE ON routing_outcomes BEGIN SELECT RAISE(ABORT, 'routing_outcomes is append only'); END;
CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers is append only'); END;
CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers is append only'); END;
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is append only'); END;
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is append only'); END;
