//! A call that has not been accounted for yet. It closes exactly once: by [`OpenOutcome::close`],
//! or by its `Drop` when nobody did.

use actix::Addr;
use ainfera_schema::{OutcomeStatus, RoutingOutcome};
use ainfera_store::{Admission, StoredAnswer, Verdict};
use tokio::sync::oneshot;

use crate::capture::acknowledge::Acknowledgement;
use crate::capture::{Admit, CaptureActor, CaptureError, Record};
use crate::gate::Permit;

/// Owns the duty to leave a row. Cannot be cloned; moving it moves the duty.
#[must_use = "dropping it records the call as failed"]
#[derive(Debug)]
pub struct OpenOutcome {
    /// `None` once recorded.
    open: Option<(Box<RoutingOutcome>, Permit)>,
    /// What to keep for a caller who sends the call again.
    answer: Option<StoredAnswer>,
    capture: Addr<CaptureActor>,
    /// What the record says if this is dropped: a panic, a cancelled future, a worker that was
    /// stopped.
    status_if_dropped: OutcomeStatus,
}

/// The store's answer to an admission, when it comes.
pub type AdmissionReply = oneshot::Receiver<Result<Verdict, CaptureError>>;

impl OpenOutcome {
    /// Asks the store to let the call in. From here on the row has an owner, whatever becomes of
    /// the caller.
    pub fn admit(
        admission: Admission,
        permit: Permit,
        capture: Addr<CaptureActor>,
    ) -> (Self, AdmissionReply) {
        let (reply, answer) = oneshot::channel();
        let outcome = Box::new(admission.draft.clone());
        // told, not asked: an ask is cancelled with its future, and then nobody would know whether
        // there is an intent
        capture.do_send(Admit { admission: Box::new(admission), reply });
        (
            Self {
                open: Some((outcome, permit)),
                answer: None,
                capture,
                status_if_dropped: OutcomeStatus::ClientGone,
            },
            answer,
        )
    }

    /// The store let it in: from now on only a fault of ours drops it.
    pub fn admitted(&mut self) {
        self.status_if_dropped = OutcomeStatus::FailedOther;
    }

    /// The store refused and wrote what there is to write: nothing is owed any more.
    pub fn settle_refused(mut self) {
        self.open = None;
    }

    /// The record so far. `None` once it is closed.
    pub fn draft(&mut self) -> Option<&mut RoutingOutcome> {
        self.open.as_mut().map(|(outcome, _)| &mut **outcome)
    }

    /// The answer is whole and is to be kept with the call's idempotency key.
    pub fn keep_answer(&mut self, answer: StoredAnswer) {
        self.answer = Some(answer);
    }

    /// Hands the record over. The permit goes with it and comes home when the row is durable.
    pub fn close(mut self, status: OutcomeStatus) {
        self.record(status, None);
    }

    /// The same for somebody who has something to do when the row is durable.
    pub fn close_acknowledged(mut self, status: OutcomeStatus) -> Acknowledgement {
        let (durable, acknowledgement) = oneshot::channel();
        self.record(status, Some(durable));
        acknowledgement
    }

    fn record(&mut self, status: OutcomeStatus, durable: Option<oneshot::Sender<()>>) {
        if let Some((mut outcome, permit)) = self.open.take() {
            outcome.status = Some(status);
            log(&outcome, status);
            self.capture.do_send(Record { outcome, answer: self.answer.take(), permit, durable });
        }
    }
}

/// The one line that every call leaves in the log, in the words of its row. No prompt, no answer,
/// no key.
fn log(outcome: &RoutingOutcome, status: OutcomeStatus) {
    let last = outcome.attempts.last();
    tracing::info!(
        request_id = outcome.request_id.header_value(),
        agent_id = %outcome.agent_id,
        status = status.as_str(),
        requested = outcome.model_requested,
        model = outcome.chosen_model.as_ref().map(tracing::field::display),
        provider = outcome.provider.as_ref().map(tracing::field::display),
        attempts = outcome.attempts.len(),
        causes = causes(outcome),
        provider_status = last.and_then(|attempt| attempt.http_status),
        input_tokens = outcome.usage.prompt_tokens(),
        output_tokens = outcome.usage.output_tokens,
        cost_usd = %outcome.cost_actual_usd,
        first_content_ms = outcome.first_content_ms,
        latency_ms = outcome.latency_ms,
        streamed = outcome.streamed,
        "call ended"
    );
}

/// Why attempts failed, in order; nothing where none did.
fn causes(outcome: &RoutingOutcome) -> Option<String> {
    let causes: Vec<&str> =
        outcome.attempts.iter().filter_map(|attempt| Some(attempt.cause?.as_str())).collect();
    (!causes.is_empty()).then(|| causes.join(", "))
}

impl Drop for OpenOutcome {
    fn drop(&mut self) {
        self.record(self.status_if_dropped, None);
    }
}
