//! Decides what one transaction writes: pure, and the same for both stores.
//!
//! A store locks the accounts of a batch, looks up what is there already ([`Known`]), asks
//! [`apply`], and writes the [`Changes`]. No clock, no random numbers, no I/O: the same batch on
//! the same state gives the same rows.

pub mod account;
pub mod adjust;
pub mod administer;
pub mod chain;
pub mod event;
mod extend;
pub mod idempotency;
pub mod purse;
pub mod register;
pub mod rows;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ainfera_schema::{
    AgentId, CallKind, OutcomeStatus, RequestId, RoutingOutcome, TenantId, TokenUsage, UsageBasis,
    Usd,
};
use jiff::Timestamp;

use crate::Verdict;
use crate::{
    Admission, CaptureBatch, CaptureReply, CloseResult, Closing, Refusal, Sent, StoreError,
};
use account::{Account, TenantAccount};
use adjust::LostCall;
use event::Event;
use idempotency::KeyBook;
use purse::{Charged, Hold, utc_day};
use rows::{AuditRow, Changes, ClosedCallRow, InferenceRow, IntentRow, OutcomeRow, TransferRow};

/// What a store found, with the batch's accounts locked.
pub struct Known {
    /// The time of this transaction, by the database's clock where it has one.
    pub now: Timestamp,
    /// The accounts of every agent in the batch.
    pub accounts: BTreeMap<AgentId, Account>,
    /// The accounts of their tenants, locked after them.
    pub tenants: BTreeMap<TenantId, TenantAccount>,
    /// What all tenants have spent today and held together. Looked up, under a lock of its own,
    /// only for a batch that has a kill-switch.
    pub spent_by_all: Option<Usd>,
    /// Which of the batch's admissions have an intent already.
    pub open: HashSet<RequestId>,
    /// The holds of the batch's extensions, where there is an intent that no closing of the batch
    /// deletes.
    pub held: HashMap<RequestId, Hold>,
    /// The intents of the batch's closings, which this transaction deleted, with their holds.
    pub removed: HashMap<RequestId, Hold>,
    /// Which calls of the batch are over already, with the refusal if that is how they ended.
    pub closed: HashMap<RequestId, Option<Refusal>>,
    /// Those of the batch's closings that were closed as lost and not adjusted yet.
    pub lost: HashMap<RequestId, LostCall>,
    /// The idempotency keys that the batch may speak of.
    pub keys: KeyBook,
}

/// Whose accounts a store has to lock: in order, each once.
pub fn agents_of(batch: &CaptureBatch) -> BTreeSet<AgentId> {
    let admitted = batch.admissions.iter().map(|admission| admission.draft.agent_id);
    let rejected = batch.rejections.iter().map(|outcome| outcome.agent_id);
    let closed = batch.closings.iter().map(|closing| closing.outcome.agent_id);
    let extended = batch.extensions.iter().map(|extension| extension.agent_id);
    let refused = batch.refusals.iter().map(|refused| refused.draft.agent_id);
    admitted.chain(rejected).chain(refused).chain(closed).chain(extended).collect()
}

/// Extensions in order, then admissions, rejections and closings, each against the state that the
/// one before it left.
pub fn apply<'a>(batch: &'a CaptureBatch, known: Known) -> Result<Changes<'a>, StoreError> {
    let mut transaction = Transaction {
        known,
        opened: HashMap::new(),
        changed: BTreeSet::new(),
        changes: Changes::default(),
        killswitch: batch.killswitch_daily_usd,
        limits: if batch.sent == Sent::ToldAgain { Limits::AskedThen } else { Limits::Asked },
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

struct Transaction<'a> {
    known: Known,
    /// Calls that this very transaction lets in.
    opened: HashMap<RequestId, Hold>,
    changed: BTreeSet<AgentId>,
    changes: Changes<'a>,
    killswitch: Option<Usd>,
    limits: Limits,
}

/// Whether caps, balances and the kill-switch have a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limits {
    Asked,
    /// They let it in when it was committed first.
    AskedThen,
}

impl<'a> Transaction<'a> {
    fn account(&mut self, agent_id: AgentId) -> Result<&mut Account, StoreError> {
        self.changed.insert(agent_id);
        self.known
            .accounts
            .get_mut(&agent_id)
            .ok_or_else(|| StoreError::Corrupt(format!("agent {agent_id} has no account")))
    }

