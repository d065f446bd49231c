//! Why a call got no answer, in words for the caller. Which status that is, only the HTTP layer
//! knows.

pub mod exhausted;

use ainfera_routing::{DropReason, PinRefusal, RejectReason};
use ainfera_schema::{ModelSlug, OutcomeStatus};
use ainfera_store::{EarlierCall, Refusal};
use ainfera_wire::client::Call;
use ainfera_wire::error::BadRequest;
use rust_decimal::Decimal;

use super::strict::Unfit;
use crate::brain::Rejection;

/// Whether a provider that failed has too much to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    /// It failed for another reason.
    None,
    /// Its own limit of calls or tokens was met.
    RateLimited,
    Overloaded,
}

/// Everything that can end a call without an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum CallFailure {
    BadRequest(BadRequest),
    /// The provider says that the request itself is wrong.
    ProviderRejectedRequest {
        status: u16,
        message: String,
    },
    NoCandidate {
        message: String,
    },
    /// With a larger budget the call would have found a model.
    OverBudget {
        budget_usd: Decimal,
        /// What the cheapest of those models may cost.
        needed_usd: Option<Decimal>,
        drops: String,
    },
    ToolsNotSupported {
        backend: String,
        /// Which of them, where it is not all.
        why: Option<BadRequest>,
    },
    /// By our estimate the prompt is larger than the window of every model that could be chosen.
    PromptTooLong,
    ModelUnavailable {
        model: String,
        why: String,
    },
    /// Nobody would get the call as it was sent, and its caller wants it to.
    CoercionRefused {
        unfit: Vec<Unfit>,
    },
    /// With the reason why so much is reserved, where the body does not bound what the vendor
    /// reads.
    Refused(Refusal, Option<&'static str>),
    StoreUnavailable,
    /// What is reserved is used up, and the store does not say whether more can be.
    ReservationUnavailable,
    /// The call with this idempotency key is still running.
    KeyInFlight,
    /// The idempotency key belongs to another request.
    KeyReused,
    /// The call with this idempotency key was charged, and its answer is not there to be given
    /// again.
    ReplayUnavailable(Box<EarlierCall>),
    /// Every candidate of a routed call failed.
    AllFailed {
        attempts: usize,
        pressure: Pressure,
        retry_after_seconds: Option<u64>,
        last: String,
    },
    /// The pinned model's provider failed.
    PinnedFailed {
        pressure: Pressure,
        retry_after_seconds: Option<u64>,
        why: String,
    },
    /// The provider failed after content had come.
    Midstream {
        pressure: Pressure,
        why: String,
    },
    TimedOut,
    Internal,
}

impl CallFailure {
    pub(super) fn pin(model: &ModelSlug, refusal: PinRefusal, call: &Call) -> Self {
        match refusal {
            PinRefusal::Unknown | PinRefusal::NoPrice => {
                CallFailure::ModelUnavailable { model: model.to_string(), why: refusal.to_string() }
            }
            PinRefusal::ToolsNotSupported => {
                CallFailure::ToolsNotSupported { backend: model.to_string(), why: None }
            }
            PinRefusal::ServerToolsNotSupported => Self::anthropic_only(model.to_string(), call),
        }
    }

    /// What only Anthropic's own API has was to go to another model: a tool, or anything else.
    fn anthropic_only(backend: String, call: &Call) -> Self {
        match &call.anthropic_only {
            Some(bad) if !bad.field.starts_with("tools.") => CallFailure::BadRequest(bad.clone()),
            why => CallFailure::ToolsNotSupported { backend, why: why.clone() },
        }
    }

