//! How a call gets in: candidates from the brain, then the intent and the reservation from the
//! store. Nothing goes to a provider before both.

use std::rc::Rc;
use std::sync::Arc;

use ainfera_routing::{Deployment, Needs, RejectReason, RouteTarget};
use ainfera_schema::{
    Agent, InferenceId, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome, TokenUsage, Usd,
};
use ainfera_store::{Admission, Earlier, EarlierCall, IdempotencyClaim, StoredAnswer, Verdict};
use ainfera_wire::client::Call;
use ainfera_wire::disclosure::Strictness;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::draft;
use super::failure::CallFailure;
use super::reservation::service;
use super::strict::{self, Decided, Unfit};
use crate::brain::{Choice, ChoiceRefusal, Decide, speaks};
use crate::capture::{CaptureError, Reject};
use crate::gate::Permit;
use crate::outcome::OpenOutcome;
use crate::worker::Worker;

/// One call as the handler hands it over.
pub struct CallSetup {
    pub request_id: RequestId,
    /// The answer's, if there will be one: its frames may name them.
    pub inference_id: InferenceId,
    pub receipt_id: ReceiptId,
    pub call: Arc<Call>,
    pub agent: Arc<Agent>,
    pub target: RouteTarget,
    /// What the client calls the session that the call is part of.
    pub session: Option<String>,
    /// What may become of its fields on the way to a provider.
    pub strictness: Strictness,
    /// The caller's own name for the call.
    pub idempotency: Option<IdempotencyClaim>,
    pub worker: Rc<Worker>,
}

/// A call that is in.
pub struct Admitted {
    pub outcome: OpenOutcome,
    pub choice: Choice,
    pub reserved: Usd,
}

/// How a call that is not refused goes on.
pub enum Entry {
    Admitted(Box<Admitted>),
    /// It was answered before: the same answer again.
    Replay {
        answer: StoredAnswer,
        summary: Box<EarlierCall>,
    },
}

/// What the brain chose; a routed call that finds no candidate has its row when this returns.
pub async fn decide(
    setup: Rc<CallSetup>,
    permit: Permit,
) -> Result<(Box<Choice>, Permit), CallFailure> {
    if let (RouteTarget::Routed { .. }, Some(bad)) = (&setup.target, &setup.call.mistake) {
        return Err(CallFailure::BadRequest(bad.clone()));
    }
    let choice =
        match strict::decide(&setup, question(&setup)).await.ok_or(CallFailure::Internal)? {
            Decided::Choice(choice) => choice,
            Decided::Refused(refusal) => {
                return Err(rejected(&setup, permit, refusal, Vec::new()).await);
            }
            Decided::Unfit { unfit, refusal: Some(refusal) } => {
                return Err(rejected(&setup, permit, refusal, unfit).await);
            }
            Decided::Unfit { unfit, refusal: None } => {
                let outcome = draft::not_as_sent(draft::pinned(&setup), &unfit);
                let failure = CallFailure::CoercionRefused { unfit };
                return Err(recorded(&setup, permit, outcome, failure).await);
            }
        };
    refuse_foreign_blocks(&setup, &choice)?;
    Ok((choice, permit))
}

/// Lets the call in, or says why not.
pub async fn admit(
    setup: Rc<CallSetup>,
    mut choice: Box<Choice>,
    permit: Permit,
) -> Result<Entry, CallFailure> {
    let admission = Admission {
        draft: draft::chosen(&setup, &choice),
        boot_id: setup.worker.boot_id,
        reservation: choice.amounts.first().copied().ok_or(CallFailure::Internal)?,
        smaller_reservations: choice.amounts.iter().skip(1).copied().collect(),
        charge_if_lost: charge_if_lost(&setup, &choice),
        idempotency: setup.idempotency,
    };
    let asked_for = admission.reservation;
    let (mut outcome, answer) = OpenOutcome::admit(admission, permit, setup.worker.capture.clone());
    match timeout(setup.worker.deadlines.admission, answer).await {
        Ok(Ok(Ok(verdict @ (Verdict::Admitted | Verdict::AdmittedForLess(_))))) => {
            outcome.admitted();
            let reserved = match verdict {
                Verdict::AdmittedForLess(amount) => {
                    choice.keep_covered_by(amount);
                    amount
                }
                _ => asked_for,
            };
            Ok(Entry::Admitted(Box::new(Admitted { outcome, choice: *choice, reserved })))
        }
        Ok(Ok(Ok(Verdict::Refused(refusal)))) => {
            outcome.settle_refused();
            Err(CallFailure::Refused(refusal, setup.call.unbounded_because()))
        }
        Ok(Ok(Ok(Verdict::Duplicate(earlier)))) => {
            outcome.settle_refused();
            match earlier {
                Earlier::Completed { answer, summary } => Ok(Entry::Replay { answer, summary }),
                Earlier::InFlight => Err(CallFailure::KeyInFlight),
                Earlier::Mismatch => Err(CallFailure::KeyReused),
                Earlier::NotReplayable { summary } => Err(CallFailure::ReplayUnavailable(summary)),
            }
        }
        // nobody knows whether the intent will be there: the record closes it if it is
        Ok(Ok(Err(CaptureError::InDoubt(_)))) | Ok(Err(_)) | Err(_) => {
            outcome.close(OutcomeStatus::FailedOther);
            Err(CallFailure::StoreUnavailable)
        }
        Ok(Ok(Err(error))) => {
            outcome.settle_refused();
            tracing::warn!(request_id = setup.request_id.header_value(), %error, "admission failed");
            Err(CallFailure::StoreUnavailable)
        }
    }
}

