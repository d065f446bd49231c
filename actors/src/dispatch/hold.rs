//! What a call has reserved while it runs, and how it gets more. No event is passed on, and nothing
//! is billed, that is not held: a batch that would pass what is held waits for the store's answer,
//! and the provider is not read meanwhile.

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, ResponseActFuture, WrapFuture};
use ainfera_routing::{ReservationError, ReservationMode, is_running_out, next_output_tokens};
use ainfera_schema::{OutcomeStatus, PriceError, StreamMode, UsageBasis, Usd};
use ainfera_store::{Extended, Extension};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::admission::CallSetup;
use super::disconnect::Client;
use super::meter::{Counted, Running};
use super::reservation::reservation;
use super::{CallFailure, DispatchActor, Open, Phase, taken};
use crate::capture::extend::Extend;
use crate::provider::{Emit, ProviderFailure, Taken};

/// Of an open call.
pub(super) struct Held {
    /// For the whole call, durably.
    amount: Usd,
    /// Up to how much output of the running attempt.
    output_tokens: u64,
    ahead: Ahead,
}

/// Whether more is asked for before it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Due,
    Asked,
    /// It is asked for once more when it is needed.
    Refused,
}

/// What shall be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    amount: Usd,
    output_tokens: u64,
}

/// Whether a batch is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    Held,
    /// It is, and what comes after it will not be for long.
    RunningOut(Grant),
    /// Not before this is held.
    Short(Grant),
}

/// The answer to asking for more.
enum Answer {
    Held,
    Refused(CallFailure),
    /// It cannot be known whether it could be had.
    Unknown,
}

impl Held {
    pub fn new(amount: Usd) -> Self {
        Self { amount, output_tokens: 0, ahead: Ahead::Due }
    }

    /// What an attempt begins with. `None` where it is held already.
    fn begin(&mut self, grant: Grant) -> Option<Grant> {
        self.ahead = Ahead::Due;
        self.output_tokens = grant.output_tokens;
        (grant.amount > self.amount).then_some(grant)
    }

    fn granted(&mut self, grant: Grant) {
        self.amount = self.amount.max(grant.amount);
        self.output_tokens = self.output_tokens.max(grant.output_tokens);
        self.ahead = Ahead::Due;
    }

    /// `cost` is the call's with the batch; `tokens` are not fewer than the attempt's output with
    /// it.
    fn cover(
        &self,
        cost: Usd,
        tokens: u64,
        max_tokens: u64,
        price: impl Fn(u64) -> Result<Usd, PriceError>,
    ) -> Result<Cover, PriceError> {
        let tokens = tokens.min(max_tokens);
        let next = |from: u64| {
            let output_tokens = next_output_tokens(from, max_tokens);
            Ok(Grant { amount: price(output_tokens)?.max(cost), output_tokens })
        };
        if cost > self.amount || tokens > self.output_tokens {
            return next(tokens.max(self.output_tokens)).map(Cover::Short);
        }
        if self.ahead == Ahead::Due
            && self.output_tokens < max_tokens
            && is_running_out(tokens, self.output_tokens)
        {
            return next(self.output_tokens).map(Cover::RunningOut);
        }
        Ok(Cover::Held)
    }
}

/// What must be held before this attempt begins, and is not.
pub(super) fn missing(
    setup: &CallSetup,
    open: &mut Open,
    running: &Running,
) -> Result<Option<Grant>, ReservationError> {
    let model = &running.entry.model;
    let price = model
        .price
        .as_ref()
        .ok_or_else(|| ReservationError::UnknownPrice { slug: model.slug.clone() })?;
    let by_provider = setup
        .worker
        .providers
        .get(&model.provider)
        .map_or(StreamMode::Native, |provider| provider.stream_mode);
    let output_tokens = setup
        .worker
        .holds
        .first_output_tokens(running.bounds().output_tokens, by_provider.and(model.stream_mode));
    let amount = open
        .billed()
        .checked_add(reservation(price, running.bounds(), output_tokens)?)
        .map_err(PriceError::Money)?;
    Ok(open.held.begin(Grant { amount, output_tokens }))
}

/// Whether what is held covers the call once these events have been passed on.
fn cover(setup: &CallSetup, open: &mut Open, counted: &Counted) -> Result<Cover, PriceError> {
    let billed = open.billed();
    let Some((running, _)) =
        open.running.as_ref().filter(|_| setup.worker.holds == ReservationMode::Sliced)
    else {
        return Ok(Cover::Held);
    };
    let Some(price) = running.entry.model.price.as_ref() else { return Ok(Cover::Held) };
    let cost = billed.checked_add(running.bill_of(counted).cost)?;
    let held = |output_tokens| {
        Ok(billed.checked_add(reservation(price, running.bounds(), output_tokens)?)?)
    };
    if counted.basis() == UsageBasis::Reported {
        // it is known what it costs, and there will be no more of it
        let grant = Grant { amount: cost, output_tokens: open.held.output_tokens };
        return Ok(if cost > open.held.amount { Cover::Short(grant) } else { Cover::Held });
    }
    open.held.cover(cost, counted.upper_output_tokens(), running.bounds().output_tokens, held)
}