    pub(super) fn no_candidate(rejection: &Rejection, call: &Call) -> Self {
        let reason = rejection.reason;
        let candidates = &rejection.plan.decision().candidates;
        if reason == RejectReason::ToolsNotSupported {
            let without = candidates
                .iter()
                .find(|candidate| candidate.drop_reason == Some(DropReason::ToolsNotSupported));
            let backend = without
                .or(candidates.first())
                .map(|candidate| candidate.model_slug.to_string())
                .unwrap_or_default();
            return match without {
                Some(_) => CallFailure::ToolsNotSupported { backend, why: None },
                None => Self::anthropic_only(backend, call),
            };
        }
        if let (RejectReason::OtherDialect, Some(bad)) = (reason, &call.native_only) {
            return CallFailure::BadRequest(bad.clone());
        }
        if reason == RejectReason::ContextWindowExceeded {
            return CallFailure::PromptTooLong;
        }
        let drops: Vec<String> = candidates
            .iter()
            .map(|candidate| {
                format!(
                    "{}: {}",
                    candidate.model_slug,
                    candidate.drop_reason.map_or("none", DropReason::as_str)
                )
            })
            .collect();
        let drops = drops.join(", ");
        if let (RejectReason::BudgetExceeded, Some(budget_usd)) =
            (reason, rejection.policy.budget_cap_usd)
        {
            let too_dear = candidates
                .iter()
                .filter(|candidate| candidate.drop_reason == Some(DropReason::ExceedsBudgetCap));
            let needed_usd = too_dear.filter_map(|candidate| candidate.projected_cost_usd).min();
            return CallFailure::OverBudget { budget_usd, needed_usd, drops };
        }
        CallFailure::NoCandidate { message: format!("{} ({drops})", reason.as_str()) }
    }

