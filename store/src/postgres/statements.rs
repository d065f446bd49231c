//! The statements of a capture, prepared once on each connection.

use futures_util::try_join;

use super::client::{Client, Statement};
use super::idempotency::KeyStatements;
use crate::StoreError;

/// Held by one transaction. All of them are prepared before the first is sent: preparing in between
/// would break the order of a pipeline.
pub struct Statements {
    pub lock_accounts: Statement,
    pub lock_tenants: Statement,
    pub lock_killswitch: Statement,
    pub spent_by_all: Statement,
    pub find_open: Statement,
    pub remove_intents: Statement,
    pub find_holds: Statement,
    pub find_closed: Statement,
    pub intents: Statement,
    pub holds: Statement,
    pub outcomes: Statement,
    pub closed_calls: Statement,
    pub inferences: Statement,
    pub transfers: Statement,
    pub audit_events: Statement,
    pub accounts: Statement,
    pub tenants: Statement,
    pub keys: KeyStatements,
}

impl Statements {
    pub async fn prepare(client: &Client) -> Result<Self, StoreError> {
        // sent together: one round trip on a new connection, none on one that has them
        let (
            lock_accounts,
            lock_tenants,
            lock_killswitch,
            spent_by_all,
            find_open,
            remove_intents,
            find_holds,
            find_closed,
            intents,
            holds,
            outcomes,
            closed_calls,
            inferences,
            transfers,
            audit_events,
            accounts,
            tenants,
            keys,
        ) = try_join!(
            prepare(client, LOCK_ACCOUNTS),
            prepare(client, LOCK_TENANTS),
            prepare(client, "SELECT only_row FROM killswitch FOR UPDATE"),
            prepare(client, SPENT_BY_ALL),
            prepare(client, FIND_OPEN),
            prepare(client, REMOVE_INTENTS),
            prepare(client, FIND_HOLDS),
            prepare(client, FIND_CLOSED),
            prepare(client, INTENTS),
            prepare(client, HOLDS),
            prepare(client, OUTCOMES),
            prepare(client, CLOSED_CALLS),
            prepare(client, INFERENCES),
            prepare(client, TRANSFERS),
            prepare(client, AUDIT_EVENTS),
            prepare(client, ACCOUNTS),
            prepare(client, TENANTS),
            KeyStatements::prepare(client)
        )?;
        Ok(Self {
            lock_accounts,
            lock_tenants,
            lock_killswitch,
            spent_by_all,
            find_open,
            remove_intents,
            find_holds,
            find_closed,
            intents,
            holds,
            outcomes,
            closed_calls,
            inferences,
            transfers,
            audit_events,
            accounts,
            tenants,
            keys,
        })
    }
}

/// The driver sends a request when its future is first polled.
pub async fn prepare(client: &Client, sql: &str) -> Result<Statement, StoreError> {
    client.prepare_cached(sql).await
}

/// Always in the order of the ids, so that two transactions never wait for each other.
const LOCK_ACCOUNTS: &str = "
SELECT a.agent_id, g.tenant_id, g.status, g.spend_policy::text AS spend_policy_text, a.balance, a.held, a.held_elsewhere, a.spent_day,
  a.spent_day_usd, a.spent_month, a.spent_month_usd, a.paused, a.audit_seq, a.audit_head, a.funding,
  clock_timestamp() AS now
FROM accounts a JOIN agents g ON g.agent_id = a.agent_id
WHERE a.agent_id = ANY($1) ORDER BY a.agent_id FOR UPDATE OF a";

/// After all agents' accounts, in order again: every transaction takes its locks in one order.
const LOCK_TENANTS: &str = "
SELECT t.tenant_id, t.spend_policy::text AS spend_policy_text, t.wallet_strict_per_agent, t.balance, t.held, t.held_elsewhere, t.spent_day,
  t.spent_day_usd, t.spent_month, t.spent_month_usd, t.paused, t.audit_seq, t.audit_head
FROM tenant_accounts t
WHERE t.tenant_id = ANY(ARRAY(SELECT g.tenant_id FROM agents g WHERE g.agent_id = ANY($1))) ORDER BY t.tenant_id FOR UPDATE OF t";

/// Sees what was committed before the kill-switch's lock was got, which is everything that those
/// before us let in.
pub const SPENT_BY_ALL: &str = "
SELECT COALESCE(sum(held + held_elsewhere
  + CASE WHEN spent_day >= CAST(clock_timestamp() AT TIME ZONE 'UTC' AS date) THEN spent_day_usd ELSE 0 END), 0)
FROM tenant_accounts";

const FIND_OPEN: &str = "SELECT request_id FROM intents WHERE request_id = ANY($1)";

const REMOVE_INTENTS: &str = "DELETE FROM intents WHERE request_id = ANY($1) AND agent_id = ANY($2) RETURNING request_id, hold, charged";

