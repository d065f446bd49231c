//! What an attempt uses and costs, as far as it can be seen, and what of it goes into the record.

use ainfera_routing::{CatalogueEntry, ReservationError, UNKNOWN_WINDOW_TOKENS};
use ainfera_schema::{
    Attempt, AttemptResult, Bounds, Price, PriceError, PriceSheet, Served, ServiceTier, TokenUsage,
    ToolUses, UsageBasis, Usd,
};
use ainfera_wire::event::estimated_output_tokens;

use super::attempt_end::AttemptEnd;
use super::effect::EndedAttempt;
use super::usage_meter::UsageMeter;
use crate::dispatch::reservation::reservation;

/// See the module.
#[derive(Debug)]
pub struct AttemptMeter {
    entry: CatalogueEntry,
    /// Prices depend on the hour.
    begun: jiff::Timestamp,
    estimated_input_tokens: u64,
    sheet: PriceSheet,
    /// The most that an honest provider uses, and what that costs.
    bounds: Bounds,
    most: Usd,
    certain_uses: ToolUses,
    usage: UsageMeter,
}

/// What the call asks of the deployment.
#[derive(Debug, Clone, Copy)]
pub struct AttemptBounds {
    pub estimated_input_tokens: u64,
    pub bounds: Bounds,
    /// Uses that are billed although no answer counts them.
    pub certain_uses: ToolUses,
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

/// Served as every price without a note means it.
const STANDARD: Served =
    Served { tier: Some(ServiceTier::Standard), fast: Some(false), us_only: Some(false) };

impl AttemptMeter {
    pub fn new(
        entry: CatalogueEntry,
        asked: AttemptBounds,
        begun: jiff::Timestamp,
    ) -> Result<Self, ReservationError> {
        let sheet = entry
            .model
            .price
            .clone()
            .ok_or_else(|| ReservationError::UnknownPrice { slug: entry.model.slug.clone() })?;
        Ok(Self {
            begun,
            estimated_input_tokens: asked.estimated_input_tokens,
            most: sheet.reservation(&asked.bounds)?,
            certain_uses: asked.certain_uses,
            sheet,
            bounds: asked.bounds,
            entry,
            usage: UsageMeter::default(),
        })
    }

    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub fn context_window(&self) -> Option<u64> {
        self.entry.model.context_window
    }

    /// What is reserved for so much output.
    pub fn reservation(&self, output_tokens: u64) -> Result<Usd, PriceError> {
        reservation(&self.sheet, &self.bounds, output_tokens)
    }

    pub fn usage_meter(&self) -> &UsageMeter {
        &self.usage
    }

    /// Takes note of what went by.
    pub fn observe(&mut self, usage: UsageMeter) {
        self.usage = usage;
    }

    /// The provider's count if it gave one at the end. What it left out, or what cannot be read of
    /// it, is our count, never zero.
    fn usage_of(&self, meter: &UsageMeter) -> TokenUsage {
        let reported = meter.reported;
        let served = self.bounds.service.assumed().and_then(reported.served);
        // what is standard is not written down, as it costs what the price says
        let served = if served == STANDARD { Served::UNSAID } else { served };
        let tool_uses = reported.tool_uses.max(self.certain_uses);
        let reported = TokenUsage { served, tool_uses, ..reported };
        match meter.basis() {
            UsageBasis::Reported => reported,
            UsageBasis::Estimated => {
                let input_tokens = if reported.input_tokens > 0 {
                    reported.input_tokens
                } else {
                    // nothing is known of what was read but what came from a cache
                    self.estimated_input_tokens.saturating_sub(reported.prompt_tokens())
                };
                // what a stream's start says of the output is a placeholder; more than was asked
                // for cannot have been made
                let output_tokens = if meter.finished && reported.output_tokens > 0 {
                    reported.output_tokens
                } else {
                    estimated_output_tokens(meter.text_bytes).min(self.bounds.output_tokens)
                };
                TokenUsage { input_tokens, output_tokens, ..reported }
            }
        }
    }

    /// An answer without content and without a token is none, unless its stop reason is a refusal.
    pub fn is_empty_answer(&self) -> bool {
        self.usage_of(&self.usage).output_tokens == 0 && !self.usage.is_refusal()
    }

    /// What these counts cost. What cannot be computed, and what cannot be true, costs what was
    /// reserved and no more.
    pub fn bill_of(&self, meter: &UsageMeter) -> AttemptBill {
        let usage = self.usage_of(meter);
        match self.sheet.bill(&usage, self.begun) {
            Ok(bill) if bill.total <= self.most && self.is_plausible(&usage) => AttemptBill {
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
    fn is_plausible(&self, usage: &TokenUsage) -> bool {
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

    /// How the attempt ended, for the record. How long it took is for whoever has a clock to say.
    pub fn ended(&self, end: AttemptEnd) -> EndedAttempt {
        let billed = self.is_billed(&end);
        let bill = self.bill_of(&self.usage);
        let attempt = Attempt {
            provider: self.entry.model.provider.clone(),
            model: self.entry.model.slug.clone(),
            result: end.result(),
            cause: end.cause(),
            http_status: end.http_status(),
            latency_ms: 0,
            usage: if billed { bill.usage } else { TokenUsage::default() },
            usage_basis: self.usage.basis(),
            cost_usd: if billed { bill.cost } else { Usd::ZERO },
            price: Some(bill.price),
            fees_usd: if billed { bill.fees } else { Usd::ZERO },
            implausible: billed && bill.implausible,
        };
        EndedAttempt {
            end,
            attempt,
            reported: self.usage.reported,
            reserved: self.most,
            stop_reason: self.usage.stop_reason.clone(),
        }
    }

    fn is_billed(&self, end: &AttemptEnd) -> bool {
        match end.result() {
            AttemptResult::Succeeded | AttemptResult::Cancelled => true,
            // an attempt that failed before any content costs what the provider reported, which is
            // nothing; one that broke without any answer may have been worked on, and then its
            // input is paid for
            AttemptResult::StaleConnection => false,
            AttemptResult::ConnectFailed
            | AttemptResult::TimedOut
            | AttemptResult::Refused
            | AttemptResult::ErrorEvent
            | AttemptResult::Truncated
            | AttemptResult::Malformed
            | AttemptResult::Crashed => {
                self.usage.text_bytes > 0 || self.usage.has_content || end.may_have_been_worked_on()
            }
        }
    }
}
