//! How many calls a store lets in and closes in a second.
//!
//! `cargo run --release -p ainfera-store --example closes_per_second -- URL SECONDS` compares group
//! commit with one transaction for each close, under 64 concurrent closers, or as many as
//! `closers=N` says: over many accounts, and over one hot account. The database must be durable
//! (fsync on), or it refuses.
//!
//! With a number for a third argument, `BATCH`, it measures admissions and closes of one agent in
//! batches of that size.
#![allow(clippy::unwrap_used, reason = "the calls are those of the tests")]

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/conformance/call.rs"]
mod call;
#[path = "closes_per_second/compare.rs"]
mod compare;

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{BootId, OutcomeStatus, RoutingOutcome, TenantId};
use ainfera_store::{CaptureBatch, CloseResult, NewAgent, Opening, Verdict};

const USAGE: &str = "usage: closes_per_second URL SECONDS [BATCH | closers=N]";
const CLOSERS: usize = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, seconds, size) = match arguments.as_slice() {
        [url, seconds] => {
            return compare::run(url, Duration::from_secs(seconds.parse()?), CLOSERS).await;
        }
        [url, seconds, closers] if closers.starts_with("closers=") => {
            let closers = closers.trim_start_matches("closers=").parse()?;
            return compare::run(url, Duration::from_secs(seconds.parse()?), closers).await;
        }
        [url, seconds, size] => (url, seconds, size),
        _ => return Err(USAGE.into()),
    };
    let duration = Duration::from_secs(seconds.parse()?);
    let size: usize = size.parse()?;

    let store = ainfera_store::open(url).await?;
    store.migrate().await?;
    let boot_id = BootId::mint();
    store.begin_boot(boot_id, "closes_per_second").await?;
    let tenant_id = TenantId::mint();
    let new = NewAgent { name: "hot".to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    let agent_id = store.create_agent(new, Opening::Prepaid(call::usd("1000000000"))).await?;

    let mut open: Vec<RoutingOutcome> = Vec::new();
    let mut times: Vec<Duration> = Vec::new();
    let mut closed = 0;
    let start = Instant::now();
    while start.elapsed() < duration {
        let calls: Vec<RoutingOutcome> =
            (0..size).map(|_| call::call((agent_id, tenant_id))).collect();
        let batch = CaptureBatch {
            admissions: calls
                .iter()
                .map(|outcome| call::admission(outcome, boot_id, "0.01"))
                .collect(),
            closings: open
                .iter()
                .map(|outcome| call::closing(outcome, OutcomeStatus::Succeeded))
                .collect(),
            ..CaptureBatch::default()
        };
        let sent = Instant::now();
        let reply = store.capture(batch).await?;
        times.push(sent.elapsed());
        if reply.verdicts.iter().any(|(_, verdict)| *verdict != Verdict::Admitted) {
            return Err("a call was not let in".into());
        }
        closed += reply.closed.iter().filter(|(_, result)| *result == CloseResult::Closed).count();
        open = calls;
    }
    let elapsed = start.elapsed();
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    let slowest = times.last().copied().unwrap_or_default();
    let per_second = closed as u128 * 1000 / elapsed.as_millis().max(1);
    writeln!(
        std::io::stdout(),
        "{per_second} admissions and closes per second, {} transactions of {size} + {size}, median {middle:?}, slowest {slowest:?}",
        times.len(),
    )?;
    store.end_boot(boot_id).await?;
    Ok(())
}
