//! What a new agent starts with: an account, what is paid into it, and the first links of its
//! chain.

use ainfera_schema::{Agent, Usd};
use jiff::Timestamp;

use super::account::Account;
use super::event;
use super::rows::{AuditRow, TransferRow};
use crate::{Opening, StoreError};

/// The rows of a new agent.
pub(crate) struct Registration {
    pub account: Account,
    pub transfer: Option<TransferRow>,
    pub audit_events: Vec<AuditRow>,
}

/// On account, or with a wallet of so much, which may be nothing.
pub(crate) fn register(
    agent: &Agent,
    opening: Opening,
    now: Timestamp,
) -> Result<Registration, StoreError> {
    let mut account =
        Account::new(agent.agent_id, agent.tenant_id, agent.spend_policy.clone(), now);
    account.funding = opening.funding();
    let mut audit_events =
        vec![account.chain.append(event::registered(agent, account.funding), None, now)];
    let mut transfer = None;
    let prepaid = match opening {
        Opening::OnAccount => Usd::ZERO,
        Opening::Prepaid(amount) => amount,
    };
    if prepaid.is_negative() {
        return Err(StoreError::Refused(format!("a wallet of {prepaid}")));
    }
    if !prepaid.is_zero() {
        account.funds.balance = prepaid;
        let mut topup = TransferRow::first_topup(agent.agent_id, prepaid, now);
        audit_events.push(account.chain.append(event::topped_up(&topup), None, now));
        topup.audit_seq = account.chain.seq;
        transfer = Some(topup);
    }
    Ok(Registration { account, transfer, audit_events })
}
