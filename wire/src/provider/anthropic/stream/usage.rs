//! Usage as Anthropic reports it, and those who copy its dialect.
//!
//! The figures of the message itself leave out what the vendor did before it: a compaction of the
//! conversation and the advice of another model stand in `iterations` alone (documentation of the
//! compaction and advisor betas, read in November 2026). Advice is counted at the price of the
//! model that was asked.

use ainfera_schema::{Served, ServerTool, TokenUsage, ToolUses};
use serde::Deserialize;

use crate::codec::lenient::{Count, Lenient, SaidTier};
use crate::codec::shape::shaped;

shaped! {
    #[derive(Clone)]
    pub(super) struct FrameUsage {
        input_tokens: Option<u64> = "input_tokens",
        cache_read_input_tokens: Option<u64> = "cache_read_input_tokens",
        cache_creation_input_tokens: Option<u64> = "cache_creation_input_tokens",
        cache_creation: Option<CacheCreation> = "cache_creation",
        pub output_tokens: Option<u64> = "output_tokens",
        output_tokens_details: Option<OutputDetails> = "output_tokens_details",
        #[serde(default)]
        iterations: Lenient<Vec<Lenient<Iteration>>> = "iterations",
        #[serde(default)]
        server_tool_use: Lenient<ServerToolUse> = "server_tool_use",
        #[serde(default)]
        service_tier: SaidTier = "service_tier",
        #[serde(default)]
        speed: Lenient<SaidSpeed> = "speed",
        #[serde(default)]
        inference_geo: Lenient<SaidGeo> = "inference_geo",
    }
}

#[derive(Deserialize, Default, Clone)]
struct Iteration {
    #[serde(default, rename = "type")]
    kind: Lenient<String>,
    #[serde(default)]
    input_tokens: Count,
    #[serde(default)]
    cache_read_input_tokens: Count,
    #[serde(default)]
    cache_creation_input_tokens: Count,
    #[serde(default)]
    output_tokens: Count,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct ServerToolUse {
    #[serde(default)]
    web_search_requests: Count,
    #[serde(default)]
    web_fetch_requests: Count,
    #[serde(default)]
    code_execution_requests: Count,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SaidSpeed {
    Standard,
    Fast,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SaidGeo {
    Global,
    Us,
}

shaped! {
    #[derive(Clone, Copy)]
    struct CacheCreation {
        ephemeral_5m_input_tokens: Option<u64> = "ephemeral_5m_input_tokens",
        ephemeral_1h_input_tokens: Option<u64> = "ephemeral_1h_input_tokens",
    }
}

shaped! {
    #[derive(Clone, Copy)]
    struct OutputDetails {
        thinking_tokens: Option<u64> = "thinking_tokens",
    }
}

/// What one answer was reported to use so far.
#[derive(Debug, Default)]
pub(super) struct ReportedUsage {
    message: TokenUsage,
    /// What was done before the message.
    beside: TokenUsage,
}

impl ReportedUsage {
    /// Figures are cumulative: the highest of each is the last.
    pub(super) fn add(&mut self, usage: &FrameUsage) {
        let message = &mut self.message;
        highest(&mut message.input_tokens, usage.input_tokens);
        highest(&mut message.cache_read_input_tokens, usage.cache_read_input_tokens);
        highest(&mut message.cache_creation_input_tokens, usage.cache_creation_input_tokens);
        if let Some(kept) = usage.cache_creation {
            let (minutes, hour) =
                (kept.ephemeral_5m_input_tokens.unwrap_or(0), kept.ephemeral_1h_input_tokens);
            let both = minutes.saturating_add(hour.unwrap_or(0));
            highest(&mut message.cache_creation_1h_input_tokens, hour);
            highest(&mut message.cache_creation_input_tokens, Some(both));
        }
        highest(&mut message.output_tokens, usage.output_tokens);
        highest(
            &mut message.thinking_tokens,
            usage.output_tokens_details.and_then(|details| details.thinking_tokens),
        );
        if let Some(tools) = usage.server_tool_use.0 {
            let mut uses = ToolUses::NONE;
            uses.add(ServerTool::WebSearch, tools.web_search_requests.uses());
            uses.add(ServerTool::WebFetch, tools.web_fetch_requests.uses());
            uses.add(ServerTool::CodeExecution, tools.code_execution_requests.uses());
            message.tool_uses = message.tool_uses.max(uses);
        }
        let said = Served {
            tier: usage.service_tier.0,
            fast: usage.speed.0.map(|speed| speed == SaidSpeed::Fast),
            us_only: usage.inference_geo.0.map(|geo| geo == SaidGeo::Us),
        };
        message.served = message.served.and_then(said);
        let iterations = usage.iterations.0.iter().flatten().filter_map(|said| said.0.as_ref());
        self.add_iterations(iterations);
    }

    fn add_iterations<'i>(&mut self, iterations: impl Iterator<Item = &'i Iteration>) {
        let mut sum = TokenUsage::default();
        for iteration in iterations {
            if iteration.kind.0.as_deref() == Some("message") {
                continue;
            }
            for (field, count) in [
                (&mut sum.input_tokens, iteration.input_tokens),
                (&mut sum.cache_read_input_tokens, iteration.cache_read_input_tokens),
                (&mut sum.cache_creation_input_tokens, iteration.cache_creation_input_tokens),
                (&mut sum.output_tokens, iteration.output_tokens),
            ] {
                *field = field.saturating_add(count.0.unwrap_or(0));
            }
        }
        let beside = &mut self.beside;
        highest(&mut beside.input_tokens, Some(sum.input_tokens));
        highest(&mut beside.cache_read_input_tokens, Some(sum.cache_read_input_tokens));
        highest(&mut beside.cache_creation_input_tokens, Some(sum.cache_creation_input_tokens));
        highest(&mut beside.output_tokens, Some(sum.output_tokens));
    }

    /// The figures of the message itself, as its client should see them.
    pub(super) fn of_message(&self) -> TokenUsage {
        self.message
    }

    /// All that is charged for.
    pub(super) fn whole(&self) -> TokenUsage {
        let (message, beside) = (self.message, self.beside);
        TokenUsage {
            input_tokens: message.input_tokens.saturating_add(beside.input_tokens),
            cache_read_input_tokens: message
                .cache_read_input_tokens
                .saturating_add(beside.cache_read_input_tokens),
            cache_creation_input_tokens: message
                .cache_creation_input_tokens
                .saturating_add(beside.cache_creation_input_tokens),
            output_tokens: message.output_tokens.saturating_add(beside.output_tokens),
            ..message
        }
    }
}

fn highest(known: &mut u64, said: Option<u64>) {
    *known = (*known).max(said.unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_the_message_is_charged_for_once() {
        let mut usage = ReportedUsage::default();
        let report = r#"{"input_tokens":23000,"output_tokens":1000,"iterations":[
            {"type":"compaction","input_tokens":180000,"output_tokens":3500},
            {"type":"message","input_tokens":23000,"output_tokens":1000},
            {"type":"advisor_message","model":"other","input_tokens":10,"cache_read_input_tokens":5,"output_tokens":2},
            3]}"#;
        for _ in 0..2 {
            usage.add(&serde_json::from_str(report).unwrap());
        }
        let whole = usage.whole();
        assert_eq!(
            (whole.input_tokens, whole.cache_read_input_tokens, whole.output_tokens),
            (203_010, 5, 4_502)
        );
        assert_eq!(usage.of_message().input_tokens, 23_000);
    }
}
