//! How the store fails.

use std::collections::BTreeSet;

use ainfera_schema::AgentId;

/// An error's effect on the batch is unknown unless it says otherwise: send it again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or does not answer in time.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// Accounts are locked by another transaction; nothing was written. Whose they are, where that
    /// could be seen.
    #[error("accounts are locked by another transaction")]
    Locked { agents: BTreeSet<AgentId> },
    /// Another server has taken over, and nothing was written: it may lack what was committed last.
    #[error("another database server has taken over")]
    AnotherServer,
    /// The disk is full or the file cannot be written.
    #[error("store cannot be written: {0}")]
    NotWritable(String),
    /// An applied migration differs from ours, or the schema is newer than this program.
    #[error("schema history refused: {0}")]
    History(String),
    /// The server is set up so that it may lose what it has acknowledged.
    #[error("store is not durable: {0}")]
    NotDurable(String),
    /// A value that the schema should have made impossible.
    #[error("stored value is not valid: {0}")]
    Corrupt(String),
    /// An amount left the range of 64-bit nano-dollars.
    #[error(transparent)]
    Money(#[from] ainfera_schema::MoneyError),
    /// An operator asked for what cannot be.
    #[error("not possible: {0}")]
    Refused(String),
    /// A statement failed.
    #[error("statement failed: {0}")]
    Statement(String),
}

impl StoreError {
    /// Whether the same may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            StoreError::Unavailable(_)
            | StoreError::NotWritable(_)
            | StoreError::Locked { .. }
            | StoreError::AnotherServer => true,
            StoreError::History(_)
            | StoreError::NotDurable(_)
            | StoreError::Corrupt(_)
            | StoreError::Money(_)
            | StoreError::Refused(_)
            | StoreError::Statement(_) => false,
        }
    }
}
