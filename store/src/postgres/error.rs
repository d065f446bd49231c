//! What an error of PostgreSQL, of its driver or of the pool means for us.

use std::collections::BTreeSet;

use deadpool_postgres::{HookError, PoolError};

use crate::StoreError;

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(database) = error.as_db_error() {
            let text = format!("{} ({})", database.message(), database.code().code());
            return from_code(database.code().code(), text);
        }
        let text = chain(&error);
        if error.is_closed() || is_io(&error) {
            StoreError::Unavailable(text)
        } else {
            StoreError::Statement(text)
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => {
                let mut text = chain(&error);
                if text.contains(NO_OPTIONS) {
                    text.push_str("; a pooler takes no `options` in the database url");
                }
                // the driver's own check: it has no code. Whatever else goes wrong while connecting
                // may be right a moment later
                if text.contains(NO_WRITES) {
                    StoreError::NotWritable(text)
                } else {
                    StoreError::Unavailable(text)
                }
            }
            PoolError::PostCreateHook(HookError::Message(reason)) => {
                StoreError::Unavailable(reason.into_owned())
            }
            other => StoreError::Unavailable(other.to_string()),
        }
    }
}

/// What PgBouncer says of `options`.
const NO_OPTIONS: &str = "unsupported startup parameter";

/// What the driver says when none of the hosts takes writes.
const NO_WRITES: &str = "database does not allow writes";

/// Classes of SQLSTATE, in PostgreSQL's appendix A.
fn from_code(code: &str, text: String) -> StoreError {
    match code {
        // disk full; read-only transaction; I/O error
        "53100" | "25006" | "58030" => StoreError::NotWritable(text),
        "55P03" => StoreError::Locked { agents: BTreeSet::new() },
        // serialisation failure and deadlock; idle for too long within a transaction
        "40001" | "40P01" | "25P03" => StoreError::Unavailable(text),
        _ => match code.get(..2) {
            // connection; authorisation; resources; an operator (shutdown, cancelled, starting up)
            Some("08" | "28" | "53" | "57") => StoreError::Unavailable(text),
            Some("XX") => StoreError::Corrupt(text),
            _ => StoreError::Statement(text),
        },
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The driver says what it was doing; the cause says what went wrong.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whether_to_try_again() {
        let kind = |code: &str| from_code(code, String::new());
        for code in
            ["57P01", "57P03", "57014", "08006", "53300", "40P01", "40001", "25P03", "28P01"]
        {
            assert!(matches!(kind(code), StoreError::Unavailable(_)), "{code}");
        }
        assert!(matches!(kind("55P03"), StoreError::Locked { agents } if agents.is_empty()));
        for code in ["53100", "25006", "58030"] {
            assert!(matches!(kind(code), StoreError::NotWritable(_)), "{code}");
        }
        for code in ["23505", "23514", "22P02", "42P01"] {
            assert!(matches!(kind(code), StoreError::Statement(_)), "{code}");
        }
        assert!(matches!(kind("XX001"), StoreError::Corrupt(_)));
    }
}
