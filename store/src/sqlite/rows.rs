//! The rows that a statement finds, as values of ours.

use rusqlite::{Params, Statement};

use crate::StoreError;
use crate::row::FromRow;

pub(super) fn all<T: FromRow>(
    statement: &mut Statement<'_>,
    parameters: impl Params,
) -> Result<Vec<T>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(T::from_row(row)?);
    }
    Ok(found)
}

/// The first of them.
pub(super) fn first<T: FromRow>(
    statement: &mut Statement<'_>,
    parameters: impl Params,
) -> Result<Option<T>, StoreError> {
    statement.query(parameters)?.next()?.map(T::from_row).transpose()
}
