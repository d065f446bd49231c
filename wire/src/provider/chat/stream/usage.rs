//! Usage in every shape in which vendors of this dialect report it.
//!
//! Cached tokens stand in `prompt_tokens_details.cached_tokens` (OpenAI, most others), in
//! `prompt_cache_hit_tokens` (DeepSeek), in `cached_tokens` (Moonshot), in
//! `cache_read_input_tokens` (LiteLLM and other gateways, in Anthropic's words) or in
//! `cached_content_token_count` (Gemini's word). Reasoning is a part of the completion, or stands
//! beside it (xAI). The members are as the vendors' references had them in November 2026; those of
//! gateways are unverified.

use ainfera_schema::{Served, ServerTool, TokenUsage, ToolUses};
use serde::Deserialize;

use crate::codec::lenient::{Count, Lenient, SaidTier};
use crate::codec::shape::shaped;

shaped! {
    #[derive(Debug, Clone, Copy)]
    pub(super) struct ChunkUsage {
        prompt_tokens: Option<u64> = "prompt_tokens",
        completion_tokens: Option<u64> = "completion_tokens",
        total_tokens: Option<u64> = "total_tokens",
        input_tokens: Option<u64> = "input_tokens",
        output_tokens: Option<u64> = "output_tokens",
        prompt_cache_hit_tokens: Option<u64> = "prompt_cache_hit_tokens",
        cached_tokens: Option<u64> = "cached_tokens",
        cache_read_input_tokens: Option<u64> = "cache_read_input_tokens",
        cached_content_token_count: Option<u64> = "cached_content_token_count",
        cache_creation_input_tokens: Option<u64> = "cache_creation_input_tokens",
        reasoning_tokens: Option<u64> = "reasoning_tokens",
        prompt_tokens_details: Option<PromptDetails> = "prompt_tokens_details",
        input_tokens_details: Option<PromptDetails> = "input_tokens_details",
        completion_tokens_details: Option<CompletionDetails> = "completion_tokens_details",
        output_tokens_details: Option<CompletionDetails> = "output_tokens_details",
        /// xAI's live search: sources that were read.
        #[serde(default)]
        num_sources_used: Count = "num_sources_used",
        /// xAI's tools that run on its servers.
        #[serde(default)]
        server_side_tool_usage_details: Lenient<ServerSideTools> = "server_side_tool_usage_details",
        /// OpenRouter's and LiteLLM's word for Anthropic's member.
        #[serde(default)]
        server_tool_use: Lenient<ServerSideTools> = "server_tool_use",
    }
}

shaped! {
    #[derive(Debug, Clone, Copy)]
    struct PromptDetails {
        cached_tokens: Option<u64> = "cached_tokens",
        cache_write_tokens: Option<u64> = "cache_write_tokens",
        cache_creation_tokens: Option<u64> = "cache_creation_tokens",
        cache_creation_input_tokens: Option<u64> = "cache_creation_input_tokens",
    }
}

shaped! {
    #[derive(Debug, Clone, Copy)]
    struct CompletionDetails {
        reasoning_tokens: Option<u64> = "reasoning_tokens",
    }
}

#[derive(Debug, Default, Deserialize, Clone, Copy)]
struct ServerSideTools {
    #[serde(default)]
    web_search_calls: Count,
    #[serde(default)]
    x_search_calls: Count,
    #[serde(default)]
    web_search_requests: Count,
    #[serde(default)]
    code_interpreter_calls: Count,
    #[serde(default)]
    file_search_calls: Count,
}

impl ServerSideTools {
    fn uses(&self) -> ToolUses {
        let mut uses = ToolUses::NONE;
        for searches in [self.web_search_calls, self.x_search_calls, self.web_search_requests] {
            uses.add(ServerTool::WebSearch, searches.uses());
        }
        uses.add(ServerTool::CodeExecution, self.code_interpreter_calls.uses());
        uses.add(ServerTool::FileSearch, self.file_search_calls.uses());
        uses
    }
}

impl ChunkUsage {
    /// Everything that was read. Anthropic's words leave out of it what came from a cache.
    fn prompt(&self) -> Option<u64> {
        let apart = || {
            let cached = self.cache_read_input_tokens.unwrap_or(0);
            cached.saturating_add(self.cache_creation_input_tokens.unwrap_or(0))
        };
        self.prompt_tokens.or_else(|| Some(self.input_tokens?.saturating_add(apart())))
    }

    fn cached(&self) -> Option<u64> {
        let details = [self.prompt_tokens_details, self.input_tokens_details];
        let details = details.into_iter().flatten().map(|details| details.cached_tokens);
        let beside = [
            self.prompt_cache_hit_tokens,
            self.cached_tokens,
            self.cache_read_input_tokens,
            self.cached_content_token_count,
        ];
        details.chain(beside).max().flatten()
    }

    fn written(&self) -> Option<u64> {
        let details = [self.prompt_tokens_details, self.input_tokens_details];
        let details = details.into_iter().flatten().flat_map(|details| {
            [
                details.cache_write_tokens,
                details.cache_creation_tokens,
                details.cache_creation_input_tokens,
            ]
        });
        details.chain([self.cache_creation_input_tokens]).max().flatten()
    }

    fn reasoning(&self) -> Option<u64> {
        let details = [self.completion_tokens_details, self.output_tokens_details];
        let details = details.into_iter().flatten().map(|details| details.reasoning_tokens);
        details.chain([self.reasoning_tokens]).max().flatten()
    }