pub(super) fn question(setup: &CallSetup) -> Decide {
    let call = &setup.call;
    Decide {
        request_id: setup.request_id,
        target: setup.target.clone(),
        needs: needs(call),
        hint: call.extras.hint.clone(),
        routing_defaults: setup.agent.spend_policy.routing_defaults.clone(),
        unfit: Vec::new(),
        call: Arc::clone(call),
    }
}

/// What the call asks of a model.
pub(super) fn needs(call: &Call) -> Needs {
    Needs {
        tools: call.has_tools,
        anthropic_only: call.anthropic_only.is_some(),
        estimated_input_tokens: call.estimated_input_tokens,
        max_tokens: call.max_tokens,
    }
}

/// What only one dialect has a word for goes to a provider that speaks it; nobody else can be
/// asked. The router has chosen no other, but a caller may have.
fn refuse_foreign_blocks(setup: &CallSetup, choice: &Choice) -> Result<(), CallFailure> {
    let Some(bad) = &setup.call.native_only else { return Ok(()) };
    let all_native = choice
        .candidates
        .iter()
        .all(|index| speaks(&setup.call, choice.catalogue.deployments(*index)));
    if all_native { Ok(()) } else { Err(CallFailure::BadRequest(bad.clone())) }
}

/// The provider has read the prompt by the time anything can get lost. Where that cannot be priced,
/// all that is reserved for it is charged.
fn charge_if_lost(setup: &CallSetup, choice: &Choice) -> Usd {
    let deployments =
        choice.candidates.first().map_or(&[][..], |index| choice.catalogue.deployments(*index));
    let reserved = choice.reservations.first().copied().unwrap_or_default();
    // it is not known yet which of the deployments will read it
    let charge = |deployment: &Deployment| {
        let served = service(&setup.call, &deployment.entry).assumed();
        let usage = TokenUsage {
            input_tokens: setup.call.estimated_input_tokens,
            served,
            ..TokenUsage::default()
        };
        let bill = deployment
            .entry
            .model
            .price
            .as_ref()
            .map(|sheet| sheet.bill(&usage, jiff::Timestamp::now()));
        bill.and_then(Result::ok).map_or(reserved, |bill| bill.total.min(reserved))
    };
    deployments.iter().map(charge).max().unwrap_or(reserved)
}

async fn rejected(
    setup: &CallSetup,
    permit: Permit,
    refusal: ChoiceRefusal,
    unfit: Vec<Unfit>,
) -> CallFailure {
    let (outcome, failure) = match refusal {
        ChoiceRefusal::Pin { model, refusal } => {
            return CallFailure::pin(&model, refusal, &setup.call);
        }
        ChoiceRefusal::Unpriced { model, field, error } => {
            return CallFailure::BadRequest(ainfera_wire::error::BadRequest::new(
                field,
                format!("cannot be priced at {model}: {error}"),
            ));
        }
        ChoiceRefusal::Rejected(rejection) if rejection.reason == RejectReason::CoercionRefused => {
            let outcome = draft::not_as_sent(draft::rejected(setup, &rejection), &unfit);
            (outcome, CallFailure::CoercionRefused { unfit })
        }
        ChoiceRefusal::Rejected(rejection) => {
            let failure = CallFailure::no_candidate(&rejection, &setup.call);
            (draft::rejected(setup, &rejection), failure)
        }
        ChoiceRefusal::Crashed => (draft::undecided(setup), CallFailure::Internal),
    };
    recorded(setup, permit, outcome, failure).await
}

/// The failure, once its row is written.
async fn recorded(
    setup: &CallSetup,
    permit: Permit,
    outcome: RoutingOutcome,
    failure: CallFailure,
) -> CallFailure {
    let (reply, answer) = oneshot::channel();
    setup.worker.capture.do_send(Reject { outcome: Box::new(outcome), permit, reply });
    match timeout(setup.worker.deadlines.admission, answer).await {
        Ok(Ok(Ok(()))) => failure,
        Ok(Ok(Err(_))) | Ok(Err(_)) | Err(_) => CallFailure::StoreUnavailable,
    }
}
