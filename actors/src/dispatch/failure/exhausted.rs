//! What a caller is told when no candidate is left to be asked.

use ainfera_schema::CallKind;
use ainfera_wire::error::FaultKind;

use super::{CallFailure, Pressure};
use crate::health::blame::Reason;
use crate::provider::ProviderFailure;

/// The failure after which no candidate followed.
#[derive(Debug)]
pub struct LastFailure {
    pub kind: CallKind,
    /// A request that was sent again because its connection was stale is one attempt in the
    /// caller's eyes.
    pub attempts: usize,
    pub retry_after_seconds: Option<u64>,
    pub failure: ProviderFailure,
}

impl CallFailure {
    pub(in crate::dispatch) fn attempts_failed(last: LastFailure) -> Self {
        let LastFailure { kind, attempts, retry_after_seconds, failure } = last;
        if let ProviderFailure::Untranslatable(bad) = &failure {
            return CallFailure::BadRequest(bad.clone());
        }
        if let Some(FaultKind::InvalidRequest | FaultKind::ModelLacks(_)) = failure.kind() {
            let message = match &failure {
                ProviderFailure::Refused { message, .. } => message.clone(),
                other => other.to_string(),
            };
            let status = match failure.http_status().unwrap_or(400) {
                // the caller's request is what is refused, whatever status the provider has for
                // that
                status @ (400 | 413 | 415 | 422) => status,
                _ => 400,
            };
            return CallFailure::ProviderRejectedRequest { status, message };
        }
        let pressure = pressure_of(&failure);
        match kind {
            CallKind::Direct => {
                CallFailure::PinnedFailed { pressure, retry_after_seconds, why: outward(&failure) }
            }
            CallKind::Routed => CallFailure::AllFailed {
                attempts,
                pressure,
                retry_after_seconds,
                last: outward(&failure),
            },
        }
    }

    /// No candidate may be asked now, and none was.
    pub(in crate::dispatch) fn none_can_be_asked(
        kind: CallKind,
        retry_after_seconds: u64,
        reason: Option<Reason>,
    ) -> Self {
        let retry_after_seconds = Some(retry_after_seconds);
        match kind {
            CallKind::Direct => {
                let why = match reason {
                    Some(Reason::KeyRefused) => "it refuses the gateway's key, and was not asked",
                    Some(Reason::OutOfFunds) => {
                        "the gateway's account there has no money left, and it was not asked"
                    }
                    Some(Reason::NoSuchModel) => "it does not have this model, and was not asked",
                    Some(Reason::RateLimited) => "it asked for a pause, and was not asked",
                    Some(Reason::Failing) | None => "it is failing or full, and was not asked",
                };
                let pressure = match reason {
                    Some(Reason::KeyRefused | Reason::OutOfFunds | Reason::NoSuchModel) => {
                        Pressure::None
                    }
                    Some(Reason::RateLimited) => Pressure::RateLimited,
                    Some(Reason::Failing) | None => Pressure::Overloaded,
                };
                CallFailure::PinnedFailed { pressure, retry_after_seconds, why: why.to_owned() }
            }
            CallKind::Routed => CallFailure::AllFailed {
                attempts: 0,
                pressure: Pressure::Overloaded,
                retry_after_seconds,
                last: "every provider is failing or full".to_owned(),
            },
        }
    }

    pub(in crate::dispatch) fn midstream(failure: &ProviderFailure) -> Self {
        CallFailure::Midstream { pressure: pressure_of(failure), why: outward(failure) }
    }
}

/// Providers' words about our own account may carry parts of our key: they stay inside.
fn outward(failure: &ProviderFailure) -> String {
    match failure {
        ProviderFailure::Refused { status, kind: FaultKind::KeyRefused, .. } => {
            format!("the provider refuses the gateway's key (status {status})")
        }
        ProviderFailure::Refused { status, kind: FaultKind::OutOfFunds, .. } => {
            format!("the gateway's account at the provider has no money left (status {status})")
        }
        ProviderFailure::Connect(failure) => {
            format!("cannot connect to the provider: {}", failure.outward())
        }
        other => other.to_string(),
    }
}

fn pressure_of(failure: &ProviderFailure) -> Pressure {
    match failure.kind() {
        Some(FaultKind::RateLimited) => Pressure::RateLimited,
        Some(FaultKind::Overloaded) => Pressure::Overloaded,
        _ => Pressure::None,
    }
}
