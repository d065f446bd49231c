//! What a provider says, one batch at a time: it is reserved, then kept or passed on, and then the
//! provider is read on.

use ainfera_routing::ReservationMode;
use ainfera_schema::{OutcomeStatus, PriceError};
use ainfera_wire::client::Delivery;
use ainfera_wire::error::StreamFault;
use ainfera_wire::event::{ProviderEvent, StreamEvent};

use super::call_reservation::Cover;
use super::client::{Client, Reading};
use super::effect::{Extension, Notice, Purpose};
use super::input::{ExtensionAnswer, WriteResult};
use super::phase::{Batch, Open, RunningAttempt, Step, WriteOf};
use super::usage_meter::UsageMeter;
use super::{CallFailure, Effect, Machine, Phase};
use crate::provider::ProviderFailure;

impl Machine {
    /// Takes a batch of the running attempt, once what it makes the call cost is reserved.
    pub(super) fn events(
        &mut self,
        attempt: u32,
        events: Vec<ProviderEvent>,
        effects: &mut Vec<Effect>,
    ) {
        let mode = self.terms.reservations;
        let open = self.phase.open_mut();
        let Some((running, reservation, billed)) = open.and_then(|open| match &mut open.step {
            Step::Running(running) if running.attempt == attempt => {
                Some((running, &mut open.reservation, open.billed))
            }
            _ => None,
        }) else {
            return effects.push(Effect::StopReading);
        };
        if !matches!(running.batch, Batch::None) {
            // it was to wait for the answer to the batch before
            effects.push(Effect::StopReading);
            return self.attempt_failed(attempt, ProviderFailure::Crashed, effects);
        }
        let usage = running.meter.usage_meter().after(&events);
        let cover = match mode {
            // all that the attempt may cost is reserved
            ReservationMode::Strict => Ok(Cover::Covered),
            ReservationMode::Sliced => cover(running, reservation, billed, &usage),
        };
        match cover {
            Ok(Cover::Covered) => self.reserved(events, usage, effects),
            Ok(Cover::RunningOut(grant)) => {
                reservation.asked_ahead();
                let purpose = Purpose::Ahead;
                effects.push(Effect::Extend(Extension { purpose, attempt, grant }));
                self.reserved(events, usage, effects);
            }
            Ok(Cover::Short(grant)) => {
                running.batch = Batch::Reserving(events);
                let purpose = Purpose::Batch;
                effects.push(Effect::Extend(Extension { purpose, attempt, grant }));
            }
            // it cannot be said what to reserve: that is more than there is
            Err(error) => {
                effects.push(Effect::Log(Notice::ReservationNotComputable(error)));
                self.stop_short(CallFailure::Internal, effects);
            }
        }
    }

    pub(super) fn extended(
        &mut self,
        extension: Extension,
        answer: ExtensionAnswer,
        effects: &mut Vec<Effect>,
    ) {
        match extension.purpose {
            Purpose::Start => self.start_extended(extension, answer, effects),
            Purpose::Batch => self.batch_extended(extension, answer, effects),
            Purpose::Ahead => self.extended_ahead(extension, &answer),
        }
    }

    /// The answer to what a batch waits for.
    fn batch_extended(
        &mut self,
        extension: Extension,
        answer: ExtensionAnswer,
        effects: &mut Vec<Effect>,
    ) {
        let waiting = self.phase.running_mut(extension.attempt).and_then(|running| {
            match std::mem::replace(&mut running.batch, Batch::None) {
                Batch::Reserving(events) => Some(events),
                other => {
                    running.batch = other;
                    None
                }
            }
        });
        let Some(events) = waiting else { return effects.push(Effect::StopReading) };
        match answer {
            ExtensionAnswer::Reserved => {
                if let Some(open) = self.phase.open_mut() {
                    open.reservation.granted(extension.grant);
                }
                self.events(extension.attempt, events, effects);
            }
            ExtensionAnswer::Denied(failure) => self.stop_short(failure, effects),
            ExtensionAnswer::Unknown => {
                self.stop_short(CallFailure::ReservationUnavailable, effects)
            }
        }
    }

    /// The answer to what was asked for while what is reserved still lasts.
    fn extended_ahead(&mut self, extension: Extension, answer: &ExtensionAnswer) {
        let is_running = self.phase.running_mut(extension.attempt).is_some();
        let Some(open) = self.phase.open_mut() else { return };
        match answer {
            ExtensionAnswer::Reserved if is_running => open.reservation.granted(extension.grant),
            ExtensionAnswer::Reserved => open.reservation.granted_to_another(extension.grant),
            ExtensionAnswer::Denied(_) if is_running => open.reservation.denied_ahead(),
            ExtensionAnswer::Unknown if is_running => open.reservation.unanswered_ahead(),
            ExtensionAnswer::Denied(_) | ExtensionAnswer::Unknown => {}
        }
    }

