//! Whose turn it is: the next candidate in the order that the router gave, without those who are known to be broken or full.

use std::time::Instant;

use ainfera_routing::CatalogueEntry;
use ainfera_schema::CallKind;

use super::Open;
use super::admission::CallSetup;
use super::failure::CallFailure;
use crate::health::Turn;
use crate::health::pass::Pass;
use crate::provider::ProviderFailure;

/// The candidate, taken out of the queue, or how the call ends. The first attempt is never a failover; each further one needs room in the budget.
pub(super) fn next_turn(
    setup: &CallSetup,
    open: &mut Open,
    attempts_started: u32,
    last: Option<ProviderFailure>,
) -> Result<(CatalogueEntry, Pass), CallFailure> {
    let now = Instant::now();
    let health = &setup.worker.health;
    let catalogue = &open.choice.catalogue;
    let queue = open.left.iter().enumerate().filter_map(|(position, index)| Some((position, &catalogue.get(*index)?.model)));
    let turn = if open.left.is_empty() { None } else { Some(health.choose(setup.target.kind(), queue, now)) };
    let nobody_seconds = match turn {
        Some(Turn::Of { position, pass }) if attempts_started == 0 || health.may_retry(now) => {
            let entry = open.left.remove(position).and_then(|index| open.choice.catalogue.get(index).cloned());
            return entry.map(|entry| (entry, pass)).ok_or(CallFailure::Internal);
        }
        Some(Turn::Of { .. }) => {
            tracing::info!(request_id = %setup.request_id, "retry budget is spent");
            None
        }
        Some(Turn::Nobody { retry_after_seconds }) => Some(retry_after_seconds),
        None => None,
    };
    Err(match (last, nobody_seconds) {
        (None, Some(seconds)) => nobody(setup.target.kind(), seconds),
        (last, _) => CallFailure::attempts_failed(setup, open, last),
    })
}

/// Nobody could even be tried.
fn nobody(kind: CallKind, retry_after_seconds: u64) -> CallFailure {
    let retry_after_seconds = Some(retry_after_seconds);
    match kind {
        CallKind::Direct => {
            CallFailure::PinnedFailed { overloaded: true, retry_after_seconds, why: "it is failing or full, and was not asked".to_owned() }
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
