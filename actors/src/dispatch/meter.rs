//! What an attempt uses, as far as it can be seen, and what of it goes into the record.

use ainfera_routing::{CatalogueEntry, ReservationError, UNKNOWN_WINDOW_TOKENS};
use ainfera_schema::{
    Attempt, AttemptResult, Bounds, InferenceId, Price, PriceSheet, RequestId, Served, ServiceTier,
    StreamMode, TokenUsage, ToolUses, UsageBasis, Usd,
};
use ainfera_wire::{
    Call, ProviderEvent, StopReason, StreamEvent, estimated_output_tokens, upper_output_tokens,
};
use tokio::time::Instant;

use super::attempt_end::AttemptEnd;
use super::{HeadFacts, Open, reservation};
use crate::health::pass::Pass;

/// An attempt that runs: who, since when, and what was heard of it.
pub struct Running {
    pub attempt: u32,
    pub entry: CatalogueEntry,
    /// Its place at the provider.
    pub pass: Pass,
    started: Instant,
    begun: jiff::Timestamp,
    estimated_input_tokens: u64,
    sheet: PriceSheet,
    /// The most that an honest provider uses, and what that costs.
    bounds: Bounds,
    most: Usd,
    certain_uses: ToolUses,
    counted: Counted,
    pub stream_mode: StreamMode,
    /// It failed in a way that does not tell whether the provider worked on it.
    pub may_have_been_worked_on: bool,
}

/// What an attempt costs.
#[derive(Debug, Clone, Copy)]
pub struct AttemptBill {
    pub usage: TokenUsage,
    /// The token prices that applied.
    pub price: Price,
    /// For tools that the vendor ran.
    pub fees: Usd,
    pub cost: Usd,
    /// The provider says that it used what it cannot have: the cost is all that was reserved for
    /// the attempt.
    pub implausible: bool,
}

/// What was heard of an answer.
#[derive(Debug, Default, Clone)]
pub struct Counted {
    reported: TokenUsage,
    finished: bool,
    has_content: bool,
    text_bytes: usize,
    stop_reason: Option<String>,
}

impl Counted {
    /// What is known after these events too.
    pub fn and(&self, events: &[ProviderEvent]) -> Self {
        let mut counted = self.clone();
        for heard in events {
            counted.has_content |= heard.is_content();
            match &heard.event {
                StreamEvent::Start { usage, .. } => counted.reported = *usage,
                StreamEvent::Delta(delta) => counted.text_bytes += delta.text_bytes(),
                StreamEvent::Finish { stop, usage } => {
                    counted.reported = *usage;
                    counted.finished = true;
                    counted.stop_reason = Some(stop.reason.as_str().to_owned());
                }
                StreamEvent::HiddenReasoning { bytes } => counted.text_bytes += bytes,
                StreamEvent::BlockStart(_)
                | StreamEvent::BlockStop
                | StreamEvent::End
                | StreamEvent::Ping
                | StreamEvent::Other => {}
            }
        }
        counted
    }

    pub fn basis(&self) -> UsageBasis {
        let counted = self.reported.prompt_tokens() > 0 || self.reported.output_tokens > 0;
        if self.finished && counted { UsageBasis::Reported } else { UsageBasis::Estimated }
    }

    /// Not fewer than the provider will count.
    pub fn upper_output_tokens(&self) -> u64 {
        upper_output_tokens(self.text_bytes)
    }
}

/// Served as every price without a note means it.
const STANDARD: Served =
    Served { tier: Some(ServiceTier::Standard), fast: Some(false), us_only: Some(false) };

