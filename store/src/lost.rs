//! Calls that an earlier life of this replica left open: closed as `lost`, charged by what their intents say.

use ainfera_schema::{OutcomeStatus, RoutingOutcome, UsageBasis, Usd};
use jiff::Timestamp;

use crate::apply::milliseconds_between;
use crate::read::stored::from_json;
use crate::{CaptureBatch, CaptureReply, CloseResult, Closing, StoreError};

/// How many are closed in one transaction.
pub const PAGE: u32 = 500;

/// What an intent says of its call.
pub struct Orphan {
    pub draft: String,
    pub charge_if_lost: Usd,
}

pub fn closings(orphans: Vec<Orphan>, now: Timestamp) -> Result<CaptureBatch, StoreError> {
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
        Ok(Closing { outcome })
    });
    Ok(CaptureBatch { closings: closings.collect::<Result<_, StoreError>>()?, ..CaptureBatch::default() })
}

/// How many this transaction closed. A page of which none was open any more would come again for ever.
pub fn count(reply: &CaptureReply) -> Result<u64, StoreError> {
    let closed = reply.closed.iter().filter(|(_, result)| *result == CloseResult::Closed).count();
    if closed == 0 {
        return Err(StoreError::Unavailable("open calls of an earlier boot are being closed by someone else".to_owned()));
    }
    Ok(closed as u64)
}