impl DispatchActor {
    /// Takes a batch of the running attempt, once what it makes the call cost is held.
    pub(super) fn hear(
        &mut self,
        emit: Emit,
        context: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Taken> {
        let (Phase::Trying { open, .. } | Phase::Committed { open }) = &mut self.phase else {
            return taken(Taken::Stop);
        };
        let Some((running, _)) =
            open.running.as_ref().filter(|(running, _)| running.attempt == emit.attempt)
        else {
            return taken(Taken::Stop);
        };
        let counted = running.counted().and(&emit.events);
        match cover(&self.setup, open, &counted) {
            Ok(Cover::Held) => self.heard(emit, counted, context),
            Ok(Cover::RunningOut(grant)) => {
                open.held.ahead = Ahead::Asked;
                self.extend_ahead(emit.attempt, grant, context);
                self.heard(emit, counted, context)
            }
            Ok(Cover::Short(grant)) => {
                let asked = self.ask(grant).into_actor(self);
                Box::pin(asked.then(move |answer, actor, context| {
                    actor.answered(emit, grant, answer, context)
                }))
            }
            // A cost that cannot be computed counts as more money than there is.
            Err(error) => {
                tracing::error!(request_id = self.setup.request_id.header_value(), %error, "hold cannot be computed");
                self.stop_short(CallFailure::Internal, context)
            }
        }
    }

    fn answered(
        &mut self,
        emit: Emit,
        grant: Grant,
        answer: Answer,
        context: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Taken> {
        match answer {
            Answer::Held => {
                if let Phase::Trying { open, .. } | Phase::Committed { open } = &mut self.phase {
                    open.held.granted(grant);
                }
                self.hear(emit, context)
            }
            Answer::Refused(failure) => self.stop_short(failure, context),
            Answer::Unknown => self.stop_short(CallFailure::HoldUnavailable, context),
        }
    }

    /// While what is held still lasts.
    fn extend_ahead(&mut self, attempt: u32, grant: Grant, context: &mut Context<Self>) {
        let asked = self.ask(grant).into_actor(self);
        context.spawn(asked.map(move |answer, actor, _| {
            let (Phase::Trying { open, .. } | Phase::Committed { open }) = &mut actor.phase else {
                return;
            };
            if open.running.as_ref().is_none_or(|(running, _)| running.attempt != attempt) {
                // a larger amount is held, for another attempt: that costs nothing, and is given
                // back with the rest
                return;
            }
            match answer {
                Answer::Held => open.held.granted(grant),
                Answer::Refused(_) => open.held.ahead = Ahead::Refused,
                Answer::Unknown => open.held.ahead = Ahead::Due,
            }
        }));
    }

    /// Holds what the attempt needs, then starts it.
    pub(super) fn extend_and_start(
        &mut self,
        running: Running,
        grant: Grant,
        last: Option<ProviderFailure>,
        context: &mut Context<Self>,
    ) {
        let asked = self.ask(grant).into_actor(self);
        context.spawn(asked.map(move |answer, actor, context| {
            let Phase::Trying { open, .. } = &mut actor.phase else { return };
            match answer {
                Answer::Held => {
                    open.held.granted(grant);
                    if let Err(failure) = actor.start_attempt(running, context) {
                        actor.try_next(Some(failure), context);
                    }
                }
                // a candidate that does not fit is left out, and costs no attempt
                Answer::Refused(CallFailure::Refused(..)) if !open.left.is_empty() => {
                    drop(running);
                    actor.attempts_started -= 1;
                    actor.try_next(last, context);
                }
                Answer::Refused(failure) => {
                    // who is rejected has cost nothing
                    let status = if open.billed().is_zero() {
                        failure.status_if_nothing_ran()
                    } else {
                        OutcomeStatus::FailedProviderError
                    };
                    actor.fail(failure, status, context);
                }
                Answer::Unknown => {
                    actor.fail(CallFailure::HoldUnavailable, OutcomeStatus::FailedOther, context)
                }
            }
        }));
    }

    /// Nothing more can be held: the provider is stopped, and what was passed on is billed.
    fn stop_short(
        &mut self,
        failure: CallFailure,
        context: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Taken> {
        if let Phase::Admitting | Phase::Closed = self.phase {
            return taken(Taken::Stop);
        }
        tracing::info!(
            request_id = self.setup.request_id.header_value(),
            why = failure.message(),
            "call stops where its hold ends"
        );
        self.settle_running();
        if let Client::Left(_) = self.client {
            self.close(OutcomeStatus::ClientGone);
            context.stop();
        } else {
            self.fail(failure, OutcomeStatus::FailedMidstream, context);
        }
        taken(Taken::Stop)
    }

    fn ask(&self, grant: Grant) -> impl Future<Output = Answer> + 'static {
        let (reply, answer) = oneshot::channel();
        let (request_id, agent_id) = (self.setup.request_id, self.setup.agent.agent_id);
        self.setup.worker.capture.do_send(Extend {
            extension: Extension { request_id, agent_id, hold: grant.amount },
            reply,
        });
        let answer = timeout(self.setup.worker.deadlines.admission, answer);
        async move {
            match answer.await {
                Ok(Ok(Ok(Extended::Held))) => Answer::Held,
                Ok(Ok(Ok(Extended::Refused(refusal)))) => {
                    Answer::Refused(CallFailure::Refused(refusal, None))
                }
                // somebody has closed it as lost
                Ok(Ok(Ok(Extended::NotOpen))) => Answer::Refused(CallFailure::Internal),
                Ok(Ok(Err(error))) => {
                    tracing::warn!(request_id = request_id.header_value(), %error, "hold could not be extended");
                    Answer::Unknown
                }
                Ok(Err(_)) | Err(_) => Answer::Unknown,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 10_000;

    fn held(nanos: i64, output_tokens: u64) -> Held {
        Held { output_tokens, ..Held::new(Usd::from_nanos(nanos)) }
    }

    /// A nano-dollar a token, and a hundred for the input.
    fn price(output_tokens: u64) -> Result<Usd, PriceError> {
        Ok(Usd::from_nanos(100 + i64::try_from(output_tokens).unwrap()))
    }

    fn cover(held: &Held, cost: i64, tokens: u64) -> Cover {
        held.cover(Usd::from_nanos(cost), tokens, MAX, price).unwrap()
    }

    fn grant(nanos: i64, output_tokens: u64) -> Grant {
        Grant { amount: Usd::from_nanos(nanos), output_tokens }
    }

    #[test]
    fn more_is_asked_for_at_three_quarters_once_and_waited_for_at_the_end() {
        let mut held = held(2_148, 2_048);
        assert_eq!(cover(&held, 1_000, 1_535), Cover::Held);
        assert_eq!(cover(&held, 1_000, 1_536), Cover::RunningOut(grant(6_244, 6_144)));
        held.ahead = Ahead::Asked;
        assert_eq!(cover(&held, 2_148, 2_048), Cover::Held);
        assert_eq!(cover(&held, 2_148, 2_049), Cover::Short(grant(6_245, 6_145)));
        held.granted(grant(6_244, 6_144));
        assert_eq!(
            (cover(&held, 2_149, 2_049), held.amount),
            (Cover::Held, Usd::from_nanos(6_244))
        );
    }

    #[test]
    fn what_is_asked_for_covers_the_batch_that_asks_however_large_it_is() {
        let mut held = held(2_148, 2_048);
        let Cover::Short(more) = cover(&held, 9_000, 9_500) else { panic!("not short") };
        assert_eq!(more, grant(10_100, MAX));
        held.granted(more);
        assert_eq!(cover(&held, 9_000, 9_500), Cover::Held);
        // the estimate is above what was asked for: there is nothing more to hold
        assert_eq!(cover(&held, 10_100, 11_000), Cover::Held);
        // dearer than any hold, by its input
        let Cover::Short(more) = cover(&held, 20_000, 9_500) else { panic!("not short") };
        held.granted(more);
        assert_eq!(cover(&held, 20_000, 9_500), Cover::Held);
    }

    #[test]
    fn a_refusal_is_not_asked_for_again_before_the_end() {
        let mut held = held(2_148, 2_048);
        held.ahead = Ahead::Refused;
        assert_eq!(cover(&held, 1_000, 2_048), Cover::Held);
        assert!(matches!(cover(&held, 1_000, 2_049), Cover::Short(_)));
    }

    #[test]
    fn an_attempt_begins_with_what_it_needs_and_keeps_what_is_there() {
        let mut held = held(5_000, 4_900);
        assert_eq!(held.begin(grant(5_000, 2_048)), None);
        assert_eq!((held.amount, held.output_tokens), (Usd::from_nanos(5_000), 2_048));
        assert_eq!(held.begin(grant(5_001, 2_048)), Some(grant(5_001, 2_048)));
        assert_eq!(held.amount, Usd::from_nanos(5_000), "not before it is durable");
    }
}
