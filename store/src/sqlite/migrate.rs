//! Runs what is due under the database's write lock.

use rusqlite::{Connection, TransactionBehavior};

use super::value::Time;
use crate::StoreError;
use crate::migrate::{Applied, SQLITE, due};

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at TEXT NOT NULL
) STRICT";

pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(HISTORY, ())?;
    let applied = transaction
        .prepare("SELECT version, sha256 FROM schema_migrations ORDER BY version")?
        .query_map((), |row| Ok(Applied { version: row.get(0)?, sha256: row.get(1)? }))?
        .collect::<Result<Vec<_>, _>>()?;
    for migration in due(SQLITE, &applied)? {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)",
            (migration.version, migration.name, migration.sha256(), Time::now()),
        )?;
        tracing::info!(version = migration.version, name = migration.name, "migration applied");
    }
    transaction.commit()?;
    Ok(())
}
