//! What the audit's pages show.

use ainfera_schema::checkpoint::Checkpoint;
use ainfera_schema::{AgentId, TenantId, Usd};
use serde::Serialize;
use uuid::Uuid;

/// How far all chains together go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditHeight {
    pub global_height: i64,
    pub latest_event_at: Option<String>,
    pub checkpoint: Option<CheckpointSummary>,
}

/// A checkpoint without its heads, which would name agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckpointSummary {
    pub number: i64,
    pub created_at: String,
    pub tree_size: i64,
    pub heads_count: i64,
    pub merkle_root: String,
    pub previous_hash: Option<String>,
    pub hash: String,
    pub public_key: String,
    pub signature: String,
}

impl From<Checkpoint> for CheckpointSummary {
    fn from(checkpoint: Checkpoint) -> Self {
        Self {
            number: checkpoint.number,
            created_at: checkpoint.created_at,
            tree_size: checkpoint.tree_size,
            heads_count: checkpoint.heads_count,
            merkle_root: checkpoint.merkle_root,
            previous_hash: checkpoint.previous_hash,
            hash: checkpoint.hash,
            public_key: checkpoint.public_key,
            signature: checkpoint.signature,
        }
    }
}

/// An event as everybody may see it. Whose agent it is decides whether a reader may see the agent's
/// name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicEvent {
    #[serde(skip)]
    pub agent_id: AgentId,
    #[serde(skip)]
    pub tenant_id: TenantId,
    pub seq: i64,
    pub event_type: String,
    pub agent_name: String,
    pub created_at: String,
    pub event_hash: String,
}

/// Where a page of the public list begins: at what is older than this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicCursor {
    pub created_at: String,
    pub event_hash: String,
}

impl PublicCursor {
    /// Before the newest.
    pub fn newest() -> Self {
        Self { created_at: "9999-12-30T00:00:00.000000Z".to_owned(), event_hash: String::new() }
    }

    /// After this event. It names no agent.
    pub fn after(event: &PublicEvent) -> Self {
        Self { created_at: event.created_at.clone(), event_hash: event.event_hash.clone() }
    }

    pub fn text(&self) -> String {
        format!("{}_{}", self.created_at, self.event_hash)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (created_at, event_hash) = text.split_once('_')?;
        let time: jiff::Timestamp = created_at.parse().ok()?;
        let fits =
            event_hash.len() == 64 && event_hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        fits.then(|| Self {
            created_at: crate::apply::chain::event_time(time),
            event_hash: event_hash.to_owned(),
        })
    }
}

/// What the caller can show for a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub receipt_id: Uuid,
    pub inference_id: Uuid,
    pub cost_usd: Usd,
    /// What did not reach the provider as it was sent.
    pub coercions: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let cursor = PublicCursor {
            created_at: "2026-11-23T12:00:00.000001Z".to_owned(),
            event_hash: "a".repeat(64),
        };
        assert_eq!(PublicCursor::parse(&cursor.text()), Some(cursor));
        for text in ["", "x_y", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z_short"] {
            assert_eq!(PublicCursor::parse(text), None, "{text}");
        }
    }
}
