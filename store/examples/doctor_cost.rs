//! What a look of the doctor costs beside a history of so many calls.
//!
//! `cargo run --release -p ainfera-store --example doctor_cost -- URL CALLS` closes that many calls
//! of a hundred agents in a fresh database, then fifty more, and looks at those as a running
//! gateway does: rows and time, and on PostgreSQL the rows that the server read for it by its own
//! count. Beside it the time of the whole doctor.
#![allow(clippy::unwrap_used, reason = "the calls are those of the tests")]

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/conformance/call.rs"]
mod call;

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, BootId, OutcomeStatus, RoutingOutcome, TenantId};
use ainfera_store::invariants::LONGEST_CALL;
use ainfera_store::{CaptureBatch, NewAgent, Opening, StoreWriter, Watermark};

const AGENTS: usize = 100;
const NEW: usize = 50;
const BATCH: usize = 500;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, calls] = arguments.as_slice() else {
        return Err("usage: doctor_cost URL CALLS".into());
    };
    let calls: usize = calls.parse()?;
    let store = ainfera_store::open(url).await?;
    store.migrate().await?;
    let boot_id = BootId::mint();
    store.begin_boot(boot_id, "doctor_cost").await?;
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let tenant_id = TenantId::mint();
        let new = NewAgent {
            name: format!("agent {number}"),
            tenant_id,
            spend_policy: SpendPolicy::default(),
        };
        agents.push((
            store.create_agent(new, Opening::Prepaid(call::usd("1000000"))).await?,
            tenant_id,
        ));
    }
    for first in (0..calls).step_by(BATCH) {
        close(&*store, boot_id, &agents, first..calls.min(first + BATCH)).await?;
    }
    // the newest event is the end of the history
    let newest = ainfera_store::PublicCursor::newest();
    let newest = store.public_events(newest, 1).await?.pop().ok_or("nothing was written")?;
    close(&*store, boot_id, &agents, 0..NEW).await?;
    let read_before = rows_read(url).await?;
    let began = Instant::now();
    let mark = Watermark { events_until: Some(newest.created_at), account: None };
    let look = store.recent_invariants(mark, LONGEST_CALL).await?;
    let took = began.elapsed();
    let read_after = rows_read(url).await?;
    let broken = look.invariants.iter().filter(|invariant| !invariant.holds).count();
    let began = Instant::now();
    store.invariants().await?;
    let whole = began.elapsed();
    let server = read_after
        .zip(read_before)
        .map(|(after, before)| format!(", {} by the server's count", after - before))
        .unwrap_or_default();
    writeln!(
        std::io::stdout(),
        "{calls} calls: a look at {NEW} more reads {} rows{server} in {took:?}, {broken} broken; the whole doctor takes {whole:?}",
        look.rows_read,
    )?;
    store.end_boot(boot_id).await?;
    Ok(())
}

async fn close(
    store: &dyn StoreWriter,
    boot_id: BootId,
    agents: &[(AgentId, TenantId)],
    numbers: std::ops::Range<usize>,
) -> Result<(), Box<dyn Error>> {
    let calls: Vec<RoutingOutcome> =
        numbers.map(|number| call::call(agents[number % agents.len()])).collect();
    let admissions =
        calls.iter().map(|outcome| call::admission(outcome, boot_id, "0.01")).collect();
    store.capture(CaptureBatch { admissions, ..CaptureBatch::default() }).await?;
    let closings =
        calls.iter().map(|outcome| call::closing(outcome, OutcomeStatus::Succeeded)).collect();
    store.capture(CaptureBatch { closings, ..CaptureBatch::default() }).await?;
    Ok(())
}

/// What PostgreSQL has counted so far in all tables: rows of walks, and rows fetched by an index.
async fn rows_read(url: &str) -> Result<Option<i64>, Box<dyn Error>> {
    if !url.starts_with("postgres") {
        return Ok(None);
    }
    // a session tells its counts when it has been idle for ten seconds
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let counted = client.query_one(
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables",
        &[],
    );
    let counted = tokio::select! {
        counted = counted => counted?,
        _ = connection => return Err("connection ended".into()),
    };
    Ok(Some(counted.try_get(0)?))
}
