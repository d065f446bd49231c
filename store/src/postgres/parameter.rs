//! The types that the values of ours have in PostgreSQL, so that a statement can be sent without
//! asking the server for them first.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// A value of a statement.
pub(super) trait Parameter: Sync {
    fn sql_type(&self) -> Type;
    fn as_sql(&self) -> &(dyn ToSql + Sync);
}

/// A type of ours and PostgreSQL's name for it.
pub(super) trait SqlType {
    const TYPE: Type;
}

/// One of which there are columns.
pub(super) trait Element: SqlType {
    const ARRAY: Type;
}

impl<T: SqlType + ToSql + Sync> Parameter for T {
    fn sql_type(&self) -> Type {
        T::TYPE
    }

    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        self
    }
}

macro_rules! sql_types {
    ($($rust:ty => $one:ident, $many:ident;)*) => {
        $(
            impl SqlType for $rust {
                const TYPE: Type = Type::$one;
            }

            impl Element for $rust {
                const ARRAY: Type = Type::$many;
            }
        )*
    };
}

sql_types! {
    bool => BOOL, BOOL_ARRAY;
    i32 => INT4, INT4_ARRAY;
    i64 => INT8, INT8_ARRAY;
    str => TEXT, TEXT_ARRAY;
    String => TEXT, TEXT_ARRAY;
    Cow<'_, str> => TEXT, TEXT_ARRAY;
    [u8] => BYTEA, BYTEA_ARRAY;
    Vec<u8> => BYTEA, BYTEA_ARRAY;
    Uuid => UUID, UUID_ARRAY;
    Decimal => NUMERIC, NUMERIC_ARRAY;
    Timestamp => TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    Date => DATE, DATE_ARRAY;
}

impl<T: SqlType + ?Sized> SqlType for &T {
    const TYPE: Type = T::TYPE;
}

impl<T: Element + ?Sized> Element for &T {
    const ARRAY: Type = T::ARRAY;
}

impl<T: SqlType> SqlType for Option<T> {
    const TYPE: Type = T::TYPE;
}

impl<T: Element> Element for Option<T> {
    const ARRAY: Type = T::ARRAY;
}

impl<T: Element> SqlType for Vec<T> {
    const TYPE: Type = T::ARRAY;
}

impl<T: Element> SqlType for [T] {
    const TYPE: Type = T::ARRAY;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_type_of_its_column() {
        let (id, bytes) = (Uuid::nil(), [1_u8, 2]);
        let cases: [(&dyn Parameter, Type); 8] = [
            (&id, Type::UUID),
            (&vec![id], Type::UUID_ARRAY),
            (&"text", Type::TEXT),
            (&vec![Some("text")], Type::TEXT_ARRAY),
            (&bytes.as_slice(), Type::BYTEA),
            (&vec![bytes.to_vec()], Type::BYTEA_ARRAY),
            (&None::<i64>, Type::INT8),
            (&vec![None::<Decimal>], Type::NUMERIC_ARRAY),
        ];
        for (value, expected) in cases {
            assert_eq!(value.sql_type(), expected);
        }
    }
}
