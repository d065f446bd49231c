//! A call by the id of its request.

use ainfera_schema::{AgentId, RequestId};
use rusqlite::{Connection, OptionalExtension};

use super::read::stored_inference;
use super::value::{Key, Nanos, Time};
use crate::read::call::{StoredBareCall, select};
use crate::read::selects;
use crate::{CallView, StoreError};

pub fn call(
    connection: &mut Connection,
    agent_id: AgentId,
    request_id: RequestId,
) -> Result<Option<CallView>, StoreError> {
    let snapshot = connection.transaction()?;
    let ids = (Key(agent_id.0), Key(request_id.0));
    let mut tried = snapshot.prepare_cached(&format!(
        "{} WHERE i.agent_id = ?1 AND i.request_id = ?2",
        selects::INFERENCE
    ))?;
    if let Some(stored) = tried.query_row(ids, stored_inference).optional()? {
        return Ok(Some(CallView::Inference(Box::new(stored.into_view()?))));
    }
    let mut refused = snapshot.prepare_cached(&select("?1", "?2"))?;
    let stored = refused.query_row((Key(agent_id.0), Key(request_id.0)), |row| {
        Ok(StoredBareCall {
            request_id: request_id.0,
            agent_id: agent_id.0,
            kind: row.get(0)?,
            outcome_status: row.get(1)?,
            cost_usd: row.get::<_, Nanos>(8)?.0,
            task_type: row.get(2)?,
            decision_rule: row.get(3)?,
            policy_version: row.get(4)?,
            candidates: row.get(5)?,
            refusal: row.get(6)?,
            closed_at: row.get::<_, Time>(7)?.0,
        })
    });
    stored.optional()?.map(StoredBareCall::into_view).transpose()
}
