//! What the audit chain is told of a call. Money is text; there are no floats.

use ainfera_schema::audit::AuditEventType;
use ainfera_schema::{Agent, CallKind, Funding, InferenceId, OutcomeStatus, RoutingOutcome, Usd};
use serde_json::{Map, Value, json};

use super::rows::TransferRow;
use crate::Refusal;

/// An event before it has its place in the chain.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub event_type: AuditEventType,
    pub fields: Map<String, Value>,
}

impl Event {
    pub(crate) fn new(event_type: AuditEventType, fields: Value) -> Self {
        let fields = match fields {
            Value::Object(fields) => fields,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        Self { event_type, fields }
    }
}

/// A call that never got to a provider.
pub(crate) fn rejected(outcome: &RoutingOutcome, refusal: Option<&Refusal>) -> Vec<Event> {
    let cap = matches!(outcome.status, Some(OutcomeStatus::RejectedCap));
    let event_type = if cap {
        AuditEventType::InferenceRejectedCapViolation
    } else {
        AuditEventType::InferenceRejected
    };
    let mut fields = json!({
        "router": outcome.kind.router(),
        "outcome_status": status(outcome),
        "decision_rule": outcome.decision_rule,
        "policy_version": outcome.policy_version,
    });
    if let Some(refusal) = refusal {
        fields["refusal"] = refusal_fields(refusal);
    }
    vec![requested(outcome), Event::new(event_type, fields)]
}

/// A call that was let in and is over.
pub(crate) fn closing(outcome: &RoutingOutcome) -> Vec<Event> {
    let mut events = vec![requested(outcome)];
    // a pinned call is marked as direct even if it ended before its provider was tried
    if outcome.chosen_model.is_some() || outcome.kind == CallKind::Direct {
        events.push(routed(outcome));
    }
    let event_type = match outcome.status {
        Some(OutcomeStatus::Succeeded) => AuditEventType::ProviderResponded,
        Some(OutcomeStatus::Lost) => AuditEventType::InferenceLost,
        _ => AuditEventType::InferenceFailed,
    };
    events.push(Event::new(
        event_type,
        json!({
            "outcome_status": status(outcome),
            "inference_id": outcome.inference_id.map(|id| id.to_string()),
            "model": outcome.chosen_model.as_ref().map(|slug| slug.as_str()),
            "provider": outcome.provider.as_ref().map(|provider| provider.as_str()),
            "attempts": outcome.attempts.len(),
            "input_tokens": outcome.usage.input_tokens,
            "cache_read_input_tokens": outcome.usage.cache_read_input_tokens,
            "cache_creation_input_tokens": outcome.usage.cache_creation_input_tokens,
            "output_tokens": outcome.usage.output_tokens,
            "usage_basis": outcome.usage_basis.as_str(),
            "stop_reason": outcome.stop_reason,
            "latency_ms": outcome.latency_ms,
        }),
    ));
    events
}

/// A wallet was charged.
pub(crate) fn debited(transfer: &TransferRow) -> Event {
    Event::new(AuditEventType::LedgerDebited, transfer_fields(transfer))
}

/// A call that was charged as lost was charged, or given back, the difference to what it cost.
pub(crate) fn adjusted(transfer: &TransferRow) -> Event {
    Event::new(AuditEventType::LedgerAdjusted, transfer_fields(transfer))
}

/// A wallet was filled.
pub(crate) fn topped_up(transfer: &TransferRow) -> Event {
    Event::new(AuditEventType::WalletToppedUp, transfer_fields(transfer))
}

/// What the caller can show for the call.
pub(crate) fn receipt(outcome: &RoutingOutcome, inference_id: InferenceId) -> Event {
    Event::new(
        AuditEventType::ReceiptCreated,
        json!({
            "receipt_id": outcome.receipt_id.to_string(),
            "inference_id": inference_id.to_string(),
            "cost_usd": outcome.cost_actual_usd.to_string(),
        }),
    )
}

/// The first link of a chain.
pub(crate) fn registered(agent: &Agent, funding: Funding) -> Event {
    let fields = json!({
        "name": agent.name,
        "tenant_id": agent.tenant_id.to_string(),
        "status": agent.status.as_str(),
        "funding": funding.as_str(),
    });
    Event::new(AuditEventType::AgentRegistered, fields)
}

/// The canonical routing name is shown, whatever alias was used.
fn requested(outcome: &RoutingOutcome) -> Event {
    let model = match outcome.kind {
        CallKind::Routed => outcome.kind.router(),
        CallKind::Direct => &outcome.model_requested,
    };
    let fields = json!({ "model": model, "task_type": outcome.task_type.as_str(), "streamed": outcome.streamed });
    Event::new(AuditEventType::InferenceRequested, fields)
}

fn routed(outcome: &RoutingOutcome) -> Event {
    let model = outcome
        .chosen_model
        .as_ref()
        .map_or(outcome.model_requested.as_str(), |slug| slug.as_str());
    Event::new(
        AuditEventType::InferenceRouted,
        json!({
            "model": model,
            "router": outcome.kind.router(),
            "task_type": outcome.task_type.as_str(),
            "policy_version": outcome.policy_version,
            "cell": outcome.cell,
        }),
    )
}

fn transfer_fields(transfer: &TransferRow) -> Value {
    json!({
        "transfer_id": transfer.transfer_id.to_string(),
        "kind": transfer.kind.as_str(),
        "debit_account": transfer.debit_account,
        "credit_account": transfer.credit_account,
        "amount_usd": transfer.amount.to_string(),
        "balance_after_usd": transfer.balance_after.to_string(),
    })
}

pub(crate) fn refusal_fields(refusal: &Refusal) -> Value {
    match refusal {
        Refusal::Inactive { status } => json!({ "reason": "inactive", "agent_status": status }),
        Refusal::PerCallCap { cap, needed } => {
            json!({ "reason": "per_call_cap", "cap_usd": cap.to_string(), "needed_usd": needed.to_string() })
        }
        Refusal::DailyCap { cap, committed, needed } => {
            cap_fields("daily_cap", *cap, *committed, *needed)
        }
        Refusal::MonthlyCap { cap, committed, needed } => {
            cap_fields("monthly_cap", *cap, *committed, *needed)
        }
        Refusal::TenantDailyCap { cap, committed, needed } => {
            cap_fields("tenant_daily_cap", *cap, *committed, *needed)
        }
        Refusal::TenantMonthlyCap { cap, committed, needed } => {
            cap_fields("tenant_monthly_cap", *cap, *committed, *needed)
        }
        Refusal::KillSwitch { threshold, spent, needed, window_start } => json!({
            "reason": "cost_killswitch",
            "threshold_usd": threshold.to_string(),
            "spent_usd": spent.to_string(),
            "needed_usd": needed.to_string(),
            "window_start": window_start,
        }),
        Refusal::AccountPaused { needed } => {
            json!({ "reason": "account_paused", "needed_usd": needed.to_string() })
        }
        Refusal::Coercions { coercions } => {
            json!({ "reason": "coercion_refused", "coercions": coercions })
        }
        Refusal::Funds { available, needed } => {
            json!({ "reason": "funds", "available_usd": available.to_string(), "needed_usd": needed.to_string() })
        }
        Refusal::WalletInsufficientPerAgent { available, needed } => json!({
            "reason": "wallet_insufficient_per_agent",
            "available_usd": available.to_string(),
            "needed_usd": needed.to_string(),
        }),
    }
}

fn cap_fields(reason: &str, cap: Usd, committed: Usd, needed: Usd) -> Value {
    json!({
        "reason": reason,
        "cap_usd": cap.to_string(),
        "committed_usd": committed.to_string(),
        "needed_usd": needed.to_string(),
    })
}

fn status(outcome: &RoutingOutcome) -> Option<&'static str> {
    outcome.status.map(OutcomeStatus::as_str)
}
