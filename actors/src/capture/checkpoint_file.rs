//! Checkpoints outside of the database, one JSON line each, so that whoever rewrites the database does not rewrite them with it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ainfera_schema::checkpoint::Checkpoint;
use ainfera_store::{Store, StoreError};

const PAGE: u32 = 500;

/// The file, and how far it goes. Another replica, or a life that ended between the commit and the line, may have left lines out: they are caught up.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    last_number: Option<i64>,
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
    pub fn new(path: PathBuf) -> Self {
        Self { path, last_number: None }
    }

    /// Appends every checkpoint that the file lacks. The lines are on the disk when it returns.
    pub async fn catch_up(&mut self, store: &dyn Store) -> Result<(), CheckpointFileError> {
        let mut last = match self.last_number {
            Some(last) => last,
            None => {
                let path = self.path.clone();
                tokio::task::spawn_blocking(move || whole_lines(&path)).await.map_err(|_| CheckpointFileError::Gone)??
            }
        };
        loop {
            let page = store.checkpoints(last, PAGE).await?;
            let Some(newest) = page.last().map(|checkpoint| checkpoint.number) else {
                self.last_number = Some(last);
                return Ok(());
            };
            let path = self.path.clone();
            tokio::task::spawn_blocking(move || append(&path, &page)).await.map_err(|_| CheckpointFileError::Gone)??;
            last = newest;
            self.last_number = Some(last);
        }
    }
}

/// The number in the last whole line. What a crash left of a line is cut off.
fn whole_lines(path: &Path) -> std::io::Result<i64> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(&file);
    let (mut line, mut whole_bytes, mut last) = (Vec::new(), 0, 0);
    while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        whole_bytes += line.len() as u64;
        last = serde_json::from_slice::<Checkpoint>(&line).map_or(last, |checkpoint| checkpoint.number);
        line.clear();
    }
    file.set_len(whole_bytes)?;
    Ok(last)
}

fn append(path: &Path, checkpoints: &[Checkpoint]) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for checkpoint in checkpoints {
        serde_json::to_writer(&mut lines, checkpoint)?;
        lines.push(b'\n');
    }
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.seek(SeekFrom::End(0))?;
    let written = file.write_all(&lines).and_then(|()| file.sync_all());
    if written.is_err() {
        // half a line would be taken for tampering
        file.set_len(before)?;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainfera_schema::checkpoint::{CheckpointSigner, Unsigned};

    #[test]
    fn half_a_line_is_cut_off_and_the_last_whole_one_counts() {
        let folder = std::env::temp_dir().join(format!("ainfera-checkpoints-{}", uuid::Uuid::now_v7()));
        assert_eq!(whole_lines(&folder).unwrap(), 0);
        let checkpoints = [1, 2].map(|number| {
            CheckpointSigner::new(&[3; 32]).sign(Unsigned {
                number,
                created_at: String::new(),
                tree_size: 0,
                heads_count: 0,
                merkle_root: [0; 32],
                previous_hash: None,
                heads: Vec::new(),
            })
        });
        append(&folder, &checkpoints).unwrap();
        let whole = std::fs::read(&folder).unwrap();
        OpenOptions::new().append(true).open(&folder).unwrap().write_all(b"{\"number\":3,").unwrap();
        assert_eq!(whole_lines(&folder).unwrap(), 2);
        assert_eq!(std::fs::read(&folder).unwrap(), whole);
        std::fs::remove_file(&folder).unwrap();
    }
}
