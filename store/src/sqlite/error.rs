//! What an error of SQLite means for us.

use rusqlite::ErrorCode;

use crate::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => StoreError::Corrupt(text),
            _ => match error.sqlite_error_code() {
                Some(
                    ErrorCode::DiskFull
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen,
                ) => StoreError::NotWritable(text),
                Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                    StoreError::NotWritable(text)
                }
                Some(
                    ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::OutOfMemory
                    | ErrorCode::FileLockingProtocolFailed,
                ) => StoreError::Unavailable(text),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    StoreError::Corrupt(text)
                }
                _ => StoreError::Statement(text),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn meaning(code: i32) -> StoreError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn codes_say_whether_to_try_again() {
        for code in
            [ffi::SQLITE_FULL, ffi::SQLITE_READONLY, ffi::SQLITE_IOERR, ffi::SQLITE_CANTOPEN]
        {
            assert!(matches!(meaning(code), StoreError::NotWritable(_)), "{code}");
        }
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED] {
            assert!(matches!(meaning(code), StoreError::Unavailable(_)), "{code}");
        }
        assert!(matches!(meaning(ffi::SQLITE_CORRUPT), StoreError::Corrupt(_)));
        assert!(matches!(meaning(ffi::SQLITE_CONSTRAINT), StoreError::Statement(_)));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_not_writable() {
        let opened = crate::SqliteStore::open(std::path::Path::new("/nonexistent/ainfera.db"));
        assert!(matches!(opened.err(), Some(StoreError::NotWritable(_))));
    }

    #[test]
    fn a_full_disk_is_not_writable() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 4").unwrap();
        let fill = "INSERT INTO t VALUES (zeroblob(100000))";
        let error: StoreError = connection.execute(fill, ()).unwrap_err().into();
        assert!(matches!(error, StoreError::NotWritable(_)), "{error}");
    }
}
