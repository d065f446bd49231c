//! Agents whose accounts another transaction has locked: each has a line of its own until the lock
//! is gone, so that the others go on. Pure.
//!
//! From the moment on in which an agent is set apart all that it waits for is in its line, in its
//! order; so a close never overtakes its admission.

use std::collections::BTreeSet;
use std::sync::Arc;

use ainfera_schema::AgentId;
use ainfera_store::CaptureBatch;

use super::batch::{Batch, Terms};
use super::line::{Line, settled};
use super::queue::Queue;

/// One agent that is set apart.
#[derive(Default)]
pub(super) struct Apart {
    pub line: Line,
    /// What the store is asked to take, or what waits to be sent again.
    pub under_way: Option<Batch>,
    /// Why nothing is let in, once the store has said so.
    pub turned_away: Option<String>,
}

impl Queue {
    /// The store found the accounts of these agents locked and wrote nothing. Their part of the
    /// batch, and all that waits for them, goes into lines of their own; what is left of the batch
    /// is returned.
    pub fn set_apart(&mut self, batch: Batch, agents: &BTreeSet<AgentId>) -> Option<Batch> {
        let (mut rest, parts) = batch.without(agents);
        for (agent_id, part) in parts {
            if !self.apart.contains_key(&agent_id) {
                let line = self.all.take_of(agent_id);
                self.apart.insert(agent_id, Apart { line, ..Apart::default() });
            }
            if let Some(apart) = self.apart.get_mut(&agent_id) {
                apart.line.first.push_front(part);
            }
        }
        if rest.len() == 0 {
            // all that came before is durable, or waits for a lock
            settled(std::mem::take(&mut rest.settling));
            return None;
        }
        Some(rest)
    }

    /// Whether any agent is set apart.
    pub fn has_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    /// The next batch of an agent that is set apart, to be sent with patience. None while one is
    /// under way, and when nothing is left: then the agent is among the others again.
    pub fn next_apart(&mut self, agent_id: AgentId, terms: Terms) -> Option<Arc<CaptureBatch>> {
        let apart = self.apart.get_mut(&agent_id)?;
        if apart.under_way.is_some() {
            return None;
        }
        let Some(batch) = apart.line.next_batch(&mut Vec::new()) else {
            self.apart.remove(&agent_id);
            return None;
        };
        let batch = apart.under_way.insert(batch);
        Some(batch.rows_under(terms))
    }

    /// The batch that was under way is over, one way or another.
    pub fn take_apart_under_way(&mut self, agent_id: AgentId) -> Option<Batch> {
        self.apart.get_mut(&agent_id)?.under_way.take()
    }

    /// The store does not take anything of this agent: its batch waits to be sent again, and
    /// nothing more of it is let in.
    pub fn turn_away_apart(&mut self, agent_id: AgentId, batch: Batch, message: &str) {
        let Some(apart) = self.apart.get_mut(&agent_id) else { return };
        apart.line.first.push_front(batch);
        apart.turned_away = Some(message.to_owned());
        for request_id in apart.line.turn_away(message) {
            self.forget(request_id);
        }
    }

    /// The store takes things of this agent again.
    pub fn let_in_apart(&mut self, agent_id: AgentId) {
        if let Some(apart) = self.apart.get_mut(&agent_id) {
            apart.turned_away = None;
        }
    }

    /// A batch that failed for a reason of its own is tried again, in parts where it has any.
    pub fn split_apart(&mut self, agent_id: AgentId, batch: Batch) {
        if let Some(apart) = self.apart.get_mut(&agent_id) {
            // a single one keeps the memory of having been tried
            let first = if batch.is_single() { batch } else { apart.line.split(batch) };
            apart.line.first.push_front(first);
        }
    }

    /// Why this agent is not let in, if it is not.
    pub fn turned_away(&self, agent_id: AgentId) -> Option<&str> {
        self.apart.get(&agent_id)?.turned_away.as_deref()
    }

    /// The line in which this agent waits.
    pub(super) fn line_of(&mut self, agent_id: AgentId) -> &mut Line {
        self.apart.get_mut(&agent_id).map_or(&mut self.all, |apart| &mut apart.line)
    }
}