    /// The `type` of the error, in Anthropic's words.
    pub fn error_type(&self) -> &'static str {
        match self {
            CallFailure::ProviderRejectedRequest { status: 413, .. } => "request_too_large",
            CallFailure::BadRequest(_)
            | CallFailure::PromptTooLong
            | CallFailure::ProviderRejectedRequest { .. }
            | CallFailure::NoCandidate { .. }
            | CallFailure::ToolsNotSupported { .. }
            | CallFailure::ModelUnavailable { .. }
            | CallFailure::CoercionRefused { .. }
            | CallFailure::KeyReused => "invalid_request_error",
            CallFailure::Refused(Refusal::Inactive { .. }, _)
            | CallFailure::KeyInFlight
            | CallFailure::ReplayUnavailable(_) => "conflict_error",
            CallFailure::Refused(Refusal::Coercions { .. }, _) => "invalid_request_error",
            CallFailure::Refused(Refusal::KillSwitch { .. }, _) => "api_error",
            CallFailure::Refused(..) | CallFailure::OverBudget { .. } => "billing_error",
            CallFailure::AllFailed { pressure: Pressure::Overloaded, .. }
            | CallFailure::PinnedFailed { pressure: Pressure::Overloaded, .. }
            | CallFailure::Midstream { pressure: Pressure::Overloaded, .. } => "overloaded_error",
            // of a routed call it is not the provider's limit that the caller has met
            CallFailure::AllFailed { pressure: Pressure::RateLimited, .. } => "overloaded_error",
            CallFailure::PinnedFailed { pressure: Pressure::RateLimited, .. }
            | CallFailure::Midstream { pressure: Pressure::RateLimited, .. } => "rate_limit_error",
            CallFailure::TimedOut => "timeout_error",
            CallFailure::StoreUnavailable
            | CallFailure::ReservationUnavailable
            | CallFailure::AllFailed { .. }
            | CallFailure::PinnedFailed { .. }
            | CallFailure::Midstream { .. }
            | CallFailure::Internal => "api_error",
        }
    }

    /// A word that programs can act on; `None` where the type says it all.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            CallFailure::NoCandidate { .. } => Some("no_candidate_clears_floor"),
            CallFailure::PromptTooLong => Some("context_length_exceeded"),
            CallFailure::ToolsNotSupported { .. } => Some("tools_not_supported_by_backend"),
            CallFailure::ModelUnavailable { .. } => Some("model_unavailable"),
            CallFailure::CoercionRefused { .. }
            | CallFailure::Refused(Refusal::Coercions { .. }, _) => Some("coercion_refused"),
            CallFailure::Refused(Refusal::Funds { .. } | Refusal::AccountPaused { .. }, _) => {
                Some("insufficient_funds")
            }
            CallFailure::Refused(Refusal::WalletInsufficientPerAgent { .. }, _) => {
                Some("wallet_insufficient_per_agent")
            }
            CallFailure::Refused(
                Refusal::PerCallCap { .. }
                | Refusal::DailyCap { .. }
                | Refusal::MonthlyCap { .. }
                | Refusal::TenantDailyCap { .. }
                | Refusal::TenantMonthlyCap { .. },
                _,
            )
            | CallFailure::OverBudget { .. } => Some("cap_exceeded"),
            CallFailure::Refused(Refusal::KillSwitch { .. }, _) => Some("cost_killswitch_engaged"),
            CallFailure::Refused(Refusal::Inactive { .. }, _) => Some("agent_inactive"),
            CallFailure::StoreUnavailable | CallFailure::ReservationUnavailable => {
                Some("store_unavailable")
            }
            CallFailure::KeyInFlight => Some("idempotency_key_in_flight"),
            CallFailure::KeyReused => Some("idempotency_key_reused"),
            CallFailure::ReplayUnavailable(_) => Some("idempotency_replay_unavailable"),
            CallFailure::AllFailed { .. } => Some("all_routed_models_failed"),
            CallFailure::PinnedFailed { .. } => Some("pinned_upstream_failed"),
            CallFailure::Midstream { .. } => Some("stream_incomplete"),
            CallFailure::BadRequest(_)
            | CallFailure::ProviderRejectedRequest { .. }
            | CallFailure::TimedOut
            | CallFailure::Internal => None,
        }
    }

    /// What the caller is told.
    pub fn message(&self) -> String {
        match self {
            CallFailure::BadRequest(bad) => bad.to_string(),
            CallFailure::ProviderRejectedRequest { message, .. } => message.clone(),
            CallFailure::NoCandidate { message } => message.clone(),
            CallFailure::OverBudget { budget_usd, needed_usd, drops } => {
                let needed = needed_usd.map_or_else(|| "more".to_owned(), |needed| format!("${}", needed.normalize()));
                format!("this call may cost {needed}, above its budget of ${} ({drops})", budget_usd.normalize())
            }
            CallFailure::PromptTooLong => "prompt is too long: it exceeds the context window of every model that may be chosen".to_owned(),
            CallFailure::ToolsNotSupported { backend, why: Some(why) } => {
                format!("{backend} does not take all of these tools: {why}")
            }
            CallFailure::ToolsNotSupported { backend, why: None } => {
                format!("{backend} does not take these tools; hint: leave tools out, or pin a model that takes them (GET /v1/models)")
            }
            CallFailure::ModelUnavailable { model, why } => format!("model: {model}: {why}; GET /v1/models lists what there is"),
            CallFailure::CoercionRefused { unfit } => {
                let each: Vec<String> = unfit.iter().map(|unfit| format!("{}: {}", unfit.model, unfit.coercions.join(", "))).collect();
                not_as_sent(&each)
            }
            CallFailure::Refused(refusal, Some(reason)) => {
                format!("{}; a whole context window is reserved, because {reason}", refused(refusal))
            }
            CallFailure::Refused(refusal, None) => refused(refusal),
            CallFailure::StoreUnavailable => {
                "the store that every call is recorded in is not available; nothing was sent to a provider".to_owned()
            }
            CallFailure::ReservationUnavailable => {
                "the store in which the call's cost is reserved is not available, and what was reserved is used up".to_owned()
            }
            CallFailure::KeyInFlight => "the call with this idempotency key is still running".to_owned(),
            CallFailure::KeyReused => "idempotency-key: was used for another request; a new request needs a new key".to_owned(),
            CallFailure::ReplayUnavailable(earlier) => replay_unavailable(earlier),
            CallFailure::AllFailed { attempts, last, .. } => format!("all routed models failed ({attempts} attempts); last: {last}"),
            CallFailure::PinnedFailed { why, .. } => format!("the pinned model's provider failed: {why}"),
            CallFailure::Midstream { why, .. } => format!("the provider failed after it had begun to answer: {why}"),
            CallFailure::TimedOut => "the call took longer than its total deadline".to_owned(),
            CallFailure::Internal => "internal error".to_owned(),
        }
    }

    /// How a call ends that is refused more before an attempt of it.
    pub(super) fn status_if_nothing_ran(&self) -> OutcomeStatus {
        match self {
            CallFailure::Refused(refusal, _) => refusal.status(),
            _ => OutcomeStatus::FailedOther,
        }
    }

    /// Seconds after which it is worth trying again.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            CallFailure::AllFailed { retry_after_seconds, .. } => {
                Some(retry_after_seconds.unwrap_or(1))
            }
            CallFailure::PinnedFailed {
                pressure: Pressure::RateLimited | Pressure::Overloaded,
                retry_after_seconds,
                ..
            } => Some(retry_after_seconds.unwrap_or(1)),
            CallFailure::StoreUnavailable
            | CallFailure::ReservationUnavailable
            | CallFailure::KeyInFlight => Some(1),
            // the window is a UTC day
            CallFailure::Refused(Refusal::KillSwitch { .. }, _) => Some(seconds_to_midnight()),
            _ => None,
        }
    }
}

