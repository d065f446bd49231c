//! What was kept, read behind the gateway's back.

use std::collections::HashMap;

use uuid::Uuid;

use crate::support::database::Database;
use crate::support::postgres;

/// Of one `routing_outcomes` row.
#[derive(Debug, Clone)]
pub struct Row {
    pub status: String,
    pub cost_nanos: i64,
    /// How many rows have this id: more than one would be a fault.
    pub copies: usize,
}

pub async fn outcomes(database: &Database) -> HashMap<Uuid, Row> {
    let mut rows: HashMap<Uuid, Row> = HashMap::new();
    let found: Vec<(String, String, i64)> = match database {
        Database::Sqlite { path, .. } => {
            let connection = rusqlite::Connection::open_with_flags(
                path,
                rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
            )
            .unwrap();
            connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
            let mut statement = connection
                .prepare("select request_id, outcome_status, cost_actual_usd from routing_outcomes")
                .unwrap();
            let found =
                statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            found.map(Result::unwrap).collect()
        }
        Database::Postgres { url } => {
            let client = postgres::connect(url).await;
            let query = "select request_id::text, outcome_status, (cost_actual_usd * 1000000000)::bigint from routing_outcomes";
            let found = client.query(query, &[]).await.unwrap();
            found.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
        }
    };
    for (request_id, status, cost_nanos) in found {
        let row = rows.entry(request_id.parse().unwrap()).or_insert(Row {
            status,
            cost_nanos,
            copies: 0,
        });
        row.copies += 1;
    }
    rows
}

/// Nano-dollars of a sum over a column of money.
pub async fn nanos(database: &Database, column: &str, from: &str) -> i64 {
    let query = match database {
        Database::Sqlite { .. } => format!("select coalesce(sum({column}), 0) from {from}"),
        Database::Postgres { .. } => {
            format!("select (coalesce(sum({column}), 0) * 1000000000)::bigint from {from}")
        }
    };
    database.number(&query).await
}
