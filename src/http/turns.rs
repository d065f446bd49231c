//! Reads of one agent take turns, so that an agent that reads very much delays only itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ainfera_schema::AgentId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::ApiError;

/// How long a read waits for its turn.
const WAIT: Duration = Duration::from_secs(2);

/// The reads that run now.
#[derive(Debug, Default)]
pub struct Turns(Arc<Mutex<HashMap<AgentId, Arc<Semaphore>>>>);

/// Held while a read runs.
#[derive(Debug)]
pub struct Turn {
    running: Option<OwnedSemaphorePermit>,
    agent_id: AgentId,
    turns: Arc<Mutex<HashMap<AgentId, Arc<Semaphore>>>>,
}

impl Turns {
    /// Waits for one of `at_once` turns of this agent, but not for long.
    pub async fn take(&self, agent_id: AgentId, at_once: usize) -> Result<Turn, ApiError> {
        self.take_within(WAIT, agent_id, at_once).await
    }

    async fn take_within(
        &self,
        wait: Duration,
        agent_id: AgentId,
        at_once: usize,
    ) -> Result<Turn, ApiError> {
        // A change of `at_once` counts for an agent from the moment on in which none of its reads
        // runs.
        let own = Arc::clone(
            lock(&self.0).entry(agent_id).or_insert_with(|| Arc::new(Semaphore::new(at_once))),
        );
        let mut turn = Turn { running: None, agent_id, turns: Arc::clone(&self.0) };
        turn.running = timeout(wait, own.acquire_owned()).await.ok().and_then(Result::ok);
        if turn.running.is_some() { Ok(turn) } else { Err(ApiError::ReadTurns) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.running.take());
        let mut turns = lock(&self.turns);
        // No read runs or waits any more: the map's own reference is the last one.
        if turns.get(&self.agent_id).is_some_and(|own| Arc::strong_count(own) == 1) {
            turns.remove(&self.agent_id);
        }
    }
}

fn lock(
    turns: &Mutex<HashMap<AgentId, Arc<Semaphore>>>,
) -> MutexGuard<'_, HashMap<AgentId, Arc<Semaphore>>> {
    turns.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_agent_waits_for_itself_only_and_not_for_long() {
        let turns = Turns::default();
        let [busy, other] = [AgentId::mint(), AgentId::mint()];
        let held = [turns.take(busy, 2).await.unwrap(), turns.take(busy, 2).await.unwrap()];
        let free = turns.take(other, 2).await.unwrap();
        assert!(matches!(
            turns.take_within(Duration::from_millis(5), busy, 2).await,
            Err(ApiError::ReadTurns)
        ));
        drop(held);
        let again = turns.take(busy, 2).await.unwrap();
        drop((again, free));
        assert!(lock(&turns.0).is_empty(), "nothing is kept of those who do not read");
    }

    #[tokio::test]
    async fn a_turn_that_becomes_free_goes_to_who_waits() {
        let turns = Turns::default();
        let agent_id = AgentId::mint();
        let held = turns.take(agent_id, 1).await.unwrap();
        let (next, ()) = tokio::join!(turns.take(agent_id, 1), async {
            // The other request waits by now.
            tokio::task::yield_now().await;
            drop(held);
        });
        drop(next.unwrap());
        assert!(lock(&turns.0).is_empty());
    }
}
