//! Calls that a boot which was given up left open: closed as `lost`, charged by what their intents
//! say.

use ainfera_schema::{OutcomeStatus, RoutingOutcome, UsageBasis, Usd};
use jiff::Timestamp;

use crate::apply::milliseconds_between;
use crate::read::stored::from_json;
use crate::{CaptureBatch, CaptureReply, CloseResult, Closing, StoreError};

/// How many are closed in one transaction.
pub(crate) const PAGE: u32 = 500;

/// What an intent says of its call.
pub(crate) struct Orphan {
    pub draft: String,
    pub charge_if_lost: Usd,
}

pub(crate) fn closings(orphans: Vec<Orphan>, now: Timestamp) -> Result<CaptureBatch, StoreError> {
    let closings = orphans.into_iter().map(|orphan| {
        let draft: RoutingOutcome = from_json(&orphan.draft)?;
        let latency_ms = milliseconds_between(draft.created_at, now);
        let outcome = RoutingOutcome {
            status: Some(OutcomeStatus::Lost),
            usage_basis: UsageBasis::Estimated,
            cost_actual_usd: orphan.charge_if_lost,
            latency_ms,
            ..draft
        };
        Ok(Closing { outcome, answer: None })
    });
    Ok(CaptureBatch {
        closings: closings.collect::<Result<_, StoreError>>()?,
        ..CaptureBatch::default()
    })
}

/// How many this transaction closed. Some may have been closed by their owner, who was only asleep.
pub(crate) fn count(reply: &CaptureReply) -> u64 {
    reply.closed.iter().filter(|(_, result)| *result == CloseResult::Closed).count() as u64
}
