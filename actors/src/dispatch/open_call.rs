//! What an admitted call owns while it is open: the duty to leave a row, and the attempt that runs.

use std::sync::Arc;

use ainfera_routing::{CatalogueEntry, DeploymentIndex};
use ainfera_schema::{Attempt, InferenceId, StreamMode, TokenUsage, UsageBasis, Usd};
use tokio::time::Instant;

use super::HeadFacts;
use super::machine::effect::EndedAttempt;
use crate::brain::Choice;
use crate::health::provider_permit::ProviderPermit;
use crate::outcome::OpenOutcome;
use crate::provider::AttemptHandle;

/// See the module.
pub(super) struct OpenCall {
    pub outcome: OpenOutcome,
    pub choice: Choice,
    /// To remember which deployment serves it.
    pub conversation: Option<u64>,
    /// What did not reach the provider that answers as it was sent.
    coercions: Arc<[String]>,
    /// The one whose turn it is.
    pub attempt: Option<HeldAttempt>,
}

/// An attempt, as values whose `Drop` gives back and stops.
pub(super) struct HeldAttempt {
    pub deployment: DeploymentIndex,
    pub permit: ProviderPermit,
    pub started: Instant,
    /// `None` before it is started.
    pub running: Option<(u32, AttemptHandle)>,
    pub stream_mode: StreamMode,
}

impl HeldAttempt {
    pub(super) fn new(deployment: DeploymentIndex, permit: ProviderPermit) -> Self {
        let stream_mode = StreamMode::Native;
        Self { deployment, permit, started: Instant::now(), running: None, stream_mode }
    }

    pub(super) fn latency_ms(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX)
    }
}

impl OpenCall {
    pub(super) fn new(outcome: OpenOutcome, choice: Choice, conversation: Option<u64>) -> Self {
        Self { outcome, choice, conversation, coercions: Arc::default(), attempt: None }
    }

    pub(super) fn coercions(&self) -> Arc<[String]> {
        Arc::clone(&self.coercions)
    }

    pub(super) fn note_stream_mode(&mut self, attempt: u32, stream_mode: StreamMode) {
        let running = self.attempt.as_mut();
        let is_this = |held: &&mut HeldAttempt| {
            held.running.as_ref().is_some_and(|(number, _)| *number == attempt)
        };
        if let Some(held) = running.filter(is_this) {
            held.stream_mode = stream_mode;
            if let Some(outcome) = self.outcome.draft() {
                outcome.stream_mode = Some(stream_mode);
            }
        }
    }

    /// From now on this candidate is the one.
    pub(super) fn note_candidate(
        &mut self,
        entry: &CatalogueEntry,
        inference_id: InferenceId,
        coercions: Vec<String>,
        stream_mode: StreamMode,
    ) {
        let band = self.choice.policy.preset.band();
        self.coercions = coercions.as_slice().into();
        let Some(outcome) = self.outcome.draft() else { return };
        outcome.inference_id = Some(inference_id);
        let model = &entry.model;
        outcome.cell = Some(format!("{}:{}:{band}", outcome.task_type.as_str(), model.slug));
        outcome.chosen_model = Some(model.slug.clone());
        outcome.provider = Some(model.provider.clone());
        outcome.q_prior_used = model.q_prior;
        outcome.coercions = coercions;
        outcome.stream_mode = Some(stream_mode);
    }

    pub(super) fn note_attempt(&mut self, ended: &EndedAttempt, latency_ms: u32) {
        let Some(outcome) = self.outcome.draft() else { return };
        if ended.attempt.implausible {
            tracing::error!(
                request_id = %outcome.request_id,
                provider = %ended.attempt.provider,
                model = %ended.attempt.model,
                input_tokens = ended.reported.prompt_tokens(),
                output_tokens = ended.reported.output_tokens,
                reserved_usd = %ended.reserved,
                "the provider reports usage that cannot be true or has no price; what was reserved is charged"
            );
        }
        outcome.attempts.push(Attempt { latency_ms, ..ended.attempt.clone() });
        outcome.latency_ms = elapsed_ms(outcome.created_at);
        // the call costs what its attempts cost, those included that failed after they had thought
        outcome.usage = outcome
            .attempts
            .iter()
            .fold(TokenUsage::default(), |sum, attempt| plus(sum, attempt.usage));
        let billed = |attempt: &&Attempt| attempt.usage != TokenUsage::default();
        if outcome.attempts.iter().any(|attempt| billed(&attempt)) {
            let estimated = outcome
                .attempts
                .iter()
                .filter(billed)
                .any(|attempt| attempt.usage_basis == UsageBasis::Estimated);
            outcome.usage_basis =
                if estimated { UsageBasis::Estimated } else { UsageBasis::Reported };
        }
        outcome.cost_actual_usd = cost_of(&outcome.attempts);
        if ended.stop_reason.is_some() {
            outcome.stop_reason.clone_from(&ended.stop_reason);
        }
    }

    /// There is content: the candidate is the one that answers.
    pub(super) fn note_first_content(&mut self) {
        if let Some(outcome) = self.outcome.draft() {
            outcome.first_content_ms = Some(elapsed_ms(outcome.created_at));
        }
        if let Some(held) = &mut self.attempt {
            held.permit.answered();
        }
    }

    pub(super) fn facts(&mut self) -> Option<HeadFacts> {
        let stream_mode = self.attempt.as_ref().map(|held| held.stream_mode).unwrap_or_default();
        let outcome = self.outcome.draft()?;
        Some(HeadFacts {
            model: outcome.chosen_model.as_ref().map(ToString::to_string).unwrap_or_default(),
            provider: outcome.provider.as_ref().map(ToString::to_string),
            inference_id: outcome.inference_id.map(|id| id.to_string()).unwrap_or_default(),
            receipt_id: outcome.receipt_id.to_string(),
            coercions: outcome.coercions.clone(),
            stream_mode,
            cost_usd: outcome.cost_actual_usd,
        })
    }
}

/// One attempt costs at most what fits; a sum that does not is kept at what does.
fn cost_of(attempts: &[Attempt]) -> Usd {
    attempts.iter().fold(Usd::ZERO, |sum, attempt| sum.checked_add(attempt.cost_usd).unwrap_or(sum))
}

fn plus(sum: TokenUsage, more: TokenUsage) -> TokenUsage {
    TokenUsage {
        input_tokens: sum.input_tokens.saturating_add(more.input_tokens),
        cache_read_input_tokens: sum
            .cache_read_input_tokens
            .saturating_add(more.cache_read_input_tokens),
        cache_creation_input_tokens: sum
            .cache_creation_input_tokens
            .saturating_add(more.cache_creation_input_tokens),
        cache_creation_1h_input_tokens: sum
            .cache_creation_1h_input_tokens
            .saturating_add(more.cache_creation_1h_input_tokens),
        output_tokens: sum.output_tokens.saturating_add(more.output_tokens),
        thinking_tokens: sum.thinking_tokens.saturating_add(more.thinking_tokens),
        tool_uses: sum.tool_uses.plus(more.tool_uses),
        served: sum.served.and_then(more.served),
    }
}

fn elapsed_ms(since: jiff::Timestamp) -> u32 {
    let elapsed = jiff::Timestamp::now().duration_since(since).as_millis();
    u32::try_from(elapsed.max(0)).unwrap_or(u32::MAX)
}
