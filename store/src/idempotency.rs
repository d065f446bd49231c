//! A caller's own name for a call, so that sending it again does not run it again.

use std::sync::Arc;

use ainfera_schema::{
    InferenceId, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome, StreamMode, TokenUsage,
    UsageBasis, Usd,
};
use serde::{Deserialize, Serialize};

/// The key of an admission, and what it was first used for. Neither key nor body is kept, only
/// their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyClaim {
    pub key_sha256: [u8; 32],
    /// Of the path and of the body, however that was spaced and ordered.
    pub fingerprint: [u8; 32],
}

/// The stream of a call that succeeded, as its client got it or would have got it, without the
/// pings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    pub frames: Arc<str>,
}

/// What became of the key's first call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    InFlight,
    /// The key was used for another request.
    Mismatch,
    Completed {
        answer: StoredAnswer,
        summary: Box<EarlierCall>,
    },
    /// It is over, it was charged, and there is no answer to give again.
    NotReplayable {
        summary: Box<EarlierCall>,
    },
}

/// What a caller is told of the key's first call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierCall {
    pub request_id: RequestId,
    pub inference_id: Option<InferenceId>,
    pub receipt_id: ReceiptId,
    pub model: Option<String>,
    pub status: Option<OutcomeStatus>,
    pub usage: TokenUsage,
    pub usage_basis: UsageBasis,
    pub cost_usd: Usd,
    pub coercions: Vec<String>,
    /// How the provider's answer came. Absent from calls that were kept before it was.
    #[serde(default)]
    pub stream_mode: Option<StreamMode>,
}

impl EarlierCall {
    pub fn of(outcome: &RoutingOutcome) -> Self {
        Self {
            request_id: outcome.request_id,
            inference_id: outcome.inference_id,
            receipt_id: outcome.receipt_id,
            model: outcome.chosen_model.as_ref().map(ToString::to_string),
            status: outcome.status,
            usage: outcome.usage,
            usage_basis: outcome.usage_basis,
            cost_usd: outcome.cost_actual_usd,
            coercions: outcome.coercions.clone(),
            stream_mode: outcome.stream_mode,
        }
    }
}