    /// A batch whose cost is reserved.
    fn reserved(
        &mut self,
        events: Vec<ProviderEvent>,
        usage: UsageMeter,
        effects: &mut Vec<Effect>,
    ) {
        let content = events.iter().any(ProviderEvent::is_content);
        let end = write_of(&events);
        if let Some(running) = self.phase.open_mut().and_then(Open::running_mut) {
            running.meter.observe(usage);
        }
        if self.client == Client::Left {
            effects.push(Effect::ReadOn);
            if end == WriteOf::TheEnd {
                self.finish_without_client(effects);
            }
            return;
        }
        let Phase::Trying { buffered, .. } = &mut self.phase else {
            return self.write(events, effects);
        };
        buffered.extend(events);
        if content {
            self.commit(effects);
        } else if end == WriteOf::Part {
            effects.push(Effect::ReadOn);
        } else if self.is_empty_answer() {
            effects.push(Effect::StopReading);
            let attempt = self.phase.open().and_then(Open::running).map_or(0, |run| run.attempt);
            let failure = ProviderFailure::Stream(StreamFault::Truncated);
            self.attempt_failed(attempt, failure, effects);
        } else {
            self.commit(effects);
        }
    }

    fn is_empty_answer(&self) -> bool {
        let running = self.phase.open().and_then(Open::running);
        self.terms.max_tokens > 0 && running.is_none_or(|run| run.meter.is_empty_answer())
    }

    /// The first content is here: from now on there is no other candidate.
    fn commit(&mut self, effects: &mut Vec<Effect>) {
        let (open, buffered) = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Trying { open, buffered } => (open, buffered),
            phase => {
                self.phase = phase;
                return effects.push(Effect::StopReading);
            }
        };
        self.phase = Phase::Committed { open };
        effects.push(Effect::Commit);
        if self.terms.delivery == Delivery::Streamed {
            self.open_stream(effects);
        }
        self.write(buffered, effects);
    }

    /// Passes a batch on. The provider is answered when the client's side took it.
    fn write(&mut self, events: Vec<ProviderEvent>, effects: &mut Vec<Effect>) {
        match self.phase.open_mut().and_then(Open::running_mut) {
            Some(running) => {
                running.batch = Batch::Writing(write_of(&events));
                effects.push(Effect::Write(events));
            }
            None => effects.push(Effect::StopReading),
        }
    }

    pub(super) fn written(&mut self, result: WriteResult, effects: &mut Vec<Effect>) {
        let running = self.phase.open_mut().and_then(Open::running_mut);
        let Some((running, written)) = running.and_then(|running| match running.batch {
            Batch::Writing(written) => Some((running, written)),
            Batch::None | Batch::Reserving(_) => None,
        }) else {
            // the call ended meanwhile; who has left need not be told how
            effects.push(Effect::StopReading);
            if let (Phase::AwaitingRow(_), false) = (&self.phase, result == WriteResult::Taken) {
                self.stop(effects);
            }
            return;
        };
        running.batch = Batch::None;
        let reading = match (result, written) {
            (WriteResult::Taken, WriteOf::Part) => Reading::ReadOn,
            (WriteResult::Taken, WriteOf::TheEnd) => {
                self.succeed(effects);
                Reading::ReadOn
            }
            (WriteResult::Gone, WriteOf::TheEnd) => {
                self.finish_without_client(effects);
                Reading::ReadOn
            }
            (WriteResult::Gone, WriteOf::Part) => self.client_left(effects),
            (WriteResult::Stalled, _) => {
                self.end_early(OutcomeStatus::ClientStalled, effects);
                Reading::Stop
            }
            (WriteResult::SinkLost, _) => {
                self.end_early(OutcomeStatus::FailedOther, effects);
                Reading::Stop
            }
        };
        effects.push(match reading {
            Reading::ReadOn => Effect::ReadOn,
            Reading::Stop => Effect::StopReading,
        });
    }

    /// Nothing more can be reserved: the provider is stopped, and what was passed on is billed.
    fn stop_short(&mut self, failure: CallFailure, effects: &mut Vec<Effect>) {
        effects.push(Effect::StopReading);
        effects.push(Effect::Log(Notice::EndsWithItsReservation { why: failure.message() }));
        if self.client == Client::Left {
            return self.end_early(OutcomeStatus::ClientGone, effects);
        }
        self.settle_attempt(effects);
        self.fail(failure, OutcomeStatus::FailedMidstream, effects);
    }
}

/// Whether what is reserved covers the call once these events have been passed on.
fn cover(
    running: &RunningAttempt,
    reservation: &super::call_reservation::CallReservation,
    billed: ainfera_schema::Usd,
    usage: &UsageMeter,
) -> Result<Cover, PriceError> {
    let meter = &running.meter;
    let cost = billed.checked_add(meter.bill_of(usage).cost)?;
    if usage.is_final() {
        return Ok(reservation.cover_exactly(cost));
    }
    let price = |output_tokens| Ok(billed.checked_add(meter.reservation(output_tokens)?)?);
    reservation.cover(cost, usage.upper_output_tokens(), meter.bounds().output_tokens, price)
}

fn write_of(events: &[ProviderEvent]) -> WriteOf {
    if events.iter().any(|event| event.event == StreamEvent::End) {
        WriteOf::TheEnd
    } else {
        WriteOf::Part
    }
}
