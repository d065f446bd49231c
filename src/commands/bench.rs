//! `ainfera bench`: measures, prints, and ends with exit code 1 when any call failed.

use std::io::stdout;
use std::process::ExitCode;

use super::CommandError;
use crate::bench::{self, BenchSettings};

pub fn run(settings: &BenchSettings) -> Result<ExitCode, CommandError> {
    let report = actix_rt::System::new().block_on(Box::pin(bench::run(settings)))?;
    bench::print(&report, settings, &mut stdout().lock())?;
    let failed = report.targets.iter().any(|target| target.failed > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
