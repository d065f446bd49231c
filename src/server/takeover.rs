//! Whether a replica's name may be taken: only from a boot that is over.
//!
//! On PostgreSQL the former process may run on another machine, where no lock tells of it. Its
//! heartbeat does: a boot whose heartbeat moves while we look is alive, and this process must not
//! start under the same name.

use std::time::Duration;

use ainfera_schema::{BootId, Deadlines};
use ainfera_store::{OpenBoot, StoreError, StoreReader};
use tokio::time::{Instant, interval};

/// How often the heartbeats are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    #[error(
        "replica \"{replica}\" is running elsewhere: its boot {boot} said {silent_ms} ms ago that it lives; stop it, choose another `replica`, or \
         start with --take-over to give it up"
    )]
    Running { replica: String, boot: BootId, silent_ms: i64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns when no boot of this replica is alive. `over` is one that is known to have ended.
pub async fn former_boots_are_over(
    store: &dyn StoreReader,
    replica: &str,
    over: Option<BootId>,
    deadlines: &Deadlines,
) -> Result<(), TakeOverError> {
    let alive = |boots: Vec<OpenBoot>| -> Vec<OpenBoot> {
        let lease_ms = i64::try_from(deadlines.lease.as_millis()).unwrap_or(i64::MAX);
        boots
            .into_iter()
            .filter(|boot| Some(boot.boot_id) != over && boot.silent_ms <= lease_ms)
            .collect()
    };
    let first = alive(store.open_boots(replica).await?);
    if first.is_empty() {
        return Ok(());
    }
    let patience = deadlines
        .heartbeat
        .saturating_mul(2)
        .saturating_add(Duration::from_secs(1))
        .min(deadlines.lease);
    tracing::info!(
        replica,
        patience_ms = patience.as_millis(),
        "an earlier boot of this replica was not closed: waiting for a sign of life"
    );
    let deadline = Instant::now() + patience;
    let mut looks = interval(LOOK_EVERY);
    while Instant::now() < deadline {
        looks.tick().await;
        for boot in alive(store.open_boots(replica).await?) {
            let moved = first.iter().all(|former| {
                former.boot_id != boot.boot_id || former.heartbeat_at != boot.heartbeat_at
            });
            if moved {
                return Err(TakeOverError::Running {
                    replica: replica.to_owned(),
                    boot: boot.boot_id,
                    silent_ms: boot.silent_ms,
                });
            }
        }
    }
    Ok(())
}
