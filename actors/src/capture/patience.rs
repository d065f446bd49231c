//! Commits the batches of agents whose accounts are locked, each in a transaction that waits for
//! its lock, beside those of all others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_schema::AgentId;
use ainfera_store::{CaptureReply, Locks, StoreError};

use super::batch::Batch;
use super::survive;
use super::{CaptureActor, Phase};

/// Before a batch whose lock was not to be had is sent again.
const PAUSE: Duration = Duration::from_millis(250);

impl CaptureActor {
    /// The accounts of these agents are locked by another transaction, and nothing of the batch was
    /// written.
    pub(super) fn set_apart(
        &mut self,
        batch: Batch,
        agents: &BTreeSet<AgentId>,
        context: &mut Context<Self>,
    ) {
        for agent_id in agents {
            tracing::warn!(%agent_id, "account is locked by another transaction: its calls wait, those of others go on");
        }
        let rest = self.queue.set_apart(batch, agents);
        for agent_id in agents {
            self.advance_apart(*agent_id, context);
        }
        self.phase = Phase::Idle;
        match rest {
            Some(rest) => self.commit(rest, context),
            None => self.advance(context),
        }
    }

    /// Starts the next transaction of an agent that is set apart, unless one is under way.
    pub(super) fn advance_apart(&mut self, agent_id: AgentId, context: &mut Context<Self>) {
        let Some(rows) = self.queue.next_apart(agent_id, self.terms(Locks::Patiently)) else {
            return;
        };
        let store = Arc::clone(&self.store);
        let committed = async move { survive::guarded(store.capture_shared(rows)).await };
        context.spawn(committed.into_actor(self).map(move |result, actor, context| {
            actor.survive(context, |actor, context| {
                let Some(batch) = actor.queue.take_apart_under_way(agent_id) else { return };
                match result {
                    Ok(reply) => actor.committed_apart(agent_id, batch, reply, context),
                    Err(error) => actor.failed_apart(agent_id, batch, &error, context),
                }
            });
        }));
    }

    fn committed_apart(
        &mut self,
        agent_id: AgentId,
        batch: Batch,
        reply: CaptureReply,
        context: &mut Context<Self>,
    ) {
        tracing::info!(%agent_id, "account is no longer locked");
        self.queue.let_in_apart(agent_id);
        self.book(batch, reply, context);
        self.advance_apart(agent_id, context);
    }

    fn failed_apart(
        &mut self,
        agent_id: AgentId,
        mut batch: Batch,
        error: &StoreError,
        context: &mut Context<Self>,
    ) {
        self.counters.store_errors.add_one();
        batch.failed_once();
        if let StoreError::AnotherServer = error {
            self.look_for_another_server(context);
        }
        if error.is_passing() {
            let message = error.to_string();
            batch.doubt(&message);
            self.queue.turn_away_apart(agent_id, batch, &message);
        } else if batch.is_single() && !batch.has_another_try() {
            self.refuse_for_good(batch, error, context);
        } else {
            tracing::error!(%error, %agent_id, "batch failed for a reason of its own, its parts are tried alone");
            self.queue.split_apart(agent_id, batch);
        }
        context.run_later(PAUSE, move |actor, context| {
            actor.survive(context, |actor, context| actor.advance_apart(agent_id, context));
        });
    }
}
