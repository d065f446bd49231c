//! How an attempt ended, and what the record says of it.

use ainfera_schema::{AttemptResult, FailureCause};

use crate::provider::ProviderFailure;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub enum AttemptEnd<'f> {
    Succeeded,
    /// We stopped it.
    Cancelled,
    /// Its connection was a closed one, and it was sent again over another.
    SentAgain,
    Failed(&'f ProviderFailure),
}

impl AttemptEnd<'_> {
    pub fn result(self) -> AttemptResult {
        match self {
            AttemptEnd::Succeeded => AttemptResult::Succeeded,
            AttemptEnd::Cancelled => AttemptResult::Cancelled,
            AttemptEnd::SentAgain => AttemptResult::StaleConnection,
            AttemptEnd::Failed(failure) => failure.result(),
        }
    }

    pub fn cause(self) -> Option<FailureCause> {
        match self {
            AttemptEnd::Succeeded | AttemptEnd::Cancelled => None,
            AttemptEnd::SentAgain => Some(FailureCause::ConnectionLost),
            AttemptEnd::Failed(failure) => Some(failure.cause()),
        }
    }

    pub fn http_status(self) -> Option<u16> {
        match self {
            AttemptEnd::Succeeded => Some(200),
            AttemptEnd::Cancelled | AttemptEnd::SentAgain => None,
            AttemptEnd::Failed(failure) => failure.http_status(),
        }
    }
}
