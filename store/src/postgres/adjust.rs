//! Looks for calls that were closed as lost. Only a batch with a closing that found no intent pays
//! for it.

use std::collections::HashMap;

use ainfera_schema::RequestId;
use uuid::Uuid;

use super::capture::usd;
use super::client::Client;
use crate::StoreError;
use crate::apply::adjust::{LostCall, post_id, transfer_id};
use crate::apply::funds::Charged;

const LOST: &str = "
WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS u(request_id, adjust_id, post_id))
SELECT c.request_id, c.cost, c.closed_at,
  EXISTS (SELECT 1 FROM transfers t WHERE t.transfer_id = a.post_id AND t.debit_account LIKE 'pool:%')
FROM (
    SELECT o.request_id, o.cost_actual_usd AS cost, o.closed_at FROM routing_outcomes o
    WHERE o.request_id = ANY($1) AND o.outcome_status = 'lost'
    UNION ALL
    SELECT k.request_id, k.cost_usd, k.closed_at FROM closed_calls k
    WHERE k.request_id = ANY($1) AND k.kind = 'direct' AND k.outcome_status = 'lost') c
JOIN asked a ON a.request_id = c.request_id
WHERE NOT EXISTS (SELECT 1 FROM transfers t WHERE t.transfer_id = a.adjust_id)";

/// Those of them that were not adjusted yet. The accounts are locked, so nobody adjusts them
/// meanwhile.
pub(super) async fn lost_calls(
    client: &Client,
    closing: &[Uuid],
) -> Result<HashMap<RequestId, LostCall>, StoreError> {
    let find = client.prepare_cached(LOST).await?;
    let adjusts: Vec<Uuid> = closing.iter().map(|request_id| transfer_id(*request_id)).collect();
    let posts: Vec<Uuid> = closing.iter().map(|request_id| post_id(*request_id)).collect();
    let rows = client.query(&find, &[&closing, &adjusts, &posts]).await?;
    let calls = rows.iter().map(|row| {
        let charged = if row.try_get(3)? { Charged::Pool } else { Charged::Wallet };
        Ok((
            RequestId(row.try_get(0)?),
            LostCall { amount: usd(row, 1)?, charged, closed_at: row.try_get(2)? },
        ))
    });
    calls.collect()
}
