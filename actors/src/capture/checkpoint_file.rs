//! Checkpoints outside of the database, one JSON line each, so that whoever rewrites the database
//! does not rewrite them with it, and a database that was put back is told from the one that was
//! signed last. Between them stand the declared breaks, as lines of an export.

use std::path::{Path, PathBuf};

use ainfera_schema::audit_break::AuditBreak;
use ainfera_schema::checkpoint::Checkpoint;
use ainfera_store::{Kept, Standing, StoreError, StoreReader};

use super::checkpoint_lines::{self, Line};

const PAGE: u32 = 500;

/// How far back a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// From the first checkpoint on: for a verifier.
    Whole,
    /// What was signed last, and a while before it: for this replica, to know at its next start.
    Recent,
}

/// The file, and how far it goes. Another replica, or a life that ended between the commit and the
/// line, may have left lines out: they are caught up.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    extent: Extent,
    read: Option<Option<Kept>>,
}

/// Why lines are missing.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("writer has gone")]
    Gone,
}

impl CheckpointFile {
    pub fn new(path: PathBuf, extent: Extent) -> Self {
        Self { path, extent, read: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// What it has of the last signature. Blocks.
    pub fn read(&mut self) -> Option<Kept> {
        if self.read.is_none() {
            match checkpoint_lines::end_of(&self.path, self.extent) {
                Ok(end) => self.read = Some(end),
                Err(error) => {
                    let path = self.path.display();
                    tracing::error!(%path, %error, "checkpoints kept outside cannot be read: this start has nothing to compare with");
                }
            }
        }
        self.read.clone().flatten()
    }

    /// Appends every checkpoint and every declared break that the file lacks, unless the database
    /// is on another branch and nobody declared that. The lines are on the disk when it returns.
    pub async fn catch_up(&mut self, store: &dyn StoreReader) -> Result<(), CheckpointFileError> {
        let mut end = match self.read.take() {
            Some(end) => end,
            None => {
                let (path, extent) = (self.path.clone(), self.extent);
                blocking(move || checkpoint_lines::end_of(&path, extent)).await?
            }
        };
        let result = self.catch_up_from(&mut end, store).await;
        self.read = Some(end);
        result
    }

    async fn catch_up_from(
        &self,
        end: &mut Option<Kept>,
        store: &dyn StoreReader,
    ) -> Result<(), CheckpointFileError> {
        let (newest_break, restarts) = match store.audit_standing(end.clone()).await? {
            Standing::Parted => return Ok(()),
            Standing::Continues { newest_break } => (newest_break, false),
            Standing::Declared { newest_break } => (newest_break, true),
        };
        if let Some(kept) = end.as_mut().filter(|kept| kept.break_hash != newest_break) {
            let breaks = unknown_to(kept, store.audit_breaks().await?);
            if restarts {
                // the other branch is left where the two part
                kept.number = breaks
                    .iter()
                    .map(|declared| declared.parting.parted_after)
                    .min()
                    .unwrap_or(kept.number);
                kept.hash.clear();
            }
            kept.break_hash = newest_break.clone();
            self.append(
                breaks.into_iter().map(|declared| Line::Break(Box::new(declared))).collect(),
            )
            .await?;
        }
        if end.is_none() && self.extent == Extent::Recent {
            // a new folder: what was signed before is for those who have it
            let Some(newest) = store.newest_checkpoint().await? else { return Ok(()) };
            *end = Some(Kept {
                number: newest.number,
                hash: newest.hash.clone(),
                break_hash: newest_break,
            });
            return self.append(vec![Line::Checkpoint(newest)]).await;
        }
        loop {
            let page = store.checkpoints(end.as_ref().map_or(0, |kept| kept.number), PAGE).await?;
            let Some(newest) = page.last() else { return Ok(()) };
            let (number, hash) = (newest.number, newest.hash.clone());
            self.append(page.into_iter().map(Line::Checkpoint).collect()).await?;
            *end = Some(Kept { number, hash, break_hash: newest_break.clone() });
        }
    }

    async fn append(&self, lines: Vec<Line>) -> Result<(), CheckpointFileError> {
        let (path, extent) = (self.path.clone(), self.extent);
        blocking(move || checkpoint_lines::append(&path, extent, &lines)).await
    }
}

/// The breaks that were declared after the one that is kept.
fn unknown_to(kept: &Kept, breaks: Vec<AuditBreak>) -> Vec<AuditBreak> {
    let known = breaks.iter().position(|declared| Some(&declared.hash) == kept.break_hash.as_ref());
    breaks.into_iter().skip(known.map_or(0, |place| place + 1)).collect()
}

/// Kept checkpoints of one branch, oldest first: of the file that goes back furthest, as far as it
/// agrees with what was kept last. Blocks.
pub fn of_the_last_branch(
    recent: &Path,
    whole: Option<&Path>,
    from_number: i64,
) -> std::io::Result<Vec<Checkpoint>> {
    let recent = checkpoint_lines::branch_of(recent, 0)?;
    let Some(newest) = recent.last() else { return Ok(recent) };
    let from_number = from_number.min(recent.first().map_or(from_number, |first| first.number));
    match whole.map(|whole| checkpoint_lines::branch_of(whole, from_number)) {
        Some(Ok(whole)) if whole.last().is_some_and(|last| last.hash == newest.hash) => Ok(whole),
        _ => Ok(recent),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, CheckpointFileError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| CheckpointFileError::Gone)??)
}
