//! A call by the id of its request.

use ainfera_schema::{AgentId, RequestId};

use super::capture::usd;
use super::pool::Pool;
use super::read::stored_inference;
use crate::read::call::{StoredBareCall, select};
use crate::read::selects;
use crate::{CallView, StoreError};

pub async fn call(
    pool: &Pool,
    agent_id: AgentId,
    request_id: RequestId,
) -> Result<Option<CallView>, StoreError> {
    let client = pool.get().await?;
    let tried = client
        .prepare_cached(&format!(
            "{} WHERE i.agent_id = $1 AND i.request_id = $2",
            selects::INFERENCE
        ))
        .await?;
    if let Some(row) = client.query_opt(&tried, &[&agent_id.0, &request_id.0]).await? {
        return Ok(Some(CallView::Inference(Box::new(stored_inference(&row)?.into_view()?))));
    }
    let refused = client.prepare_cached(&select("$1", "$2")).await?;
    let Some(row) = client.query_opt(&refused, &[&agent_id.0, &request_id.0]).await? else {
        return Ok(None);
    };
    let refusal = StoredBareCall {
        request_id: request_id.0,
        agent_id: agent_id.0,
        kind: row.try_get(0)?,
        outcome_status: row.try_get(1)?,
        cost_usd: usd(&row, 8)?,
        task_type: row.try_get(2)?,
        decision_rule: row.try_get(3)?,
        policy_version: row.try_get(4)?,
        candidates: row.try_get(5)?,
        refusal: row.try_get(6)?,
        closed_at: row.try_get(7)?,
    };
    refusal.into_view().map(Some)
}
