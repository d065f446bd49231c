//! What a database lacks of what was signed: which chains, how many events, since when.

use std::collections::BTreeMap;

use ainfera_schema::AgentId;
use ainfera_schema::audit_break::{Listing, MissingEvents, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint};
use uuid::Uuid;

use crate::{StoreError, StoreReader};

/// More chains than these are counted in the log's message and not listed.
const MOST_CHAINS: usize = 1_000;
const PAGE: u32 = 500;

/// Compares checkpoints that were kept outside, of one branch and oldest first, with the database.
/// None if it has the newest of them.
pub async fn investigate(
    store: &dyn StoreReader,
    kept: &[Checkpoint],
    found_by: &str,
) -> Result<Option<Parting>, StoreError> {
    let (Some(first), Some(lost)) = (kept.first(), kept.last()) else {
        return Ok(None);
    };
    let common = newest_common(store, kept).await?;
    if common.as_ref().is_some_and(|common| common.number == lost.number) {
        return Ok(None);
    }
    let parted = match common {
        Some(common) => Some(common),
        // it ends before what is kept begins: there is nothing to tell that it is another branch
        None => store.newest_checkpoint().await?.filter(|newest| newest.number < first.number),
    };
    let parted_after = parted.as_ref().map_or(0, |checkpoint| checkpoint.number);
    let gone: Vec<&Checkpoint> =
        kept.iter().filter(|checkpoint| checkpoint.number > parted_after).collect();
    let mut heads: BTreeMap<&str, &ChainHead> = BTreeMap::new();
    for head in gone.iter().flat_map(|checkpoint| &checkpoint.heads) {
        heads.insert(&head.agent_id, head);
    }
    let whole = first.number <= parted_after + 1 && heads.len() <= MOST_CHAINS;
    let mut missing = Vec::new();
    for head in heads.into_values().take(MOST_CHAINS) {
        missing.extend(missing_of(store, head, kept, parted_after).await?);
    }
    Ok(Some(Parting {
        parted_after,
        parted_at: parted.map(|checkpoint| checkpoint.created_at),
        lost_number: lost.number,
        lost_hash: lost.hash.clone(),
        lost_created_at: lost.created_at.clone(),
        lost_tree_size: lost.tree_size,
        missing_events: missing.iter().map(|events| events.last_seq - events.first_seq + 1).sum(),
        missing,
        listing: if whole { Listing::Whole } else { Listing::InPart },
        found_by: found_by.to_owned(),
    }))
}

/// The newest of the kept checkpoints that the database has too.
async fn newest_common(
    store: &dyn StoreReader,
    kept: &[Checkpoint],
) -> Result<Option<Checkpoint>, StoreError> {
    let mut common = None;
    for page in kept.chunks(PAGE as usize) {
        let Some(first) = page.first() else { break };
        let there = store.checkpoints(first.number - 1, PAGE).await?;
        let is_there = |mine: &&Checkpoint| {
            there.iter().any(|other| other.number == mine.number && other.hash == mine.hash)
        };
        match page.iter().rfind(is_there) {
            Some(newest) => common = Some(newest.clone()),
            None => break,
        }
    }
    Ok(common)
}

/// None if the chain has the event that was signed.
async fn missing_of(
    store: &dyn StoreReader,
    head: &ChainHead,
    kept: &[Checkpoint],
    parted_after: i64,
) -> Result<Option<MissingEvents>, StoreError> {
    // a name that is none has no events
    let agent_id = Uuid::try_parse(&head.agent_id)
        .map(AgentId)
        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let there = store.chain_events(agent_id, head.seq - 1, 1).await?;
    if there
        .first()
        .is_some_and(|event| event.seq == head.seq && event.event_hash == head.event_hash)
    {
        return Ok(None);
    }
    let ends_at = store.account_head(agent_id).await?.map_or(0, |end| end.seq);
    let first_seq = if ends_at < head.seq {
        ends_at + 1
    } else {
        // it has grown since: from the last event that both branches signed
        let mut common = kept
            .iter()
            .filter(|checkpoint| checkpoint.number <= parted_after)
            .flat_map(|checkpoint| &checkpoint.heads);
        let common = common.rfind(|known| known.agent_id == head.agent_id);
        common.map_or(head.seq, |known| known.seq + 1)
    };
    Ok(Some(MissingEvents {
        agent_id: head.agent_id.clone(),
        first_seq,
        last_seq: head.seq,
        event_hash: head.event_hash.clone(),
    }))
}
