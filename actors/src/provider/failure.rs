//! How a provider attempt fails, and what follows from it.

use ainfera_schema::{AttemptResult, FailureCause};
use ainfera_wire::error::{FaultKind, StreamFault};

use super::transport::failure::ConnectFailure;

/// Why an attempt gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFailure {
    #[error("cannot connect: {0}")]
    Connect(ConnectFailure),
    #[error("no event within the {0} deadline")]
    TimedOut(&'static str),
    /// An error status, or one that is no answer at all.
    #[error("provider answered {status}: {message}")]
    Refused { status: u16, kind: FaultKind, message: String, retry_after_seconds: Option<u64> },
    #[error(transparent)]
    Stream(#[from] StreamFault),
    #[error("connection broke: {0}")]
    Broken(#[from] Broken),
    /// The call has no form in the provider's dialect.
    #[error("call cannot be translated: {0}")]
    Untranslatable(ainfera_wire::error::BadRequest),
    /// A panic of ours.
    #[error("provider actor crashed")]
    Crashed,
}

/// A connection that broke under a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Broken {
    why: String,
    reached: Reached,
}

/// How far the exchange had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// Nothing of the request had left.
    Nothing,
    /// The provider may have had the whole request.
    Provider,
    /// The answer had begun.
    Answer,
}

impl Broken {
    pub fn unsent(why: impl Into<String>) -> Self {
        Self { why: why.into(), reached: Reached::Nothing }
    }

    pub fn unanswered(why: impl Into<String>) -> Self {
        Self { why: why.into(), reached: Reached::Provider }
    }

    pub fn answering(why: impl Into<String>) -> Self {
        Self { why: why.into(), reached: Reached::Answer }
    }
}

/// What to do about it, as long as nothing was said to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    NextCandidate,
    /// Another provider would refuse it too: asking it would only cost money.
    GiveUp,
}

/// Whether going on to the next candidate takes from the retry budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverCost {
    /// The provider did work, or is in trouble: what comes after it is load that the others must
    /// bear.
    FromBudget,
    /// The provider said at once that it does not serve this call. A provider that is known to
    /// refuse must not end calls that others can answer.
    Free,
}

impl ProviderFailure {
    pub fn next(&self) -> Next {
        match self.kind() {
            Some(FaultKind::InvalidRequest) => Next::GiveUp,
            Some(
                FaultKind::ModelLacks(_)
                | FaultKind::RateLimited
                | FaultKind::Overloaded
                | FaultKind::KeyRefused
                | FaultKind::NoSuchModel
                | FaultKind::OutOfFunds
                | FaultKind::Api,
            )
            | None => Next::NextCandidate,
        }
    }

    pub fn failover_cost(&self) -> FailoverCost {
        match self.kind() {
            Some(
                FaultKind::ModelLacks(_)
                | FaultKind::RateLimited
                | FaultKind::KeyRefused
                | FaultKind::NoSuchModel
                | FaultKind::OutOfFunds
                | FaultKind::InvalidRequest,
            ) => FailoverCost::Free,
            Some(FaultKind::Overloaded | FaultKind::Api) | None => FailoverCost::FromBudget,
        }
    }

    /// The same without our key: some vendors repeat it in their errors.
    pub fn without_keys(mut self, secrets: &[String]) -> Self {
        let (ProviderFailure::Refused { message, .. }
        | ProviderFailure::Stream(StreamFault::ErrorEvent { message, .. })) = &mut self
        else {
            return self;
        };
        for secret in secrets {
            // short words would be found everywhere
            if secret.len() >= 8 && message.contains(secret) {
                *message = message.replace(secret, "***");
            }
        }
        self
    }

    /// The provider may have worked on the request and said nothing about it, not even that it
    /// failed: it may ask money for its input.
    pub fn may_have_been_worked_on(&self) -> bool {
        matches!(self, ProviderFailure::Broken(Broken { reached: Reached::Provider, .. }))
    }

    /// What the provider reports, where it reports anything.
    pub fn kind(&self) -> Option<FaultKind> {
        match self {
            ProviderFailure::Refused { kind, .. }
            | ProviderFailure::Stream(StreamFault::ErrorEvent { kind, .. }) => Some(*kind),
            ProviderFailure::Connect(_)
            | ProviderFailure::TimedOut(_)
            | ProviderFailure::Stream(StreamFault::Malformed(_) | StreamFault::Truncated)
            | ProviderFailure::Broken(_)
            | ProviderFailure::Untranslatable(_)
            | ProviderFailure::Crashed => None,
        }
    }

    pub fn result(&self) -> AttemptResult {
        match self {
            ProviderFailure::Connect(_) => AttemptResult::ConnectFailed,
            ProviderFailure::TimedOut(_) => AttemptResult::TimedOut,
            ProviderFailure::Refused { .. } => AttemptResult::Refused,
            ProviderFailure::Stream(StreamFault::ErrorEvent { .. }) => AttemptResult::ErrorEvent,
            ProviderFailure::Stream(StreamFault::Malformed(_))
            | ProviderFailure::Untranslatable(_) => AttemptResult::Malformed,
            ProviderFailure::Stream(StreamFault::Truncated) | ProviderFailure::Broken(_) => {
                AttemptResult::Truncated
            }
            ProviderFailure::Crashed => AttemptResult::Crashed,
        }
    }

    /// The word for it in the record.
    pub fn cause(&self) -> FailureCause {
        match self {
            ProviderFailure::Connect(failure) => failure.cause(),
            ProviderFailure::TimedOut(_) => FailureCause::TimedOut,
            ProviderFailure::Refused { kind, .. }
            | ProviderFailure::Stream(StreamFault::ErrorEvent { kind, .. }) => match kind {
                FaultKind::InvalidRequest => FailureCause::CallerFault,
                FaultKind::ModelLacks(lack) => FailureCause::ModelLacks(*lack),
                FaultKind::RateLimited => FailureCause::RateLimited,
                FaultKind::Overloaded => FailureCause::Overloaded,
                FaultKind::KeyRefused => FailureCause::KeyRefused,
                FaultKind::NoSuchModel => FailureCause::ModelGone,
                FaultKind::OutOfFunds => FailureCause::OutOfFunds,
                FaultKind::Api => FailureCause::ProviderFault,
            },
            ProviderFailure::Stream(StreamFault::Malformed(_) | StreamFault::Truncated)
            | ProviderFailure::Broken(Broken { reached: Reached::Answer, .. }) => {
                FailureCause::BrokenAnswer
            }
            ProviderFailure::Broken(Broken {
                reached: Reached::Nothing | Reached::Provider,
                ..
            }) => FailureCause::ConnectionLost,
            ProviderFailure::Untranslatable(_) => FailureCause::Untranslatable,
            ProviderFailure::Crashed => FailureCause::GatewayFault,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p096_our_key_is_in_no_error() {
        let secrets = ["sk-secret-123".to_owned()];
        let message = "bad header authorization: Bearer sk-secret-123 (2023-06-01)".to_owned();
        let refused = ProviderFailure::Refused {
            status: 400,
            kind: FaultKind::InvalidRequest,
            message,
            retry_after_seconds: None,
        };
        assert_eq!(
            refused.without_keys(&secrets).to_string(),
            "provider answered 400: bad header authorization: Bearer *** (2023-06-01)"
        );
        let message = "x sk-secret-123".to_owned();
        let event =
            ProviderFailure::Stream(StreamFault::ErrorEvent { kind: FaultKind::Api, message });
        assert_eq!(event.without_keys(&secrets).to_string(), "provider sent an error: x ***");
    }
}
