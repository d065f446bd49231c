//! Decides what one transaction writes: pure, and the same for both stores.
//!
//! A store locks the accounts of a batch, looks up what is there already ([`Known`]), asks
//! [`apply`], and writes the [`Changes`]. No clock, no random numbers, no I/O: the same batch on
//! the same state gives the same rows.

pub(crate) mod account;
pub(crate) mod adjust;
pub(crate) mod administer;
mod admission;
pub(crate) mod chain;
mod closing;
pub(crate) mod event;
mod extend;
pub(crate) mod funds;
pub(crate) mod idempotency;
pub(crate) mod register;
pub(crate) mod rows;
mod transaction;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ainfera_schema::{AgentId, RequestId, TenantId, Usd};
use jiff::Timestamp;

use crate::{CaptureBatch, CaptureReply, Refusal, Sent, StoreError};
use account::{Account, TenantAccount};
use adjust::LostCall;
use funds::Reservation;
use idempotency::KeyBook;
use rows::Changes;
use transaction::{Limits, Transaction};

/// What a store found, with the batch's accounts locked.
pub(crate) struct Known {
    /// The time of this transaction, by the database's clock where it has one.
    pub now: Timestamp,
    /// The accounts of every agent in the batch.
    pub accounts: BTreeMap<AgentId, Account>,
    /// The accounts of their tenants, locked after them.
    pub tenants: BTreeMap<TenantId, TenantAccount>,
    /// What all tenants have spent today and reserved together. Looked up, under a lock of its own,
    /// only for a batch that has a kill-switch.
    pub spent_by_all: Option<Usd>,
    /// Which of the batch's admissions have an intent already.
    pub open: HashSet<RequestId>,
    /// What the calls of the batch's extensions have reserved, where there is an intent that no
    /// closing of the batch deletes.
    pub reserved: HashMap<RequestId, Reservation>,
    /// The intents of the batch's closings, which this transaction deleted, with what they had
    /// reserved.
    pub removed: HashMap<RequestId, Reservation>,
    /// Which calls of the batch are over already, with the refusal if that is how they ended.
    pub closed: HashMap<RequestId, Option<Refusal>>,
    /// Those of the batch's closings that were closed as lost and not adjusted yet.
    pub lost: HashMap<RequestId, LostCall>,
    /// The idempotency keys that the batch may speak of.
    pub keys: KeyBook,
}

/// Whose accounts a store has to lock: in order, each once.
pub(crate) fn agents_of(batch: &CaptureBatch) -> BTreeSet<AgentId> {
    let admitted = batch.admissions.iter().map(|admission| admission.draft.agent_id);
    let rejected = batch.rejections.iter().map(|outcome| outcome.agent_id);
    let closed = batch.closings.iter().map(|closing| closing.outcome.agent_id);
    let extended = batch.extensions.iter().map(|extension| extension.agent_id);
    let refused = batch.refusals.iter().map(|refused| refused.draft.agent_id);
    admitted.chain(rejected).chain(refused).chain(closed).chain(extended).collect()
}

/// Extensions in order, then admissions, rejections and closings, each against the state that the
/// one before it left.
pub(crate) fn apply<'a>(batch: &'a CaptureBatch, known: Known) -> Result<Changes<'a>, StoreError> {
    let mut transaction = Transaction {
        known,
        opened: HashMap::new(),
        changed: BTreeSet::new(),
        changes: Changes::default(),
        killswitch: batch.killswitch_daily_usd,
        limits: if batch.sent == Sent::ToldAgain { Limits::AppliedBefore } else { Limits::Apply },
    };
    let mut reply = CaptureReply::default();
    for extension in &batch.extensions {
        let extended = transaction.extend(extension)?;
        reply.extended.push((extension.request_id, extended));
    }
    for admission in &batch.admissions {
        let verdict = transaction.admit(admission)?;
        reply.verdicts.push((admission.draft.request_id, verdict));
    }
    for outcome in &batch.rejections {
        transaction.reject(outcome)?;
    }
    for refused in &batch.refusals {
        if !transaction.known.closed.contains_key(&refused.draft.request_id) {
            transaction.refuse(&refused.draft, &refused.refusal)?;
        }
    }
    for closing in &batch.closings {
        let result = transaction.close(closing)?;
        reply.closed.push((closing.outcome.request_id, result));
    }
    let Transaction { known, changed, mut changes, .. } = transaction;
    let tenants: BTreeSet<TenantId> = changed
        .iter()
        .filter_map(|agent_id| known.accounts.get(agent_id))
        .map(|account| account.tenant_id)
        .collect();
    changes.tenants =
        known.tenants.into_values().filter(|tenant| tenants.contains(&tenant.tenant_id)).collect();
    changes.accounts = known
        .accounts
        .into_values()
        .filter(|account| changed.contains(&account.agent_id))
        .collect();
    changes.reply = reply;
    changes.keys = known.keys.into_changes();
    Ok(changes)
}

/// Never negative: two clocks may be involved.
pub(crate) fn milliseconds_between(earlier: Timestamp, later: Timestamp) -> u32 {
    let elapsed = later.as_millisecond().saturating_sub(earlier.as_millisecond()).max(0);
    u32::try_from(elapsed).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
