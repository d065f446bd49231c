//! Agents whose accounts another transaction has locked: each has a lane of its own until the lock
//! is gone, so that the others go on.
//!
//! From the moment on in which an agent has a lane of its own all that it waits for is in it, in
//! its order; so a record never overtakes its admission.

use std::collections::BTreeSet;
use std::sync::Arc;

use ainfera_schema::AgentId;
use ainfera_store::CaptureBatch;

use super::batch::{Batch, Terms};
use super::effect::Effects;
use super::lane::{Waiting, reply_settled};
use super::queue::Queue;

/// One agent with a lane of its own.
#[derive(Debug, Clone)]
pub(super) struct LockedLane<T> {
    pub waiting: Waiting<T>,
    /// What the store is asked to take.
    pub under_way: Option<Batch<T>>,
    /// Why nothing is let in, once the store has said so.
    pub refusing: Option<String>,
    pub pause: Pause,
}

/// Whether a batch that failed waits to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pause {
    None,
    UntilTimer,
}

impl<T> Queue<T> {
    /// The store found the accounts of these agents locked and wrote nothing. Their part of the
    /// batch, and all that waits for them, goes into lanes of their own; what is left of the batch
    /// is returned.
    pub(super) fn give_own_lanes(
        &mut self,
        batch: Batch<T>,
        agents: &BTreeSet<AgentId>,
        effects: &mut Effects<T>,
    ) -> Option<Batch<T>> {
        let (mut rest, parts) = batch.without(agents);
        for (agent_id, part) in parts {
            if !self.locked.contains_key(&agent_id) {
                let waiting = self.shared.take_of(agent_id, effects);
                self.locked.insert(
                    agent_id,
                    LockedLane { waiting, under_way: None, refusing: None, pause: Pause::None },
                );
            }
            self.waiting_of(agent_id).first.push_front(part);
        }
        if rest.len() == 0 {
            // all that came before is durable, or waits for a lock
            reply_settled(std::mem::take(&mut rest.settles), effects);
            return None;
        }
        Some(rest)
    }

    /// Whether any agent has a lane of its own.
    pub(super) fn has_locked(&self) -> bool {
        !self.locked.is_empty()
    }

    /// The next batch of an agent with a lane of its own, to be sent with patience. None while one
    /// is under way or waits to be sent again, and when nothing is left: then the agent is among
    /// the others again.
    pub(super) fn next_locked(
        &mut self,
        agent_id: AgentId,
        terms: Terms,
        effects: &mut Effects<T>,
    ) -> Option<Arc<CaptureBatch>> {
        let lane = self.locked.get_mut(&agent_id)?;
        if lane.under_way.is_some() || lane.pause == Pause::UntilTimer {
            return None;
        }
        let Some(batch) = lane.waiting.next_batch(&mut Vec::new(), effects) else {
            self.locked.remove(&agent_id);
            return None;
        };
        let batch = lane.under_way.insert(batch);
        Some(batch.rows_under(terms))
    }

    /// The batch that was under way is over, one way or another.
    pub(super) fn take_locked_under_way(&mut self, agent_id: AgentId) -> Option<Batch<T>> {
        self.locked.get_mut(&agent_id)?.under_way.take()
    }

    /// The store does not take anything of this agent: its batch waits to be sent again, and
    /// nothing more of it is let in.
    pub(super) fn refuse_locked(
        &mut self,
        agent_id: AgentId,
        batch: Batch<T>,
        message: &str,
        effects: &mut Effects<T>,
    ) {
        let Some(lane) = self.locked.get_mut(&agent_id) else { return };
        lane.waiting.first.push_front(batch);
        lane.refusing = Some(message.to_owned());
        for request_id in lane.waiting.refuse_callers(message, effects) {
            self.discard_record_of(request_id, effects);
        }
    }

    /// The store takes things of this agent again.
    pub(super) fn admit_locked(&mut self, agent_id: AgentId) {
        if let Some(lane) = self.locked.get_mut(&agent_id) {
            lane.refusing = None;
        }
    }

    /// A batch that failed for a reason of its own is tried again, in parts where it has any.
    pub(super) fn split_locked(&mut self, agent_id: AgentId, batch: Batch<T>) {
        let waiting = self.waiting_of(agent_id);
        // a single one keeps the memory of having been tried
        let first = if batch.is_single() { Some(batch) } else { waiting.split(batch) };
        if let Some(first) = first {
            waiting.first.push_front(first);
        }
    }

    pub(super) fn set_pause(&mut self, agent_id: AgentId, pause: Pause) {
        if let Some(lane) = self.locked.get_mut(&agent_id) {
            lane.pause = pause;
        }
    }

    /// Why this agent is not let in, if it is not.
    pub(super) fn refusing(&self, agent_id: AgentId) -> Option<&str> {
        self.locked.get(&agent_id)?.refusing.as_deref()
    }

    /// Where this agent waits.
    pub(super) fn waiting_of(&mut self, agent_id: AgentId) -> &mut Waiting<T> {
        self.locked.get_mut(&agent_id).map_or(&mut self.shared, |lane| &mut lane.waiting)
    }
}
