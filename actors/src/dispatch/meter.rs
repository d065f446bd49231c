//! What an attempt uses, as far as it can be seen, and what of it goes into the record.

use ainfera_routing::CatalogueEntry;
use ainfera_schema::{Attempt, AttemptResult, InferenceId, StreamMode, TokenUsage, UsageBasis, Usd};
use ainfera_wire::{Heard, StopReason, StreamEvent, estimated_output_tokens};
use tokio::time::Instant;

use super::{HeadFacts, Open};
use crate::health::pass::Pass;

/// An attempt that runs: who, since when, and what was heard of it.
pub struct Running {
    pub attempt: u32,
    pub entry: CatalogueEntry,
    /// Its place at the provider.
    pub pass: Pass,
    started: Instant,
    estimated_input_tokens: u64,
    reported: TokenUsage,
    finished: bool,
    text_bytes: usize,
    stop_reason: Option<String>,
    pub stream_mode: StreamMode,
}

impl Running {
    pub fn new(attempt: u32, entry: CatalogueEntry, pass: Pass, estimated_input_tokens: u64) -> Self {
        Self {
            attempt,
            entry,
            pass,
            started: Instant::now(),
            estimated_input_tokens,
            reported: TokenUsage::default(),
            finished: false,
            text_bytes: 0,
            stop_reason: None,
            stream_mode: StreamMode::Native,
        }
    }

    /// Takes note of what goes by.
    pub fn listen(&mut self, events: &[Heard]) {
        for heard in events {
            match &heard.event {
                StreamEvent::Start { usage, .. } => self.reported = *usage,
                StreamEvent::Delta(delta) => self.text_bytes += delta.text_bytes(),
                StreamEvent::Finish { stop, usage } => {
                    self.reported = *usage;
                    self.finished = true;
                    self.stop_reason = Some(stop.reason.as_str().to_owned());
                }
                StreamEvent::Unheard { bytes } => self.text_bytes += bytes,
                StreamEvent::BlockStart(_) | StreamEvent::BlockStop | StreamEvent::End | StreamEvent::Ping | StreamEvent::Other => {}
            }
        }
    }

    /// The provider's count if it gave one at the end; otherwise its count of the input and ours of the output, never zero.
    pub fn usage(&self) -> TokenUsage {
        match self.basis() {
            UsageBasis::Reported => self.reported,
            UsageBasis::Estimated => {
                let counted = self.reported.prompt_tokens() > 0;
                let input_tokens = if counted { self.reported.input_tokens } else { self.estimated_input_tokens };
                // what a stream's start says of the output is a placeholder
                TokenUsage { input_tokens, output_tokens: estimated_output_tokens(self.text_bytes), ..self.reported }
            }
        }
    }

    pub fn basis(&self) -> UsageBasis {
        let counted = self.reported.prompt_tokens() > 0 || self.reported.output_tokens > 0;
        if self.finished && counted { UsageBasis::Reported } else { UsageBasis::Estimated }
    }

    /// An answer without content and without a token is none, unless it says that there will be none.
    pub fn said_nothing(&self) -> bool {
        self.usage().output_tokens == 0 && self.stop_reason.as_deref() != Some(StopReason::Refusal.as_str())
    }

    fn cost(&self) -> Usd {
        let price = self.entry.model.price;
        price.and_then(|price| price.cost(&self.usage()).ok()).unwrap_or(Usd::ZERO)
    }

    fn latency_ms(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX)
    }

    fn is_billed(&self, result: AttemptResult) -> bool {
        match result {
            AttemptResult::Succeeded | AttemptResult::Cancelled => true,
            // an attempt that failed before it said anything costs what the provider reported, which is nothing
            AttemptResult::ConnectFailed
            | AttemptResult::TimedOut
            | AttemptResult::Refused
            | AttemptResult::ErrorEvent
            | AttemptResult::Truncated
            | AttemptResult::Malformed
            | AttemptResult::Crashed => self.text_bytes > 0,
        }
    }
}

impl Open {
    /// From now on this candidate is the one.
    pub(super) fn note_candidate(&mut self, running: &Running, inference_id: InferenceId, coercions: Vec<String>) {
        let band = self.choice.policy.preset.band();
        let Some(outcome) = self.outcome.draft() else { return };
        outcome.inference_id = Some(inference_id);
        let model = &running.entry.model;
        outcome.cell = Some(format!("{}:{}:{band}", outcome.task_type.as_str(), model.slug));
        outcome.chosen_model = Some(model.slug.clone());
        outcome.provider = Some(model.provider.clone());
        outcome.q_prior_used = model.q_prior;
        outcome.coercions = coercions;
    }

    pub(super) fn note_attempt(&mut self, running: &Running, result: AttemptResult, http_status: Option<u16>) {
        let Some(outcome) = self.outcome.draft() else { return };
        let billed = running.is_billed(result);
        outcome.attempts.push(Attempt {
            provider: running.entry.model.provider.clone(),
            model: running.entry.model.slug.clone(),
            result,
            http_status,
            latency_ms: running.latency_ms(),
            usage: if billed { running.usage() } else { TokenUsage::default() },
            usage_basis: running.basis(),
            cost_usd: if billed { running.cost() } else { Usd::ZERO },
            price: running.entry.model.price,
        });
        outcome.latency_ms = elapsed_ms(outcome.created_at);
    }

    /// The call costs what this attempt used.
    pub(super) fn bill(&mut self, running: &Running) {
        let Some(outcome) = self.outcome.draft() else { return };
        outcome.usage = running.usage();
        outcome.usage_basis = running.basis();
        outcome.cost_actual_usd = running.cost();
        outcome.stop_reason = running.stop_reason.clone();
    }

    pub(super) fn note_first_content(&mut self) {
        if let Some(outcome) = self.outcome.draft() {
            outcome.first_content_ms = Some(elapsed_ms(outcome.created_at));
        }
    }

    pub(super) fn facts(&mut self) -> Option<HeadFacts> {
        let stream_mode = self.running.as_ref().map(|(running, _)| running.stream_mode).unwrap_or_default();
        let outcome = self.outcome.draft()?;
        Some(HeadFacts {
            model: outcome.chosen_model.as_ref().map(ToString::to_string).unwrap_or_default(),
            inference_id: outcome.inference_id.map(|id| id.to_string()).unwrap_or_default(),
            receipt_id: outcome.receipt_id.to_string(),
            coercions: outcome.coercions.clone(),
            stream_mode,
            cost_usd: outcome.cost_actual_usd,
        })
    }
}

fn elapsed_ms(since: jiff::Timestamp) -> u32 {
    let elapsed = jiff::Timestamp::now().duration_since(since).as_millis();
    u32::try_from(elapsed.max(0)).unwrap_or(u32::MAX)
}
