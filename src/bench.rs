//! A load driver: what a gateway costs, beside the provider alone, in numbers that another machine
//! can repeat.
//!
//! It speaks HTTP/1.1 over raw TCP, so that it measures the gateway and not an HTTP library, checks
//! every answer to its last event, and refuses every target that is not on this machine. It
//! measures a closed loop (so many callers, each waiting for its answer) or an open one (so many
//! calls a second, counted from when each was due, so that a stalled gateway cannot hide its
//! stall).
//!
//! Reading order: [`target`] (whom to ask, and what), [`client`] (one connection), [`answer`]
//! (reading one answer), [`load`] (the two loops), [`figures`] (what is counted), [`process`] (what
//! the gateway used), [`report`] (the table and the JSON).

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

mod answer;
mod client;
mod figures;
mod load;
mod process;
mod report;
mod target;

pub use report::{Report, TargetReport, print};
pub use target::{Dialect, Target};

use process::Watched;
use target::Ask;

/// Measure one or several targets on this machine, one after the other.
#[derive(Debug, Clone, Args)]
pub struct BenchSettings {
    /// `[NAME=]http://127.0.0.1:PORT[/PATH]`; may be given several times, and the results stand
    /// side by side.
    #[arg(long, required = true, value_name = "[NAME=]URL")]
    pub url: Vec<Target>,
    #[arg(long, value_enum, default_value_t = Dialect::Anthropic)]
    pub dialect: Dialect,
    /// Whether answers are streamed.
    #[arg(long, action = ArgAction::Set, default_value_t = true, value_name = "BOOL")]
    pub stream: bool,
    /// Callers that each wait for their answer. With --rate: how many calls may be open at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
    /// Calls a second, whether or not earlier ones are answered.
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// How long each target is measured.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub duration_s: u64,
    /// How long each target is loaded before that.
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    pub warmup_s: u64,
    /// Stop after so many measured calls even if there is time left.
    #[arg(long, value_name = "N")]
    pub requests: Option<u64>,
    /// How long one call may take.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub timeout_s: u64,
    /// The API key to show.
    #[arg(long, default_value = "bench", value_name = "KEY")]
    pub key: String,
    #[arg(long, default_value = "ainfera-inference", value_name = "NAME")]
    pub model: String,
    /// What the prompt starts with; a `[[mock …]]` directive for the scripted provider may stand
    /// here.
    #[arg(long, default_value = "Say something.", value_name = "TEXT")]
    pub prompt: String,
    /// The prompt is filled up to so many bytes.
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub prompt_bytes: usize,
    /// How many tools are offered.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub tools: usize,
    #[arg(long, default_value_t = 4096, value_name = "N")]
    pub max_tokens: u32,
    /// How many text frames a whole answer has; an answer with another number has failed.
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,
    /// The process whose CPU time and memory are read; with a name, for that target only.
    #[arg(long, value_name = "[NAME=]PID")]
    pub pid: Vec<Watched>,
    /// Write the report as JSON, too; `-` writes only that, on standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{text}: {reason}")]
    Target { text: String, reason: &'static str },
    #[error("process {pid} cannot be read: {source}")]
    Process { pid: u32, source: std::io::Error },
    #[error("a histogram cannot be made: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    #[error("the report cannot be written to {path}: {source}")]
    Write { path: String, source: std::io::Error },
}

/// Measures every target. Failed calls are part of the report, not an error.
pub async fn run(settings: &BenchSettings) -> Result<Report, BenchError> {
    let mut targets = Vec::with_capacity(settings.url.len());
    for target in &settings.url {
        let ask = Ask::new(settings, target);
        let pid =
            settings.pid.iter().find(|watched| watched.is_for(target)).map(|watched| watched.pid);
        let plan = load::Plan {
            target: target.clone(),
            ask,
            pace: pace(settings),
            warmup: Duration::from_secs(settings.warmup_s),
            duration: Duration::from_secs(settings.duration_s),
            requests: settings.requests.unwrap_or(u64::MAX),
            timeout: Duration::from_secs(settings.timeout_s),
            pid,
        };
        targets.push(load::measure(plan).await?);
    }
    Ok(Report { targets })
}

fn pace(settings: &BenchSettings) -> load::Pace {
    match (settings.rate, settings.concurrency) {
        (Some(rate), most_open) => {
            load::Pace::Open { per_second: rate, most_open: most_open.unwrap_or(10_000) }
        }
        (None, callers) => load::Pace::Closed { callers: callers.unwrap_or(16) },
    }
}
