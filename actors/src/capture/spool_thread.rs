//! Runs what the spool does where it may block.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::CaptureActor;
use super::spool_file::{SpoolError, SpoolFile};

/// Shared between CaptureActor and the blocking thread that writes for it; never locked elsewhere.
pub type SharedSpool = Arc<Mutex<SpoolFile>>;

pub async fn blocking<T: Send + 'static>(
    spool: &SharedSpool,
    work: impl FnOnce(&mut SpoolFile) -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    let spool = Arc::clone(spool);
    let locked = move || work(&mut spool.lock().unwrap_or_else(PoisonError::into_inner));
    tokio::task::spawn_blocking(locked).await.map_err(|_| SpoolError::Stopped)?
}

impl CaptureActor {
    /// Records that the store has not taken after `after` are also written to `file`.
    #[must_use]
    pub fn with_spool(mut self, file: SharedSpool, after: Duration) -> Self {
        self.machine.use_spool(after, &mut self.effects);
        self.spool = Some(file);
        self
    }
}
