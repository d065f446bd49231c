//! The transactions of agents whose accounts are locked: each waits for its lock, beside those of
//! all others.

use std::collections::BTreeSet;
use std::time::Duration;

use ainfera_schema::AgentId;
use ainfera_store::{CaptureReply, Locks, StoreError};

use super::CaptureMachine;
use super::batch::Batch;
use super::effect::{Effect, Effects, Lane, Metric, Timer};
use super::locked::Pause;
use super::log_event::LogEvent;

/// Before a batch whose lock was not to be had is sent again.
const PAUSE: Duration = Duration::from_millis(250);

impl<T> CaptureMachine<T> {
    /// The accounts of these agents are locked by another transaction, and nothing of the batch
    /// was written.
    pub(super) fn give_own_lanes(
        &mut self,
        batch: Batch<T>,
        agents: &BTreeSet<AgentId>,
        effects: &mut Effects<T>,
    ) {
        let locked = |agent_id: &AgentId| LogEvent::AccountLocked { agent_id: *agent_id };
        effects.extend(agents.iter().map(locked).map(Effect::Log));
        let rest = self.queue.give_own_lanes(batch, agents, effects);
        for agent_id in agents {
            self.advance_locked(*agent_id, effects);
        }
        self.store_answers(effects);
        match rest {
            Some(rest) => self.commit(rest, effects),
            None => self.advance(effects),
        }
    }

    /// Starts the next transaction of an agent with a lane of its own, unless one is under way.
    pub(super) fn advance_locked(&mut self, agent_id: AgentId, effects: &mut Effects<T>) {
        let rows = self.queue.next_locked(agent_id, self.terms(Locks::Patiently), effects);
        effects.extend(rows.map(|rows| Effect::Commit { lane: Lane::Locked(agent_id), rows }));
    }

    pub(super) fn advance_all_locked(&mut self, effects: &mut Effects<T>) {
        let agents: Vec<AgentId> = self.queue.locked.keys().copied().collect();
        agents.into_iter().for_each(|agent_id| self.advance_locked(agent_id, effects));
    }

    pub(super) fn committed_locked(
        &mut self,
        agent_id: AgentId,
        reply: CaptureReply,
        server: Option<u64>,
        effects: &mut Effects<T>,
    ) {
        let Some(batch) = self.queue.take_locked_under_way(agent_id) else { return };
        effects.push(Effect::Log(LogEvent::AccountUnlocked { agent_id }));
        self.queue.admit_locked(agent_id);
        self.record_commit(batch, reply, server, effects);
        self.advance_with(agent_id, effects);
    }

    pub(super) fn failed_locked(
        &mut self,
        agent_id: AgentId,
        error: &StoreError,
        effects: &mut Effects<T>,
    ) {
        let Some(mut batch) = self.queue.take_locked_under_way(agent_id) else { return };
        if let StoreError::AnotherServer = error {
            self.queue.push_again(batch);
            return self.advance_with(agent_id, effects);
        }
        effects.push(Effect::Count(Metric::StoreError));
        batch.may_be_stored();
        if error.is_passing() {
            let message = error.to_string();
            batch.reply_in_doubt(&message, effects);
            self.queue.refuse_locked(agent_id, batch, &message, effects);
        } else if batch.is_single() && !batch.has_another_try() {
            self.quarantine(batch, error, effects);
        } else {
            let error = error.to_string();
            effects.push(Effect::Log(LogEvent::BatchSplit { agent_id: Some(agent_id), error }));
            self.queue.split_locked(agent_id, batch);
        }
        self.queue.set_pause(agent_id, Pause::UntilTimer);
        effects.push(Effect::Start { timer: Timer::RetryLocked(agent_id), after: PAUSE });
    }
}