fn replay_unavailable(earlier: &EarlierCall) -> String {
    let status = earlier.status.map_or("over", OutcomeStatus::as_str);
    let (request_id, cost) = (earlier.request_id.header_value(), earlier.cost_usd);
    format!(
        "the call with this idempotency key ({request_id}) is over ({status}), cost ${cost}, and its answer is not kept; it is not run again"
    )
}

fn not_as_sent(each: &[String]) -> String {
    let each = each.join("; ");
    format!("nobody would get this call as it was sent, and it is strict ({each})")
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Coercions { coercions } => not_as_sent(coercions),
        Refusal::Inactive { status } => format!("agent is {status}"),
        Refusal::PerCallCap { cap, needed } => {
            format!("this call may cost ${needed}, above the cap of ${cap} on one call")
        }
        Refusal::DailyCap { cap, committed, needed } => {
            format!(
                "this call may cost ${needed}; with ${committed} spent or held today it would pass the daily cap of ${cap}"
            )
        }
        Refusal::MonthlyCap { cap, committed, needed } => {
            format!(
                "this call may cost ${needed}; with ${committed} spent or held this month it would pass the monthly cap of ${cap}"
            )
        }
        Refusal::TenantDailyCap { cap, committed, needed } => format!(
            "this call may cost ${needed}; with ${committed} spent or held today by all agents of its tenant it would pass their daily cap of ${cap}"
        ),
        Refusal::TenantMonthlyCap { cap, committed, needed } => format!(
            "this call may cost ${needed}; with ${committed} spent or held this month by all agents of its tenant it would pass their monthly cap of \
             ${cap}"
        ),
        Refusal::WalletInsufficientPerAgent { available, needed } => {
            format!(
                "this call may cost ${needed}, the agent's own wallet has ${available}, and its tenant lets no pool stand in for it"
            )
        }
        Refusal::AccountPaused { needed } => {
            format!("this call may cost ${needed}, and the agent's account is paused")
        }
        Refusal::KillSwitch { threshold, spent, needed, window_start } => format!(
            "the spending kill-switch is engaged: spent ${spent}, threshold ${threshold}, window_start {window_start}T00:00:00Z; this call may cost \
             ${needed}"
        ),
        Refusal::Funds { available, needed } => {
            format!("this call may cost ${needed}, the wallet has ${available}")
        }
    }
}

fn seconds_to_midnight() -> u64 {
    const DAY_SECONDS: u64 = 24 * 60 * 60;
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    DAY_SECONDS - now % DAY_SECONDS
}