    /// The two rows that a call's money is in.
    fn accounts(
        &mut self,
        agent_id: AgentId,
    ) -> Result<(&mut Account, &mut TenantAccount), StoreError> {
        self.changed.insert(agent_id);
        let no_account = |whose: String| StoreError::Corrupt(format!("{whose} has no account"));
        let agent = self
            .known
            .accounts
            .get_mut(&agent_id)
            .ok_or_else(|| no_account(format!("agent {agent_id}")))?;
        let tenant = self
            .known
            .tenants
            .get_mut(&agent.tenant_id)
            .ok_or_else(|| no_account(format!("tenant {}", agent.tenant_id)))?;
        Ok((agent, tenant))
    }

    /// Nobody gets in by whom the spending of all in this UTC day could pass the threshold.
    fn killed(&self, needed: Usd) -> Result<Option<Refusal>, StoreError> {
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

    fn reserve(
        &mut self,
        agent_id: AgentId,
        amount: Usd,
    ) -> Result<Result<Hold, Refusal>, StoreError> {
        let now = self.known.now;
        // the agent is looked for in any case: a call of nobody's is an error, not a refusal
        self.accounts(agent_id)?;
        if self.limits == Limits::AskedThen {
            let (agent, tenant) = self.accounts(agent_id)?;
            let hold = Hold { amount, charged: account::payer_regardless(agent, tenant, amount)? };
            account::keep(agent, tenant, hold)?;
            return Ok(Ok(hold));
        }
        if let Some(refusal) = self.killed(amount)? {
            return Ok(Err(refusal));
        }
        let (agent, tenant) = self.accounts(agent_id)?;
        let reserved = account::admit(agent, tenant, amount, now)?;
        if let (Ok(_), Some(spent)) = (&reserved, &mut self.known.spent_by_all) {
            *spent = spent.checked_add(amount)?;
        }
        Ok(reserved)
    }

    /// The largest of the holds that fits. A call that no hold lets in is refused for what it asked
    /// for first.
    fn reserve_what_fits(
        &mut self,
        admission: &Admission,
    ) -> Result<Result<Hold, Refusal>, StoreError> {
        let agent_id = admission.draft.agent_id;
        let first = self.reserve(agent_id, admission.hold)?;
        if !matches!(first, Ok(_) | Err(Refusal::Inactive { .. })) {
            for smaller in &admission.smaller_holds {
                if let Ok(hold) = self.reserve(agent_id, *smaller)? {
                    return Ok(Ok(hold));
                }
            }
        }
        Ok(first)
    }

    fn admit(&mut self, admission: &'a Admission) -> Result<Verdict, StoreError> {
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
            Ok(hold) => {
                if let Some(claim) = claim {
                    self.known.keys.take(draft.agent_id, claim, request_id, now);
                }
                self.opened.insert(request_id, hold);
                self.changes.intents.push(IntentRow::new(admission, hold)?);
                Ok(if hold.amount < admission.hold {
                    Verdict::AdmittedForLess(hold.amount)
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

    fn refuse(&mut self, draft: &RoutingOutcome, refusal: &Refusal) -> Result<(), StoreError> {
        let outcome = refused(draft, refusal, self.known.now);
        self.append(&outcome, event::rejected(&outcome, Some(refusal)))?;
        self.keep(Cow::Owned(outcome), Some(refusal.clone()))
    }

    fn reject(&mut self, outcome: &'a RoutingOutcome) -> Result<(), StoreError> {
        if self.known.closed.contains_key(&outcome.request_id) {
            return Ok(());
        }
        self.append(outcome, event::rejected(outcome, None))?;
        self.keep(Cow::Borrowed(outcome), None)
    }

    fn close(&mut self, closing: &'a Closing) -> Result<CloseResult, StoreError> {
        let outcome = &closing.outcome;
        let request_id = outcome.request_id;
        let charged = match self.take_intent(request_id) {
            Some(hold) => {
                let (agent, tenant) = self.accounts(outcome.agent_id)?;
                account::release(agent, tenant, hold)?;
                hold.charged
            }
            None if self.known.closed.contains_key(&request_id) => return self.adjust(outcome),
            // it was open on the server before, and this one never heard of it
            None if self.limits == Limits::AskedThen => {
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
        self.keep(Cow::Borrowed(outcome), None)?;
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

    /// The hold of an intent that is there, and that nobody will find again.
    fn take_intent(&mut self, request_id: RequestId) -> Option<Hold> {
        if let Some(hold) = self.known.removed.remove(&request_id) {
            return Some(hold);
        }
        let hold = self.opened.remove(&request_id)?;
        self.changes.intents.retain(|intent| intent.request_id != request_id);
        Some(hold)
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

    fn append(
        &mut self,
        outcome: &RoutingOutcome,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<(), StoreError> {
        let now = self.known.now;
        let account = self.account(outcome.agent_id)?;
        let rows: Vec<AuditRow> = events
            .into_iter()
            .map(|event| account.chain.append(event, Some(outcome.request_id), now))
            .collect();
        self.changes.audit_events.extend(rows);
        Ok(())
    }

    /// Writes that the call is over: the outcome of a routed one, and what no outcome can say.
    fn keep(
        &mut self,
        outcome: Cow<'a, RoutingOutcome>,
        refusal: Option<Refusal>,
    ) -> Result<(), StoreError> {
        let status = status_of(&outcome)?;
        let closed_at = self.known.now;
        if outcome.kind == CallKind::Direct || refusal.is_some() {
            self.changes.closed_calls.push(ClosedCallRow::new(
                &outcome,
                status,
                refusal.as_ref(),
                closed_at,
            )?);
        }
        self.known.closed.insert(outcome.request_id, refusal);
        if outcome.kind == CallKind::Routed {
            self.changes.outcomes.push(OutcomeRow { outcome, status, closed_at });
        }
        Ok(())
    }
}

/// It is not looked up which of its holds was reserved: the smallest certainly is.
fn admitted_before(admission: &Admission) -> Verdict {
    admission
        .smaller_holds
        .last()
        .map_or(Verdict::Admitted, |smallest| Verdict::AdmittedForLess(*smallest))
}

fn status_of(outcome: &RoutingOutcome) -> Result<OutcomeStatus, StoreError> {
    outcome.status.ok_or_else(|| {
        StoreError::Corrupt(format!("call {} is closed without a status", outcome.request_id))
    })
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

/// Never negative: two clocks may be involved.
pub fn milliseconds_between(earlier: Timestamp, later: Timestamp) -> u32 {
    let elapsed = later.as_millisecond().saturating_sub(earlier.as_millisecond()).max(0);
    u32::try_from(elapsed).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use ainfera_schema::policy::SpendPolicy;
    use ainfera_schema::{BootId, InferenceId, ReceiptId};

    use super::*;
    use crate::Closing;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn known(balance: &str) -> (AgentId, Known) {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let agent_id = AgentId::mint();
        let tenant_id = TenantId::mint();
        let mut account = Account::new(agent_id, tenant_id, SpendPolicy::default(), now);
        account.purse.balance = usd(balance);
        let accounts = BTreeMap::from([(agent_id, account)]);
        let tenants = BTreeMap::from([(tenant_id, TenantAccount::new(tenant_id, now))]);
        let known = Known {
            now,
            accounts,
            tenants,
            spent_by_all: None,
            open: HashSet::new(),
            held: HashMap::new(),
            removed: HashMap::new(),
            closed: HashMap::new(),
            lost: HashMap::new(),
            keys: KeyBook::default(),
        };
        (agent_id, known)
    }

    fn draft(agent_id: AgentId, kind: CallKind) -> RoutingOutcome {
        RoutingOutcome {
            inference_id: Some(InferenceId::mint()),
            created_at: "2026-11-23T11:59:58.500Z".parse().unwrap(),
            ..RoutingOutcome::begun(
                RequestId::mint(),
                ReceiptId::mint(),
                agent_id,
                TenantId::mint(),
                kind,
            )
        }
    }

    fn admission(draft: RoutingOutcome, hold: &str) -> Admission {
        Admission {
            draft,
            boot_id: BootId::mint(),
            hold: usd(hold),
            smaller_holds: Vec::new(),
            charge_if_lost: Usd::ZERO,
            idempotency: None,
        }
    }

    #[test]
    fn the_largest_hold_that_fits_is_reserved_and_a_refusal_names_the_first() {
        let (agent_id, known) = known("1");
        let of = |smaller: &[&str]| {
            let smaller_holds = smaller.iter().map(|hold| usd(hold)).collect();
            Admission { smaller_holds, ..admission(draft(agent_id, CallKind::Routed), "0.8") }
        };
        let admissions = vec![of(&["0.5", "0.3"]), of(&["0.5", "0.2", "0.1"]), of(&["0.3"])];
        let batch = CaptureBatch { admissions, ..CaptureBatch::default() };
        let verdicts: Vec<Verdict> = apply(&batch, known)
            .unwrap()
            .reply
            .verdicts
            .into_iter()
            .map(|(_, verdict)| verdict)
            .collect();
        assert_eq!(verdicts[..2], [Verdict::Admitted, Verdict::AdmittedForLess(usd("0.2"))]);
        assert!(
            matches!(&verdicts[2], Verdict::Refused(Refusal::Funds { needed, .. }) if *needed == usd("0.8")),
            "{verdicts:?}"
        );
    }

    #[test]
    fn admissions_are_decided_one_after_the_other() {
        let (agent_id, known) = known("1");
        let holds = ["0.6", "0.5", "0.4", "0"];
        let admissions =
            holds.map(|hold| admission(draft(agent_id, CallKind::Routed), hold)).to_vec();
        let batch = CaptureBatch { admissions, ..CaptureBatch::default() };
        let changes = apply(&batch, known).unwrap();
        let admitted: Vec<bool> = changes
            .reply
            .verdicts
            .iter()
            .map(|(_, verdict)| *verdict == Verdict::Admitted)
            .collect();
        assert_eq!(admitted, [true, false, true, true]);
        assert_eq!(changes.accounts[0].purse.held, usd("1"));
        let refused = &changes.outcomes[0];
        assert_eq!(
            (refused.status, refused.outcome.latency_ms),
            (OutcomeStatus::RejectedFunds, 1500)
        );
        assert_eq!(
            (changes.intents.len(), changes.outcomes.len(), changes.closed_calls.len()),
            (3, 1, 1)
        );
    }

    #[test]
    fn the_kill_switch_counts_what_the_batch_itself_holds() {
        let (agent_id, mut known) = known("100");
        known.spent_by_all = Some(usd("48"));
        let admissions = ["1", "1", "0.5", "0"]
            .map(|hold| admission(draft(agent_id, CallKind::Direct), hold))
            .to_vec();
        let batch = CaptureBatch {
            admissions,
            killswitch_daily_usd: Some(usd("50")),
            ..CaptureBatch::default()
        };
        let changes = apply(&batch, known).unwrap();
        let refusal = Refusal::KillSwitch {
            threshold: usd("50"),
            spent: usd("50"),
            needed: usd("0.5"),
            window_start: "2026-11-23".to_owned(),
        };
        let verdicts: Vec<Verdict> =
            changes.reply.verdicts.into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(
            verdicts,
            [Verdict::Admitted, Verdict::Admitted, Verdict::Refused(refusal), Verdict::Admitted]
        );
    }

    #[test]
    fn what_was_there_before_changes_nothing() {
        let (agent_id, mut known) = known("1");
        let drafts = [CallKind::Routed, CallKind::Direct, CallKind::Routed]
            .map(|kind| draft(agent_id, kind));
        let refusal = Refusal::Funds { available: Usd::ZERO, needed: usd("2") };
        known.open.insert(drafts[0].request_id);
        known.closed.insert(drafts[1].request_id, Some(refusal.clone()));
        known.closed.insert(drafts[2].request_id, None);
        let closed = RoutingOutcome { status: Some(OutcomeStatus::Succeeded), ..drafts[2].clone() };
        let batch = CaptureBatch {
            admissions: drafts.map(|draft| admission(draft, "0.5")).to_vec(),
            rejections: vec![closed.clone()],
            closings: vec![Closing { outcome: closed, answer: None }],
            ..CaptureBatch::default()
        };
        let changes = apply(&batch, known).unwrap();
        let verdicts: Vec<Verdict> =
            changes.reply.verdicts.into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(verdicts, [Verdict::Admitted, Verdict::Refused(refusal), Verdict::Admitted]);
        assert_eq!(changes.reply.closed[0].1, CloseResult::AlreadyClosed);
        assert!(
            changes.accounts.is_empty()
                && changes.audit_events.is_empty()
                && changes.intents.is_empty()
        );
    }

    #[test]
    fn a_call_without_an_account_or_a_status_is_an_error() {
        let (agent_id, mut nobody) = known("1");
        let outcome = draft(agent_id, CallKind::Routed);
        let closings = vec![Closing { outcome: outcome.clone(), answer: None }];
        let batch = CaptureBatch { closings, ..CaptureBatch::default() };
        nobody
            .removed
            .insert(outcome.request_id, Hold { amount: Usd::ZERO, charged: Charged::Wallet });
        assert!(
            matches!(apply(&batch, nobody), Err(StoreError::Corrupt(text)) if text.contains("without a status"))
        );
        let (_, somebody_else) = known("1");
        let batch =
            CaptureBatch { admissions: vec![admission(outcome, "0")], ..CaptureBatch::default() };
        assert!(
            matches!(apply(&batch, somebody_else), Err(StoreError::Corrupt(text)) if text.contains("no account"))
        );
    }
}
