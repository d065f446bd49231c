//! The tables of a call: its intent while it is open, and what it leaves behind.

use super::Value::{
    Exact, Flag, Id, Integer, Json, Money, OptionalDecimal, OptionalExact, OptionalId,
    OptionalInteger, OptionalMoney, OptionalText, Text, Time, WrittenJson,
};
use super::{Column, Table, column};
use crate::apply::rows::{
    ClosedCallRow, InferenceRow, IntentRow, OutcomeRow, ReservationRow, to_json, token_count,
};

/// Calls that are open.
pub(crate) struct Intents;

impl Table for Intents {
    type Row<'a> = IntentRow;
    const NAME: &'static str = "intents";
    const COLUMNS: &'static [Column<Self>] = &[
        column("request_id", Id(|row| row.request_id.0)),
        column("agent_id", Id(|row| row.agent_id.0)),
        column("boot_id", Id(|row| row.boot_id.0)),
        column("kind", Exact(|row| row.kind.as_str())),
        column("hold", Money(|row| row.reserved)),
        column("charge_if_lost", Money(|row| row.charge_if_lost)),
        column("draft", Exact(|row| &row.draft)),
        column("created_at", Time(|row| row.created_at)),
        column("charged", Exact(|row| row.charged.as_str())),
    ];
}

/// What an intent that is there says of its reservation from now on.
pub(crate) struct Reservations;

impl Table for Reservations {
    type Row<'a> = ReservationRow;
    const NAME: &'static str = "intents";
    const COLUMNS: &'static [Column<Self>] = &[
        column("request_id", Id(|row| row.request_id.0)),
        column("hold", Money(|row| row.reservation.amount)),
        column("charged", Exact(|row| row.reservation.charged.as_str())),
    ];
}

/// Routed calls that are over.
pub(crate) struct Outcomes;

impl Table for Outcomes {
    type Row<'a> = OutcomeRow<'a>;
    const NAME: &'static str = "routing_outcomes";
    const COLUMNS: &'static [Column<Self>] = &[
        column("request_id", Id(|row| row.outcome.request_id.0)),
        column("agent_id", Id(|row| row.outcome.agent_id.0)),
        column("tenant_id", Id(|row| row.outcome.tenant_id.0)),
        column("inference_id", OptionalId(|row| row.outcome.inference_id.map(|id| id.0))),
        column("task_type", Exact(|row| row.outcome.task_type.as_str())),
        column("cell", OptionalText(|row| row.outcome.cell.as_deref())),
        column("policy_version", Text(|row| &row.outcome.policy_version)),
        column("ruleset_hash", Text(|row| &row.outcome.ruleset_hash)),
        column("decision_rule", Text(|row| &row.outcome.decision_rule)),
        column("candidates", Json(|row| &row.outcome.candidates_json)),
        column(
            "chosen_model_slug",
            OptionalText(|row| row.outcome.chosen_model.as_ref().map(|slug| slug.as_str())),
        ),
        column("q_prior_used", OptionalDecimal(|row| row.outcome.q_prior_used)),
        column("m_allowed_set", Json(|row| &row.outcome.m_allowed_set_json)),
        column("cost_projected_usd", OptionalMoney(|row| row.outcome.cost_projected_usd)),
        column("cost_actual_usd", Money(|row| row.outcome.cost_actual_usd)),
        column("observed_latency_ms", Integer(|row| row.outcome.latency_ms.into())),
        column(
            "first_content_ms",
            OptionalInteger(|row| row.outcome.first_content_ms.map(i64::from)),
        ),
        column("outcome_status", Exact(|row| row.status.as_str())),
        column("input_tokens", Integer(|row| token_count(row.outcome.usage.input_tokens))),
        column(
            "cache_read_input_tokens",
            Integer(|row| token_count(row.outcome.usage.cache_read_input_tokens)),
        ),
        column(
            "cache_creation_input_tokens",
            Integer(|row| token_count(row.outcome.usage.cache_creation_input_tokens)),
        ),
        column("output_tokens", Integer(|row| token_count(row.outcome.usage.output_tokens))),
        column("usage_basis", Exact(|row| row.outcome.usage_basis.as_str())),
        column("created_at", Time(|row| row.outcome.created_at)),
        column("closed_at", Time(|row| row.closed_at)),
    ];
}

