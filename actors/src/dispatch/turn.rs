//! Whose turn it is: the next candidate in the order that the router gave, without those who are
//! known to be broken or full.

use std::time::Instant;

use ainfera_routing::CatalogueEntry;
use ainfera_schema::{CallKind, Model};
use ainfera_wire::error::provider_error::Lack;

use super::Open;
use super::admission::CallSetup;
use super::failure::CallFailure;
use crate::health::Turn;
use crate::health::blame::Reason;
use crate::health::pass::Pass;
use crate::provider::ProviderFailure;
use crate::provider::failure::FailoverCost;

/// The candidate, taken out of the queue, or how the call ends. The first attempt is never a
/// failover. A further one needs room in the retry budget if the provider before it worked on the
/// call or is in trouble; one that said at once that it does not serve the call costs nothing.
pub(super) fn next_turn(
    setup: &CallSetup,
    open: &mut Open,
    attempts_started: u32,
    last: Option<ProviderFailure>,
) -> Result<(CatalogueEntry, Pass), CallFailure> {
    let now = Instant::now();
    let health = &setup.worker.health;
    let catalogue = &open.choice.catalogue;
    let queue = in_order(open, attempts_started)
        .filter_map(|position| Some((position, &catalogue.at(*open.left.get(position)?)?.model)));
    let may_ask = !open.left.is_empty() && attempts_started < open.choice.max_attempts;
    let turn = may_ask.then(|| health.choose(setup.target.kind(), queue, now));
    let is_free = last.as_ref().is_none_or(|failure| failure.failover_cost() == FailoverCost::Free);
    let none_left = match turn {
        Some(Turn::Of { position, pass })
            if attempts_started == 0 || is_free || health.may_retry(now) =>
        {
            return take(setup, open, position)
                .map(|entry| (entry, pass))
                .ok_or(CallFailure::Internal);
        }
        Some(Turn::Of { .. }) => {
            tracing::info!(request_id = setup.request_id.header_value(), "retry budget is spent");
            None
        }
        Some(Turn::Nobody { retry_after_seconds, reason }) => Some((retry_after_seconds, reason)),
        None => None,
    };
    Err(match (last, none_left) {
        (None, Some((seconds, reason))) => none_can_be_asked(setup.target.kind(), seconds, reason),
        (last, _) => CallFailure::attempts_failed(setup, open, last),
    })
}

/// The positions in the queue as they are asked: the deployments of one model do not take the last
/// attempt from the other models.
fn in_order(open: &Open, attempts_started: u32) -> impl Iterator<Item = usize> {
    let is_last = attempts_started + 1 >= open.choice.max_attempts;
    let asked_last = open.asked_last.filter(|_| is_last);
    let is_of_asked = move |position: &usize| {
        asked_last.is_some() && open.left.get(*position).map(|index| index.model) == asked_last
    };
    let positions = 0..open.left.len();
    positions
        .clone()
        .filter(move |position| !is_of_asked(position))
        .chain(positions.filter(is_of_asked))
}

fn take(setup: &CallSetup, open: &mut Open, position: usize) -> Option<CatalogueEntry> {
    let index = open.left.remove(position)?;
    open.asked_last = Some(index.model);
    let entry = open.choice.catalogue.at(index)?.clone();
    if let Some(conversation) = open.conversation {
        setup.worker.health.deployments().served_by(conversation, &entry.model.provider);
    }
    Some(entry)
}

/// After a refusal of what the model cannot do: the candidates that cannot do it either are left
/// out.
pub(super) fn leave_out_as_unable(open: &mut Open, refused_by: &Model, lack: Lack) {
    let catalogue = &open.choice.catalogue;
    let window = refused_by.context_window;
    open.left.retain(|index| {
        let Some(entry) = catalogue.at(*index) else { return false };
        match lack {
            // another deployment of the model has the same window
            Lack::Window if entry.model.slug == refused_by.slug => false,
            // a window that is not known may be larger
            Lack::Window => match (entry.model.context_window, window) {
                (Some(other), Some(window)) => other > window,
                (Some(_), None) | (None, _) => true,
            },
            Lack::Tools => entry.model.supports_tools,
            Lack::Attachment | Lack::Schema | Lack::Effort | Lack::Sampling | Lack::OutputLimit => {
                true
            }
        }
    });
}

/// No candidate may be asked now, and none was.
fn none_can_be_asked(
    kind: CallKind,
    retry_after_seconds: u64,
    reason: Option<Reason>,
) -> CallFailure {
    let retry_after_seconds = Some(retry_after_seconds);
    match kind {
        CallKind::Direct => {
            let why = match reason {
                Some(Reason::KeyRefused) => "it refuses the gateway's key, and was not asked",
                Some(Reason::OutOfFunds) => {
                    "the gateway's account there has no money left, and it was not asked"
                }
                Some(Reason::NoSuchModel) => "it does not have this model, and was not asked",
                Some(Reason::RateLimited) => "it asked for a pause, and was not asked",
                Some(Reason::Failing) | None => "it is failing or full, and was not asked",
            };
            let overloaded = !matches!(
                reason,
                Some(Reason::KeyRefused | Reason::OutOfFunds | Reason::NoSuchModel)
            );
            CallFailure::PinnedFailed { overloaded, retry_after_seconds, why: why.to_owned() }
        }
        CallKind::Routed => CallFailure::AllFailed {
            attempts: 0,
            overloaded: true,
            retry_after_seconds,
            last: "every provider is failing or full".to_owned(),
        },
    }
}

/// Random enough for a breaker's jitter: the last bits of an id.
pub(super) fn chance(setup: &CallSetup) -> u16 {
    let bytes = setup.request_id.0.as_bytes();
    u16::from_be_bytes([bytes[14], bytes[15]])
}
