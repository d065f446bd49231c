//! The two loops that make load, and the measuring around them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::BenchError;
use super::client::{Client, Failure, Observed, Since};
use super::figures::Figures;
use super::process::Watch;
use super::report::TargetReport;
use super::target::{Ask, Target};

/// A timer of the runtime is up to a millisecond late by design; what is later than that is load,
/// and counts.
const TIMER_SLACK: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Closed { callers: u32 },
    Open { per_second: u32, most_open: u32 },
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub target: Target,
    pub ask: Ask,
    pub pace: Pace,
    pub warmup: Duration,
    pub duration: Duration,
    pub requests: u64,
    pub timeout: Duration,
    pub pid: Option<u32>,
}

/// Loads one target and says what was seen.
pub(super) async fn measure(plan: Plan) -> Result<TargetReport, BenchError> {
    let measured_from = Instant::now() + plan.warmup;
    let run = Arc::new(Run {
        measured_from,
        ends: measured_from + plan.duration,
        left: AtomicU64::new(plan.requests),
        figures: Mutex::new(Figures::new()?),
        plan,
    });
    let mut loads = JoinSet::new();
    match run.plan.pace {
        Pace::Closed { callers } => {
            for _ in 0..callers {
                loads.spawn(Arc::clone(&run).call_and_call_again());
            }
        }
        Pace::Open { per_second, most_open } => {
            loads.spawn(Arc::clone(&run).call_when_due(per_second, most_open));
        }
    }
    tokio::time::sleep_until(run.measured_from.into()).await;
    let watch = run.plan.pid.map(Watch::start).transpose()?;
    // The last calls run on after the window, but what they use then is not set against what was
    // answered in it.
    let window = tokio::time::timeout_at(run.ends.into(), all_done(&mut loads)).await;
    let measured = run.measured_from.elapsed();
    let used = match watch {
        Some(watch) => Some(watch.finish().await?),
        None => None,
    };
    if window.is_err() {
        all_done(&mut loads).await;
    }
    let figures = run.figures.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(TargetReport::new(run.plan.target.name.clone(), measured, &figures, used))
}

async fn all_done(loads: &mut JoinSet<()>) {
    while loads.join_next().await.is_some() {}
}

struct Run {
    plan: Plan,
    measured_from: Instant,
    ends: Instant,
    /// Measured calls that may still start.
    left: AtomicU64,
    figures: Mutex<Figures>,
}

/// Whether a call is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Warmup,
    Yes,
}

impl Run {
    async fn call_and_call_again(self: Arc<Self>) {
        let mut client = Client::new(self.plan.target.addr);
        while let Some(counted) = self.admit(Instant::now()) {
            let result = client.call(&self.plan.ask, Since::Written, self.plan.timeout).await;
            if result.is_err() {
                // A target that refuses at once is not sent requests in a tight loop.
                tokio::time::sleep(TIMER_SLACK).await;
            }
            self.note(counted, result);
        }
    }

    async fn call_when_due(self: Arc<Self>, per_second: u32, most_open: u32) {
        let idle: Arc<Mutex<Vec<Client>>> = Arc::default();
        let open = Arc::new(Semaphore::new(most_open as usize));
        let mut calls = JoinSet::new();
        let start = Instant::now();
        for number in 0_u64.. {
            let due = start
                + Duration::from_nanos(
                    number.saturating_mul(1_000_000_000) / u64::from(per_second),
                );
            tokio::time::sleep_until(due.into()).await;
            let Some(counted) = self.admit(due) else { break };
            let Ok(permit) = Arc::clone(&open).try_acquire_owned() else {
                self.note(counted, Err(Failure::NoConnection));
                continue;
            };
            let since = Since::Due(Instant::now().min(due + TIMER_SLACK));
            let (run, idle) = (Arc::clone(&self), Arc::clone(&idle));
            calls.spawn(async move {
                let client = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut client = client.unwrap_or_else(|| Client::new(run.plan.target.addr));
                let result = client.call(&run.plan.ask, since, run.plan.timeout).await;
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
                run.note(counted, result);
                drop(permit);
            });
            while calls.try_join_next().is_some() {}
        }
        while calls.join_next().await.is_some() {}
    }

    /// None when the run is over.
    fn admit(&self, now: Instant) -> Option<Counted> {
        if now < self.measured_from {
            return Some(Counted::Warmup);
        }
        let has_left =
            || self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        (now < self.ends && has_left()).then_some(Counted::Yes)
    }

    fn note(&self, counted: Counted, result: Result<Observed, Failure>) {
        let now = Instant::now();
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        if result.is_ok() && (self.measured_from..=self.ends).contains(&now) {
            figures.answered_in_window += 1;
        }
        if counted == Counted::Yes {
            figures.note(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::bench::{BenchSettings, Report, run};
    use ainfera_mock::frames::Markers;
    use ainfera_mock::{MockSettings, MockUpstream};
    use clap::{Args, Command, FromArgMatches};

    /// Five text frames an answer; `more` are words of the command line.
    async fn bench(more: &[&str]) -> Report {
        let mock_settings =
            MockSettings { tokens: Some(5), markers: Markers::On, ..MockSettings::default() };
        let mock = MockUpstream::start(mock_settings).await.unwrap();
        let url = format!("direct={}", mock.base_url());
        let words =
            [&["bench", "--warmup-s", "0", "--url", &url, "--requests", "20"], more].concat();
        let matches =
            BenchSettings::augment_args(Command::new("bench")).try_get_matches_from(words).unwrap();
        run(&BenchSettings::from_arg_matches(&matches).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_closed_loop_answers_every_call_and_sees_every_frame() {
        for dialect in ["anthropic", "chat"] {
            let report =
                bench(&["--dialect", dialect, "--concurrency", "3", "--frames", "5"]).await;
            let target = &report.targets[0];
            assert_eq!((target.answered, target.failed, target.text_frames), (20, 0, 100));
            assert_eq!(
                (
                    target.first_content.count,
                    target.gap.count,
                    target.frame.count,
                    target.total.count
                ),
                (20, 80, 100, 20)
            );
        }
    }

    #[tokio::test]
    async fn an_open_loop_does_too() {
        let report = bench(&["--rate", "2000", "--frames", "5"]).await;
        assert_eq!((report.targets[0].answered, report.targets[0].failed), (20, 0));
    }

    #[tokio::test]
    async fn whole_answers_and_tools() {
        let report = bench(&["--stream", "false", "--tools", "3", "--prompt-bytes", "5000"]).await;
        assert_eq!((report.targets[0].answered, report.targets[0].failed), (20, 0));
    }

    #[tokio::test]
    async fn every_failure_has_its_class() {
        for (orders, class) in [
            ("status=503", "status_503"),
            ("fault=fin_at", "truncated"),
            ("fault=missing_terminator", "truncated"),
            ("fault=error_event_at", "error_event"),
            ("fault=close_before_head", "lost"),
            ("tokens=4", "frame_count"),
            ("fault=hang_at", "timeout"),
        ] {
            let prompt = format!("[[mock {orders}]]");
            let report = bench(&[
                "--prompt",
                &prompt,
                "--frames",
                "5",
                "--timeout-s",
                "1",
                "--concurrency",
                "20",
            ])
            .await;
            let target = &report.targets[0];
            assert_eq!(
                (target.answered, target.failures.get(class)),
                (0, Some(&20)),
                "{orders}: {:?}",
                target.failures
            );
        }
    }

    #[tokio::test]
    async fn a_target_that_does_not_listen_counts_as_a_failure() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let report = bench(&["--url", &url]).await;
        assert_eq!(report.targets[1].failures["connect"], 20);
    }
}
