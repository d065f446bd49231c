//! The values of a row, bound one after the other to a statement that writes it.

use rusqlite::{CachedStatement, ToSql, Transaction};

use super::value::{Key, Nanos, Text, Time};
use crate::StoreError;
use crate::table::{Table, Value};

/// Writes rows, one after the other. Each must be written.
pub(super) fn write<'r, 'a: 'r, T: Table>(
    transaction: &Transaction<'_>,
    sql: &str,
    rows: impl IntoIterator<Item = &'r T::Row<'a>>,
) -> Result<(), StoreError>
where
    T::Row<'a>: 'r,
{
    let mut statement = transaction.prepare_cached(sql)?;
    for row in rows {
        for (index, column) in (1..).zip(T::COLUMNS) {
            bind(&mut statement, index, &column.value, row)?;
        }
        let written = statement.raw_execute()?;
        if written != 1 {
            let table = T::NAME;
            return Err(StoreError::Corrupt(format!(
                "{written} rows of {table} were written where 1 was meant"
            )));
        }
    }
    Ok(())
}

fn bind<T: Table>(
    statement: &mut CachedStatement<'_>,
    index: usize,
    value: &Value<T>,
    row: &T::Row<'_>,
) -> Result<(), StoreError> {
    let mut put = |value: &dyn ToSql| statement.raw_bind_parameter(index, value);
    match value {
        Value::Id(of) => put(&Key(of(row))),
        Value::OptionalId(of) => put(&of(row).map(Key)),
        Value::Exact(of) | Value::Text(of) | Value::Json(of) => put(&of(row)),
        Value::OptionalExact(of) | Value::OptionalText(of) => put(&of(row)),
        Value::WrittenJson(of) | Value::WrittenText(of) => put(&of(row)?),
        Value::Digest(of) => put(&of(row)),
        Value::Money(of) => put(&Nanos(of(row))),
        Value::OptionalMoney(of) => put(&of(row).map(Nanos)),
        Value::OptionalDecimal(of) => put(&of(row).map(Text)),
        Value::Integer(of) => put(&of(row)),
        Value::OptionalInteger(of) => put(&of(row)),
        Value::Flag(of) => put(&of(row)),
        Value::Time(of) => put(&Time(of(row))),
        Value::Day(of) => put(&Text(of(row))),
    }?;
    Ok(())
}