impl Running {
    /// `most_output_tokens` is what there is the money for.
    pub fn new(
        attempt: u32,
        entry: CatalogueEntry,
        pass: Pass,
        call: &Call,
        most_output_tokens: u64,
    ) -> Result<Self, ReservationError> {
        let sheet = entry
            .model
            .price
            .clone()
            .ok_or_else(|| ReservationError::UnknownPrice { slug: entry.model.slug.clone() })?;
        let mut bounds = reservation::bounds(call, &entry);
        bounds.output_tokens = bounds.output_tokens.min(most_output_tokens);
        Ok(Self {
            attempt,
            pass,
            started: Instant::now(),
            begun: jiff::Timestamp::now(),
            estimated_input_tokens: call.estimated_input_tokens,
            most: sheet.reservation(&bounds)?,
            certain_uses: reservation::certain_uses(call, &entry),
            sheet,
            bounds,
            entry,
            counted: Counted::default(),
            stream_mode: StreamMode::Native,
            may_have_been_worked_on: false,
        })
    }

    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Takes note of what went by.
    pub fn listen(&mut self, counted: Counted) {
        self.counted = counted;
    }

    /// The provider's count if it gave one at the end; otherwise its count of the input and ours of
    /// the output, never zero.
    pub fn usage(&self) -> TokenUsage {
        self.usage_of(&self.counted)
    }

    fn usage_of(&self, counted: &Counted) -> TokenUsage {
        let reported = counted.reported;
        let served = self.bounds.service.assumed().and_then(reported.served);
        // what is standard is not written down, as it costs what the price says
        let served = if served == STANDARD { Served::UNSAID } else { served };
        let tool_uses = reported.tool_uses.max(self.certain_uses);
        let reported = TokenUsage { served, tool_uses, ..reported };
        match counted.basis() {
            UsageBasis::Reported => reported,
            UsageBasis::Estimated => {
                let input_tokens = if reported.prompt_tokens() > 0 {
                    reported.input_tokens
                } else {
                    self.estimated_input_tokens
                };
                // what a stream's start says of the output is a placeholder; more than was asked
                // for cannot have been made
                let output_tokens =
                    estimated_output_tokens(counted.text_bytes).min(self.bounds.output_tokens);
                TokenUsage { input_tokens, output_tokens, ..reported }
            }
        }
    }

    pub fn basis(&self) -> UsageBasis {
        self.counted.basis()
    }

    /// An answer without content and without a token is none, unless it says that there will be
    /// none.
    pub fn said_nothing(&self) -> bool {
        self.usage().output_tokens == 0
            && self.counted.stop_reason.as_deref() != Some(StopReason::Refusal.as_str())
    }

    /// What these counts cost. What cannot be computed, and what cannot be true, costs what was
    /// reserved and no more.
    pub fn bill_of(&self, counted: &Counted) -> AttemptBill {
        let usage = self.usage_of(counted);
        match self.sheet.bill(&usage, self.begun) {
            Ok(bill) if bill.total <= self.most && self.can_be(&usage) => AttemptBill {
                usage,
                price: bill.price,
                fees: bill.fees,
                cost: bill.total,
                implausible: false,
            },
            _ => AttemptBill {
                usage: self.bounded(usage),
                price: self.sheet.base,
                fees: Usd::ZERO,
                cost: self.most,
                implausible: true,
            },
        }
    }

    /// Counts that fit a window and a limit, with room for vendors that count their own
    /// instructions.
    fn can_be(&self, usage: &TokenUsage) -> bool {
        let window = self.entry.model.context_window.unwrap_or(UNKNOWN_WINDOW_TOKENS);
        let most_input = window.max(self.bounds.input_tokens).saturating_mul(2);
        let most_output = self.bounds.output_tokens.saturating_mul(2).saturating_add(1_024);
        usage.prompt_tokens() <= most_input && usage.output_tokens <= most_output
    }

    /// Counts that a record can hold, none above its bound.
    fn bounded(&self, usage: TokenUsage) -> TokenUsage {
        let (input, output) = (self.bounds.input_tokens, self.bounds.output_tokens);
        let cache_read_input_tokens = usage.cache_read_input_tokens.min(input);
        let cache_creation_input_tokens =
            usage.cache_creation_input_tokens.min(input - cache_read_input_tokens);
        TokenUsage {
            input_tokens: usage
                .input_tokens
                .min(input - cache_read_input_tokens - cache_creation_input_tokens),
            cache_read_input_tokens,
            cache_creation_input_tokens,
            cache_creation_1h_input_tokens: usage
                .cache_creation_1h_input_tokens
                .min(cache_creation_input_tokens),
            output_tokens: usage.output_tokens.min(output),
            thinking_tokens: usage.thinking_tokens.min(output),
            ..usage
        }
    }