/// Calls that are over and of which no outcome says all: pinned ones, and refusals.
pub(crate) struct ClosedCalls;

impl Table for ClosedCalls {
    type Row<'a> = ClosedCallRow;
    const NAME: &'static str = "closed_calls";
    const COLUMNS: &'static [Column<Self>] = &[
        column("request_id", Id(|row| row.request_id.0)),
        column("agent_id", Id(|row| row.agent_id.0)),
        column("kind", Exact(|row| row.kind.as_str())),
        column("outcome_status", Exact(|row| row.status.as_str())),
        column("cost_usd", Money(|row| row.cost)),
        column("refusal", OptionalExact(|row| row.refusal.as_deref())),
        column("closed_at", Time(|row| row.closed_at)),
    ];
}

/// Calls that were let in, routed or pinned.
pub(crate) struct Inferences;

impl Table for Inferences {
    type Row<'a> = InferenceRow<'a>;
    const NAME: &'static str = "inferences";
    const COLUMNS: &'static [Column<Self>] = &[
        column("inference_id", Id(|row| row.inference_id.0)),
        column("request_id", Id(|row| row.outcome.request_id.0)),
        column("agent_id", Id(|row| row.outcome.agent_id.0)),
        column("model_requested", Text(|row| &row.outcome.model_requested)),
        column(
            "chosen_model_slug",
            OptionalText(|row| row.outcome.chosen_model.as_ref().map(|slug| slug.as_str())),
        ),
        column(
            "provider",
            OptionalText(|row| row.outcome.provider.as_ref().map(|provider| provider.as_str())),
        ),
        column("kind", Exact(|row| row.outcome.kind.as_str())),
        column("task_type", Exact(|row| row.outcome.task_type.as_str())),
        column("task_type_source", Exact(|row| row.outcome.task_type_source.as_str())),
        column("policy_version", Text(|row| &row.outcome.policy_version)),
        column("cell", OptionalText(|row| row.outcome.cell.as_deref())),
        column("attempts", WrittenJson(|row| to_json(&row.outcome.attempts).map(Some))),
        column("input_tokens", Integer(|row| token_count(row.outcome.usage.input_tokens))),
        column(
            "cache_read_input_tokens",
            Integer(|row| token_count(row.outcome.usage.cache_read_input_tokens)),
        ),
        column(
            "cache_creation_input_tokens",
            Integer(|row| token_count(row.outcome.usage.cache_creation_input_tokens)),
        ),
        column("output_tokens", Integer(|row| token_count(row.outcome.usage.output_tokens))),
        column("thinking_tokens", Integer(|row| token_count(row.outcome.usage.thinking_tokens))),
        column("usage_basis", Exact(|row| row.outcome.usage_basis.as_str())),
        column("cost_usd", Money(|row| row.outcome.cost_actual_usd)),
        column("stop_reason", OptionalText(|row| row.outcome.stop_reason.as_deref())),
        column("streamed", Flag(|row| row.outcome.streamed)),
        column("coercions", WrittenJson(|row| to_json(&row.outcome.coercions).map(Some))),
        column("receipt_id", Id(|row| row.outcome.receipt_id.0)),
        column("outcome_status", Exact(|row| row.status.as_str())),
        column(
            "first_content_ms",
            OptionalInteger(|row| row.outcome.first_content_ms.map(i64::from)),
        ),
        column("observed_latency_ms", Integer(|row| row.outcome.latency_ms.into())),
        column("direct_decision", WrittenJson(|row| row.direct_decision())),
        column("created_at", Time(|row| row.outcome.created_at)),
    ];
}
