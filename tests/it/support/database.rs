//! A fresh database for each test, and a look into it that does not go through the gateway.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::postgres;

/// Where a gateway under test keeps its rows.
pub enum Database {
    Sqlite { path: PathBuf, _directory: Option<TempDir> },
    Postgres { url: String },
}

impl Database {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Database::Sqlite { path: directory.path().join("test.db"), _directory: Some(directory) }
    }

    /// An SQLite file of a folder that belongs to the test.
    pub fn at(path: &Path) -> Self {
        Database::Sqlite { path: path.to_owned(), _directory: None }
    }

    pub async fn postgres() -> Self {
        Database::Postgres { url: postgres::fresh_database().await }
    }

    /// One of each kind.
    pub async fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres().await]
    }

    pub fn url(&self) -> String {
        match self {
            Database::Sqlite { path, .. } => format!("sqlite://{}", path.display()),
            Database::Postgres { url } => url.clone(),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Database::Sqlite { .. } => "sqlite",
            Database::Postgres { .. } => "postgres",
        }
    }

    /// The one number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        match self {
            Database::Sqlite { path, .. } => {
                let connection = rusqlite::Connection::open_with_flags(
                    path,
                    rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
                )
                .unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                connection
                    .query_row(query, [], |row| row.get(0))
                    .unwrap_or_else(|error| panic!("{query}: {error}"))
            }
            Database::Postgres { url } => {
                let client = postgres::connect(url).await;
                client
                    .query_one(query, &[])
                    .await
                    .unwrap_or_else(|error| panic!("{query}: {error}"))
                    .get(0)
            }
        }
    }
}
