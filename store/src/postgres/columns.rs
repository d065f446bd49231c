//! The columns of a table's rows as arrays, for a statement that writes all rows at once.

use std::borrow::Cow;

use ainfera_schema::Usd;

use super::client::{Client, Statement};
use super::parameter::Parameter;
use crate::StoreError;
use crate::table::{Table, Value};

/// Nothing is sent for no rows. As many rows as were meant must be written.
///
/// Sends its statement at its first poll.
pub(super) async fn write<T: Table>(
    client: &Client,
    statement: &Statement,
    rows: &[T::Row<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let arrays = T::COLUMNS
        .iter()
        .map(|column| array(&column.value, rows))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let parameters: Vec<&dyn Parameter> =
        arrays.iter().map(|array| &**array as &dyn Parameter).collect();
    let written = client.execute(statement, &parameters).await?;
    if written == rows.len() as u64 {
        return Ok(());
    }
    let (table, meant) = (T::NAME, rows.len());
    Err(StoreError::Corrupt(format!(
        "{written} rows of {table} were written where {meant} were meant"
    )))
}

fn array<'r, T: Table>(
    value: &Value<T>,
    rows: &'r [T::Row<'_>],
) -> Result<Box<dyn Parameter + Send + 'r>, StoreError> {
    Ok(match value {
        Value::Id(of) => each(rows, of),
        Value::OptionalId(of) => each(rows, of),
        Value::Exact(of) => each(rows, of),
        Value::OptionalExact(of) => each(rows, of),
        Value::Text(of) | Value::Json(of) => each(rows, |row| text(of(row))),
        Value::OptionalText(of) => each(rows, |row| of(row).map(text)),
        Value::WrittenJson(of) | Value::WrittenText(of) => {
            Box::new(rows.iter().map(of).collect::<Result<Vec<_>, StoreError>>()?)
        }
        Value::Digest(of) => each(rows, |row| of(row).to_vec()),
        Value::Money(of) => each(rows, |row| of(row).to_decimal()),
        Value::OptionalMoney(of) => each(rows, |row| of(row).map(Usd::to_decimal)),
        Value::OptionalDecimal(of) => each(rows, of),
        Value::Integer(of) => each(rows, of),
        Value::OptionalInteger(of) => each(rows, of),
        Value::Flag(of) => each(rows, of),
        Value::Time(of) => each(rows, of),
        Value::Day(of) => each(rows, of),
    })
}

fn each<'r, R, V>(rows: &'r [R], of: impl Fn(&'r R) -> V) -> Box<dyn Parameter + Send + 'r>
where
    Vec<V>: Parameter + Send + 'r,
{
    Box::new(rows.iter().map(of).collect::<Vec<V>>())
}

/// PostgreSQL keeps any character in text but U+0000, which a caller may well send.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_character_that_postgres_refuses_is_replaced() {
        assert_eq!(text("a\0b"), "a\u{fffd}b");
        assert!(matches!(text("ab"), Cow::Borrowed("ab")));
    }
}
