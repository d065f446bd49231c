//! The spool on disk: where closed calls wait, fsynced, while the store is away. Everything here
//! blocks and belongs on a blocking thread.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::spool::{Spooled, decode};

/// Calls are nobody's business but the owner's.
const MODE: u32 = 0o600;

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the thread that works on it was stopped")]
    Stopped,
    #[error("{path}: {source}", path = .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}: in use by another process; give each replica a spool of its own", path = .path.display())]
    InUse { path: PathBuf },
}

/// The file is made, and locked against other processes, when it is first needed.
#[derive(Debug)]
pub struct SpoolFile {
    path: PathBuf,
    file: Option<File>,
}

impl SpoolFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes and locks the file now, and shows that it can be written. One that another process has
    /// locked is that one's to use.
    pub fn prepare(&mut self) -> Result<(), SpoolError> {
        let prepared = self.file().and_then(|file| {
            // a byte that is taken back at once: a full disk and one that may only be read show
            // here
            let end = file.seek(SeekFrom::End(0))?;
            let written = file.write_all(b"\n").and_then(|()| file.sync_data());
            file.set_len(end)?;
            written
        });
        prepared.map_err(|source| self.error(source))
    }

    /// What an earlier life left. Nothing where there is no file.
    pub fn read(&mut self) -> Result<Spooled, SpoolError> {
        if self.file.is_none() && !self.path.exists() {
            return Ok(Spooled::default());
        }
        let mut bytes = Vec::new();
        let read = self.file().and_then(|file| {
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut bytes)
        });
        read.map_err(|source| self.error(source))?;
        Ok(decode(&bytes))
    }

    /// Adds whole lines; durable when this returns. After an error the file is as it was before.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), SpoolError> {
        let appended = self.file().and_then(|file| {
            let end = file.seek(SeekFrom::End(0))?;
            let written = file.write_all(lines).and_then(|()| file.sync_data());
            if written.is_err() {
                // half a line here would spoil the next one
                let _ = file.set_len(end);
            }
            written
        });
        appended.map_err(|source| self.error(source))
    }

    /// Everything in it is in the store.
    pub fn clear(&mut self) -> Result<(), SpoolError> {
        if self.file.is_none() && !self.path.exists() {
            return Ok(());
        }
        let cleared = self.file().and_then(|file| {
            file.set_len(0)?;
            file.sync_data()
        });
        cleared.map_err(|source| self.error(source))
    }

    /// Nobody will look here again. One that another process has open, or that holds something,
    /// stays.
    pub fn remove_if_empty(&mut self) -> Result<(), SpoolError> {
        let removed = match &self.file {
            Some(file) if file.metadata().is_ok_and(|metadata| metadata.len() == 0) => {
                std::fs::remove_file(&self.path)
            }
            Some(_) | None => Ok(()),
        };
        removed.map_err(|source| self.error(source))
    }

    /// Where they are.
    pub fn refused_path(&self) -> PathBuf {
        self.beside(".refused")
    }

    /// Puts records of calls that the store does not know beside the spool.
    pub fn set_unknown_aside(&self, lines: &[u8]) -> Result<PathBuf, SpoolError> {
        append_beside(self.beside(".unknown"), lines)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    }

    /// Puts lines that the store will not take beside the spool, for a person to look at.
    pub fn set_aside(&self, lines: &[u8]) -> Result<PathBuf, SpoolError> {
        append_beside(self.refused_path(), lines)
    }

    fn file(&mut self) -> std::io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }

    fn error(&self, source: std::io::Error) -> SpoolError {
        let path = self.path.clone();
        if source.kind() == std::io::ErrorKind::WouldBlock {
            SpoolError::InUse { path }
        } else {
            SpoolError::File { path, source }
        }
    }
}

fn append_beside(path: PathBuf, lines: &[u8]) -> Result<PathBuf, SpoolError> {
    let written = owners_file().append(true).open(&path).and_then(|mut file| {
        file.write_all(lines)?;
        file.sync_data()
    });
    match written {
        Ok(()) => Ok(path),
        Err(source) => Err(SpoolError::File { path, source }),
    }
}

/// A file that only its owner reads.
pub(super) fn owners_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(MODE);
    options
}

fn open(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)?;
    // another process that has it open is alive, and what is in it is that one's to replay
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => std::io::Error::from(std::io::ErrorKind::WouldBlock),
        TryLockError::Error(error) => error,
    })?;
    // a file whose name is not durable is not durable
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::example::closing;
    use crate::capture::spool::encode;

    #[test]
    fn lines_outlive_their_writer_until_they_are_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.spool");
        let mut line = Vec::new();
        encode(&closing("m"), &mut line).unwrap();
        let mut writer = SpoolFile::new(path.clone());
        assert_eq!(writer.read().unwrap(), Spooled::default());
        assert!(!path.exists(), "reading makes no file");
        writer.append(&line).unwrap();
        writer.append(&line).unwrap();
        assert!(matches!(SpoolFile::new(path.clone()).read(), Err(SpoolError::InUse { .. })));
        drop(writer);
        let mut reader = SpoolFile::new(path.clone());
        assert_eq!(reader.read().unwrap().closings.len(), 2);
        reader.clear().unwrap();
        reader.append(&line).unwrap();
        assert_eq!(reader.read().unwrap().closings.len(), 1);
    }

    #[test]
    fn it_is_removed_when_it_is_empty_and_no_other_process_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.spool");
        let mut line = Vec::new();
        encode(&closing("m"), &mut line).unwrap();
        let mut writer = SpoolFile::new(path.clone());
        writer.append(&line).unwrap();
        writer.remove_if_empty().unwrap();
        assert!(path.exists(), "something is in it");
        writer.clear().unwrap();
        SpoolFile::new(path.clone()).remove_if_empty().unwrap();
        assert!(path.exists(), "it is the other one's");
        writer.remove_if_empty().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_each_time() {
        let mut spool = SpoolFile::new(PathBuf::from("/nonexistent/a.spool"));
        assert!(spool.append(b"x\n").is_err() && spool.append(b"x\n").is_err());
        assert!(spool.read().is_ok());
    }
}
