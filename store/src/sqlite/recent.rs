//! Reads a slice of what was written lately, what is open, and a few accounts in turn. Every
//! statement is a look-up by an index.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params};
use uuid::Uuid;

use super::rows::all;
use super::value::{Key, Time};
use crate::StoreError;
use crate::invariants::recent::{
    ACCOUNTS, AccountRow, EVENTS, Plan, RecentLook, Slice, TRANSFERS, Watermark,
};
use crate::row::FromRow;

const END: &str = "SELECT created_at FROM audit_events WHERE created_at > ?1 AND created_at <= ?2 ORDER BY created_at LIMIT 1 OFFSET ?3";
const EVENTS_OF: &str =
    "SELECT agent_id, seq, event_type, json_extract(payload, '$.request_id') AS request_id,
    previous_hash, event_hash
    FROM audit_events WHERE created_at > ?1 AND created_at <= ?2";
const OUTCOME: &str = "SELECT request_id, agent_id, inference_id, outcome_status, cost_actual_usd FROM routing_outcomes WHERE request_id = ?1";
const CLOSED: &str = "SELECT request_id, agent_id, kind, outcome_status, cost_usd FROM closed_calls WHERE request_id = ?1";
const INFERENCE: &str = "SELECT request_id, agent_id, inference_id, kind, outcome_status, cost_usd FROM inferences WHERE request_id = ?1";
const KEY: &str = "SELECT 1 FROM idempotency_keys WHERE request_id = ?1 AND state = 'in_flight'
    AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.request_id = ?1)";
const TRANSFER: &str = "SELECT transfer_id, agent_id, audit_seq, kind, request_id, debit_account, credit_account, amount, balance_after FROM transfers";
const TURN: &str = "SELECT agent_id FROM accounts WHERE agent_id > ?1 ORDER BY agent_id LIMIT ?2";
const ACCOUNT: &str =
    "SELECT a.agent_id AS owner, g.tenant_id, a.balance, a.held, a.held_elsewhere, a.audit_seq, a.audit_head
    FROM accounts a JOIN agents g ON g.agent_id = a.agent_id WHERE a.agent_id = ?1";
const TENANT: &str = "SELECT tenant_id AS owner, NULL AS tenant_id, balance, held, held_elsewhere, audit_seq, audit_head FROM tenant_accounts WHERE tenant_id = ?1";
const NEWEST: &str =
    "SELECT seq, event_hash FROM audit_events WHERE agent_id = ?1 ORDER BY seq DESC LIMIT 1";
/// Everything that is open: there are never many.
const INTENTS: &str = "SELECT i.request_id, i.agent_id, g.tenant_id, i.hold, i.charged = 'pool' AS pooled,
    EXISTS (SELECT 1 FROM boots b WHERE b.boot_id = i.boot_id AND b.state IN ('open', 'fenced')) AS boot_is_open,
    i.created_at < ?1 AS is_too_old
    FROM intents i LEFT JOIN agents g ON g.agent_id = i.agent_id";

pub(super) fn look(
    connection: &mut Connection,
    mark: &Watermark,
    longest_call: Duration,
) -> Result<RecentLook, StoreError> {
    let snapshot = connection.transaction()?;
    let plan = Plan::new(mark, Time::now().0, longest_call);
    let until: Option<String> = snapshot
        .prepare_cached(END)?
        .query_row((&plan.since, &plan.now, EVENTS - 1), |row| row.get(0))
        .optional()?;
    let until = until.filter(|until| *until < plan.now);
    let mut slice = Slice {
        events: rows(&snapshot, EVENTS_OF, (&plan.since, until.as_ref().unwrap_or(&plan.now)))?,
        ..Slice::default()
    };
    for request_id in Slice::request_ids(&slice.events) {
        slice.outcomes.extend(rows(&snapshot, OUTCOME, (Key(request_id),))?);
        slice.closed.extend(rows(&snapshot, CLOSED, (Key(request_id),))?);
        slice.inferences.extend(rows(&snapshot, INFERENCE, (Key(request_id),))?);
        if snapshot.prepare_cached(KEY)?.exists((Key(request_id),))? {
            slice.keys_in_flight.push(request_id);
        }
    }
    let chains = Slice::chains(&slice.events);
    for (agent_id, (first, last)) in &chains {
        let find = format!("{TRANSFER} WHERE agent_id = ?1 AND audit_seq BETWEEN ?2 AND ?3");
        slice.transfers.extend(rows(&snapshot, &find, (Key(*agent_id), first, last))?);
    }
    slice.intents = rows(&snapshot, INTENTS, (&plan.oldest_call,))?;
    let after = plan.account.map_or_else(String::new, |account| account.to_string());
    let turn: Vec<Uuid> = snapshot
        .prepare_cached(TURN)?
        .query_map((after, ACCOUNTS), |row| row.get::<_, Key>(0).map(|key| key.0))?
        .collect::<Result<_, _>>()?;
    let mut owners: BTreeSet<Uuid> = chains.into_keys().collect();
    owners.extend(turn.iter().copied());
    owners.extend(
        slice.intents.iter().flat_map(|intent| [Some(intent.agent_id), intent.tenant_id]).flatten(),
    );
    slice.accounts = accounts(&snapshot, owners)?;
    Ok(plan.look(&slice, until, &turn))
}

/// Of these owners, and of the tenants of those that are agents.
fn accounts(snapshot: &Connection, owners: BTreeSet<Uuid>) -> Result<Vec<AccountRow>, StoreError> {
    let (mut found, mut tenants) = (Vec::new(), BTreeSet::new());
    for owner in owners {
        match rows::<AccountRow>(snapshot, ACCOUNT, (Key(owner),))?.pop() {
            Some(account) => {
                tenants.extend(account.tenant_id);
                found.push(account);
            }
            None => drop(tenants.insert(owner)),
        }
    }
    for tenant_id in tenants {
        found.extend(rows::<AccountRow>(snapshot, TENANT, (Key(tenant_id),))?);
    }
    for account in &mut found {
        account.newest_event = snapshot
            .prepare_cached(NEWEST)?
            .query_row((Key(account.owner),), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let newest = format!("{TRANSFER} WHERE agent_id = ?1 ORDER BY audit_seq DESC LIMIT ?2");
        account.newest_transfers = rows(snapshot, &newest, (Key(account.owner), TRANSFERS))?;
    }
    Ok(found)
}

fn rows<T: FromRow>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    all(&mut statement, parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what is open is read whole.
    #[test]
    fn no_statement_walks_a_table_that_grows() {
        let mut connection = super::super::connect::in_memory().unwrap();
        super::super::migrate::migrate(&mut connection).unwrap();
        let by_sequence = format!("{TRANSFER} WHERE agent_id = ?1 AND audit_seq BETWEEN ?2 AND ?3");
        let newest = format!("{TRANSFER} WHERE agent_id = ?1 ORDER BY audit_seq DESC LIMIT ?2");
        let all = [
            END,
            EVENTS_OF,
            OUTCOME,
            CLOSED,
            INFERENCE,
            KEY,
            TURN,
            ACCOUNT,
            TENANT,
            NEWEST,
            INTENTS,
            &by_sequence,
            &newest,
        ];
        for sql in all {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let count = statement.parameter_count();
            let plan: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(vec!["a"; count]), |row| row.get(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let walks: Vec<&String> = plan
                .iter()
                .filter(|step| {
                    step.contains("SCAN") && *step != "SCAN i" && *step != "SCAN CONSTANT ROW"
                })
                .collect();
            assert!(walks.is_empty(), "{sql}: {plan:?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}: {plan:?}");
        }
    }
}
