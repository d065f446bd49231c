//! Where records go that the store refuses for good: into its quarantine, and where even that fails
//! into a file beside the spool, from which they are offered again at the next start.

use std::io::Write;
use std::path::{Path, PathBuf};

use ainfera_store::{RefusedRecord, StoreError, StoreWriter};

use super::catch_panic::guarded;
use super::spool_file::SpoolError;
use super::spool_thread::{SharedSpool, blocking};

/// Why a refused record could not be kept, or not be read.
#[derive(Debug, thiserror::Error)]
pub enum RefusedRecordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("spool: {0}")]
    Spool(#[from] SpoolError),
    #[error("there is no file beside a spool")]
    NoFile,
}

/// For a record whose file does not say it.
const REASON_UNKNOWN: &str = "refused before an earlier start: the log of that time says why";

/// Keeps each of them in the store's quarantine, or else in the file. An error means that some are
/// kept nowhere.
pub async fn quarantine(
    store: &dyn StoreWriter,
    spool: Option<&SharedSpool>,
    records: Vec<RefusedRecord>,
) -> Result<(), RefusedRecordError> {
    let mut left = Vec::new();
    for record in records {
        let request_id = record.closing.outcome.request_id.header_value();
        match guarded(store.quarantine(vec![record.clone()])).await {
            Ok(()) => tracing::error!(
                request_id,
                "the refused record is in quarantine: see `ainfera quarantine show {request_id}`"
            ),
            Err(error) => {
                tracing::error!(request_id, %error, "the quarantine does not take the record");
                left.push(record);
            }
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let lines = left.iter().map(RefusedRecord::to_json).collect::<Result<Vec<_>, _>>()?;
    let bytes = lines.into_iter().map(|line| line + "\n").collect::<String>().into_bytes();
    let Some(spool) = spool else { return Err(RefusedRecordError::NoFile) };
    let path = blocking(spool, move |spool| spool.set_aside(&bytes)).await?;
    let path = path.display();
    tracing::error!(%path, "refused records are in a file, and are offered again at the next start");
    Ok(())
}

/// At a start: what the file beside the spool has goes into the store's quarantine. What that does
/// not take, and lines that cannot be read, stay in the file.
pub async fn offer_again(
    store: &dyn StoreWriter,
    spool: &SharedSpool,
    replica: &str,
) -> Result<(), RefusedRecordError> {
    let (path, lines) = blocking(spool, |spool| {
        let path = spool.refused_path();
        let lines = read_lines(&path)?;
        Ok((path, lines))
    })
    .await?;
    if lines.is_empty() {
        return Ok(());
    }
    let mut left = Vec::new();
    for line in &lines {
        match offered(store, line, replica).await {
            Ok(request_id) => tracing::warn!(request_id, "a refused record is in quarantine now"),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "a refused record stays in its file");
                left.push(line.clone());
            }
        }
    }
    if left.len() < lines.len() {
        blocking(spool, move |_| write_lines(&path, &left)).await?;
    }
    Ok(())
}

async fn offered(
    store: &dyn StoreWriter,
    line: &[u8],
    replica: &str,
) -> Result<String, StoreError> {
    let text = String::from_utf8_lossy(line);
    // a line of an earlier version begins with its digest
    let json = text.find('{').map_or("", |start| &text[start..]);
    let mut record = RefusedRecord::from_json(json)?;
    if record.reason.is_empty() {
        record.reason = REASON_UNKNOWN.to_owned();
    }
    if record.replica.is_empty() {
        record.replica = replica.to_owned();
    }
    let request_id = record.closing.outcome.request_id.header_value();
    store.quarantine(vec![record]).await?;
    Ok(request_id)
}

fn read_lines(path: &Path) -> Result<Vec<Vec<u8>>, SpoolError> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            Ok(lines.map(<[u8]>::to_vec).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(SpoolError::File { path: path.to_owned(), source }),
    }
}

/// Nobody else writes to the file: the spool that it belongs to is this process's.
fn write_lines(path: &PathBuf, lines: &[Vec<u8>]) -> Result<(), SpoolError> {
    let failed = |source| SpoolError::File { path: path.clone(), source };
    if lines.is_empty() {
        return std::fs::remove_file(path).map_err(failed);
    }
    let mut beside = path.clone().into_os_string();
    beside.push(".new");
    let mut bytes = lines.join(&b'\n');
    bytes.push(b'\n');
    let written = || -> std::io::Result<()> {
        let mut file = super::spool_file::owners_file().truncate(true).open(&beside)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        std::fs::rename(&beside, path)
    };
    written().map_err(failed)
}

#[cfg(test)]
#[path = "refused_records/tests.rs"]
mod tests;
