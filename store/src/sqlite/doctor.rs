//! The questions about what must always hold.

use std::time::Duration;

use rusqlite::Connection;

use crate::StoreError;
use crate::invariants::{Invariant, QUESTIONS};

/// All questions are answered from one snapshot.
pub(super) fn invariants(
    connection: &mut Connection,
    longest_call: Duration,
) -> Result<Vec<Invariant>, StoreError> {
    let snapshot = connection.transaction()?;
    QUESTIONS
        .iter()
        .map(|question| {
            let (broken, example) = snapshot
                .query_row(&question.sql(longest_call), (), |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(question.answer(broken, example))
        })
        .collect()
}