    fn report_implausible(&self, request_id: RequestId) {
        let said = &self.counted.reported;
        tracing::error!(
            %request_id,
            provider = %self.entry.model.provider,
            model = %self.entry.model.slug,
            input_tokens = said.prompt_tokens(),
            output_tokens = said.output_tokens,
            reserved_usd = %self.most,
            "the provider reports usage that cannot be true or has no price; what was reserved is charged"
        );
    }

    fn latency_ms(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX)
    }

    fn is_billed(&self, result: AttemptResult) -> bool {
        match result {
            AttemptResult::Succeeded | AttemptResult::Cancelled => true,
            // an attempt that failed before it said anything costs what the provider reported,
            // which is nothing; one that broke without any answer may have been worked on, and then
            // its input is paid for
            AttemptResult::StaleConnection => false,
            AttemptResult::ConnectFailed
            | AttemptResult::TimedOut
            | AttemptResult::Refused
            | AttemptResult::ErrorEvent
            | AttemptResult::Truncated
            | AttemptResult::Malformed
            | AttemptResult::Crashed => {
                self.counted.text_bytes > 0
                    || self.counted.has_content
                    || self.may_have_been_worked_on
            }
        }
    }
}

impl Open {
    /// From now on this candidate is the one.
    pub(super) fn note_candidate(
        &mut self,
        running: &Running,
        inference_id: InferenceId,
        coercions: Vec<String>,
    ) {
        let band = self.choice.policy.preset.band();
        self.coercions = coercions.as_slice().into();
        let Some(outcome) = self.outcome.draft() else { return };
        outcome.inference_id = Some(inference_id);
        let model = &running.entry.model;
        outcome.cell = Some(format!("{}:{}:{band}", outcome.task_type.as_str(), model.slug));
        outcome.chosen_model = Some(model.slug.clone());
        outcome.provider = Some(model.provider.clone());
        outcome.q_prior_used = model.q_prior;
        outcome.coercions = coercions;
    }

    pub(super) fn note_attempt(&mut self, running: &Running, ended: AttemptEnd<'_>) {
        let Some(outcome) = self.outcome.draft() else { return };
        let result = ended.result();
        let billed = running.is_billed(result);
        let bill = running.bill_of(&running.counted);
        let implausible = billed && bill.implausible;
        if implausible {
            running.report_implausible(outcome.request_id);
        }
        outcome.attempts.push(Attempt {
            provider: running.entry.model.provider.clone(),
            model: running.entry.model.slug.clone(),
            result,
            cause: ended.cause(),
            http_status: ended.http_status(),
            latency_ms: running.latency_ms(),
            usage: if billed { bill.usage } else { TokenUsage::default() },
            usage_basis: running.basis(),
            cost_usd: if billed { bill.cost } else { Usd::ZERO },
            price: Some(bill.price),
            fees_usd: if billed { bill.fees } else { Usd::ZERO },
            implausible,
        });
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
    }

    /// What the attempts so far cost.
    pub(super) fn billed(&mut self) -> Usd {
        self.outcome.draft().map_or(Usd::ZERO, |outcome| cost_of(&outcome.attempts))
    }

    /// This attempt, which has been noted, is how the call ended.
    pub(super) fn bill(&mut self, running: &Running) {
        let Some(outcome) = self.outcome.draft() else { return };
        outcome.stop_reason = running.counted.stop_reason.clone();
    }

    pub(super) fn note_first_content(&mut self) {
        if let Some(outcome) = self.outcome.draft() {
            outcome.first_content_ms = Some(elapsed_ms(outcome.created_at));
        }
    }

    pub(super) fn facts(&mut self) -> Option<HeadFacts> {
        let stream_mode =
            self.running.as_ref().map(|(running, _)| running.stream_mode).unwrap_or_default();
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
