//! A closed call, for the tests of this crate.

use ainfera_schema::{
    AgentId, CallKind, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome, TenantId,
};
use ainfera_store::Closing;

pub(crate) fn closing(model_requested: &str) -> Closing {
    Closing { outcome: outcome(model_requested), answer: None }
}

pub(crate) fn outcome(model_requested: &str) -> RoutingOutcome {
    RoutingOutcome {
        model_requested: model_requested.to_owned(),
        q_prior_used: Some("0.93".parse().unwrap()),
        status: Some(OutcomeStatus::Succeeded),
        ..RoutingOutcome::begun(
            RequestId::mint(),
            ReceiptId::mint(),
            AgentId::mint(),
            TenantId::mint(),
            CallKind::Routed,
        )
    }
}
