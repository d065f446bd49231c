//! Admission, the store's backpressure and the shutdown barrier are one thing: a permit.
//!
//! A call takes a permit when it comes in and gives it back when its row is durable. So a slow store fills the gate,
//! a full gate refuses, and a gate whose permits are all home is a gateway with nothing left to write.

pub mod priority;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub use priority::Priority;

/// Shared by all workers.
#[derive(Debug, Clone)]
pub struct Gate {
    permits: Arc<Semaphore>,
    size: u32,
    closed: Arc<AtomicBool>,
}

/// The right to be in flight. Dropped when the call is accounted for.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

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
        Self { permits: Arc::new(Semaphore::new(size as usize)), size, closed: Arc::new(AtomicBool::new(false)) }
    }

    /// At once or not at all.
    pub fn enter(&self) -> Result<Permit, GateRefusal> {
        if self.is_closed() {
            return Err(GateRefusal::Closed);
        }
        self.permits.clone().try_acquire_owned().map(Permit).map_err(|_| GateRefusal::Full)
    }

    /// The same for a caller who says how much it matters: the rest of the gate is kept for what matters more. Under a race of callers a few may
    /// come in above their share, which is soft; the size is not.
    pub fn enter_as(&self, priority: Priority) -> Result<Permit, GateRefusal> {
        if self.in_flight() >= priority.share_of(self.size) && !self.is_closed() {
            return Err(GateRefusal::Full);
        }
        self.enter()
    }

    /// No more admissions.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub fn in_flight(&self) -> u32 {
        self.size.saturating_sub(u32::try_from(self.permits.available_permits()).unwrap_or(u32::MAX))
    }

    /// Waits until every permit is home, which means that every row is durable. False when `deadline` came first.
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
        for (priority, room) in [(Priority::Batch, 7), (Priority::Default, 8), (Priority::Critical, 10)] {
            while let Ok(permit) = gate.enter_as(priority) {
                held.push(permit);
            }
            assert_eq!(held.len(), room, "{priority:?}");
        }
        gate.close();
        assert_eq!(gate.enter_as(Priority::Batch).unwrap_err(), GateRefusal::Closed);
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
