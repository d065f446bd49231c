//! What a new agent starts with: an account, its funding, and the first links of its chain.

use ainfera_schema::{Agent, Usd};
use jiff::Timestamp;

use super::account::Account;
use super::event;
use super::rows::{AuditRow, TransferRow};
use crate::StoreError;

/// The rows of a new agent.
pub struct Registration {
    pub account: Account,
    pub transfer: Option<TransferRow>,
    pub audit_events: Vec<AuditRow>,
}

/// A wallet topped up by `funding`, which may be nothing.
pub fn register(agent: &Agent, funding: Usd, now: Timestamp) -> Result<Registration, StoreError> {
    if funding.is_negative() {
        return Err(StoreError::Corrupt(format!("funding of {funding}")));
    }
    let mut account = Account::new(agent.agent_id, agent.tenant_id, agent.spend_policy.clone(), now);
    let mut audit_events = vec![account.chain.append(event::registered(agent), None, now)];
    let mut transfer = None;
    if !funding.is_zero() {
        account.purse.balance = funding;
        let mut topup = TransferRow::first_topup(agent.agent_id, funding, now);
        audit_events.push(account.chain.append(event::topped_up(&topup), None, now));
        topup.audit_seq = account.chain.seq;
        transfer = Some(topup);
    }
    Ok(Registration { account, transfer, audit_events })
}
