//! Exact counts of the last ten seconds, in ten buckets: a burst neither hides in an average nor
//! lingers in one.

use std::time::Instant;

const BUCKETS: usize = 10;

/// What happened of late.
#[derive(Debug, Clone)]
pub struct Window {
    origin: Instant,
    /// The second, counted from `origin`, that the newest bucket stands for.
    newest: u64,
    buckets: [Counts; BUCKETS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub succeeded: u32,
    pub failed: u32,
}

impl Window {
    pub fn new(origin: Instant) -> Self {
        Self { origin, newest: 0, buckets: [Counts::default(); BUCKETS] }
    }

    /// The bucket of `now`. Threads race: who comes with an earlier time counts into the newest.
    pub fn bucket(&mut self, now: Instant) -> &mut Counts {
        let second = now.saturating_duration_since(self.origin).as_secs().max(self.newest);
        let passed = second - self.newest;
        for step in 1..=passed.min(BUCKETS as u64) {
            self.buckets[slot(self.newest + step)] = Counts::default();
        }
        if passed > BUCKETS as u64 {
            self.buckets = [Counts::default(); BUCKETS];
        }
        self.newest = second;
        &mut self.buckets[slot(second)]
    }

    pub fn total(&mut self, now: Instant) -> Counts {
        self.bucket(now);
        self.buckets.iter().fold(Counts::default(), |sum, bucket| Counts {
            succeeded: sum.succeeded.saturating_add(bucket.succeeded),
            failed: sum.failed.saturating_add(bucket.failed),
        })
    }

    pub fn clear(&mut self) {
        self.buckets = [Counts::default(); BUCKETS];
    }
}

fn slot(second: u64) -> usize {
    usize::try_from(second % BUCKETS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_ten_seconds_old_is_forgotten() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut window = Window::new(start);
        window.bucket(at(0)).failed += 3;
        window.bucket(at(5)).succeeded += 2;
        assert_eq!(window.total(at(9)), Counts { succeeded: 2, failed: 3 });
        assert_eq!(window.total(at(10)), Counts { succeeded: 2, failed: 0 });
        window.bucket(at(3)).failed += 1;
        assert_eq!(
            window.total(at(10)),
            Counts { succeeded: 2, failed: 1 },
            "an earlier time counts now"
        );
        assert_eq!(window.total(at(1000)), Counts::default());
    }
}
