//! Which store a URL means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{PostgresStore, SqliteStore, StoreError, StoreWriter};

/// Opens `sqlite://PATH`, `sqlite::memory:` (for tests), `postgres://…` or `postgresql://…`. The
/// schema is left as it is: see [`StoreWriter::migrate`].
pub async fn open(url: &str) -> Result<Arc<dyn StoreWriter>, StoreError> {
    match Place::parse(url)? {
        Place::Memory => Ok(Arc::new(SqliteStore::in_memory()?)),
        Place::File(path) => Ok(Arc::new(SqliteStore::open(&path)?)),
        Place::Postgres => Ok(Arc::new(PostgresStore::open(url)?)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Memory,
    File(PathBuf),
    Postgres,
}

impl Place {
    fn parse(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Place::Postgres);
        }
        let path = match url.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None => {
                return Err(StoreError::Unavailable(
                    "database url must start with sqlite: or postgres:".to_owned(),
                ));
            }
        };
        match path {
            "" => Err(StoreError::Unavailable("database url names no file".to_owned())),
            ":memory:" => Ok(Place::Memory),
            path => Ok(Place::File(Path::new(path).to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_places() {
        assert_eq!(Place::parse("sqlite://ainfera.db").unwrap(), Place::File("ainfera.db".into()));
        assert_eq!(
            Place::parse("sqlite:///var/lib/ainfera.db").unwrap(),
            Place::File("/var/lib/ainfera.db".into())
        );
        assert_eq!(Place::parse("sqlite::memory:").unwrap(), Place::Memory);
        assert_eq!(Place::parse("postgres://localhost/ainfera").unwrap(), Place::Postgres);
        assert!(Place::parse("mysql://localhost/ainfera").is_err());
        assert!(Place::parse("sqlite://").is_err());
    }
}
