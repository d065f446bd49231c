//! One attempt after the other, until one has content: whose turn it is, what is reserved for it,
//! and what follows from a failure.

use ainfera_schema::{OutcomeStatus, PriceError};
use ainfera_wire::error::FaultKind;

use super::attempt_end::AttemptEnd;
use super::call_reservation::Grant;
use super::candidates::Unable;
use super::client::Client;
use super::effect::{Extension, Notice, Purpose};
use super::input::{ExtensionAnswer, Offer, Turn};
use super::phase::{Batch, RunningAttempt, Step};
use super::{BudgetUse, CallFailure, Effect, Machine, Phase};
use crate::dispatch::failure::exhausted::LastFailure;
use crate::provider::failure::FailoverCost;
use crate::provider::{Next, ProviderFailure};

impl Machine {
    /// Asks whose turn it is, or ends the call when nobody is left. The first attempt is never a
    /// failover. A further one needs room in the retry budget if the provider before it worked on
    /// the call or is in trouble; one that said at once that it does not serve the call costs
    /// nothing.
    pub(super) fn try_next(&mut self, last: Option<ProviderFailure>, effects: &mut Vec<Effect>) {
        let Phase::Trying { open, buffered } = &mut self.phase else { return };
        buffered.clear();
        if open.candidates.is_empty() || self.attempts_started >= open.max_attempts {
            return self.give_up(last, effects);
        }
        let queue = open.candidates.in_order(self.attempts_started + 1 >= open.max_attempts);
        let is_free =
            last.as_ref().is_none_or(|failure| failure.failover_cost() == FailoverCost::Free);
        let budget =
            if self.attempts_started == 0 || is_free { BudgetUse::Free } else { BudgetUse::Needed };
        open.step = Step::Choosing { last };
        effects.push(Effect::TakeTurn { queue, budget });
    }

    pub(super) fn turn(&mut self, turn: Turn, effects: &mut Vec<Effect>) {
        let Some(open) = self.phase.open_mut() else { return };
        let last = match open.take_step() {
            Step::Choosing { last } => last,
            step => {
                open.step = step;
                return;
            }
        };
        match (turn, last) {
            (Turn::Of(offer), last) => self.take_turn(offer, last, effects),
            (Turn::NoneAvailable { retry_after_seconds, reason }, None) => {
                let failure =
                    CallFailure::none_can_be_asked(self.terms.kind, retry_after_seconds, reason);
                self.fail(failure, OutcomeStatus::FailedProviderError, effects);
            }
            (Turn::NoneAvailable { .. } | Turn::RetryBudgetSpent, last) => {
                self.give_up(last, effects)
            }
            (Turn::NotComputable, _) => self.not_computable(None, effects),
        }
    }

    fn take_turn(
        &mut self,
        offer: Box<Offer>,
        last: Option<ProviderFailure>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(open) = self.phase.open_mut() else { return };
        let Some(candidate) = open.candidates.take(offer.deployment) else {
            effects.push(Effect::ReleaseTurn);
            let status = OutcomeStatus::FailedProviderError;
            return self.fail(CallFailure::Internal, status, effects);
        };
        self.attempts_started += 1;
        let attempt = self.attempts_started;
        let amount = match open.billed.checked_add(candidate.reservation) {
            Ok(amount) => amount,
            Err(error) => return self.not_computable(Some(PriceError::Money(error)), effects),
        };
        let grant = Grant { amount, output_tokens: offer.first_output_tokens };
        match open.reservation.begin(grant) {
            None => self.start_attempt(attempt, *offer, effects),
            Some(grant) => {
                open.step = Step::Reserving { attempt, offer, last };
                let purpose = Purpose::Start;
                effects.push(Effect::Extend(Extension { purpose, attempt, grant }));
            }
        }
    }

    fn not_computable(&mut self, error: Option<PriceError>, effects: &mut Vec<Effect>) {
        effects.push(Effect::ReleaseTurn);
        effects.extend(error.map(|error| Effect::Log(Notice::ReservationNotComputable(error))));
        self.fail(CallFailure::Internal, OutcomeStatus::FailedOther, effects);
    }

    /// What it may cost is reserved.
    fn start_attempt(&mut self, attempt: u32, offer: Offer, effects: &mut Vec<Effect>) {
        self.allow_total(offer.total, effects);
        let Some(open) = self.phase.open_mut() else { return };
        let output_tokens = offer.meter.bounds().output_tokens;
        open.step = Step::Running(Box::new(RunningAttempt {
            attempt,
            deployment: offer.deployment,
            meter: offer.meter,
            on_disconnect: offer.on_disconnect,
            batch: Batch::None,
        }));
        effects.push(Effect::StartAttempt { attempt, output_tokens });
    }

