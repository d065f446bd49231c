//! Composes the next checkpoint from what a store found: pure, and the same for both stores.

use std::collections::HashMap;

use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner, Unsigned};
use ainfera_schema::merkle::HeadTree;
use jiff::Timestamp;

use crate::StoreError;
use crate::apply::chain::event_time;

/// What became of a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointResult {
    Made(Box<Checkpoint>),
    /// No chain has grown since the last one.
    NothingNew,
    /// Another replica makes them.
    NotLeader,
    /// The database is not the one that was signed last, and nobody has declared the break: nothing
    /// is signed.
    Parted,
}

/// The number and the hash of the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub number: i64,
    pub hash: String,
}

/// What a store found in one snapshot.
pub struct Found {
    /// The head of every chain that has an event, sorted by agent.
    pub heads: Vec<ChainHead>,
    /// The heads that the newest checkpoint covers.
    pub covered: HashMap<String, (i64, String)>,
    pub newest: Option<Newest>,
    pub now: Timestamp,
}

/// The next checkpoint, unless nothing has changed. A chain that is shorter than what was signed,
/// or gone, is an error: nothing shorter is ever signed.
pub fn compose(
    mut found: Found,
    signer: &CheckpointSigner,
) -> Result<Option<Checkpoint>, StoreError> {
    let mut tree = HeadTree::default();
    let mut tree_size: i64 = 0;
    let heads_count = i64::try_from(found.heads.len()).unwrap_or(i64::MAX);
    let mut changed = Vec::new();
    for head in found.heads {
        tree.set(&head);
        tree_size = tree_size.saturating_add(head.seq);
        match found.covered.remove(&head.agent_id) {
            Some((seq, hash)) if seq == head.seq && hash == head.event_hash => {}
            Some((seq, _)) if seq >= head.seq => {
                return Err(StoreError::Corrupt(format!(
                    "chain of {} was signed at {seq} and is now at {}",
                    head.agent_id, head.seq
                )));
            }
            _ => changed.push(head),
        }
    }
    if let Some(agent_id) = found.covered.into_keys().next() {
        return Err(StoreError::Corrupt(format!("chain of {agent_id} was signed and is gone")));
    }
    if changed.is_empty() {
        return Ok(None);
    }
    Ok(Some(signer.sign(Unsigned {
        number: found.newest.as_ref().map_or(1, |newest| newest.number + 1),
        created_at: event_time(found.now),
        tree_size,
        heads_count,
        merkle_root: tree.root(),
        previous_hash: found.newest.map(|newest| newest.hash),
        heads: changed,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(agent: &str, seq: i64) -> ChainHead {
        ChainHead { agent_id: agent.to_owned(), seq, event_hash: format!("{seq:064}") }
    }

    fn made(heads: &[ChainHead], covered: &[ChainHead]) -> Result<Option<Checkpoint>, StoreError> {
        let covered = covered
            .iter()
            .map(|head| (head.agent_id.clone(), (head.seq, head.event_hash.clone())))
            .collect();
        let newest = Some(Newest { number: 4, hash: "ab".to_owned() });
        let found = Found { heads: heads.to_vec(), covered, newest, now: Timestamp::UNIX_EPOCH };
        compose(found, &CheckpointSigner::new(&[1; 32]))
    }

    #[test]
    fn only_what_changed_is_listed_and_everything_is_signed() {
        let checkpoint =
            made(&[head("a", 2), head("b", 5)], &[head("a", 2), head("b", 3)]).unwrap().unwrap();
        assert_eq!((checkpoint.number, checkpoint.previous_hash.as_deref()), (5, Some("ab")));
        assert_eq!((checkpoint.tree_size, checkpoint.heads_count), (7, 2));
        assert_eq!(checkpoint.heads, [head("b", 5)]);
        assert_eq!(made(&[head("a", 2)], &[head("a", 2)]).unwrap(), None);
    }

    #[test]
    fn a_chain_that_was_cut_is_not_signed_again() {
        for heads in [vec![head("a", 1)], vec![]] {
            assert!(matches!(made(&heads, &[head("a", 2)]), Err(StoreError::Corrupt(_))));
        }
        let rewritten = ChainHead { event_hash: "f".repeat(64), ..head("a", 2) };
        assert!(matches!(made(&[rewritten], &[head("a", 2)]), Err(StoreError::Corrupt(_))));
    }
}
