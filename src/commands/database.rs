//! Opens the database that a command works on, with its schema brought up to date.

use std::sync::Arc;

use ainfera_store::{Store, StoreError};

use super::CommandError;
use crate::cli::DatabaseArgs;
use crate::config::{DatabaseUrl, Overrides, load, process_environment};

/// The database that the arguments name, or the one that `serve` uses without a file.
pub fn database_url(args: &DatabaseArgs) -> Result<DatabaseUrl, CommandError> {
    match (&args.database, &args.config) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(path)) => Ok(load(Some(path), Overrides::default(), &process_environment)?.database),
        (None, None) => Ok(DatabaseUrl::default()),
    }
}

/// The store behind the URL, migrated.
pub async fn open_store(url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    let store = ainfera_store::open(&url.exposed()).await?;
    store.migrate().await?;
    Ok(store)
}
