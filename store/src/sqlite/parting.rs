//! Whether the database has what was signed last, and the breaks that were declared.

use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::{Checkpoint, CheckpointSigner};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::audit::{CHECKPOINT, newest, stored_checkpoint, whole};
use super::value::Time;
use crate::StoreError;
use crate::apply::rows::to_json;
use crate::parting::{Kept, Seen, Standing, compose_break};
use crate::read::stored::from_json;

const SEEN: &str = "SELECT (SELECT count(*) FROM audit_partings WHERE settled_by IS NULL),
    (SELECT hash FROM audit_checkpoints WHERE number = ?1), (SELECT hash FROM audit_breaks ORDER BY number DESC LIMIT 1)";

pub(super) fn standing(
    connection: &Connection,
    kept: Option<&Kept>,
) -> Result<Standing, StoreError> {
    let number = kept.map_or(0, |kept| kept.number);
    let seen = connection.prepare_cached(SEEN)?.query_row((number,), |row| {
        Ok(Seen { open_partings: row.get(0)?, hash_there: row.get(1)?, newest_break: row.get(2)? })
    })?;
    let breaks = if kept.is_some_and(|kept| seen.differs_from(kept)) {
        breaks(connection)?
    } else {
        Vec::new()
    };
    Ok(seen.standing(kept, &breaks))
}

pub(super) fn newest_checkpoint(
    connection: &mut Connection,
) -> Result<Option<Checkpoint>, StoreError> {
    let found = connection
        .query_row(&format!("{CHECKPOINT} ORDER BY number DESC LIMIT 1"), (), stored_checkpoint)
        .optional()?;
    found.map(whole).transpose()
}

fn bodies<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    find: &str,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(find)?;
    let bodies =
        statement.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    bodies.iter().map(|body| from_json(body)).collect()
}

fn breaks(connection: &Connection) -> Result<Vec<AuditBreak>, StoreError> {
    bodies(connection, "SELECT body FROM audit_breaks ORDER BY number")
}

pub(super) fn audit_breaks(connection: &mut Connection) -> Result<Vec<AuditBreak>, StoreError> {
    let there =
        connection.prepare("SELECT 1 FROM sqlite_master WHERE name = 'audit_breaks'")?.exists(())?;
    if there { breaks(connection) } else { Ok(Vec::new()) }
}

pub(super) fn note(connection: &mut Connection, parting: &Parting) -> Result<(), StoreError> {
    let insert = "INSERT INTO audit_partings (lost_hash, body) VALUES (?1, ?2) ON CONFLICT (lost_hash) DO NOTHING";
    connection.execute(insert, (&parting.lost_hash, to_json(parting)?))?;
    Ok(())
}

pub(super) fn open_partings(connection: &Connection) -> Result<Vec<Parting>, StoreError> {
    bodies(
        connection,
        "SELECT body FROM audit_partings WHERE settled_by IS NULL ORDER BY lost_hash",
    )
}

pub(super) fn declare(
    connection: &mut Connection,
    declaration: Declaration,
    signer: &CheckpointSigner,
) -> Result<Option<AuditBreak>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let partings = open_partings(&transaction)?;
    let previous = breaks(&transaction)?.pop();
    let newest = newest(&transaction)?;
    let Some(declared) =
        compose_break(partings, newest, previous.as_ref(), Time::now().0, declaration, signer)
    else {
        return Ok(None);
    };
    let insert = "INSERT INTO audit_breaks (number, hash, body) VALUES (?1, ?2, ?3)";
    transaction.execute(insert, (declared.number, &declared.hash, to_json(&declared)?))?;
    transaction.execute(
        "UPDATE audit_partings SET settled_by = ?1 WHERE settled_by IS NULL",
        (declared.number,),
    )?;
    transaction.commit()?;
    Ok(Some(declared))
}
