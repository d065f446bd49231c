//! The figures as a table for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::figures::{Figures, Spread};
use super::process::Used;
use super::{BenchError, BenchSettings};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub targets: Vec<TargetReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetReport {
    pub name: String,
    pub measured_ms: u64,
    /// Calls that were made while we measured.
    pub answered: u64,
    pub failed: u64,
    /// How many calls failed in which way.
    pub failures: BTreeMap<String, u64>,
    /// Answers that ended while we measured.
    pub answered_per_second: f64,
    pub text_frames: u64,
    pub first_content: Spread,
    pub gap: Spread,
    pub frame: Spread,
    pub total: Spread,
    pub used: Option<Used>,
    /// Over the answers that ended while we measured.
    pub cpu_ms_per_1000_answers: Option<f64>,
}

impl TargetReport {
    pub fn new(name: String, measured: Duration, figures: &Figures, used: Option<Used>) -> Self {
        let answered = figures.answered;
        let in_window = figures.answered_in_window;
        let per_1000 =
            |used: Used| (in_window > 0).then(|| used.cpu_ms as f64 * 1000.0 / in_window as f64);
        Self {
            name,
            measured_ms: u64::try_from(measured.as_millis()).unwrap_or(u64::MAX),
            answered,
            failed: figures.failures.values().sum(),
            failures: figures
                .failures
                .iter()
                .map(|(failure, count)| (failure.name(), *count))
                .collect(),
            answered_per_second: in_window as f64 / measured.as_secs_f64().max(f64::MIN_POSITIVE),
            text_frames: figures.text_frames,
            first_content: Spread::of(&figures.first_content),
            gap: Spread::of(&figures.gap),
            frame: Spread::of(&figures.frame),
            total: Spread::of(&figures.total),
            used,
            cpu_ms_per_1000_answers: used.and_then(per_1000),
        }
    }
}

/// Writes the report to `out`, and to the file that the settings name.
pub fn print(
    report: &Report,
    settings: &BenchSettings,
    out: &mut impl Write,
) -> Result<(), BenchError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source: io::Error| BenchError::Write { path, source }
    };
    let output = Path::new("standard output");
    let Some(path) = &settings.json else {
        return out.write_all(table(report).as_bytes()).map_err(failed(output));
    };
    let json =
        serde_json::to_string_pretty(report).map_err(io::Error::from).map_err(failed(path))? + "\n";
    if path == Path::new("-") {
        return out.write_all(json.as_bytes()).map_err(failed(output));
    }
    std::fs::write(path, json).map_err(failed(path))?;
    out.write_all(table(report).as_bytes()).map_err(failed(output))
}

type PickSpread = fn(&TargetReport) -> Spread;

/// One column for each target.
fn table(report: &Report) -> String {
    let mut text = String::new();
    let mut row = |label: &str, cell: &dyn Fn(&TargetReport) -> String| {
        let cells: String =
            report.targets.iter().map(|target| format!(" {:>22}", cell(target))).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:<34}{cells}");
    };
    row("", &|target| target.name.clone());
    row("answered", &|target| target.answered.to_string());
    row("answered per second", &|target| format!("{:.1}", target.answered_per_second));
    row("failed", &|target| target.failed.to_string());
    let kinds: std::collections::BTreeSet<&String> =
        report.targets.iter().flat_map(|target| target.failures.keys()).collect();
    for kind in kinds {
        row(&format!("  {kind}"), &|target| {
            target.failures.get(kind).copied().unwrap_or(0).to_string()
        });
    }
    let spreads: [(&str, PickSpread); 4] = [
        ("first content", |target| target.first_content),
        ("gap between events", |target| target.gap),
        ("frame, written to read", |target| target.frame),
        ("whole answer", |target| target.total),
    ];
    for (label, spread) in spreads {
        if report.targets.iter().all(|target| spread(target).count == 0) {
            continue;
        }
        row(&format!("{label}, ms p50 / p99"), &|target| {
            pair(spread(target), |spread| (spread.p50_us, spread.p99_us))
        });
        row("  p99.9 / max", &|target| {
            pair(spread(target), |spread| (spread.p999_us, spread.max_us))
        });
    }
    if report.targets.iter().any(|target| target.used.is_some()) {
        row("CPU ms per 1,000 answers", &|target| {
            target.cpu_ms_per_1000_answers.map_or("-".to_owned(), |ms| format!("{ms:.1}"))
        });
        let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
        row("RSS MiB, peak / since start", &|target| {
            target.used.map_or("-".to_owned(), |used| {
                format!("{} / {}", mib(used.rss_peak_kib), mib(used.rss_high_water_kib))
            })
        });
    }
    text
}

fn pair(spread: Spread, pick: fn(Spread) -> (u64, u64)) -> String {
    if spread.count == 0 {
        return "-".to_owned();
    }
    let (first, second) = pick(spread);
    format!("{:.2} / {:.2}", first as f64 / 1000.0, second as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::client::{Failure, Observed};

    fn report() -> Report {
        let mut figures = Figures::new().unwrap();
        let total = Duration::from_millis(4);
        figures.note(Ok(Observed {
            total,
            first_content: Some(Duration::from_micros(1500)),
            ..Observed::default()
        }));
        figures.answered_in_window = 1;
        figures.note(Err(Failure::Status(503)));
        let used = Used { cpu_ms: 3, rss_peak_kib: 2048, rss_high_water_kib: 4096 };
        let gateway =
            TargetReport::new("gateway".to_owned(), Duration::from_secs(2), &figures, Some(used));
        let direct = TargetReport::new(
            "direct".to_owned(),
            Duration::from_secs(2),
            &Figures::new().unwrap(),
            None,
        );
        Report { targets: vec![gateway, direct] }
    }

    #[test]
    fn targets_stand_side_by_side() {
        let table = table(&report());
        let line = |label: &str| {
            table
                .lines()
                .find(|line| line.trim_start().starts_with(label))
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(line("gateway"), "gateway direct");
        assert_eq!(line("status_503"), "status_503 1 0");
        assert_eq!(line("first content"), "first content, ms p50 / p99 1.50 / 1.50 -");
        assert_eq!(line("CPU"), "CPU ms per 1,000 answers 3000.0 -");
        assert_eq!(line("RSS"), "RSS MiB, peak / since start 2.0 / 4.0 -");
        assert!(!table.contains("gap"));
    }

    #[test]
    fn json_has_every_figure() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["targets"][0]["failures"]["status_503"], 1);
        assert_eq!(json["targets"][0]["answered_per_second"], 0.5);
        assert_eq!(json["targets"][1]["used"], serde_json::Value::Null);
    }
}
