//! What a failed attempt says about the provider. Requests that are wrong, clients that leave and
//! panics of ours say nothing about it.

use ainfera_wire::error::{FaultKind, StreamFault};

use crate::provider::ProviderFailure;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The model at this provider failed, and counts as one more failure.
    Provider,
    /// The provider is well and asks for a pause. Without a time the pause grows each time.
    Pause {
        seconds: Option<u64>,
    },
    /// The provider answers none of our calls, whatever the model: `reason` says why.
    Key(Reason),
    /// The provider does not serve this model.
    Model,
    Nothing,
}

/// Why a provider or a model is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Too many failures.
    Failing,
    /// It asked for a pause.
    RateLimited,
    /// It refuses our key.
    KeyRefused,
    /// Our account there has no money left.
    OutOfFunds,
    /// It does not have the model.
    NoSuchModel,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Failing => "failing",
            Reason::RateLimited => "rate_limited",
            Reason::KeyRefused => "key_refused",
            Reason::OutOfFunds => "out_of_funds",
            Reason::NoSuchModel => "no_such_model",
        }
    }
}

impl Blame {
    pub fn of(failure: &ProviderFailure) -> Self {
        let asked = failure.retry_after_seconds();
        match failure {
            // an error of the request's class that no body explains: it says nothing about the next
            // request
            ProviderFailure::Refused { kind: FaultKind::Api, status: 400..500, .. } => {
                Blame::Nothing
            }
            ProviderFailure::Refused { kind, .. }
            | ProviderFailure::Stream(StreamFault::ErrorEvent { kind, .. }) => match kind {
                FaultKind::RateLimited => Blame::Pause { seconds: asked },
                FaultKind::Overloaded if asked.is_some() => Blame::Pause { seconds: asked },
                FaultKind::Overloaded | FaultKind::Api => Blame::Provider,
                FaultKind::KeyRefused => Blame::Key(Reason::KeyRefused),
                FaultKind::OutOfFunds => Blame::Key(Reason::OutOfFunds),
                FaultKind::NoSuchModel => Blame::Model,
                FaultKind::InvalidRequest | FaultKind::ModelLacks(_) => Blame::Nothing,
            },
            ProviderFailure::Connect(_)
            | ProviderFailure::TimedOut(_)
            | ProviderFailure::Stream(StreamFault::Malformed(_) | StreamFault::Truncated)
            | ProviderFailure::Broken(_) => Blame::Provider,
            ProviderFailure::Untranslatable(_) | ProviderFailure::Crashed => Blame::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use ainfera_wire::error::fault_of;

    use super::*;

    fn status(status: u16, retry_after_seconds: Option<u64>) -> Blame {
        let kind = fault_of(status, b"").kind;
        Blame::of(&ProviderFailure::Refused {
            status,
            kind,
            message: String::new(),
            retry_after_seconds,
        })
    }

    #[test]
    fn a_status_says_whom_the_failure_is_about() {
        for code in [103, 302, 500, 502, 503, 529] {
            assert_eq!(status(code, None), Blame::Provider, "{code}");
        }
        for code in [400, 408, 413, 422] {
            assert_eq!(status(code, None), Blame::Nothing, "{code}");
        }
        assert_eq!(status(429, None), Blame::Pause { seconds: None });
        assert_eq!(status(429, Some(3)), Blame::Pause { seconds: Some(3) });
        assert_eq!(status(503, Some(3)), Blame::Pause { seconds: Some(3) });
        assert_eq!(status(402, None), Blame::Key(Reason::OutOfFunds));
        assert_eq!([401, 403].map(|code| status(code, None)), [Blame::Key(Reason::KeyRefused); 2]);
        assert_eq!([404, 410].map(|code| status(code, None)), [Blame::Model; 2]);
        assert_eq!(Blame::of(&ProviderFailure::Stream(StreamFault::Truncated)), Blame::Provider);
        assert_eq!(Blame::of(&ProviderFailure::TimedOut("idle")), Blame::Provider);
        assert_eq!(Blame::of(&ProviderFailure::Crashed), Blame::Nothing);
    }
}
