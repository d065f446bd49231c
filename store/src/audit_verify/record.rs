//! One record of an audit log, and what can be seen of it alone.

use std::borrow::Cow;

use ainfera_schema::audit::event_hash;
use ainfera_schema::audit_break::AuditBreak;
use ainfera_schema::checkpoint::Checkpoint;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An event as it is exported. `payload` is the text that was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEvent {
    pub agent_id: String,
    pub seq: i64,
    pub event_id: String,
    pub event_type: String,
    pub payload: String,
    pub previous_hash: Option<String>,
    pub event_hash: String,
    pub created_at: String,
}

/// One line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    Event(ChainEvent),
    Checkpoint(Checkpoint),
    Break(Box<AuditBreak>),
}

/// A record, with what is wrong with it by itself.
#[derive(Debug, Clone)]
pub enum Examined {
    Event { event: ChainEvent, fault: Option<&'static str> },
    Checkpoint(Box<Checkpoint>),
    Break(Box<AuditBreak>),
    Unreadable(&'static str),
}

/// What the payload repeats of its row.
#[derive(Deserialize)]
struct Bound<'a> {
    #[serde(borrow)]
    agent_id: Cow<'a, str>,
    seq: i64,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    created_at: Cow<'a, str>,
}

/// Checks the hash of an event, and that its row says what its payload says.
pub fn examine(record: Record) -> Examined {
    match record {
        Record::Event(event) => {
            let fault = fault_of(&event);
            Examined::Event { event, fault }
        }
        Record::Checkpoint(checkpoint) => Examined::Checkpoint(Box::new(checkpoint)),
        Record::Break(declared) => Examined::Break(declared),
    }
}

/// One line of an export, with its line break.
pub fn examine_line(line: &[u8]) -> Examined {
    // spaces around the object would be another text with the same meaning
    match line.strip_suffix(b"}\n") {
        Some(rest) if rest.starts_with(b"{") => {}
        _ => return Examined::Unreadable("line is not one whole object"),
    }
    match serde_json::from_slice(line) {
        Ok(record) => examine(record),
        Err(_) => Examined::Unreadable("line is neither an event nor a checkpoint nor a break"),
    }
}

fn fault_of(event: &ChainEvent) -> Option<&'static str> {
    if event_hash(event.previous_hash.as_deref(), &event.payload) != event.event_hash {
        return Some("hash does not match the payload");
    }
    let Ok(bound) = serde_json::from_str::<Bound<'_>>(&event.payload) else {
        return Some("payload does not say whose event it is");
    };
    let bound_as_said = bound.agent_id == event.agent_id
        && bound.seq == event.seq
        && bound.event_type == event.event_type
        && bound.created_at == event.created_at;
    if !bound_as_said {
        return Some("row does not match its payload");
    }
    let expected = Uuid::try_parse(&event.agent_id).map(|agent_id| event_id(agent_id, event.seq));
    let mut digits = Uuid::encode_buffer();
    match expected {
        Ok(expected)
            if expected.hyphenated().encode_lower(&mut digits) == event.event_id.as_str() =>
        {
            None
        }
        _ => Some("event id is not the one of this event"),
    }
}

/// An event's id follows from its agent and its number.
pub fn event_id(agent_id: Uuid, seq: i64) -> Uuid {
    Uuid::new_v5(&agent_id, format!("audit:{seq}").as_bytes())
}
