//! How capture fails towards whoever asked.

/// Why the store did not take something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Try again in a moment.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// It may be in the store or not: it is sent again until it is, and must be closed.
    #[error("store failed, effect unknown: {0}")]
    InDoubt(String),
    /// It will not take this one.
    #[error("store refused the record: {0}")]
    Refused(String),
}
