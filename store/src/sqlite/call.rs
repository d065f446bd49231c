//! A call by the id of its request.

use ainfera_schema::{AgentId, RequestId};
use rusqlite::Connection;

use super::rows::first;
use super::value::Key;
use crate::read::call::{StoredBareCall, select};
use crate::read::selects;
use crate::read::stored::StoredInference;
use crate::{CallView, StoreError};

pub(super) fn call(
    connection: &mut Connection,
    agent_id: AgentId,
    request_id: RequestId,
) -> Result<Option<CallView>, StoreError> {
    let snapshot = connection.transaction()?;
    let ids = || (Key(agent_id.0), Key(request_id.0));
    let mut tried = snapshot.prepare_cached(&format!(
        "{} WHERE i.agent_id = ?1 AND i.request_id = ?2",
        selects::INFERENCE
    ))?;
    if let Some(stored) = first::<StoredInference>(&mut tried, ids())? {
        return Ok(Some(CallView::Inference(Box::new(stored.into_view()?))));
    }
    let mut refused = snapshot.prepare_cached(&select("?1", "?2"))?;
    let stored: Option<StoredBareCall> = first(&mut refused, ids())?;
    stored.map(StoredBareCall::into_view).transpose()
}
