//! Looks for calls that were closed as lost.

use std::collections::HashMap;

use ainfera_schema::RequestId;
use rusqlite::{OptionalExtension, Transaction};

use super::value::{Key, Nanos, Time};
use crate::apply::adjust::{LostCall, post_id, transfer_id};
use crate::apply::funds::{Charged, Reservation};
use crate::{CaptureBatch, StoreError};

const LOST: &str = "
SELECT c.cost, c.closed_at, EXISTS (SELECT 1 FROM transfers t WHERE t.transfer_id = ?3 AND t.debit_account LIKE 'pool:%')
FROM (
    SELECT o.cost_actual_usd AS cost, o.closed_at FROM routing_outcomes o WHERE o.request_id = ?1 AND o.outcome_status = 'lost'
    UNION ALL
    SELECT k.cost_usd, k.closed_at FROM closed_calls k WHERE k.request_id = ?1 AND k.kind = 'direct' AND k.outcome_status = 'lost') c
WHERE NOT EXISTS (SELECT 1 FROM transfers t WHERE t.transfer_id = ?2)";

/// Those of the batch's closings that found no intent, were closed as lost, and were not adjusted
/// yet.
pub(super) fn lost_calls(
    transaction: &Transaction<'_>,
    batch: &CaptureBatch,
    removed: &HashMap<RequestId, Reservation>,
) -> Result<HashMap<RequestId, LostCall>, StoreError> {
    let mut statement = transaction.prepare_cached(LOST)?;
    let mut lost = HashMap::new();
    let closing = batch.closings.iter().map(|closing| closing.outcome.request_id);
    for request_id in closing.filter(|request_id| !removed.contains_key(request_id)) {
        let keys = (Key(request_id.0), Key(transfer_id(request_id.0)), Key(post_id(request_id.0)));
        let call = statement.query_row(keys, |row| {
            let charged = if row.get(2)? { Charged::Pool } else { Charged::Wallet };
            Ok(LostCall {
                amount: row.get::<_, Nanos>(0)?.0,
                charged,
                closed_at: row.get::<_, Time>(1)?.0,
            })
        });
        if let Some(call) = call.optional()? {
            lost.insert(request_id, call);
        }
    }
    Ok(lost)
}
