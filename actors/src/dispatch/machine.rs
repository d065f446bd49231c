//! The logic of one call, without input or output of its own: [`Input`] says what happened,
//! [`Effect`] what is to be done about it. It has no clock, no store and no network, so a test can
//! lead it through any history.

pub mod attempt_end;
pub mod attempt_meter;
mod batch;
pub mod call_reservation;
pub mod candidates;
mod client;
pub mod effect;
mod ending;
mod failover;
pub mod input;
mod phase;
pub mod usage_meter;

use std::time::Duration;

use ainfera_routing::ReservationMode;
use ainfera_schema::{CallKind, OutcomeStatus};
use ainfera_wire::client::Delivery;

use super::CallFailure;
use crate::capture::acknowledge::Acknowledge;
use client::Client;
use effect::{BudgetUse, Effect, Timer};
use input::{AdmittedCall, Input};
use phase::{Open, Phase};

/// What of a call, and of the settings, its course depends on.
#[derive(Debug, Clone, Copy)]
pub struct CallTerms {
    pub kind: CallKind,
    pub delivery: Delivery,
    pub max_tokens: u64,
    pub reservations: ReservationMode,
    pub acknowledge: Acknowledge,
    /// How long a stream's client waits for its status.
    pub head_delay: Duration,
    /// How long the call may take before a candidate is asked: that of a model that just answers.
    pub total: Duration,
    pub drain_after_disconnect: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct Machine {
    terms: CallTerms,
    phase: Phase,
    head: Head,
    client: Client,
    attempts_started: u32,
    /// Without those that were sent again: in the caller's eyes they are one attempt.
    attempts_ended: usize,
    total: Duration,
}

/// A client gets one head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Due,
    Sent,
}

impl Machine {
    pub fn new(terms: CallTerms) -> Self {
        Self {
            terms,
            phase: Phase::Deciding,
            head: Head::Due,
            client: Client::There,
            attempts_started: 0,
            attempts_ended: 0,
            total: Duration::ZERO,
        }
    }

    /// Takes note of what happened, and says what is to be done.
    pub fn on(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Begun => {
                effects.push(Effect::AskBrain);
                self.allow_total(self.terms.total, effects);
            }
            Input::Decided => self.decided(effects),
            Input::NotAdmitted(failure) => self.not_admitted(failure, effects),
            Input::AnsweredBefore => self.answered_before(effects),
            Input::Admitted(admitted) => self.admitted(admitted, effects),
            Input::Turn(turn) => self.turn(turn, effects),
            Input::NotStarted { attempt, failure } => self.not_started(attempt, failure, effects),
            Input::SentAgain { attempt } => self.sent_again(attempt, effects),
            Input::Events { attempt, events } => self.events(attempt, events, effects),
            Input::AttemptFailed { attempt, failure } => {
                self.attempt_failed(attempt, failure, effects)
            }
            Input::Extended { extension, answer } => self.extended(extension, answer, effects),
            Input::Written(result) => self.written(result, effects),
            Input::Deadline(timer) => self.deadline(timer, effects),
            Input::ClientLeft => {
                self.client_left(effects);
            }
            Input::RowDurable | Input::RowNotDurable => self.row_awaited(effects),
            Input::StreamEnded => {
                if let Phase::EndingStream = self.phase {
                    self.stop(effects);
                }
            }
        }
    }

    fn decided(&mut self, effects: &mut Vec<Effect>) {
        if let Phase::Deciding = self.phase {
            self.phase = Phase::Admitting;
            effects.push(Effect::Admit);
        }
    }

    fn not_admitted(&mut self, failure: CallFailure, effects: &mut Vec<Effect>) {
        if let Phase::Deciding | Phase::Admitting = self.phase {
            self.answer_failure(failure, effects);
        }
    }

    fn answered_before(&mut self, effects: &mut Vec<Effect>) {
        if let Phase::Admitting = self.phase {
            self.head = Head::Sent;
            effects.push(Effect::AnswerWhole);
            self.stop(effects);
        }
    }

    fn admitted(&mut self, admitted: AdmittedCall, effects: &mut Vec<Effect>) {
        let Phase::Admitting = self.phase else { return };
        self.phase = Phase::Trying { open: Open::new(admitted), buffered: Vec::new() };
        if self.terms.delivery == Delivery::Streamed {
            effects.push(Effect::StartTimer(Timer::Head, self.terms.head_delay));
        }
        self.try_next(None, effects);
    }

    /// From now on the call may take at least so long, counted from its beginning. A later
    /// candidate can lengthen it and never shortens it.
    fn allow_total(&mut self, total: Duration, effects: &mut Vec<Effect>) {
        if total > self.total {
            self.total = total;
            effects.push(Effect::StartTimer(Timer::Total, total));
        }
    }

    fn deadline(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        match (timer, &self.phase) {
            // the client gets its 200 and pings; until content comes, candidates can still change
            (Timer::Head, Phase::Trying { .. }) => self.open_stream(effects),
            (Timer::Total, Phase::Trying { .. } | Phase::Committed { .. })
                if !self.phase.is_writing_the_end() =>
            {
                if self.client == Client::Left {
                    return self.end_early(OutcomeStatus::ClientGone, effects);
                }
                self.settle_attempt(effects);
                self.fail(CallFailure::TimedOut, OutcomeStatus::TimedOut, effects);
            }
            (Timer::Drain, Phase::Committed { .. }) => {
                self.end_early(OutcomeStatus::ClientGone, effects);
            }
            _ => {}
        }
    }

    fn open_stream(&mut self, effects: &mut Vec<Effect>) {
        if self.head == Head::Due {
            self.head = Head::Sent;
            effects.push(Effect::OpenStream);
        }
    }
}
