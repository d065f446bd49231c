//! A row of either database, read by the names of its columns: said once how it becomes a value of
//! ours.

use ainfera_schema::Usd;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::StoreError;
use crate::sqlite::value::{Key, Nanos, Text, Time};

/// A value that is read from a row.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError>;
}

/// A row that a query found.
pub(crate) trait StoredRow {
    /// What it has in this column.
    fn value<T: StoredValue>(&self, column: &str) -> Result<T, StoreError>;
}

impl StoredRow for tokio_postgres::Row {
    fn value<T: StoredValue>(&self, column: &str) -> Result<T, StoreError> {
        T::of_postgres(self.try_get(column)?)
    }
}

impl StoredRow for rusqlite::Row<'_> {
    fn value<T: StoredValue>(&self, column: &str) -> Result<T, StoreError> {
        T::of_sqlite(self.get(column)?)
    }
}

/// A type of ours, and the types that the two drivers read it as.
pub(crate) trait StoredValue: Sized {
    type Postgres: for<'p> tokio_postgres::types::FromSql<'p>;
    type Sqlite: rusqlite::types::FromSql;
    fn of_postgres(value: Self::Postgres) -> Result<Self, StoreError>;
    fn of_sqlite(value: Self::Sqlite) -> Result<Self, StoreError>;
}

impl<T: StoredValue> StoredValue for Option<T> {
    type Postgres = Option<T::Postgres>;
    type Sqlite = Option<T::Sqlite>;

    fn of_postgres(value: Self::Postgres) -> Result<Self, StoreError> {
        value.map(T::of_postgres).transpose()
    }

    fn of_sqlite(value: Self::Sqlite) -> Result<Self, StoreError> {
        value.map(T::of_sqlite).transpose()
    }
}

macro_rules! stored_values {
    ($($ours:ty: $postgres:ty => $of_postgres:expr, $sqlite:ty => $of_sqlite:expr;)*) => {
        $(
            impl StoredValue for $ours {
                type Postgres = $postgres;
                type Sqlite = $sqlite;

                fn of_postgres(value: $postgres) -> Result<Self, StoreError> {
                    $of_postgres(value)
                }

                fn of_sqlite(value: $sqlite) -> Result<Self, StoreError> {
                    $of_sqlite(value)
                }
            }
        )*
    };
}

stored_values! {
    bool: bool => Ok, bool => Ok;
    i64: i64 => Ok, i64 => Ok;
    String: String => Ok, String => Ok;
    Vec<u8>: Vec<u8> => Ok, Vec<u8> => Ok;
    [u8; 32]: Vec<u8> => digest, Vec<u8> => digest;
    Uuid: Uuid => Ok, Key => |key: Key| Ok(key.0);
    Timestamp: Timestamp => Ok, Time => |time: Time| Ok(time.0);
    Date: Date => Ok, Text<Date> => |text: Text<Date>| Ok(text.0);
    Decimal: Decimal => Ok, Text<Decimal> => |text: Text<Decimal>| Ok(text.0);
    Usd: Decimal => |amount| Ok(Usd::from_decimal(amount)?), Nanos => |nanos: Nanos| Ok(nanos.0);
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    let length = bytes.len();
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("a digest of {length} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_cannot_be_is_an_error_and_nothing_is_no_value() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let sql = "SELECT 'x' AS word, NULL AS missing, 12 AS nanos, x'00' AS digest";
        connection
            .query_row(sql, (), |row| {
                assert_eq!(row.value::<Option<Usd>>("missing").unwrap(), None);
                assert_eq!(row.value::<Option<Usd>>("nanos").unwrap(), Some(Usd::from_nanos(12)));
                assert!(row.value::<Usd>("missing").is_err());
                assert!(row.value::<Uuid>("word").is_err());
                assert!(row.value::<i64>("no_such_column").is_err());
                let error = row.value::<[u8; 32]>("digest").unwrap_err();
                assert!(error.to_string().contains("a digest of 1 bytes"), "{error}");
                Ok(())
            })
            .unwrap();
    }
}
