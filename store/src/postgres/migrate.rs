//! Runs what is due, each migration in a transaction under a lock that ends with it, one replica at
//! a time.

use super::pool::Pool;
use super::session::Session;
use crate::StoreError;
use crate::migrate::{Applied, Migration, POSTGRES, due};

/// Any number will do that no other program in this database uses: the letters of `ainfera`.
const LOCK: i64 = 0x61_69_6e_66_65_72_61;

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL
)";

/// A migration may take longer than any other statement.
const PATIENCE: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

pub(super) async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    while let Some(migration) = next(pool).await? {
        tracing::info!(version = migration.version, name = migration.name, "migration applied");
    }
    Ok(())
}

/// One transaction: the first that is due, if any is.
async fn next(pool: &Pool) -> Result<Option<&'static Migration>, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    client.begin("BEGIN ISOLATION LEVEL READ COMMITTED", PATIENCE).await?;
    client.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    client.batch_execute(HISTORY).await?;
    let history = "SELECT version, sha256 FROM schema_migrations ORDER BY version";
    let rows = client.query(history, &[]).await?;
    let applied = rows.iter().map(|row| {
        Ok::<_, StoreError>(Applied { version: row.try_get(0)?, sha256: row.try_get(1)? })
    });
    let applied = applied.collect::<Result<Vec<_>, StoreError>>()?;
    let migration = due(POSTGRES, &applied)?.first();
    if let Some(migration) = migration {
        client.batch_execute(migration.sql).await?;
        let record = "INSERT INTO schema_migrations (version, name, sha256, applied_at)
            VALUES ($1, $2, $3, now())";
        let (version, name, sha256) = (migration.version, migration.name, migration.sha256());
        client.execute(record, &[&version, &name, &sha256]).await?;
    }
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(migration)
}
