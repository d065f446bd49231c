//! Whose fault a failed attempt is. Requests that are wrong, clients that leave and panics of ours say nothing about a provider.

use ainfera_wire::upstream::{FaultKind, StreamFault};

use crate::provider::ProviderFailure;

/// A provider may not send us away for longer than a day.
const LONGEST_PAUSE_SECONDS: u64 = 24 * 60 * 60;
/// Somebody has to pay first.
const OUT_OF_FUNDS_PAUSE_SECONDS: u64 = 15 * 60;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    Provider,
    /// The provider is well and asks for a pause.
    Pause {
        seconds: u64,
    },
    Nobody,
}

impl Blame {
    pub fn of(failure: &ProviderFailure) -> Self {
        match failure {
            ProviderFailure::Refused { kind: FaultKind::RateLimited, retry_after_seconds: Some(seconds), .. } => {
                Blame::Pause { seconds: (*seconds).min(LONGEST_PAUSE_SECONDS) }
            }
            ProviderFailure::Refused { kind: FaultKind::OutOfFunds, .. } => Blame::Pause { seconds: OUT_OF_FUNDS_PAUSE_SECONDS },
            ProviderFailure::Refused { kind: FaultKind::Api, status: 400..500, .. } => Blame::Nobody,
            ProviderFailure::Refused { kind, .. } | ProviderFailure::Stream(StreamFault::ErrorEvent { kind, .. }) => match kind {
                FaultKind::Overloaded | FaultKind::Api => Blame::Provider,
                FaultKind::InvalidRequest | FaultKind::RateLimited | FaultKind::Account | FaultKind::OutOfFunds => Blame::Nobody,
            },
            ProviderFailure::Connect(_)
            | ProviderFailure::TimedOut(_)
            | ProviderFailure::Stream(StreamFault::Malformed(_) | StreamFault::Truncated)
            | ProviderFailure::Broken(_) => Blame::Provider,
            ProviderFailure::Untranslatable(_) | ProviderFailure::Crashed => Blame::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use ainfera_wire::fault::fault_of;

    use super::*;

    fn status(status: u16, retry_after_seconds: Option<u64>) -> Blame {
        let kind = fault_of(status, b"").kind;
        Blame::of(&ProviderFailure::Refused { status, kind, message: String::new(), retry_after_seconds })
    }

    #[test]
    fn only_faults_of_the_provider_count() {
        for code in [103, 302, 500, 502, 503, 529] {
            assert_eq!(status(code, Some(1)), Blame::Provider, "{code}");
        }
        for code in [400, 401, 403, 404, 408, 413, 422, 429] {
            assert_eq!(status(code, None), Blame::Nobody, "{code}");
        }
        assert_eq!(status(429, Some(3)), Blame::Pause { seconds: 3 });
        assert_eq!(status(429, Some(u64::MAX)), Blame::Pause { seconds: LONGEST_PAUSE_SECONDS });
        assert_eq!(status(402, None), Blame::Pause { seconds: OUT_OF_FUNDS_PAUSE_SECONDS });
        assert_eq!(Blame::of(&ProviderFailure::Stream(StreamFault::Truncated)), Blame::Provider);
        assert_eq!(Blame::of(&ProviderFailure::TimedOut("idle")), Blame::Provider);
        assert_eq!(Blame::of(&ProviderFailure::Crashed), Blame::Nobody);
    }
}
