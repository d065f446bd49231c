//! The statements that write a table. Each database has a form of its own: PostgreSQL takes all
//! rows at once, its columns as arrays; SQLite takes one row after the other.

use super::{Table, Value};

/// Adds rows.
pub(crate) fn postgres_insert<T: Table>() -> String {
    let names: Vec<&str> = T::COLUMNS.iter().map(|column| column.name).collect();
    let selected: Vec<String> = T::COLUMNS
        .iter()
        .map(|column| match column.value {
            Value::Json(_) | Value::WrittenJson(_) => format!("u.{}::json", column.name),
            _ => format!("u.{}", column.name),
        })
        .collect();
    format!(
        "INSERT INTO {table} ({names})\nSELECT {selected}\nFROM {arrays} AS u({names})",
        table = T::NAME,
        names = names.join(", "),
        selected = selected.join(", "),
        arrays = arrays::<T>(),
    )
}

/// Changes the rows that the first column names.
pub(crate) fn postgres_update<T: Table>() -> String {
    let names: Vec<&str> = T::COLUMNS.iter().map(|column| column.name).collect();
    let (key, rest) = names.split_first().map_or(("", [].as_slice()), |(key, rest)| (*key, rest));
    let set: Vec<String> = rest.iter().map(|name| format!("{name} = u.{name}")).collect();
    format!(
        "UPDATE {table} t SET {set}\nFROM {arrays} AS u({names})\nWHERE t.{key} = u.{key}",
        table = T::NAME,
        set = set.join(", "),
        arrays = arrays::<T>(),
        names = names.join(", "),
    )
}

fn arrays<T: Table>() -> String {
    let arrays: Vec<String> = T::COLUMNS
        .iter()
        .enumerate()
        .map(|(index, column)| format!("${}::{}[]", index + 1, postgres_type(&column.value)))
        .collect();
    format!("unnest({})", arrays.join(", "))
}

fn postgres_type<T: Table>(value: &Value<T>) -> &'static str {
    match value {
        Value::Id(_) | Value::OptionalId(_) => "uuid",
        Value::Exact(_)
        | Value::OptionalExact(_)
        | Value::Text(_)
        | Value::OptionalText(_)
        | Value::Json(_)
        | Value::WrittenJson(_)
        | Value::WrittenText(_) => "text",
        Value::Digest(_) => "bytea",
        Value::Money(_) | Value::OptionalMoney(_) | Value::OptionalDecimal(_) => "numeric",
        Value::Integer(_) | Value::OptionalInteger(_) => "bigint",
        Value::Flag(_) => "boolean",
        Value::Time(_) => "timestamptz",
        Value::Day(_) => "date",
    }
}

/// Adds a row.
pub(crate) fn sqlite_insert<T: Table>() -> String {
    let names: Vec<&str> = T::COLUMNS.iter().map(|column| column.name).collect();
    let values: Vec<String> = (1..=names.len()).map(|index| format!("?{index}")).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", T::NAME, names.join(", "), values.join(", "))
}

/// Changes the row that the first column names.
pub(crate) fn sqlite_update<T: Table>() -> String {
    let names: Vec<&str> = T::COLUMNS.iter().map(|column| column.name).collect();
    let (key, rest) = names.split_first().map_or(("", [].as_slice()), |(key, rest)| (*key, rest));
    let set: Vec<String> =
        (2..).zip(rest).map(|(index, name)| format!("{name} = ?{index}")).collect();
    format!("UPDATE {} SET {} WHERE {key} = ?1", T::NAME, set.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Inferences, Reservations, TenantBalances};

    #[test]
    fn a_row_is_changed_by_its_first_column_alone() {
        assert_eq!(
            postgres_update::<Reservations>(),
            "UPDATE intents t SET hold = u.hold, charged = u.charged\n\
             FROM unnest($1::uuid[], $2::numeric[], $3::text[]) AS u(request_id, hold, charged)\n\
             WHERE t.request_id = u.request_id"
        );
        assert_eq!(
            sqlite_update::<Reservations>(),
            "UPDATE intents SET hold = ?2, charged = ?3 WHERE request_id = ?1"
        );
        let tenants = sqlite_update::<TenantBalances>();
        assert!(tenants.starts_with("UPDATE tenant_accounts SET balance = ?2,"), "{tenants}");
        assert!(tenants.ends_with("audit_head = ?11 WHERE tenant_id = ?1"), "{tenants}");
    }

    #[test]
    fn postgres_gets_all_rows_as_one_array_for_each_column_and_makes_json_of_its_text() {
        let insert = postgres_insert::<Inferences>();
        assert!(
            insert.starts_with("INSERT INTO inferences (inference_id, request_id,"),
            "{insert}"
        );
        assert!(insert.contains(" $11::text[], $12::text[], $13::bigint[], "), "{insert}");
        assert!(insert.contains(" u.cell, u.attempts::json, u.input_tokens, "), "{insert}");
        assert_eq!(insert.matches("::json,").count(), 3, "{insert}");
        assert_eq!(insert.matches("[]").count(), Inferences::COLUMNS.len());
    }

    #[test]
    fn sqlite_gets_a_row_as_one_value_for_each_column() {
        let insert = sqlite_insert::<Inferences>();
        assert!(
            insert.starts_with("INSERT INTO inferences (inference_id, request_id,"),
            "{insert}"
        );
        assert!(
            insert.ends_with(
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
             ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)"
            ),
            "{insert}"
        );
    }
}
