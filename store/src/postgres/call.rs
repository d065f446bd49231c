//! A call by the id of its request.

use ainfera_schema::{AgentId, RequestId};

use super::pool::Pool;
use crate::read::call::{StoredBareCall, select};
use crate::read::selects;
use crate::read::stored::StoredInference;
use crate::row::FromRow;
use crate::{CallView, StoreError};

pub(super) async fn call(
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
        return Ok(Some(CallView::Inference(Box::new(
            StoredInference::from_row(&row)?.into_view()?,
        ))));
    }
    let refused = client.prepare_cached(&select("$1", "$2")).await?;
    let Some(row) = client.query_opt(&refused, &[&agent_id.0, &request_id.0]).await? else {
        return Ok(None);
    };
    StoredBareCall::from_row(&row)?.into_view().map(Some)
}