    fn tool_uses(&self) -> ToolUses {
        let mut uses = ToolUses::NONE;
        uses.add(ServerTool::SearchSource, self.num_sources_used.uses());
        let tools = [self.server_side_tool_usage_details, self.server_tool_use];
        tools
            .into_iter()
            .filter_map(|tools| tools.0)
            .fold(uses, |uses, tools| uses.max(tools.uses()))
    }
}

/// What one answer was reported to use.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ReportedUsage {
    prompt: u64,
    completion: u64,
    total: u64,
    cached: u64,
    written: u64,
    reasoning: u64,
    tool_uses: ToolUses,
    served: Served,
}

impl ReportedUsage {
    /// Counts only grow: of two reports the larger figure of each counts.
    pub(super) fn add(&mut self, report: &ChunkUsage) {
        for (known, reported) in [
            (&mut self.prompt, report.prompt()),
            (&mut self.completion, report.completion_tokens.or(report.output_tokens)),
            (&mut self.total, report.total_tokens),
            (&mut self.cached, report.cached()),
            (&mut self.written, report.written()),
            (&mut self.reasoning, report.reasoning()),
        ] {
            *known = (*known).max(reported.unwrap_or(0));
        }
        self.tool_uses = self.tool_uses.max(report.tool_uses());
    }

    /// Which tier a chunk says it was served by.
    pub(super) fn note_tier(&mut self, said: SaidTier) {
        self.served = self.served.and_then(Served { tier: said.0, ..Served::UNSAID });
    }

    /// Prompt tokens include cached ones and completion tokens may exclude reasoning: put into
    /// buckets that do not overlap.
    pub(super) fn disjoint(&self) -> TokenUsage {
        // a vendor that reports more cached than prompt tokens counts them apart
        let fresh = if self.cached > self.prompt {
            self.prompt
        } else {
            self.prompt.saturating_sub(self.cached).saturating_sub(self.written)
        };
        // more reasoning than completion is no part of it
        let beside = if self.reasoning > self.completion { self.reasoning } else { 0 };
        let completion = self.completion.saturating_add(beside);
        TokenUsage {
            input_tokens: fresh,
            cache_read_input_tokens: self.cached,
            cache_creation_input_tokens: self.written,
            output_tokens: completion.max(self.total.saturating_sub(self.prompt)),
            thinking_tokens: self.reasoning,
            tool_uses: self.tool_uses,
            served: self.served,
            ..TokenUsage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reports: &[&str]) -> TokenUsage {
        let mut usage = ReportedUsage::default();
        for report in reports {
            usage.add(&serde_json::from_str(report).unwrap());
        }
        usage.disjoint()
    }

    fn tokens(fresh: u64, cached: u64, written: u64, output: u64, thinking: u64) -> TokenUsage {
        TokenUsage {
            input_tokens: fresh,
            cache_read_input_tokens: cached,
            cache_creation_input_tokens: written,
            output_tokens: output,
            thinking_tokens: thinking,
            ..TokenUsage::default()
        }
    }

    #[test]
    fn cached_tokens_are_found_wherever_they_stand() {
        for cached in [
            r#""prompt_tokens_details":{"cached_tokens":60}"#,
            r#""prompt_cache_hit_tokens":60,"prompt_cache_miss_tokens":40"#,
            r#""cached_tokens":60"#,
            r#""prompt_tokens_details":{"cached_tokens":0},"cache_read_input_tokens":60"#,
            r#""cached_content_token_count":60"#,
            r#""input_tokens_details":{"cached_tokens":60}"#,
        ] {
            let report = format!(r#"{{"prompt_tokens":100,"completion_tokens":5,{cached}}}"#);
            assert_eq!(read(&[&report]), tokens(40, 60, 0, 5, 0), "{cached}");
        }
        for written in [
            r#""prompt_tokens_details":{"cache_write_tokens":30}"#,
            r#""prompt_tokens_details":{"cache_creation_tokens":30}"#,
            r#""prompt_tokens_details":{"cache_creation_input_tokens":30}"#,
            r#""cache_creation_input_tokens":30"#,
        ] {
            let report = format!(r#"{{"prompt_tokens":100,"completion_tokens":5,{written}}}"#);
            assert_eq!(read(&[&report]), tokens(70, 0, 30, 5, 0), "{written}");
        }
    }

    #[test]
    fn other_dialects_words_are_understood() {
        let anthropic = r#"{"input_tokens":10,"cache_read_input_tokens":60,"cache_creation_input_tokens":30,"output_tokens":5}"#;
        assert_eq!(read(&[anthropic]), tokens(10, 60, 30, 5, 0));
        let responses = r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2}}"#;
        assert_eq!(read(&[responses]), tokens(40, 60, 0, 5, 2));
    }

    #[test]
    fn reasoning_is_inside_of_the_completion_or_beside_it() {
        for (report, output) in [
            (
                r#"{"prompt_tokens":10,"completion_tokens":50,"total_tokens":60,"completion_tokens_details":{"reasoning_tokens":40}}"#,
                50,
            ),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":55,"completion_tokens_details":{"reasoning_tokens":40}}"#,
                45,
            ),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"completion_tokens_details":{"reasoning_tokens":40}}"#,
                45,
            ),
            (r#"{"prompt_tokens":10,"completion_tokens":5,"reasoning_tokens":40}"#, 45),
        ] {
            assert_eq!(read(&[report]).output_tokens, output, "{report}");
        }
    }

    #[test]
    fn of_several_reports_the_largest_figures_count() {
        let growing = [
            r#"{"prompt_tokens":10,"completion_tokens":1}"#,
            r#"{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}"#,
            r#"{"prompt_tokens":0,"completion_tokens":0}"#,
        ];
        assert_eq!(read(&growing), tokens(6, 4, 0, 7, 0));
    }
}
