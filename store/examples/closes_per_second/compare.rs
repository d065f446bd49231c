//! Group commit beside one transaction for each close. Only the closing is timed: the calls are let
//! in before, in large batches.

use std::cell::RefCell;
use std::error::Error;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, BootId, OutcomeStatus, RoutingOutcome, TenantId};
use ainfera_store::{
    CaptureBatch, CloseResult, Closing, NewAgent, Opening, Sent, StoreWriter, Verdict,
};
use futures_util::future::{join, join_all, try_join_all};
use tokio::sync::{mpsc, oneshot};

use crate::call;

type Failure = Box<dyn Error>;
type Agent = (AgentId, TenantId);

/// Each store has four connections that write: 64 transactions at once, when each close is one of
/// its own. More than that makes none of them faster.
const STORES: usize = 16;
/// How many calls each closer closes before the next calls are let in.
const EACH: usize = 50;
const MANY: usize = 256;

#[derive(Clone, Copy)]
enum Commit {
    /// Whatever gathered while the last transaction ran goes into the next one.
    Grouped,
    /// A transaction for each close, all closers at once.
    Single,
}

pub async fn run(url: &str, duration: Duration, closers: usize) -> Result<(), Failure> {
    let stores = try_join_all((0..STORES).map(|_| ainfera_store::open(url))).await?;
    let store = stores.first().ok_or("no store")?;
    store.migrate().await?;
    store.require_durability().await?;
    let boot_id = BootId::mint();
    store.begin_boot(boot_id, "closes_per_second").await?;
    let shared = TenantId::mint();
    let hot = vec![(agent(&**store, "hot", shared).await?, shared)];
    let (mut apart, mut together) = (Vec::new(), Vec::new());
    for number in 0..MANY {
        let tenant_id = TenantId::mint();
        apart.push((agent(&**store, "one", tenant_id).await?, tenant_id));
        together.push((agent(&**store, &format!("agent {number}"), shared).await?, shared));
    }
    for (name, agents, target) in [
        ("many accounts", &apart, ", target 5"),
        ("one hot account", &hot, ", target 25"),
        ("many accounts of one tenant", &together, ""),
    ] {
        let grouped = measure(&stores, boot_id, agents, Commit::Grouped, duration, closers).await?;
        let single = measure(&stores, boot_id, agents, Commit::Single, duration, closers).await?;
        let tenths = grouped * 10 / single.max(1);
        writeln!(
            stdout(),
            "{name}: {grouped} closes per second with group commit, {single} with one transaction for each, ratio {}.{}{target}",
            tenths / 10,
            tenths % 10,
        )?;
    }
    store.end_boot(boot_id).await?;
    Ok(())
}

async fn agent(
    store: &dyn StoreWriter,
    name: &str,
    tenant_id: TenantId,
) -> Result<AgentId, Failure> {
    let new = NewAgent { name: name.to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    Ok(store.create_agent(new, Opening::Prepaid(call::usd("1000000"))).await?)
}

/// Closes per second over as many rounds as fit.
async fn measure(
    stores: &[Arc<dyn StoreWriter>],
    boot_id: BootId,
    agents: &[Agent],
    commit: Commit,
    limit: Duration,
    closers: usize,
) -> Result<u128, Failure> {
    let mut elapsed = Duration::ZERO;
    let mut closed = 0;
    while elapsed < limit {
        let calls = open(stores, boot_id, agents, closers * EACH).await?;
        let start = Instant::now();
        match commit {
            Commit::Grouped => grouped(stores, &calls).await?,
            Commit::Single => single(stores, &calls).await?,
        }
        elapsed += start.elapsed();
        closed += calls.len();
    }
    Ok(closed as u128 * 1_000_000 / elapsed.as_micros().max(1))
}

async fn open(
    stores: &[Arc<dyn StoreWriter>],
    boot_id: BootId,
    agents: &[Agent],
    count: usize,
) -> Result<Vec<RoutingOutcome>, Failure> {
    let store = stores.first().ok_or("no store")?;
    let calls: Vec<RoutingOutcome> =
        (0..count).map(|number| call::call(agents[number % agents.len()])).collect();
    for page in calls.chunks(400) {
        let admissions =
            page.iter().map(|outcome| call::admission(outcome, boot_id, "0.01")).collect();
        let reply = store.capture(CaptureBatch { admissions, ..CaptureBatch::default() }).await?;
        if reply.verdicts.iter().any(|(_, verdict)| *verdict != Verdict::Admitted) {
            return Err("a call was not let in".into());
        }
    }
    Ok(calls)
}

async fn single(stores: &[Arc<dyn StoreWriter>], calls: &[RoutingOutcome]) -> Result<(), Failure> {
    let closers = calls.chunks(EACH).enumerate().map(|(number, calls)| async move {
        for outcome in calls {
            close(
                &*stores[number % stores.len()],
                vec![call::closing(outcome, OutcomeStatus::Succeeded)],
            )
            .await?;
        }
        Ok::<(), Failure>(())
    });
    try_join_all(closers).await.map(drop)
}

/// As CaptureActor does it: one transaction at a time, with everything that waits.
async fn grouped(stores: &[Arc<dyn StoreWriter>], calls: &[RoutingOutcome]) -> Result<(), Failure> {
    let store = stores.first().ok_or("no store")?;
    let (sender, mut queue) = mpsc::unbounded_channel::<(Closing, oneshot::Sender<()>)>();
    let failed: RefCell<Option<Failure>> = RefCell::default();
    let failure = &failed;
    // owns the queue: when it ends early, those who wait in it are let go
    let committer = async move {
        let mut waiting = Vec::new();
        while queue.recv_many(&mut waiting, 500).await > 0 {
            let (closings, replies): (Vec<Closing>, Vec<oneshot::Sender<()>>) =
                waiting.drain(..).unzip();
            if let Err(error) = close(&**store, closings).await {
                *failure.borrow_mut() = Some(error);
                return;
            }
            for reply in replies {
                let _ = reply.send(());
            }
        }
    };
    let closers = calls.chunks(EACH).map(|calls| {
        let sender = sender.clone();
        async move {
            for outcome in calls {
                let (reply, done) = oneshot::channel();
                if sender.send((call::closing(outcome, OutcomeStatus::Succeeded), reply)).is_err()
                    || done.await.is_err()
                {
                    return;
                }
            }
        }
    });
    let closers: Vec<_> = closers.collect();
    drop(sender);
    join(committer, join_all(closers)).await;
    failed.into_inner().map_or(Ok(()), Err)
}

async fn close(store: &dyn StoreWriter, closings: Vec<Closing>) -> Result<(), Failure> {
    let reply = store
        .capture(CaptureBatch { sent: Sent::Never, closings, ..CaptureBatch::default() })
        .await?;
    if reply.closed.iter().all(|(_, result)| *result == CloseResult::Closed) {
        Ok(())
    } else {
        Err("a call was not closed".into())
    }
}