/// After the intents of the batch's closings are gone.
const FIND_HOLDS: &str = "SELECT request_id, hold, charged FROM intents WHERE request_id = ANY($1) AND agent_id = ANY($2)";

const FIND_CLOSED: &str = "
SELECT request_id, refusal FROM closed_calls WHERE request_id = ANY($1)
UNION ALL
SELECT request_id, NULL FROM routing_outcomes WHERE request_id = ANY($1)";

const INTENTS: &str = "
INSERT INTO intents (request_id, agent_id, boot_id, kind, hold, charge_if_lost, draft, created_at, charged)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::numeric[], $6::numeric[], $7::text[], $8::timestamptz[],
  $9::text[])";

const HOLDS: &str = "
UPDATE intents i SET hold = u.hold, charged = u.charged
FROM unnest($1::uuid[], $2::numeric[], $3::text[]) AS u(request_id, hold, charged) WHERE i.request_id = u.request_id";

const OUTCOMES: &str = "
INSERT INTO routing_outcomes (request_id, agent_id, tenant_id, inference_id, task_type, cell, policy_version, ruleset_hash, decision_rule,
  candidates, chosen_model_slug, q_prior_used, m_allowed_set, cost_projected_usd, cost_actual_usd, observed_latency_ms, first_content_ms,
  outcome_status, input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens, usage_basis, created_at, closed_at)
SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, c10::json, c11, c12, c13::json, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
  $11::text[], $12::numeric[], $13::text[], $14::numeric[], $15::numeric[], $16::bigint[], $17::bigint[], $18::text[], $19::bigint[],
  $20::bigint[], $21::bigint[], $22::bigint[], $23::text[], $24::timestamptz[], $25::timestamptz[])
AS u(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25)";

const CLOSED_CALLS: &str = "
INSERT INTO closed_calls (request_id, agent_id, kind, outcome_status, cost_usd, refusal, closed_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::numeric[], $6::text[], $7::timestamptz[])";

const INFERENCES: &str = "
INSERT INTO inferences (inference_id, request_id, agent_id, model_requested, chosen_model_slug, provider, kind, task_type, task_type_source,
  policy_version, cell, attempts, input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens, thinking_tokens,
  usage_basis, cost_usd, stop_reason, streamed, coercions, receipt_id, outcome_status, first_content_ms, observed_latency_ms,
  direct_decision, created_at)
SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12::json, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22::json, c23, c24, c25, c26,
  c27::json, c28
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
  $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[], $19::numeric[],
  $20::text[], $21::boolean[], $22::text[], $23::uuid[], $24::text[], $25::bigint[], $26::bigint[], $27::text[], $28::timestamptz[])
AS u(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28)";

pub const TRANSFERS: &str = "
INSERT INTO transfers (transfer_id, debit_account, credit_account, amount, kind, request_id, agent_id, balance_after, memo, audit_seq,
  created_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::numeric[], $5::text[], $6::uuid[], $7::uuid[], $8::numeric[], $9::text[],
  $10::bigint[], $11::timestamptz[])";

pub const AUDIT_EVENTS: &str = "
INSERT INTO audit_events (agent_id, seq, event_id, event_type, payload, previous_hash, event_hash, created_at)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])";

pub const ACCOUNTS: &str = "
UPDATE accounts a SET balance = u.balance, held = u.held, held_elsewhere = u.held_elsewhere, spent_day = u.spent_day,
  spent_day_usd = u.spent_day_usd, spent_month = u.spent_month, spent_month_usd = u.spent_month_usd, paused = u.paused,
  audit_seq = u.audit_seq, audit_head = u.audit_head
FROM unnest($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::date[], $6::numeric[], $7::date[], $8::numeric[], $9::boolean[],
  $10::bigint[], $11::text[])
AS u(owner, balance, held, held_elsewhere, spent_day, spent_day_usd, spent_month, spent_month_usd, paused, audit_seq, audit_head)
WHERE a.agent_id = u.owner";

pub const TENANTS: &str = "
UPDATE tenant_accounts a SET balance = u.balance, held = u.held, held_elsewhere = u.held_elsewhere, spent_day = u.spent_day,
  spent_day_usd = u.spent_day_usd, spent_month = u.spent_month, spent_month_usd = u.spent_month_usd, paused = u.paused,
  audit_seq = u.audit_seq, audit_head = u.audit_head
FROM unnest($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::date[], $6::numeric[], $7::date[], $8::numeric[], $9::boolean[],
  $10::bigint[], $11::text[])
AS u(owner, balance, held, held_elsewhere, spent_day, spent_day_usd, spent_month, spent_month_usd, paused, audit_seq, audit_head)
WHERE a.tenant_id = u.owner";
