//! How many attempts one provider may have at once. A counter, not a queue: who finds it full goes
//! elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The seats of one provider.
#[derive(Debug)]
pub struct Seats {
    taken: Arc<AtomicU32>,
    limit: u32,
}

/// Given back when it is dropped.
#[derive(Debug)]
pub struct Seat(Arc<AtomicU32>);

/// All seats are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Seats {
    pub fn new(limit: u32) -> Self {
        Self { taken: Arc::default(), limit }
    }

    /// Counts, and refuses no call.
    pub fn unlimited() -> Self {
        Self::new(u32::MAX)
    }

    pub fn taken(&self) -> u32 {
        self.taken.load(Ordering::Acquire)
    }

    /// The limit may have changed; those who sit are the same.
    pub fn count_with(&mut self, former: &Seats) {
        self.taken = Arc::clone(&former.taken);
    }

    pub fn take(&self) -> Result<Seat, Full> {
        let one_more = |taken| (taken < self.limit).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).map_err(|_| Full)?;
        Ok(Seat(Arc::clone(&self.taken)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_comes_back_when_it_is_dropped() {
        let seats = Seats::new(2);
        let first = seats.take().unwrap();
        let _second = seats.take().unwrap();
        assert_eq!(seats.take().unwrap_err(), Full);
        drop(first);
        assert!(seats.take().is_ok());
    }
}
