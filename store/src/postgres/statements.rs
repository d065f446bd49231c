//! The statements of a capture, prepared once on each connection.

use std::sync::LazyLock;

use futures_util::try_join;

use super::client::{Client, Statement};
use super::idempotency::KeyStatements;
use crate::StoreError;
use crate::table::statement::{postgres_insert as insert, postgres_update as update};
use crate::table::{
    AgentBalances, AuditEvents, ClosedCalls, Inferences, Intents, Outcomes, Reservations,
    TenantBalances, Transfers,
};

/// Held by one transaction. All of them are prepared before the first is sent: preparing in between
/// would break the order of a pipeline.
pub(super) struct Statements {
    pub lock_accounts: Statement,
    pub lock_tenants: Statement,
    pub lock_killswitch: Statement,
    pub spent_by_all: Statement,
    pub find_open: Statement,
    pub remove_intents: Statement,
    pub find_reservations: Statement,
    pub find_closed: Statement,
    pub intents: Statement,
    pub reservations: Statement,
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
    pub(super) async fn prepare(client: &Client) -> Result<Self, StoreError> {
        // sent together: one round trip on a new connection, none on one that has them
        let (
            lock_accounts,
            lock_tenants,
            lock_killswitch,
            spent_by_all,
            find_open,
            remove_intents,
            find_reservations,
            find_closed,
            intents,
            reservations,
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
            prepare(client, FIND_RESERVATIONS),
            prepare(client, FIND_CLOSED),
            prepare(client, &INTENTS),
            prepare(client, &RESERVATIONS),
            prepare(client, &OUTCOMES),
            prepare(client, &CLOSED_CALLS),
            prepare(client, &INFERENCES),
            prepare(client, &TRANSFERS),
            prepare(client, &AUDIT_EVENTS),
            prepare(client, &ACCOUNTS),
            prepare(client, &TENANTS),
            KeyStatements::prepare(client)
        )?;
        Ok(Self {
            lock_accounts,
            lock_tenants,
            lock_killswitch,
            spent_by_all,
            find_open,
            remove_intents,
            find_reservations,
            find_closed,
            intents,
            reservations,
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
pub(super) async fn prepare(client: &Client, sql: &str) -> Result<Statement, StoreError> {
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
pub(super) const SPENT_BY_ALL: &str = "
SELECT COALESCE(sum(held + held_elsewhere
  + CASE WHEN spent_day >= CAST(clock_timestamp() AT TIME ZONE 'UTC' AS date) THEN spent_day_usd ELSE 0 END), 0)
FROM tenant_accounts";

const FIND_OPEN: &str = "SELECT request_id FROM intents WHERE request_id = ANY($1)";

const REMOVE_INTENTS: &str = "
DELETE FROM intents WHERE request_id = ANY($1) AND agent_id = ANY($2)
RETURNING request_id, hold, charged";

/// After the intents of the batch's closings are gone.
const FIND_RESERVATIONS: &str = "
SELECT request_id, hold, charged FROM intents
WHERE request_id = ANY($1) AND agent_id = ANY($2)";

const FIND_CLOSED: &str = "
SELECT request_id, refusal FROM closed_calls WHERE request_id = ANY($1)
UNION ALL
SELECT request_id, NULL FROM routing_outcomes WHERE request_id = ANY($1)";

static INTENTS: LazyLock<String> = LazyLock::new(insert::<Intents>);
static RESERVATIONS: LazyLock<String> = LazyLock::new(update::<Reservations>);
static OUTCOMES: LazyLock<String> = LazyLock::new(insert::<Outcomes>);
static CLOSED_CALLS: LazyLock<String> = LazyLock::new(insert::<ClosedCalls>);
static INFERENCES: LazyLock<String> = LazyLock::new(insert::<Inferences>);
pub(super) static TRANSFERS: LazyLock<String> = LazyLock::new(insert::<Transfers>);
pub(super) static AUDIT_EVENTS: LazyLock<String> = LazyLock::new(insert::<AuditEvents>);
pub(super) static ACCOUNTS: LazyLock<String> = LazyLock::new(update::<AgentBalances>);
pub(super) static TENANTS: LazyLock<String> = LazyLock::new(update::<TenantBalances>);
