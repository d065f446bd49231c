//! Chaos: real processes, real databases, a scripted provider, and an oracle that compares what
//! clients saw with what was kept.
//!
//! Without arguments this is a short form of every fault that needs nothing special, made to run
//! inside `cargo test`. `cargo test --test chaos -- full` is the long form (`make chaos`),
//! `published` the one behind the figures of docs/reliability.md, and names such as `T1 T8` after
//! it pick faults. Each fault prints one line for each store; the exit code is 0 when every verdict
//! is PASS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must say so"
)]

mod arguments;
mod cluster;
mod driver;
mod faults;
mod findings;
mod load;
mod oracle;
mod peer;
mod process;
mod relay;
mod rows;
mod scale;
mod site;
mod speech;
mod support;

#[path = "../../actors/tests/simulation/random.rs"]
mod random;

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use arguments::Arguments;
use futures_util::FutureExt;

#[actix_rt::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse(std::env::args().skip(1));
    let mut output = std::io::stdout();
    let mut all_passed = true;
    for fault in faults::ALL.iter().filter(|fault| arguments.wants(fault)) {
        let begun = std::time::Instant::now();
        // a fault whose test cannot go on does not hide the others
        let Ok(all) = AssertUnwindSafe((fault.run)(arguments.scale)).catch_unwind().await else {
            all_passed = false;
            writeln!(output, "{:<4} FAIL: it panicked", fault.name).unwrap();
            continue;
        };
        for findings in all {
            all_passed &= findings.passed();
            writeln!(output, "{findings}  [{:.1} s]", begun.elapsed().as_secs_f32()).unwrap();
        }
    }
    if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
