//! What a row of ours has in each column of its table: said once, for both databases.
//!
//! The statements ([`statement`]) and what binds the values to them (`postgres/columns.rs`,
//! `sqlite/columns.rs`) follow from [`Table::COLUMNS`], so a new column is one line there and one
//! in the migrations.

mod account;
mod call;
mod idempotency;
mod ledger;
pub(crate) mod statement;

use ainfera_schema::Usd;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

pub(crate) use account::{AgentBalances, BalanceRow, NewAccounts, TenantBalances};
pub(crate) use call::{ClosedCalls, Inferences, Intents, Outcomes, Reservations};
pub(crate) use idempotency::IdempotencyKeys;
pub(crate) use ledger::{AuditEvents, Transfers};

use crate::StoreError;

/// A table as it is written to: the rows that are written, and their columns in order.
pub(crate) trait Table: 'static {
    type Row<'a>;
    const NAME: &'static str;
    /// Of a table whose rows are changed, the first one says which row.
    const COLUMNS: &'static [Column<Self>];
}

/// A column, and what a row has in it.
pub(crate) struct Column<T: Table + ?Sized> {
    pub name: &'static str,
    pub value: Value<T>,
}

const fn column<T: Table>(name: &'static str, value: Value<T>) -> Column<T> {
    Column { name, value }
}

/// How a column's value is found in a row.
type Of<T, V> = for<'r, 'a> fn(&'r <T as Table>::Row<'a>) -> V;

/// The same for text, which is borrowed from the row.
type TextOf<T> = for<'r, 'a> fn(&'r <T as Table>::Row<'a>) -> &'r str;
type OptionalTextOf<T> = for<'r, 'a> fn(&'r <T as Table>::Row<'a>) -> Option<&'r str>;

/// What kind of values a column has, and how they are found in a row.
pub(crate) enum Value<T: Table + ?Sized> {
    Id(Of<T, Uuid>),
    OptionalId(Of<T, Option<Uuid>>),
    /// Words of ours, hashes, JSON that was written by us: kept to the letter.
    Exact(TextOf<T>),
    OptionalExact(OptionalTextOf<T>),
    /// What a caller may have written. PostgreSQL has no U+0000.
    Text(TextOf<T>),
    OptionalText(OptionalTextOf<T>),
    /// JSON, in a column for JSON, which a caller's words may be in.
    Json(TextOf<T>),
    /// A value of ours as JSON, in a column for JSON.
    WrittenJson(Of<T, Result<Option<String>, StoreError>>),
    /// A value of ours as JSON, in a column for text.
    WrittenText(Of<T, Result<Option<String>, StoreError>>),
    Digest(Of<T, [u8; 32]>),
    Money(Of<T, Usd>),
    OptionalMoney(Of<T, Option<Usd>>),
    OptionalDecimal(Of<T, Option<Decimal>>),
    Integer(Of<T, i64>),
    OptionalInteger(Of<T, Option<i64>>),
    Flag(Of<T, bool>),
    Time(Of<T, Timestamp>),
    Day(Of<T, Date>),
}
