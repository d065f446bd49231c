//! Why a provider's stream is no answer.

use crate::error::provider_error::FaultKind;

/// Why a stream is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The provider said so inside its 200.
    #[error("provider sent an error: {message}")]
    ErrorEvent { kind: FaultKind, message: String },
    #[error("provider sent what is not of its dialect: {0}")]
    Malformed(String),
    /// The bytes ended before the protocol's last word.
    #[error("stream ended before its end")]
    Truncated,
}

impl StreamFault {
    pub fn malformed(what: impl Into<String>) -> Self {
        StreamFault::Malformed(what.into())
    }
}
