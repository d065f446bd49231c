//! A database that was put back, or a standby that lacked the last moment, is on another branch
//! than what was signed. Pure: what a store found in, what it means out, and the same for both
//! stores.

use std::collections::BTreeMap;

use ainfera_schema::audit_break::{AuditBreak, BreakPlace, Declaration, Listing, Parting};
use ainfera_schema::checkpoint::CheckpointSigner;
use jiff::Timestamp;

use crate::apply::chain::event_time;
use crate::checkpoint::Newest;

/// What a replica keeps outside of the database of what was signed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub number: i64,
    pub hash: String,
    /// The newest declared break at that time.
    pub break_hash: Option<String>,
}

/// How a database stands to what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has what is kept. `newest_break` is the hash of the newest declared break.
    Continues { newest_break: Option<String> },
    /// It has not, and a declared break says so.
    Declared { newest_break: Option<String> },
    /// It has not, or a replica said that it has not what that one keeps; nobody has declared it.
    Parted,
}

/// What a store found in one snapshot.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Partings that no break has settled.
    pub open_partings: i64,
    /// The hash of the checkpoint whose number is kept.
    pub hash_there: Option<String>,
    pub newest_break: Option<String>,
}

impl Seen {
    /// Whether the breaks have to be read to tell.
    pub fn differs_from(&self, kept: &Kept) -> bool {
        self.open_partings == 0 && self.hash_there.as_ref() != Some(&kept.hash)
    }

    /// `breaks` are all that there are, oldest first; none need be read if nothing differs.
    pub fn standing(self, kept: Option<&Kept>, breaks: &[AuditBreak]) -> Standing {
        let newest_break = self.newest_break.clone();
        if self.open_partings > 0 {
            return Standing::Parted;
        }
        let Some(kept) = kept.filter(|kept| self.differs_from(kept)) else {
            return Standing::Continues { newest_break };
        };
        let known =
            breaks.iter().position(|declared| Some(&declared.hash) == kept.break_hash.as_ref());
        let since = known.map_or(0, |place| place + 1);
        if breaks[since..].iter().any(|declared| declared.names(kept.number)) {
            return Standing::Declared { newest_break };
        }
        Standing::Parted
    }
}

/// The break that settles these partings, unless there is none.
pub fn compose_break(
    partings: Vec<Parting>,
    newest: Option<Newest>,
    previous: Option<&AuditBreak>,
    now: Timestamp,
    declaration: Declaration,
    signer: &CheckpointSigner,
) -> Option<AuditBreak> {
    let parting = partings.into_iter().reduce(merged)?;
    let place = BreakPlace {
        number: previous.map_or(1, |previous| previous.number + 1),
        previous_hash: previous.map(|previous| previous.hash.clone()),
        created_at: event_time(now),
        after_number: newest.as_ref().map_or(0, |newest| newest.number),
        after_hash: newest.map(|newest| newest.hash),
    };
    Some(AuditBreak::declare(parting, declaration, place, signer))
}

/// Two replicas kept different checkpoints: the newer one is what was lost, from where the first of
/// them parts.
fn merged(left: Parting, right: Parting) -> Parting {
    let (newer, older) =
        if left.lost_number >= right.lost_number { (left, right) } else { (right, left) };
    let (parted_after, parted_at) = match older.parted_after < newer.parted_after {
        true => (older.parted_after, older.parted_at),
        false => (newer.parted_after, newer.parted_at),
    };
    let mut missing: BTreeMap<String, _> =
        older.missing.into_iter().map(|events| (events.agent_id.clone(), events)).collect();
    for mut events in newer.missing {
        if let Some(known) = missing.get(&events.agent_id) {
            events.first_seq = events.first_seq.min(known.first_seq);
        }
        missing.insert(events.agent_id.clone(), events);
    }
    let missing: Vec<_> = missing.into_values().collect();
    let whole = newer.listing == Listing::Whole && older.listing == Listing::Whole;
    Parting {
        parted_after,
        parted_at,
        missing_events: missing.iter().map(|events| events.last_seq - events.first_seq + 1).sum(),
        missing,
        listing: if whole { Listing::Whole } else { Listing::InPart },
        found_by: format!("{}, {}", older.found_by, newer.found_by),
        ..newer
    }
}

#[cfg(test)]
#[path = "parting/tests.rs"]
mod tests;
