//! The whole audit log of a store in the order in which a verifier wants it: before each checkpoint
//! the events that it covers, in the end what none covers yet.

use std::collections::HashMap;

use ainfera_schema::AgentId;
use ainfera_schema::checkpoint::ChainHead;
use uuid::Uuid;

use crate::audit_verify::Record;
use crate::{StoreError, StoreReader};

const CHECKPOINTS: u32 = 100;
const EVENTS: u32 = 1000;

/// Who is told of the log.
pub trait LogReader<E> {
    fn record(&mut self, record: Record) -> Result<(), E>;

    /// A chain goes at least this far, by its account. Told after its last event.
    fn account_head(&mut self, head: &ChainHead) -> Result<(), E>;
}

/// Tells `reader` everything, page by page.
pub async fn read_log<E: From<StoreError>>(
    store: &dyn StoreReader,
    reader: &mut impl LogReader<E>,
) -> Result<(), E> {
    let mut followed: HashMap<AgentId, i64> = HashMap::new();
    let mut number = 0;
    let mut breaks = store.audit_breaks().await?.into_iter().peekable();
    loop {
        let page = store.checkpoints(number, CHECKPOINTS).await?;
        let Some(last) = page.last() else {
            break;
        };
        number = last.number;
        for checkpoint in page {
            // a break stands after the checkpoint that was the newest when it was declared
            while let Some(declared) =
                breaks.next_if(|declared| declared.after_number < checkpoint.number)
            {
                reader.record(Record::Break(Box::new(declared)))?;
            }
            for head in &checkpoint.heads {
                // a name that is none has no events, and the verifier says so
                if let Ok(agent_id) = Uuid::try_parse(&head.agent_id) {
                    let seq = followed.entry(AgentId(agent_id)).or_default();
                    read_chain(store, reader, AgentId(agent_id), seq, head.seq).await?;
                }
            }
            reader.record(Record::Checkpoint(checkpoint))?;
        }
    }
    for declared in breaks {
        reader.record(Record::Break(Box::new(declared)))?;
    }
    let mut agent = store.next_chain(None).await?;
    while let Some(agent_id) = agent {
        // looked up first: the chain may grow meanwhile
        let head = store.account_head(agent_id).await?;
        let seq = followed.entry(agent_id).or_default();
        read_chain(store, reader, agent_id, seq, i64::MAX).await?;
        if let Some(head) = head {
            reader.account_head(&head)?;
        }
        agent = store.next_chain(Some(agent_id)).await?;
    }
    Ok(())
}

async fn read_chain<E: From<StoreError>>(
    store: &dyn StoreReader,
    reader: &mut impl LogReader<E>,
    agent_id: AgentId,
    seq: &mut i64,
    until: i64,
) -> Result<(), E> {
    while *seq < until {
        let limit = EVENTS.min(u32::try_from(until - *seq).unwrap_or(EVENTS));
        let page = store.chain_events(agent_id, *seq, limit).await?;
        let whole = page.len() == limit as usize;
        for event in page {
            if event.seq > until {
                return Ok(());
            }
            *seq = event.seq;
            reader.record(Record::Event(event))?;
        }
        if !whole {
            return Ok(());
        }
    }
    Ok(())
}
