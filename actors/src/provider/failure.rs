//! How a provider attempt fails, and what follows from it.

use ainfera_schema::AttemptResult;
use ainfera_wire::upstream::{FaultKind, StreamFault};

/// Why an attempt gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFailure {
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("no event within the {0} deadline")]
    TimedOut(&'static str),
    /// An error status, or one that is no answer at all.
    #[error("provider answered {status}: {message}")]
    Refused { status: u16, kind: FaultKind, message: String, retry_after_seconds: Option<u64> },
    #[error(transparent)]
    Stream(#[from] StreamFault),
    /// The connection broke.
    #[error("connection broke: {0}")]
    Broken(String),
    /// The call cannot be said in the provider's dialect.
    #[error("call cannot be translated: {0}")]
    Untranslatable(ainfera_wire::BadRequest),
    /// A panic of ours.
    #[error("provider actor crashed")]
    Crashed,
}

/// What to do about it, as long as nothing was said to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    NextCandidate,
    /// Another provider would refuse it too: asking it would only cost money.
    GiveUp,
}

impl ProviderFailure {
    pub fn next(&self) -> Next {
        match self.kind() {
            Some(FaultKind::InvalidRequest) => Next::GiveUp,
            Some(FaultKind::RateLimited | FaultKind::Overloaded | FaultKind::Account | FaultKind::Api) | None => Next::NextCandidate,
        }
    }

    /// What the provider reports, where it reports anything.
    pub fn kind(&self) -> Option<FaultKind> {
        match self {
            ProviderFailure::Refused { kind, .. } | ProviderFailure::Stream(StreamFault::ErrorEvent { kind, .. }) => Some(*kind),
            ProviderFailure::Connect(_)
            | ProviderFailure::TimedOut(_)
            | ProviderFailure::Stream(StreamFault::Malformed(_) | StreamFault::Truncated)
            | ProviderFailure::Broken(_)
            | ProviderFailure::Untranslatable(_)
            | ProviderFailure::Crashed => None,
        }
    }

    pub fn is_overload(&self) -> bool {
        matches!(self.kind(), Some(FaultKind::RateLimited | FaultKind::Overloaded))
    }

    pub fn result(&self) -> AttemptResult {
        match self {
            ProviderFailure::Connect(_) => AttemptResult::ConnectFailed,
            ProviderFailure::TimedOut(_) => AttemptResult::TimedOut,
            ProviderFailure::Refused { .. } => AttemptResult::Refused,
            ProviderFailure::Stream(StreamFault::ErrorEvent { .. }) => AttemptResult::ErrorEvent,
            ProviderFailure::Stream(StreamFault::Malformed(_)) | ProviderFailure::Untranslatable(_) => AttemptResult::Malformed,
            ProviderFailure::Stream(StreamFault::Truncated) | ProviderFailure::Broken(_) => AttemptResult::Truncated,
            ProviderFailure::Crashed => AttemptResult::Crashed,
        }
    }

    pub fn http_status(&self) -> Option<u16> {
        match self {
            ProviderFailure::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            ProviderFailure::Refused { retry_after_seconds, .. } => *retry_after_seconds,
            _ => None,
        }
    }
}
