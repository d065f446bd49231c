//! Lets a call in, or writes why not.

use std::borrow::Cow;

use ainfera_schema::{AgentId, OutcomeStatus, RoutingOutcome, TokenUsage, UsageBasis, Usd};
use jiff::Timestamp;

use super::funds::{Reservation, utc_day};
use super::rows::IntentRow;
use super::transaction::{Limits, Transaction};
use super::{account, event, milliseconds_between};
use crate::{Admission, Refusal, StoreError, Verdict};

impl<'a> Transaction<'a> {
    pub(super) fn admit(&mut self, admission: &'a Admission) -> Result<Verdict, StoreError> {
        let draft = &admission.draft;
        let request_id = draft.request_id;
        if let Some(refusal) = self.known.closed.get(&request_id) {
            return Ok(refusal
                .clone()
                .map_or_else(|| admitted_before(admission), Verdict::Refused));
        }
        if self.known.open.contains(&request_id) || self.opened.contains_key(&request_id) {
            return Ok(admitted_before(admission));
        }
        let now = self.known.now;
        // before the wallet is asked: what was paid for once is given again whatever is left
        let claim = admission.idempotency.as_ref();
        if let Some(earlier) =
            claim.and_then(|claim| self.known.keys.earlier(draft.agent_id, claim, now))
        {
            return Ok(Verdict::Duplicate(earlier));
        }
        match self.reserve_what_fits(admission)? {
            Ok(reservation) => {
                if let Some(claim) = claim {
                    self.known.keys.take(draft.agent_id, claim, request_id, now);
                }
                self.opened.insert(request_id, reservation);
                self.changes.intents.push(IntentRow::new(admission, reservation)?);
                Ok(if reservation.amount < admission.reservation {
                    Verdict::AdmittedForLess(reservation.amount)
                } else {
                    Verdict::Admitted
                })
            }
            Err(refusal) => {
                self.refuse(draft, &refusal)?;
                Ok(Verdict::Refused(refusal))
            }
        }
    }

    /// The largest of the amounts that fits. A call that none of them lets in is refused for what
    /// it asked for first.
    fn reserve_what_fits(
        &mut self,
        admission: &Admission,
    ) -> Result<Result<Reservation, Refusal>, StoreError> {
        let agent_id = admission.draft.agent_id;
        let first = self.reserve(agent_id, admission.reservation)?;
        if !matches!(first, Ok(_) | Err(Refusal::Inactive { .. })) {
            for smaller in &admission.smaller_reservations {
                if let Ok(reservation) = self.reserve(agent_id, *smaller)? {
                    return Ok(Ok(reservation));
                }
            }
        }
        Ok(first)
    }

    pub(super) fn reserve(
        &mut self,
        agent_id: AgentId,
        amount: Usd,
    ) -> Result<Result<Reservation, Refusal>, StoreError> {
        let now = self.known.now;
        // the agent is looked for in any case: a call of nobody's is an error, not a refusal
        self.accounts(agent_id)?;
        if self.limits == Limits::AppliedBefore {
            let (agent, tenant) = self.accounts(agent_id)?;
            let charged = account::payer_regardless(agent, tenant, amount)?;
            let reservation = Reservation { amount, charged };
            account::reserve(agent, tenant, reservation)?;
            return Ok(Ok(reservation));
        }
        if let Some(refusal) = self.kill_switch_refusal(amount)? {
            return Ok(Err(refusal));
        }
        let (agent, tenant) = self.accounts(agent_id)?;
        let reserved = account::admit(agent, tenant, amount, now)?;
        if let (Ok(_), Some(spent)) = (&reserved, &mut self.known.spent_by_all) {
            *spent = spent.checked_add(amount)?;
        }
        Ok(reserved)
    }

    /// Nobody gets in by whom the spending of all in this UTC day could pass the threshold.
    fn kill_switch_refusal(&self, needed: Usd) -> Result<Option<Refusal>, StoreError> {
        let (Some(threshold), Some(spent)) = (self.killswitch, self.known.spent_by_all) else {
            return Ok(None);
        };
        let passes = spent.checked_add(needed)? > threshold;
        Ok(passes.then(|| Refusal::KillSwitch {
            threshold,
            spent,
            needed,
            window_start: utc_day(self.known.now).to_string(),
        }))
    }

    pub(super) fn refuse(
        &mut self,
        draft: &RoutingOutcome,
        refusal: &Refusal,
    ) -> Result<(), StoreError> {
        let outcome = refused(draft, refusal, self.known.now);
        self.append(&outcome, event::rejected(&outcome, Some(refusal)))?;
        self.record_closed(Cow::Owned(outcome), Some(refusal.clone()))
    }

    pub(super) fn reject(&mut self, outcome: &'a RoutingOutcome) -> Result<(), StoreError> {
        if self.known.closed.contains_key(&outcome.request_id) {
            return Ok(());
        }
        // of a pinned call nothing else says what it would have lost
        let refusal = (outcome.status == Some(OutcomeStatus::RejectedStrict))
            .then(|| Refusal::Coercions { coercions: outcome.coercions.clone() });
        self.append(outcome, event::rejected(outcome, refusal.as_ref()))?;
        self.record_closed(Cow::Borrowed(outcome), refusal)
    }
}

/// It is not looked up which of its amounts was reserved: the smallest certainly is.
fn admitted_before(admission: &Admission) -> Verdict {
    admission
        .smaller_reservations
        .last()
        .map_or(Verdict::Admitted, |smallest| Verdict::AdmittedForLess(*smallest))
}

/// What is kept of a call that was not let in: no attempt, no model, no charge.
fn refused(draft: &RoutingOutcome, refusal: &Refusal, now: Timestamp) -> RoutingOutcome {
    RoutingOutcome {
        inference_id: None,
        cell: None,
        chosen_model: None,
        provider: None,
        q_prior_used: None,
        status: Some(refusal.status()),
        attempts: Vec::new(),
        usage: TokenUsage::default(),
        usage_basis: UsageBasis::Reported,
        cost_actual_usd: Usd::ZERO,
        stop_reason: None,
        first_content_ms: None,
        latency_ms: milliseconds_between(draft.created_at, now),
        ..draft.clone()
    }
}
