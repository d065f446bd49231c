//! One process at a time runs under a replica's name. The operating system holds the lock, so it
//! ends with the process, however that ends.
//!
//! The file also names the boot of its holder. A process that finds the lock free knows that this
//! boot is over, without waiting for its heartbeat to age.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ainfera_schema::BootId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::config::spool::Sharing;
use crate::config::{Config, DatabaseUrl};

const MODE: u32 = 0o600;

/// Why this process may not run.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "another gateway runs on {what}: {holder} ({path} is locked); stop it first, or give this one a database or a replica name of its own",
        path = .path.display()
    )]
    Held { what: String, holder: String, path: PathBuf },
    #[error("{path} cannot be locked: {source}", path = .path.display())]
    File { path: PathBuf, source: std::io::Error },
}

/// Held for as long as the process serves.
#[derive(Debug)]
pub struct ProcessLock {
    file: File,
    path: PathBuf,
    /// The boot of the holder before this one, which is over.
    former: Option<BootId>,
}

impl ProcessLock {
    /// Takes the lock of this configuration's database and replica. `None` where no other
    /// process could meet this one: a database in memory, a replica whose name is its process.
    pub fn take(config: &Config) -> Result<Option<Self>, LockError> {
        let Some((path, what)) = place(config) else { return Ok(None) };
        let failed = |source| LockError::File { path: path.clone(), source };
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .open(&path);
        let mut file = open.map_err(failed)?;
        let mut text = String::new();
        // A file that cannot be read names no former boot.
        let _ = file.read_to_string(&mut text);
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file, former: boot_named_in(&text), path })),
            Err(TryLockError::WouldBlock) => {
                let holder = text
                    .lines()
                    .next()
                    .filter(|line| !line.is_empty())
                    .unwrap_or("an unknown process")
                    .to_owned();
                Err(LockError::Held { what, holder, path })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The boot that held the lock before. It cannot run any more.
    pub fn former_boot(&self) -> Option<BootId> {
        self.former
    }

    /// Writes who holds the lock from now on.
    pub fn name_holder(&mut self, boot_id: BootId) -> Result<(), LockError> {
        let text = format!(
            "process {} since {:.0}\nboot {}\n",
            std::process::id(),
            Timestamp::now(),
            boot_id.0
        );
        let written = self.file.set_len(0).and_then(|()| {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(text.as_bytes())?;
            self.file.sync_data()
        });
        written.map_err(|source| LockError::File { path: self.path.clone(), source })
    }
}

/// Where the running gateway of this configuration listens for its operator. `None` as for the
/// lock.
pub fn control_socket(config: &Config) -> Option<PathBuf> {
    let (lock, _) = place(config)?;
    // The name is hidden, so that a program that reads every file of the folder skips the socket.
    let name = lock
        .with_extension("sock")
        .file_name()
        .map(|name| format!(".{}", name.to_string_lossy()))?;
    Some(lock.with_file_name(name))
}

/// Where the lock is and what it protects.
fn place(config: &Config) -> Option<(PathBuf, String)> {
    match &config.database {
        DatabaseUrl::Sqlite(path) if path == Path::new(":memory:") => None,
        DatabaseUrl::Sqlite(path) => {
            Some((with_ending(path, ".lock"), format!("the database {}", path.display())))
        }
        DatabaseUrl::Postgres(_) if config.spool.sharing == Sharing::FirstCome => None,
        DatabaseUrl::Postgres(_) => Some((
            with_ending(&config.spool.path, ".lock"),
            format!("this folder under the replica name \"{}\"", config.replica),
        )),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn boot_named_in(text: &str) -> Option<BootId> {
    let boot = text.lines().find_map(|line| line.strip_prefix("boot "))?;
    Uuid::parse_str(boot.trim()).ok().map(BootId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        let database = format!("sqlite://{}", folder.join("a.db").display());
        Config::from_toml(&format!("database = {database:?}\n"), &|_| None).unwrap()
    }

    #[test]
    fn a_second_process_is_told_who_holds_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let boot_id = BootId::mint();
        let mut first = ProcessLock::take(&config).unwrap().unwrap();
        assert_eq!(first.former_boot(), None);
        first.name_holder(boot_id).unwrap();
        let refused = ProcessLock::take(&config).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {} since 2", std::process::id())), "{refused}");
        assert!(
            refused.contains("a.db is locked") || refused.contains("a.db.lock is locked"),
            "{refused}"
        );
        drop(first);
        let next = ProcessLock::take(&config).unwrap().unwrap();
        assert_eq!(next.former_boot(), Some(boot_id));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let config = config(Path::new("/nonexistent"));
        let refused = ProcessLock::take(&config).unwrap_err().to_string();
        assert!(refused.starts_with("/nonexistent/a.db.lock cannot be locked: "), "{refused}");
    }
}
