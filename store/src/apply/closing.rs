//! Closes a call: gives back what it reserved, charges what it cost, and writes how it ended.

use std::borrow::Cow;

use ainfera_schema::{OutcomeStatus, RequestId, RoutingOutcome};

use super::funds::{Charged, Reservation};
use super::rows::{self, InferenceRow, TransferRow};
use super::transaction::{Limits, Transaction, status_of};
use super::{account, adjust, event};
use crate::{CloseResult, Closing, StoreError};

impl<'a> Transaction<'a> {
    pub(super) fn close(&mut self, closing: &'a Closing) -> Result<CloseResult, StoreError> {
        let outcome = &closing.outcome;
        let request_id = outcome.request_id;
        let charged = match self.take_intent(request_id) {
            Some(reservation) => {
                let (agent, tenant) = self.accounts(outcome.agent_id)?;
                account::release(agent, tenant, reservation)?;
                reservation.charged
            }
            None if self.known.closed.contains_key(&request_id) => return self.adjust(outcome),
            // it was open on the server before, and this one never heard of it
            None if self.limits == Limits::AppliedBefore => {
                let cost = outcome.cost_actual_usd;
                let (agent, tenant) = self.accounts(outcome.agent_id)?;
                account::payer_regardless(agent, tenant, cost)?
            }
            None => return Ok(CloseResult::Unknown),
        };
        self.append(outcome, event::closing(outcome))?;
        self.charge(outcome, charged)?;
        if let Some(inference_id) = outcome.inference_id {
            self.append(outcome, [event::receipt(outcome, inference_id)])?;
            self.changes.inferences.push(InferenceRow {
                inference_id,
                status: status_of(outcome)?,
                outcome,
            });
        }
        self.known.keys.close(outcome, closing.answer.as_ref(), self.known.now);
        self.record_closed(Cow::Borrowed(outcome), None)?;
        Ok(CloseResult::Closed)
    }

    /// The call was closed before. If that was as lost, its owner was only asleep and knows what it
    /// cost: the row stays, the money is put right, once.
    fn adjust(&mut self, outcome: &RoutingOutcome) -> Result<CloseResult, StoreError> {
        let Some(lost) = self
            .known
            .lost
            .remove(&outcome.request_id)
            .filter(|_| outcome.status != Some(OutcomeStatus::Lost))
        else {
            return Ok(CloseResult::AlreadyClosed);
        };
        let now = self.known.now;
        let (agent, tenant) = self.accounts(outcome.agent_id)?;
        let Some(mut transfer) = adjust::adjust(agent, tenant, outcome, lost, now)? else {
            return Ok(CloseResult::AlreadyClosed);
        };
        self.append(outcome, [event::adjusted(&transfer)])?;
        transfer.audit_seq = self.account(outcome.agent_id)?.chain.seq;
        self.changes.transfers.push(transfer);
        Ok(CloseResult::Adjusted)
    }

    /// The reservation of an intent that is there, and that nobody will find again.
    fn take_intent(&mut self, request_id: RequestId) -> Option<Reservation> {
        if let Some(reservation) = self.known.removed.remove(&request_id) {
            return Some(reservation);
        }
        let reservation = self.opened.remove(&request_id)?;
        self.changes.intents.retain(|intent| intent.request_id != request_id);
        Some(reservation)
    }

    fn charge(&mut self, outcome: &RoutingOutcome, charged: Charged) -> Result<(), StoreError> {
        let amount = outcome.cost_actual_usd;
        if amount.is_zero() {
            return Ok(());
        }
        if amount.is_negative() {
            return Err(StoreError::Corrupt(format!("call {} costs {amount}", outcome.request_id)));
        }
        let now = self.known.now;
        let (agent, tenant) = self.accounts(outcome.agent_id)?;
        let balance_after = account::charge(agent, tenant, charged, amount, now)?;
        let payer = match charged {
            Charged::Wallet => rows::wallet(agent.agent_id),
            Charged::Pool => rows::pool(tenant.tenant_id),
        };
        let mut transfer = TransferRow::post(outcome, payer, amount, balance_after, now);
        self.append(outcome, [event::debited(&transfer)])?;
        transfer.audit_seq = self.account(outcome.agent_id)?.chain.seq;
        self.changes.transfers.push(transfer);
        Ok(())
    }
}
