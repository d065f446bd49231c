//! The record of a call as far as it is known when the candidates are.

use ainfera_routing::{Catalogue, Plan, Policy, RejectReason, candidates_json, policy_version};
use ainfera_schema::{CallKind, OutcomeStatus, RoutingOutcome, TaskTypeSource, Usd};
use ainfera_wire::client::Delivery;

use super::admission::CallSetup;
use super::strict::Unfit;
use crate::brain::{Choice, Rejection};

/// A call with candidates: the first of them is taken to be the one.
pub fn chosen(setup: &CallSetup, choice: &Choice) -> RoutingOutcome {
    let mut outcome = blank(setup);
    let first = choice.candidates.first().and_then(|index| choice.catalogue.get(*index));
    if let Some(plan) = &choice.plan {
        decided(&mut outcome, plan, &choice.policy, &choice.catalogue);
        let winner = plan.decision().winner();
        outcome.q_prior_used = winner.and_then(|winner| winner.q_prior);
        outcome.cost_projected_usd = winner
            .and_then(|winner| winner.projected_cost_usd)
            .and_then(|projected| Usd::from_decimal(projected).ok());
    } else {
        outcome.cost_projected_usd = choice.reservations.first().copied();
    }
    if let Some(entry) = first {
        outcome.chosen_model = Some(entry.model.slug.clone());
        outcome.provider = Some(entry.model.provider.clone());
        outcome.cell = Some(format!(
            "{}:{}:{}",
            outcome.task_type.as_str(),
            entry.model.slug,
            choice.policy.preset.band()
        ));
    }
    outcome
}

/// A call that no candidate may serve.
pub fn rejected(setup: &CallSetup, rejection: &Rejection) -> RoutingOutcome {
    let mut outcome = blank(setup);
    decided(&mut outcome, &rejection.plan, &rejection.policy, &rejection.catalogue);
    outcome.status = Some(match rejection.reason {
        RejectReason::ToolsNotSupported => OutcomeStatus::RejectedTools,
        RejectReason::CoercionRefused => OutcomeStatus::RejectedStrict,
        RejectReason::BudgetExceeded => OutcomeStatus::RejectedCap,
        RejectReason::NoCandidateClearsFloor
        | RejectReason::NoCandidateEnrolled
        | RejectReason::OtherDialect
        | RejectReason::ContextWindowExceeded => OutcomeStatus::RejectedFloor,
    });
    outcome
}

/// A strict call that nobody would get as it was sent, with what each model would have lost.
pub fn not_as_sent(mut outcome: RoutingOutcome, unfit: &[Unfit]) -> RoutingOutcome {
    let of_model = |unfit: &Unfit| -> Vec<String> {
        unfit.coercions.iter().map(|coercion| format!("{}: {coercion}", unfit.model)).collect()
    };
    outcome.coercions = unfit.iter().flat_map(of_model).collect();
    RoutingOutcome { status: Some(OutcomeStatus::RejectedStrict), ..outcome }
}

/// A pinned call before anything is decided about it.
pub fn pinned(setup: &CallSetup) -> RoutingOutcome {
    blank(setup)
}

/// A call for which our own fault left no decision.
pub fn undecided(setup: &CallSetup) -> RoutingOutcome {
    RoutingOutcome { status: Some(OutcomeStatus::FailedOther), ..blank(setup) }
}

fn decided(outcome: &mut RoutingOutcome, plan: &Plan, policy: &Policy, catalogue: &Catalogue) {
    let decision = plan.decision();
    outcome.policy_version = policy_version(policy.preset, decision.ruleset_hash);
    outcome.ruleset_hash = decision.ruleset_hash.as_str().to_owned();
    outcome.decision_rule = decision.rule_fired.as_str().to_owned();
    outcome.candidates_json = candidates_json(plan);
    outcome.m_allowed_set_json = catalogue.m_allowed_set_json().to_owned();
}

fn blank(setup: &CallSetup) -> RoutingOutcome {
    let (agent, kind, task_type) = (&setup.agent, setup.target.kind(), setup.call.extras.task_type);
    RoutingOutcome {
        model_requested: match kind {
            // audit and decision show the canonical name, whatever alias was used
            CallKind::Routed => ainfera_routing::ROUTING_TARGET.to_owned(),
            CallKind::Direct => setup.call.model.clone(),
        },
        task_type: task_type.unwrap_or_default(),
        task_type_source: if task_type.is_some() {
            TaskTypeSource::Caller
        } else {
            TaskTypeSource::Default
        },
        streamed: setup.call.delivery == Delivery::Streamed,
        ..RoutingOutcome::begun(
            setup.request_id,
            setup.receipt_id,
            agent.agent_id,
            agent.tenant_id,
            kind,
        )
    }
}
