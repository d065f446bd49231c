//! How connections are opened, and what every one of them is told.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// Another process may write too: the command line beside a running gateway.
const BUSY: Duration = Duration::from_secs(5);

const STATEMENTS: usize = 64;

/// Read and write for the owner, nothing for others.
const OWNER_ALONE: u32 = 0o600;

/// A commit is on the disk when it returns, even if the power fails: WAL with `synchronous = FULL`.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    for_the_owner_alone(path);
    let connection = Connection::open(path)?;
    prepare(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    Ok(connection)
}

/// Prompts' hashes, names and money are the owner's business. SQLite gives the files beside the
/// database the same mode. What cannot be set (another user's file) is left as it is: whoever may
/// write the file may use it.
fn for_the_owner_alone(path: &Path) {
    let made =
        OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ALONE).open(path);
    if let Ok(file) = made {
        let _ = file.set_permissions(Permissions::from_mode(OWNER_ALONE));
    }
    for ending in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        let _ = std::fs::set_permissions(beside, Permissions::from_mode(OWNER_ALONE));
    }
}

/// Opened after the writer, which makes the file.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

pub(super) fn in_memory() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // so that REPLACE runs the triggers that refuse a DELETE
    connection.pragma_update(None, "recursive_triggers", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_for_its_owner_alone_also_one_that_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = folder.path().join("a.db");
        let connection = writer(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        assert_eq!((mode(&path), mode(&folder.path().join("a.db-wal"))), (0o600, 0o600));
        drop(connection);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        drop(writer(&path).unwrap());
        assert_eq!(mode(&path), 0o600);
    }
}
