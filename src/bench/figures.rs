//! What is counted: histograms of times and a count for every kind of failure.

use std::collections::BTreeMap;

use hdrhistogram::{CreationError, Histogram};

use super::client::{Failure, Observed, nanoseconds};

const LONGEST_NS: u64 = 3_600_000_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

pub struct Figures {
    pub first_content: Histogram<u64>,
    pub gap: Histogram<u64>,
    pub frame: Histogram<u64>,
    pub total: Histogram<u64>,
    pub text_frames: u64,
    pub answered: u64,
    /// Answers that ended while we measured, those begun in the warm-up too: what throughput and
    /// CPU time are counted over.
    pub answered_in_window: u64,
    pub failures: BTreeMap<Failure, u64>,
}

impl Figures {
    pub fn new() -> Result<Self, CreationError> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST_NS, SIGNIFICANT_DIGITS);
        Ok(Self {
            first_content: histogram()?,
            gap: histogram()?,
            frame: histogram()?,
            total: histogram()?,
            text_frames: 0,
            answered: 0,
            answered_in_window: 0,
            failures: BTreeMap::new(),
        })
    }

    pub fn note(&mut self, result: Result<Observed, Failure>) {
        let observed = match result {
            Ok(observed) => observed,
            Err(failure) => {
                *self.failures.entry(failure).or_default() += 1;
                return;
            }
        };
        self.answered += 1;
        self.text_frames += observed.text_frames;
        self.total.saturating_record(nanoseconds(observed.total));
        if let Some(first_content) = observed.first_content {
            self.first_content.saturating_record(nanoseconds(first_content));
        }
        for gap in observed.gaps_ns {
            self.gap.saturating_record(gap);
        }
        for frame in observed.frames_ns {
            self.frame.saturating_record(frame);
        }
    }
}

/// What a histogram comes down to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Spread {
    pub count: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

impl Spread {
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let us = |quantile| histogram.value_at_quantile(quantile) / 1000;
        Self {
            count: histogram.len(),
            p50_us: us(0.5),
            p90_us: us(0.9),
            p99_us: us(0.99),
            p999_us: us(0.999),
            max_us: histogram.max() / 1000,
        }
    }
}

impl Failure {
    pub fn name(self) -> String {
        match self {
            Failure::Connect => "connect".to_owned(),
            Failure::Lost => "lost".to_owned(),
            Failure::Status(status) => format!("status_{status}"),
            Failure::Truncated => "truncated".to_owned(),
            Failure::ErrorEvent => "error_event".to_owned(),
            Failure::FrameCount => "frame_count".to_owned(),
            Failure::NotHttp => "not_http".to_owned(),
            Failure::Timeout => "timeout".to_owned(),
            Failure::NoConnection => "no_connection".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn answers_and_failures_are_kept_apart() {
        let mut figures = Figures::new().unwrap();
        for ms in 1..=100 {
            let total = Duration::from_millis(ms);
            figures.note(Ok(Observed {
                total,
                first_content: Some(total),
                text_frames: 2,
                ..Observed::default()
            }));
        }
        figures.note(Err(Failure::Truncated));
        figures.note(Err(Failure::Truncated));
        let total = Spread::of(&figures.total);
        assert_eq!((total.count, total.p50_us / 1000, total.max_us / 1000), (100, 50, 100));
        assert_eq!((figures.answered, figures.text_frames), (100, 200));
        assert_eq!(figures.failures[&Failure::Truncated], 2);
        assert_eq!(Spread::of(&figures.gap), Spread::default());
    }
}
