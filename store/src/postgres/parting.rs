//! Whether the database has what was signed last, and the breaks that were declared.

use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::{Checkpoint, CheckpointSigner};
use jiff::Timestamp;

use super::audit::{CHECKPOINT, LEADER, newest, stored_checkpoint};
use super::client::Client;
use super::pool::Pool;
use super::session::Session;
use crate::StoreError;
use crate::apply::rows::to_json;
use crate::parting::{Kept, Seen, Standing, compose_break};
use crate::read::stored::from_json;

const SEEN: &str = "SELECT (SELECT count(*) FROM audit_partings WHERE settled_by IS NULL),
    (SELECT hash FROM audit_checkpoints WHERE number = $1), (SELECT hash FROM audit_breaks ORDER BY number DESC LIMIT 1)";

pub(super) async fn standing(client: &Client, kept: Option<&Kept>) -> Result<Standing, StoreError> {
    let row = client.query_one(SEEN, &[&kept.map_or(0, |kept| kept.number)]).await?;
    let seen = Seen {
        open_partings: row.try_get(0)?,
        hash_there: row.try_get(1)?,
        newest_break: row.try_get(2)?,
    };
    let breaks = if kept.is_some_and(|kept| seen.differs_from(kept)) {
        breaks(client).await?
    } else {
        Vec::new()
    };
    Ok(seen.standing(kept, &breaks))
}

pub(super) async fn audit_standing(
    pool: &Pool,
    kept: Option<&Kept>,
) -> Result<Standing, StoreError> {
    standing(&pool.get().await?, kept).await
}

pub(super) async fn newest_checkpoint(pool: &Pool) -> Result<Option<Checkpoint>, StoreError> {
    let client = pool.get().await?;
    let row = client.query_opt(&format!("{CHECKPOINT} ORDER BY number DESC LIMIT 1"), &[]).await?;
    row.as_ref().map(stored_checkpoint).transpose()
}

async fn breaks(client: &Client) -> Result<Vec<AuditBreak>, StoreError> {
    let rows = client.query("SELECT body FROM audit_breaks ORDER BY number", &[]).await?;
    rows.iter().map(|row| from_json(row.try_get(0)?)).collect()
}

pub(super) async fn audit_breaks(pool: &Pool) -> Result<Vec<AuditBreak>, StoreError> {
    let client = pool.get().await?;
    let there: bool = client
        .query_one("SELECT to_regclass('audit_breaks') IS NOT NULL", &[])
        .await?
        .try_get(0)?;
    if there { breaks(&client).await } else { Ok(Vec::new()) }
}

pub(super) async fn note(pool: &Pool, parting: &Parting) -> Result<(), StoreError> {
    let client = pool.get().await?;
    let insert = "INSERT INTO audit_partings (lost_hash, body) VALUES ($1, $2) ON CONFLICT (lost_hash) DO NOTHING";
    client.execute(insert, &[&parting.lost_hash, &to_json(parting)?]).await?;
    Ok(())
}

async fn open(client: &Client) -> Result<Vec<Parting>, StoreError> {
    let rows = client
        .query("SELECT body FROM audit_partings WHERE settled_by IS NULL ORDER BY lost_hash", &[])
        .await?;
    rows.iter().map(|row| from_json(row.try_get(0)?)).collect()
}

pub(super) async fn open_partings(pool: &Pool) -> Result<Vec<Parting>, StoreError> {
    open(&pool.get().await?).await
}

pub(super) async fn declare(
    pool: &Pool,
    declaration: Declaration,
    signer: &CheckpointSigner,
) -> Result<Option<AuditBreak>, StoreError> {
    let session = Session::open(pool).await?;
    let client = session.client()?;
    client.begin("BEGIN ISOLATION LEVEL READ COMMITTED", "").await?;
    // nobody signs meanwhile: what the break follows is the newest
    client.execute("SELECT pg_advisory_xact_lock($1)", &[&LEADER]).await?;
    let partings = open(client).await?;
    let previous = breaks(client).await?.pop();
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?;
    let Some(declared) =
        compose_break(partings, newest(client).await?, previous.as_ref(), now, declaration, signer)
    else {
        client.batch_execute("ROLLBACK").await?;
        session.release();
        return Ok(None);
    };
    let insert = "INSERT INTO audit_breaks (number, hash, body) VALUES ($1, $2, $3)";
    client.execute(insert, &[&declared.number, &declared.hash, &to_json(&declared)?]).await?;
    client
        .execute(
            "UPDATE audit_partings SET settled_by = $1 WHERE settled_by IS NULL",
            &[&declared.number],
        )
        .await?;
    client.batch_execute("COMMIT").await?;
    session.release();
    Ok(Some(declared))
}
