//! Runs what is due on a connection of its own, one replica at a time.

use deadpool_postgres::Pool;

use super::session::Session;
use crate::StoreError;
use crate::migrate::{Applied, POSTGRES, due};

/// Any number will do that no other program in this database uses: the letters of `ainfera`.
const LOCK: i64 = 0x61_69_6e_66_65_72_61;

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL
)";

/// The connection is closed afterwards, which gives the lock back and forgets the settings, whatever happened.
pub async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    client.batch_execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0").await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    client.batch_execute(HISTORY).await?;
    let rows = client.query("SELECT version, sha256 FROM schema_migrations ORDER BY version", &[]).await?;
    let applied = rows.iter().map(|row| Ok(Applied { version: row.try_get(0)?, sha256: row.try_get(1)? }));
    let applied = applied.collect::<Result<Vec<_>, StoreError>>()?;
    for migration in due(POSTGRES, &applied)? {
        client.batch_execute("BEGIN").await?;
        client.batch_execute(migration.sql).await?;
        let record = "INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES ($1, $2, $3, now())";
        client.execute(record, &[&migration.version, &migration.name, &migration.sha256()]).await?;
        client.batch_execute("COMMIT").await?;
        tracing::info!(version = migration.version, name = migration.name, "migration applied");
    }
    Ok(())
}
