//! At a start: what an earlier life put into its spool goes into the store, before that life's open
//! calls are closed as lost.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ainfera_store::{CaptureBatch, CloseResult, Closing, StoreError, StoreWriter};

use super::refused_records::{offer_again, quarantine, refused_record};
use super::spool::encode;
use super::spool_file::{SpoolError, SpoolFile};

/// Shared between CaptureActor and the blocking thread that writes for it; never locked elsewhere.
pub type SharedSpool = Arc<Mutex<SpoolFile>>;

/// How many calls go into one transaction.
const PAGE: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("spool: {0}")]
    Spool(#[from] SpoolError),
    #[error("spool: its thread was stopped")]
    Stopped,
    #[error("there is no file beside a spool")]
    NoFile,
}

/// Returns how many calls the spool closed. Safe to do again: whoever is closed stays closed.
pub async fn replay(
    store: &dyn StoreWriter,
    spool: &SharedSpool,
    replica: &str,
) -> Result<u64, ReplayError> {
    let spooled = match blocking(spool, SpoolFile::read).await {
        Err(ReplayError::Spool(error @ SpoolError::InUse { .. })) => {
            tracing::warn!(%error, "spool is not replayed");
            return Ok(0);
        }
        other => other?,
    };
    offer_again(store, spool, replica).await?;
    if spooled.damaged_lines > 0 {
        tracing::error!(
            damaged_lines = spooled.damaged_lines,
            "lines of the spool are torn; their calls are closed as lost"
        );
    }
    if spooled.closings.is_empty() {
        return Ok(0);
    }
    let mut closed = 0;
    let mut refused = Vec::new();
    let mut unknown = Vec::new();
    for page in spooled.closings.chunks(PAGE) {
        match capture(store, page, &mut unknown).await {
            Ok(count) => closed += count,
            Err(error @ (StoreError::Unavailable(_) | StoreError::NotWritable(_))) => {
                return Err(error.into());
            }
            // one of them is at fault: each for itself
            Err(_) => {
                for closing in page {
                    match capture(store, std::slice::from_ref(closing), &mut unknown).await {
                        Ok(count) => closed += count,
                        Err(error @ (StoreError::Unavailable(_) | StoreError::NotWritable(_))) => {
                            return Err(error.into());
                        }
                        Err(error) => {
                            tracing::error!(request_id = closing.outcome.request_id.header_value(), %error, "record of the spool refused by the store");
                            refused.push(refused_record(closing, &error, replica));
                        }
                    }
                }
            }
        }
    }
    quarantine(store, Some(spool), refused).await?;
    blocking(spool, move |spool| {
        if !unknown.is_empty() {
            let path = spool.set_unknown_aside(&unknown)?;
            let path = path.display();
            tracing::error!(%path, "records of the spool whose calls the store does not know are set aside");
        }
        spool.clear()
    })
    .await?;
    Ok(closed)
}

/// The same for a spool under a name that nobody uses any more; then it is gone.
pub async fn replay_former(
    store: &dyn StoreWriter,
    path: &Path,
    replica: &str,
) -> Result<u64, ReplayError> {
    if !path.exists() {
        return Ok(0);
    }
    let spool = Arc::new(Mutex::new(SpoolFile::new(path.to_owned())));
    let closed = replay(store, &spool, replica).await?;
    blocking(&spool, SpoolFile::remove_if_empty).await?;
    Ok(closed)
}

async fn capture(
    store: &dyn StoreWriter,
    closings: &[Closing],
    unknown: &mut Vec<u8>,
) -> Result<u64, StoreError> {
    let reply = store
        .capture(CaptureBatch { closings: closings.to_vec(), ..CaptureBatch::default() })
        .await?;
    for (closing, (request_id, result)) in closings.iter().zip(&reply.closed) {
        if *result == CloseResult::Unknown {
            // its admission was in doubt when it was spooled, and did not get through: its caller
            // was told so. Or this is another database's spool, so it is kept
            tracing::warn!(
                request_id = request_id.header_value(),
                "call of the spool is not known to the store, it is set aside"
            );
            let _ = encode(closing, unknown);
        }
    }
    Ok(reply.closed.iter().filter(|(_, result)| *result == CloseResult::Closed).count() as u64)
}

/// Runs `work` where it may block.
pub async fn blocking<T: Send + 'static>(
    spool: &SharedSpool,
    work: impl FnOnce(&mut SpoolFile) -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, ReplayError> {
    let spool = Arc::clone(spool);
    let done = tokio::task::spawn_blocking(move || {
        work(&mut spool.lock().unwrap_or_else(PoisonError::into_inner))
    })
    .await;
    Ok(done.map_err(|_| ReplayError::Stopped)??)
}
