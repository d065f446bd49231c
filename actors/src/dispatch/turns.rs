//! Whose turn it is: the first of the queue that is well, or due for its probe, and has room.

use std::time::Instant;

use ainfera_routing::{CatalogueEntry, DeploymentIndex, ReservationError};
use ainfera_schema::OnDisconnect;

use super::admission::CallSetup;
use super::machine::attempt_meter::{AttemptBounds, AttemptMeter};
use super::machine::effect::BudgetUse;
use super::machine::input::{Offer, Turn};
use super::open_call::{HeldAttempt, OpenCall};
use super::reservation::{bounds, certain_uses};
use crate::health::Turn as Place;

/// Takes a place at a provider, which the call then holds.
pub(super) fn take(
    setup: &CallSetup,
    open: &mut OpenCall,
    queue: &[DeploymentIndex],
    budget: BudgetUse,
) -> Turn {
    let now = Instant::now();
    let health = &setup.worker.health;
    let catalogue = &open.choice.catalogue;
    let models = queue
        .iter()
        .enumerate()
        .filter_map(|(position, index)| Some((position, &catalogue.at(*index)?.model)));
    let (position, permit) = match health.choose(setup.target.kind(), models, now) {
        Place::Of { position, permit } => (position, permit),
        Place::NoneAvailable { retry_after_seconds, reason } => {
            return Turn::NoneAvailable { retry_after_seconds, reason };
        }
    };
    if budget == BudgetUse::Needed && !health.may_retry(now) {
        let request_id = setup.request_id.header_value();
        tracing::info!(request_id, "retry budget is spent");
        return Turn::RetryBudgetSpent;
    }
    let found = queue.get(position).and_then(|index| Some((*index, catalogue.at(*index)?)));
    let Some((deployment, entry)) = found else { return Turn::NotComputable };
    if let Some(conversation) = open.conversation {
        health.deployments().served_by(conversation, &entry.model.provider);
    }
    let offer = offer(setup, open, deployment, entry);
    open.attempt = Some(HeldAttempt::new(deployment, permit));
    match offer {
        Ok(offer) => Turn::Of(Box::new(offer)),
        Err(error) => {
            let request_id = setup.request_id.header_value();
            tracing::error!(request_id, %error, "reservation cannot be computed");
            Turn::NotComputable
        }
    }
}

fn offer(
    setup: &CallSetup,
    open: &OpenCall,
    deployment: DeploymentIndex,
    entry: &CatalogueEntry,
) -> Result<Offer, ReservationError> {
    let mut bounds = bounds(&setup.call, entry);
    // what there is the money for
    bounds.output_tokens = bounds.output_tokens.min(open.choice.most_output_tokens);
    let asked = AttemptBounds {
        estimated_input_tokens: setup.call.estimated_input_tokens,
        bounds,
        certain_uses: certain_uses(&setup.call, entry),
    };
    let meter = AttemptMeter::new(entry.clone(), asked, jiff::Timestamp::now())?;
    let provider = setup.worker.providers.get(&entry.model.provider);
    Ok(Offer {
        deployment,
        first_output_tokens: setup
            .worker
            .reservations
            .first_output_tokens(bounds.output_tokens, entry.model.stream_mode),
        meter,
        total: setup.worker.total(&setup.call, &entry.model),
        on_disconnect: provider.map_or(OnDisconnect::Cancel, |provider| provider.on_disconnect),
    })
}

/// Random enough for a breaker's jitter: the last bits of an id.
pub(super) fn chance(setup: &CallSetup) -> u16 {
    let bytes = setup.request_id.0.as_bytes();
    u16::from_be_bytes([bytes[14], bytes[15]])
}
