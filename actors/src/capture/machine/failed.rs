//! What follows a failure of the shared lane.

use std::time::Duration;

use ainfera_store::StoreError;

use super::batch::Batch;
use super::effect::{Effect, Effects, Lane, Metric, Timer};
use super::log_event::LogEvent;
use super::{CaptureMachine, FIRST_PAUSE, Phase};

/// So that admissions are back within two seconds of the store.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// One bad entry fails with its batch and twice alone. When more fail in a row, it is not the
/// entries.
const FORGIVEN_FAILURES: u32 = 4;

impl<T> CaptureMachine<T> {
    pub(super) fn failed(
        &mut self,
        lane: Lane,
        error: StoreError,
        server: Option<u64>,
        effects: &mut Effects<T>,
    ) {
        // nothing was written on it: what it lacks goes before this
        self.resend_journal(server, effects);
        match lane {
            Lane::Locked(agent_id) => self.failed_locked(agent_id, &error, effects),
            Lane::Replay => self.replay_failed(error, effects),
            Lane::Shared => {
                if let Some(batch) = self.under_way.take() {
                    self.failed_shared(batch, &error, effects);
                }
            }
        }
    }

    fn failed_shared(&mut self, mut batch: Batch<T>, error: &StoreError, effects: &mut Effects<T>) {
        if let StoreError::AnotherServer = error {
            self.queue.push_again(batch);
            self.store_answers(effects);
            return self.advance(effects);
        }
        if let StoreError::Locked { agents } = error {
            if !agents.is_empty() {
                return self.give_own_lanes(batch, agents, effects);
            }
            self.lock_failures += 1;
            if self.lock_failures <= FORGIVEN_FAILURES {
                // by the time it was looked for, the lock was gone
                return self.commit(batch, effects);
            }
        }
        effects.push(Effect::Count(Metric::StoreError));
        batch.may_be_stored();
        if error.is_passing() {
            return self.wait_for_store(batch, error, effects);
        }
        if batch.is_single() && !batch.has_another_try() {
            self.quarantine(batch, error, effects);
            self.store_answers(effects);
            return self.advance(effects);
        }
        self.own_failures += 1;
        let Some(part) = self.split(batch) else { return self.advance(effects) };
        if self.own_failures > FORGIVEN_FAILURES {
            return self.wait_for_store(part, error, effects);
        }
        effects
            .push(Effect::Log(LogEvent::BatchSplit { agent_id: None, error: error.to_string() }));
        self.store_answers(effects);
        self.phase = Phase::Committing;
        self.send_after(FIRST_PAUSE, part, effects);
    }

    /// Whatever it answered, the store is there.
    pub(super) fn store_answers(&mut self, effects: &mut Effects<T>) {
        if let Phase::Failing { .. } = self.phase {
            effects.extend([Effect::Count(Metric::StoreBack), Effect::Log(LogEvent::StoreBack)]);
        }
        self.phase = Phase::Idle;
    }

    /// The store does not take anything: nobody else is let in until it does.
    fn wait_for_store(
        &mut self,
        mut batch: Batch<T>,
        error: &StoreError,
        effects: &mut Effects<T>,
    ) {
        let message = error.to_string();
        let pause = match self.phase {
            Phase::Failing { pause, .. } => (pause * 2).min(LONGEST_PAUSE),
            Phase::Idle | Phase::Committing => {
                let error = message.clone();
                let failed = Effect::Log(LogEvent::StoreFailed { error });
                effects.extend([Effect::Count(Metric::StoreAway), failed]);
                FIRST_PAUSE
            }
        };
        batch.reply_in_doubt(&message, effects);
        self.queue.refuse_callers(&message, effects);
        self.phase = Phase::Failing { message, pause };
        self.send_after(pause, batch, effects);
    }

    /// A single one keeps the memory of having been tried.
    fn split(&mut self, batch: Batch<T>) -> Option<Batch<T>> {
        if batch.is_single() { Some(batch) } else { self.queue.split(batch) }
    }

    fn send_after(&mut self, pause: Duration, batch: Batch<T>, effects: &mut Effects<T>) {
        self.under_way = Some(batch);
        effects.push(Effect::Start { timer: Timer::Retry, after: pause });
    }
}
