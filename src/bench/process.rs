//! What a process used, read from `/proc`: CPU time and memory.

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{BenchError, Target};

/// `USER_HZ`, which Linux keeps at 100 for everything that reads `/proc`, whatever the kernel's own
/// tick.
const TICKS_PER_SECOND: u64 = 100;
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// A process to watch, for one target or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub name: Option<String>,
    pub pid: u32,
}

impl FromStr for Watched {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.rsplit_once('=') {
            Some((name, pid)) => Ok(Self { name: Some(name.to_owned()), pid: pid.parse()? }),
            None => Ok(Self { name: None, pid: text.parse()? }),
        }
    }
}

impl Watched {
    pub fn is_for(&self, target: &Target) -> bool {
        self.name.as_ref().is_none_or(|name| *name == target.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Used {
    pub cpu_ms: u64,
    /// The highest that was sampled while the target was measured.
    pub rss_peak_kib: u64,
    /// The highest since the process started.
    pub rss_high_water_kib: u64,
}

/// Watches from its start to its finish.
pub(super) struct Watch {
    pid: u32,
    cpu_ms: u64,
    rss_peak_kib: Arc<AtomicU64>,
    /// Ends with us.
    sampler: JoinSet<()>,
}

impl Watch {
    pub(super) fn start(pid: u32) -> Result<Self, BenchError> {
        let rss_peak_kib = Arc::new(AtomicU64::new(memory_kib(pid, "VmRSS")?));
        let mut sampler = JoinSet::new();
        let peak = Arc::clone(&rss_peak_kib);
        sampler.spawn(async move {
            while let Ok(now) = memory_kib(pid, "VmRSS") {
                peak.fetch_max(now, Relaxed);
                tokio::time::sleep(SAMPLE_EVERY).await;
            }
        });
        Ok(Self { pid, cpu_ms: cpu_ms(pid)?, rss_peak_kib, sampler })
    }

    pub(super) async fn finish(mut self) -> Result<Used, BenchError> {
        let cpu_ms = cpu_ms(self.pid)?.saturating_sub(self.cpu_ms);
        self.sampler.shutdown().await;
        let rss_peak_kib = self.rss_peak_kib.load(Relaxed).max(memory_kib(self.pid, "VmRSS")?);
        Ok(Used { cpu_ms, rss_peak_kib, rss_high_water_kib: memory_kib(self.pid, "VmHWM")? })
    }
}

/// User and system time so far.
fn cpu_ms(pid: u32) -> Result<u64, BenchError> {
    let stat = read(pid, "stat")?;
    let ticks = ticks(&stat).ok_or_else(|| unreadable(pid))?;
    Ok(ticks * 1000 / TICKS_PER_SECOND)
}

/// The program's name stands in parentheses and may hold anything, so that the fields are counted
/// from behind it.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn memory_kib(pid: u32, field: &str) -> Result<u64, BenchError> {
    let status = read(pid, "status")?;
    kib(&status, field).ok_or_else(|| unreadable(pid))
}

fn kib(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(pid: u32, file: &str) -> Result<String, BenchError> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}"))
        .map_err(|source| BenchError::Process { pid, source })
}

fn unreadable(pid: u32) -> BenchError {
    BenchError::Process { pid, source: io::ErrorKind::InvalidData.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 123 45 0 0 20 0 1 0 100 1 1";
        assert_eq!(ticks(stat), Some(168));
    }

    #[test]
    fn memory_is_found_by_its_whole_name() {
        let status = "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(
            (kib(status, "VmRSS"), kib(status, "VmHWM"), kib(status, "Vm")),
            (Some(1024), Some(2048), None)
        );
    }

    #[tokio::test]
    async fn this_process_can_be_watched() {
        let used = Watch::start(std::process::id()).unwrap().finish().await.unwrap();
        assert!(used.rss_peak_kib > 0 && used.rss_high_water_kib >= used.rss_peak_kib);
    }

    #[test]
    fn a_process_is_for_one_target_or_for_all() {
        let target: Target = "gateway=http://127.0.0.1:1".parse().unwrap();
        assert!("12".parse::<Watched>().unwrap().is_for(&target));
        assert!("gateway=12".parse::<Watched>().unwrap().is_for(&target));
        assert!(!"direct=12".parse::<Watched>().unwrap().is_for(&target));
        assert!("direct=x".parse::<Watched>().is_err());
    }
}