    /// The answer to what an attempt's start waits for.
    pub(super) fn start_extended(
        &mut self,
        extension: Extension,
        answer: ExtensionAnswer,
        effects: &mut Vec<Effect>,
    ) {
        let Phase::Trying { open, .. } = &mut self.phase else { return };
        let (offer, last) = match open.take_step() {
            Step::Reserving { attempt, offer, last } if attempt == extension.attempt => {
                (offer, last)
            }
            step => {
                open.step = step;
                return;
            }
        };
        match answer {
            ExtensionAnswer::Reserved => {
                open.reservation.granted(extension.grant);
                self.start_attempt(extension.attempt, *offer, effects);
            }
            // a candidate that does not fit is left out, and costs no attempt
            ExtensionAnswer::Denied(CallFailure::Refused(..)) if !open.candidates.is_empty() => {
                effects.push(Effect::ReleaseTurn);
                self.attempts_started -= 1;
                self.try_next(last, effects);
            }
            ExtensionAnswer::Denied(failure) => {
                effects.push(Effect::ReleaseTurn);
                // who is rejected has cost nothing
                let status = if open.billed.is_zero() {
                    failure.status_if_nothing_ran()
                } else {
                    OutcomeStatus::FailedProviderError
                };
                self.fail(failure, status, effects);
            }
            ExtensionAnswer::Unknown => {
                effects.push(Effect::ReleaseTurn);
                self.fail(CallFailure::ReservationUnavailable, OutcomeStatus::FailedOther, effects);
            }
        }
    }

    pub(super) fn not_started(
        &mut self,
        attempt: u32,
        failure: ProviderFailure,
        effects: &mut Vec<Effect>,
    ) {
        if self.phase.running_mut(attempt).is_some() {
            self.end_attempt(AttemptEnd::Failed(failure.clone()), effects);
            self.try_next(Some(failure), effects);
        }
    }

    /// What went out over the closed connection is in the record too. It is not charged: the
    /// provider never read it.
    pub(super) fn sent_again(&mut self, attempt: u32, effects: &mut Vec<Effect>) {
        if let Some(running) = self.phase.running_mut(attempt) {
            let mut ended = running.meter.ended(AttemptEnd::SentAgain);
            ended.stop_reason = None;
            effects.push(Effect::NoteSentAgain(Box::new(ended)));
        }
    }

    pub(super) fn attempt_failed(
        &mut self,
        attempt: u32,
        failure: ProviderFailure,
        effects: &mut Vec<Effect>,
    ) {
        if self.phase.is_writing_the_end() {
            return;
        }
        let Some(running) = self.phase.running_mut(attempt) else { return };
        let refused_by = Unable {
            model: running.deployment.model,
            context_window: running.meter.context_window(),
        };
        self.end_attempt(AttemptEnd::Failed(failure.clone()), effects);
        let open = match &mut self.phase {
            Phase::Trying { open, .. } => open,
            _ if self.client == Client::Left => {
                return self.end_early(OutcomeStatus::ClientGone, effects);
            }
            _ => {
                let told = CallFailure::midstream(&failure);
                return self.fail(told, OutcomeStatus::FailedMidstream, effects);
            }
        };
        open.retry_after_seconds =
            open.retry_after_seconds.into_iter().chain(failure.retry_after_seconds()).min();
        if let Some(FaultKind::ModelLacks(lack)) = failure.kind() {
            open.candidates.leave_out_as_unable(refused_by, lack);
        }
        if failure.next() == Next::GiveUp {
            open.candidates.clear();
        }
        self.try_next(Some(failure), effects);
    }

    /// No candidate follows the last failure.
    fn give_up(&mut self, last: Option<ProviderFailure>, effects: &mut Vec<Effect>) {
        let retry_after_seconds = self.phase.open().and_then(|open| open.retry_after_seconds);
        let failure = last.map_or(CallFailure::Internal, |failure| {
            CallFailure::attempts_failed(LastFailure {
                kind: self.terms.kind,
                attempts: self.attempts_ended,
                retry_after_seconds,
                failure,
            })
        });
        self.fail(failure, OutcomeStatus::FailedProviderError, effects);
    }

    /// Takes the running attempt off and notes its end, if there is one.
    pub(super) fn end_attempt(&mut self, end: AttemptEnd, effects: &mut Vec<Effect>) {
        let is_committed = matches!(self.phase, Phase::Committed { .. });
        let Some(open) = self.phase.open_mut() else { return };
        let running = match open.take_step() {
            Step::Running(running) => running,
            Step::Reserving { .. } => return effects.push(Effect::ReleaseTurn),
            Step::Between | Step::Choosing { .. } => return,
        };
        let mut ended = running.meter.ended(end);
        if let (false, AttemptEnd::Failed(_)) = (is_committed, &ended.end) {
            // it is not the attempt that the call's answer comes from
            ended.stop_reason = None;
        }
        open.add_to_bill(ended.attempt.cost_usd);
        self.attempts_ended += 1;
        effects.push(Effect::EndAttempt(Box::new(ended)));
    }
}
