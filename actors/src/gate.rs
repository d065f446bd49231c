//! Admission, the store's backpressure and the shutdown barrier are one thing: a permit.
//!
//! A call takes a permit when it comes in and gives it back when its row is durable. So a slow
//! store fills the gate, a full gate refuses, and a gate whose permits are all home is a gateway
//! with nothing left to write.

pub mod priority;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub use priority::Priority;

/// Shared by all workers.
#[derive(Debug, Clone)]
pub struct Gate {
    permits: Arc<Semaphore>,
    /// As many again, which are home sooner: when the call is over, whether or not its row is
    /// durable.
    calls: Arc<Semaphore>,
    size: u32,
    phase: Arc<AtomicU8>,
    /// Wakes those who wait for a later phase.
    went_on: Arc<Notify>,
}

/// The phases of a gate; it only goes forward.
const OPEN: u8 = 0;
const LEAVING: u8 = 1;
const CLOSED: u8 = 2;

/// The right to be in flight. Dropped when the call is accounted for.
#[derive(Debug)]
pub struct Permit {
    #[expect(dead_code, reason = "held for its Drop")]
    row: OwnedSemaphorePermit,
    call: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Nothing is left of the call but its row.
    pub fn call_is_over(&mut self) {
        self.call = None;
    }
}

/// Why a call may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    #[error("too many calls in flight")]
    Full,
    #[error("draining")]
    Closed,
}

impl Gate {
    pub fn new(size: u32) -> Self {
        let semaphore = || Arc::new(Semaphore::new(size as usize));
        Self {
            permits: semaphore(),
            calls: semaphore(),
            size,
            phase: Arc::new(AtomicU8::new(OPEN)),
            went_on: Arc::default(),
        }
    }

    /// At once or not at all.
    pub fn enter(&self) -> Result<Permit, GateRefusal> {
        if self.is_closed() {
            return Err(GateRefusal::Closed);
        }
        let row = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| GateRefusal::Full)?;
        let call = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| GateRefusal::Full)?;
        Ok(Permit { row, call: Some(call) })
    }

    /// The same for a caller who says how much it matters: the rest of the gate is kept for what
    /// matters more. Under a race of callers a few may come in above their share, which is soft;
    /// the size is not.
    pub fn enter_as(&self, priority: Priority) -> Result<Permit, GateRefusal> {
        if self.in_flight() >= priority.share_of(self.size) && !self.is_closed() {
            return Err(GateRefusal::Full);
        }
        self.enter()
    }

    /// Calls still come in, but whoever asks is told to send the next ones elsewhere.
    pub fn leave(&self) {
        self.phase.fetch_max(LEAVING, Ordering::AcqRel);
        self.went_on.notify_waiters();
    }

    /// No more admissions.
    pub fn close(&self) {
        self.phase.store(CLOSED, Ordering::Release);
        self.went_on.notify_waiters();
    }

    /// The process will stop soon, or does already.
    pub fn is_leaving(&self) -> bool {
        self.phase.load(Ordering::Acquire) >= LEAVING
    }

    pub fn is_closed(&self) -> bool {
        self.phase.load(Ordering::Acquire) >= CLOSED
    }

    /// Waits until the process leaves; who comes when it leaves already, until it is closed.
    pub async fn next_phase(&self) {
        let before = self.phase.load(Ordering::Acquire);
        loop {
            // made before the look, so that no change between the two is missed
            let went_on = self.went_on.notified();
            if self.is_closed() || self.phase.load(Ordering::Acquire) > before {
                return;
            }
            went_on.await;
        }
    }

    pub fn in_flight(&self) -> u32 {
        self.size
            .saturating_sub(u32::try_from(self.permits.available_permits()).unwrap_or(u32::MAX))
    }

    /// Waits until every call is over; their rows may still be on their way. False when `deadline`
    /// came first.
    pub async fn calls_ended(&self, deadline: Instant) -> bool {
        tokio::time::timeout_at(deadline, self.calls.acquire_many(self.size)).await.is_ok()
    }

    /// Waits until every permit is home, which means that every row is durable. False when
    /// `deadline` came first.
    pub async fn drained(&self, deadline: Instant) -> bool {
        tokio::time::timeout_at(deadline, self.permits.acquire_many(self.size)).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_less_is_refused_first() {
        let gate = Gate::new(10);
        let mut held = Vec::new();
        for (priority, room) in
            [(Priority::Batch, 7), (Priority::Default, 8), (Priority::Critical, 10)]
        {
            while let Ok(permit) = gate.enter_as(priority) {
                held.push(permit);
            }
            assert_eq!(held.len(), room, "{priority:?}");
        }
        gate.close();
        assert_eq!(gate.enter_as(Priority::Batch).unwrap_err(), GateRefusal::Closed);
    }

    #[tokio::test]
    async fn a_call_may_be_over_before_its_row_is_durable() {
        let gate = Gate::new(3);
        let mut permit = gate.enter().unwrap();
        let soon = || Instant::now() + std::time::Duration::from_millis(5);
        assert!(!gate.calls_ended(soon()).await);
        permit.call_is_over();
        assert!(gate.calls_ended(soon()).await);
        assert!(!gate.drained(soon()).await);
        drop(permit);
        assert!(gate.drained(soon()).await);
    }

    #[tokio::test]
    async fn who_waits_for_the_next_phase_hears_of_it() {
        use futures_util::FutureExt;
        let gate = Gate::new(1);
        let mut leaving = std::pin::pin!(gate.next_phase());
        assert!(leaving.as_mut().now_or_never().is_none());
        gate.leave();
        leaving.await;
        let mut closed = std::pin::pin!(gate.next_phase());
        assert!(closed.as_mut().now_or_never().is_none());
        gate.close();
        closed.await;
        gate.next_phase().await;
    }

    #[test]
    fn a_gate_that_is_being_left_still_lets_calls_in() {
        let gate = Gate::new(1);
        gate.leave();
        assert!(gate.is_leaving() && !gate.is_closed() && gate.enter().is_ok());
        gate.close();
        gate.leave();
        assert!(gate.is_closed(), "it only goes forward");
    }

    #[test]
    fn a_full_gate_refuses_and_a_closed_one_too() {
        let gate = Gate::new(1);
        let permit = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err(), GateRefusal::Full);
        assert_eq!(gate.in_flight(), 1);
        drop(permit);
        gate.close();
        assert_eq!(gate.enter().unwrap_err(), GateRefusal::Closed);
        assert_eq!(gate.in_flight(), 0);
    }
}
