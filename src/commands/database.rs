//! Opens the database that a command works on, with its schema brought up to date.

use std::sync::Arc;

use ainfera_store::StoreWriter;

use super::CommandError;
use crate::cli::DatabaseArgs;
use crate::config::defaults::AgentDefaults;
use crate::config::{DatabaseUrl, Overrides, load, process_environment};

/// The database that the arguments name, or the one that `serve` uses without a file.
pub fn database_url(args: &DatabaseArgs) -> Result<DatabaseUrl, CommandError> {
    match (&args.database, &args.config) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(path)) => {
            Ok(load(Some(path), Overrides::default(), &process_environment)?.database)
        }
        (None, None) => Ok(DatabaseUrl::default()),
    }
}

/// The same, with what the configuration says of new agents.
pub fn database_and_defaults(
    args: &DatabaseArgs,
) -> Result<(DatabaseUrl, AgentDefaults), CommandError> {
    match (&args.database, &args.config) {
        (None, Some(path)) => {
            let config = load(Some(path), Overrides::default(), &process_environment)?;
            Ok((config.database, config.defaults))
        }
        _ => Ok((database_url(args)?, AgentDefaults::default())),
    }
}

/// What to do where an embedded database is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is made: for what may come before the first `serve`.
    Make,
    /// It is an error: an empty database would answer every question with nothing.
    Refuse,
}

/// The store behind the URL, migrated.
pub async fn open_store(
    url: &DatabaseUrl,
    missing: Missing,
) -> Result<Arc<dyn StoreWriter>, CommandError> {
    if let (DatabaseUrl::Sqlite(path), Missing::Refuse) = (url, missing)
        && !path.exists()
    {
        return Err(CommandError::NoDatabase(path.clone()));
    }
    let store = ainfera_store::open(&url.exposed()).await?;
    store.migrate().await?;
    Ok(store)
}
