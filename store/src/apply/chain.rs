//! An audit chain, of an agent or of a tenant's pool: how a link is added.

use ainfera_schema::audit::{canonical_json, event_hash};
use ainfera_schema::{AgentId, RequestId};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::event::Event;
use super::rows::AuditRow;

/// The end of a chain: whose it is, the number of its events, the hash of the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    pub owner: Uuid,
    pub seq: i64,
    pub head: Option<String>,
}

impl Chain {
    pub(crate) fn new(owner: Uuid) -> Self {
        Self { owner, seq: 0, head: None }
    }

    /// Adds a link. Only the payload is hashed, so what else the row says is repeated in it.
    pub(crate) fn append(
        &mut self,
        event: Event,
        request_id: Option<RequestId>,
        now: Timestamp,
    ) -> AuditRow {
        self.seq += 1;
        let Event { event_type, mut fields } = event;
        fields.insert("event_type".to_owned(), Value::from(event_type.as_str()));
        fields.insert("seq".to_owned(), Value::from(self.seq));
        fields.insert("created_at".to_owned(), Value::from(event_time(now)));
        fields.insert("agent_id".to_owned(), Value::from(self.owner.to_string()));
        if let Some(request_id) = request_id {
            fields.insert("request_id".to_owned(), Value::from(request_id.to_string()));
        }
        let payload = canonical_json(&Value::Object(fields));
        let previous_hash = self.head.take();
        let event_hash = event_hash(previous_hash.as_deref(), &payload);
        self.head = Some(event_hash.clone());
        AuditRow {
            agent_id: AgentId(self.owner),
            seq: self.seq,
            event_id: Uuid::new_v5(&self.owner, format!("audit:{}", self.seq).as_bytes()),
            event_type,
            payload,
            previous_hash,
            event_hash,
            created_at: now,
        }
    }
}

/// RFC 3339 in UTC with microseconds: what both databases keep.
pub(crate) fn event_time(time: Timestamp) -> String {
    format!("{time:.6}")
}
