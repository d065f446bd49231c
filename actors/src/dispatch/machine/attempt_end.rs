//! How an attempt ended, and what the record says of it.

use ainfera_schema::{AttemptResult, FailureCause};

use crate::provider::ProviderFailure;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptEnd {
    Succeeded,
    /// We stopped it.
    Cancelled,
    /// Its connection was a closed one, and it was sent again over another.
    SentAgain,
    Failed(ProviderFailure),
}

impl AttemptEnd {
    pub fn result(&self) -> AttemptResult {
        match self {
            AttemptEnd::Succeeded => AttemptResult::Succeeded,
            AttemptEnd::Cancelled => AttemptResult::Cancelled,
            AttemptEnd::SentAgain => AttemptResult::StaleConnection,
            AttemptEnd::Failed(failure) => failure.result(),
        }
    }

    pub fn cause(&self) -> Option<FailureCause> {
        match self {
            AttemptEnd::Succeeded | AttemptEnd::Cancelled => None,
            AttemptEnd::SentAgain => Some(FailureCause::ConnectionLost),
            AttemptEnd::Failed(failure) => Some(failure.cause()),
        }
    }

    pub fn http_status(&self) -> Option<u16> {
        match self {
            AttemptEnd::Succeeded => Some(200),
            AttemptEnd::Cancelled | AttemptEnd::SentAgain => None,
            AttemptEnd::Failed(failure) => failure.http_status(),
        }
    }

    /// It failed in a way that does not tell whether the provider worked on it.
    pub fn may_have_been_worked_on(&self) -> bool {
        match self {
            AttemptEnd::Failed(failure) => failure.may_have_been_worked_on(),
            AttemptEnd::Succeeded | AttemptEnd::Cancelled | AttemptEnd::SentAgain => false,
        }
    }
}
