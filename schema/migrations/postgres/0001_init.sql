-- Money is NUMERIC(20,9): whole nano-dollars, exactly. JSON that we hash or hand out again is `json` or text, never `jsonb`:
-- jsonb reorders keys, reprints numbers and refuses the character U+0000.
--
-- Only tables that are written once per agent have foreign keys. On the tables that every call writes, a check costs a look-up and a row lock
-- for each row; there the accounts row, which a transaction locks before it writes anything of the agent's, is the guarantee.

CREATE TABLE tenants (
    tenant_id  uuid PRIMARY KEY,
    created_at timestamptz NOT NULL
);

CREATE TABLE agents (
    agent_id     uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES tenants,
    name         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('active', 'suspended')),
    spend_policy json NOT NULL,
    created_at   timestamptz NOT NULL,
    UNIQUE (tenant_id, name)
);

-- One row for each agent: whoever holds its lock may admit, charge, and append to the agent's audit chain.
CREATE TABLE accounts (
    agent_id      uuid PRIMARY KEY REFERENCES agents,
    balance       numeric(20, 9) NOT NULL,
    held          numeric(20, 9) NOT NULL CHECK (held >= 0),
    spent_day     date NOT NULL,
    spent_day_usd numeric(20, 9) NOT NULL CHECK (spent_day_usd >= 0),
    audit_seq     bigint NOT NULL CHECK (audit_seq >= 0),
    audit_head    text CHECK (audit_head ~ '^[0-9a-f]{64}$')
) WITH (fillfactor = 50);

CREATE TABLE api_keys (
    key_id        text PRIMARY KEY,
    agent_id      uuid NOT NULL REFERENCES agents,
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at    timestamptz NOT NULL,
    revoked_at    timestamptz
);

CREATE TABLE boots (
    boot_id    uuid PRIMARY KEY,
    replica    text NOT NULL,
    state      text NOT NULL CHECK (state IN ('open', 'closed')),
    started_at timestamptz NOT NULL
);

-- Calls that are under way. Whoever deletes a row here closes the call.
CREATE TABLE intents (
    request_id     uuid PRIMARY KEY,
    agent_id       uuid NOT NULL,
    boot_id        uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('routed', 'direct')),
    hold           numeric(20, 9) NOT NULL CHECK (hold >= 0),
    charge_if_lost numeric(20, 9) NOT NULL CHECK (charge_if_lost >= 0),
    draft          text NOT NULL,
    created_at     timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_analyze_threshold = 20000);

CREATE INDEX intents_boot ON intents (boot_id);

-- One row for each routed call that is over.
CREATE TABLE routing_outcomes (
    request_id                  uuid PRIMARY KEY,
    agent_id                    uuid NOT NULL,
    tenant_id                   uuid NOT NULL,
    inference_id                uuid UNIQUE,
    task_type                   text NOT NULL,
    cell                        text,
    policy_version              text NOT NULL,
    ruleset_hash                text NOT NULL,
    decision_rule               text NOT NULL,
    candidates                  json NOT NULL,
    chosen_model_slug           text,
    q_prior_used                numeric,
    m_allowed_set               json NOT NULL,
    cost_projected_usd          numeric(20, 9),
    cost_actual_usd             numeric(20, 9) NOT NULL CHECK (cost_actual_usd >= 0),
    observed_latency_ms         bigint NOT NULL CHECK (observed_latency_ms >= 0),
    first_content_ms            bigint,
    outcome_status              text NOT NULL CHECK (outcome_status IN (
        'succeeded', 'rejected_floor', 'rejected_tools', 'rejected_cap', 'rejected_funds', 'rejected_inactive', 'failed_provider_error',
        'failed_midstream', 'client_gone', 'client_stalled', 'timed_out', 'failed_other', 'lost')),
    input_tokens                bigint NOT NULL,
    cache_read_input_tokens     bigint NOT NULL,
    cache_creation_input_tokens bigint NOT NULL,
    output_tokens               bigint NOT NULL,
    usage_basis                 text NOT NULL CHECK (usage_basis IN ('reported', 'estimated')),
    seed                        bigint,
    exploration                 boolean NOT NULL DEFAULT false,
    created_at                  timestamptz NOT NULL,
    closed_at                   timestamptz NOT NULL
);

-- What `routing_outcomes` cannot remember of calls that are over: pinned calls, and the verdict on a refused one. Keeps every retry safe.
CREATE TABLE closed_calls (
    request_id     uuid PRIMARY KEY,
    agent_id       uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('routed', 'direct')),
    outcome_status text NOT NULL,
    cost_usd       numeric(20, 9) NOT NULL CHECK (cost_usd >= 0),
    refusal        text,
    closed_at      timestamptz NOT NULL
);

-- One row for each call, routed or pinned, for which a provider was tried.
CREATE TABLE inferences (
    inference_id                uuid PRIMARY KEY,
    request_id                  uuid NOT NULL UNIQUE,
    agent_id                    uuid NOT NULL,
    model_requested             text NOT NULL,
    chosen_model_slug           text,
    provider                    text,
    kind                        text NOT NULL CHECK (kind IN ('routed', 'direct')),
    task_type                   text NOT NULL,
    task_type_source            text NOT NULL,
    policy_version              text NOT NULL,
    cell                        text,
    attempts                    json NOT NULL,
    input_tokens                bigint NOT NULL,
    cache_read_input_tokens     bigint NOT NULL,
    cache_creation_input_tokens bigint NOT NULL,
    output_tokens               bigint NOT NULL,
    thinking_tokens             bigint NOT NULL,
    usage_basis                 text NOT NULL,
    cost_usd                    numeric(20, 9) NOT NULL CHECK (cost_usd >= 0),
    stop_reason                 text,
    streamed                    boolean NOT NULL,
    coercions                   json NOT NULL,
    receipt_id                  uuid NOT NULL,
    outcome_status              text NOT NULL,
    first_content_ms            bigint,
    observed_latency_ms         bigint NOT NULL,
    -- what a routed call keeps in routing_outcomes
    direct_decision             json,
    created_at                  timestamptz NOT NULL
);

-- Double entry: `amount` leaves `debit_account` and arrives at `credit_account`. `audit_seq` is the event that tells of it.
CREATE TABLE transfers (
    transfer_id    uuid PRIMARY KEY,
    debit_account  text NOT NULL,
    credit_account text NOT NULL,
    amount         numeric(20, 9) NOT NULL CHECK (amount > 0),
    kind           text NOT NULL CHECK (kind IN ('post', 'adjust', 'topup', 'refund', 'void')),
    request_id     uuid,
    agent_id       uuid NOT NULL,
    balance_after  numeric(20, 9) NOT NULL,
    memo           text NOT NULL,
    audit_seq      bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    UNIQUE (agent_id, audit_seq)
);

-- `payload` is the canonical JSON exactly as it was hashed.
CREATE TABLE audit_events (
    agent_id      uuid NOT NULL,
    seq           bigint NOT NULL CHECK (seq > 0),
    event_id      uuid NOT NULL,
    event_type    text NOT NULL,
    payload       text NOT NULL,
    previous_hash text,
    event_hash    text NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (agent_id, seq)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER routing_outcomes_append_only BEFORE UPDATE OR DELETE ON routing_outcomes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfers_append_only BEFORE UPDATE OR DELETE ON transfers FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER routing_outcomes_not_truncated BEFORE TRUNCATE ON routing_outcomes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfers_not_truncated BEFORE TRUNCATE ON transfers FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_not_truncated BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
