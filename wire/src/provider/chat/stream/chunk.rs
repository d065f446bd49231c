//! One chunk as vendors write it: every member optional, unknown ones ignored.

use ainfera_schema::{Served, ServerTool, TokenUsage, ToolUses};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::codec::lenient::{Lenient, SaidTier};

#[derive(Deserialize)]
pub struct Chunk<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub choices: Option<Vec<Choice<'a>>>,
    pub usage: Option<ChunkUsage>,
    #[serde(default)]
    pub service_tier: SaidTier,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub x_groq: Option<GroqExtra<'a>>,
}

#[derive(Deserialize)]
pub struct GroqExtra<'a> {
    pub usage: Option<ChunkUsage>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct Choice<'a> {
    pub index: Option<u64>,
    #[serde(borrow)]
    pub delta: Option<ChoiceDelta<'a>>,
    #[serde(borrow)]
    pub finish_reason: Option<Text<'a>>,
    /// The stop sequence that was met, as vLLM tells it (or a number, or a word), and
    #[serde(borrow)]
    pub stop_reason: Option<&'a RawValue>,
    /// as SGLang does.
    #[serde(borrow)]
    pub matched_stop: Option<&'a RawValue>,
    /// Moonshot's place for it.
    pub usage: Option<ChunkUsage>,
}

#[derive(Deserialize)]
pub struct ChoiceDelta<'a> {
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    pub tool_calls: Option<Vec<ChunkCall<'a>>>,
    #[serde(borrow)]
    pub extra_content: Option<ExtraContent<'a>>,
}

#[derive(Deserialize)]
pub struct ChunkCall<'a> {
    pub index: Option<u64>,
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub function: Option<ChunkFunction<'a>>,
    #[serde(borrow)]
    pub extra_content: Option<ExtraContent<'a>>,
}

#[derive(Deserialize)]
pub struct ChunkFunction<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct ExtraContent<'a> {
    #[serde(borrow)]
    pub google: Option<GoogleExtra<'a>>,
}

#[derive(Deserialize)]
pub struct GoogleExtra<'a> {
    #[serde(borrow)]
    pub thought_signature: Option<Text<'a>>,
    /// The content of this delta is a thought.
    pub thought: Option<bool>,
}

#[derive(Deserialize)]
pub struct ContentPart<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    /// A string, or parts with text.
    #[serde(borrow)]
    pub thinking: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize, Clone, Copy)]
pub struct ChunkUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_cache_hit_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// xAI's live search: sources that were read.
    #[serde(default)]
    num_sources_used: Lenient<u64>,
    /// xAI's tools that run on its servers.
    #[serde(default)]
    server_side_tool_usage_details: Lenient<ServerSideTools>,
    /// OpenRouter's and LiteLLM's word for Anthropic's member.
    #[serde(default)]
    server_tool_use: Lenient<ServerSideTools>,
    #[serde(skip)]
    tool_uses: ToolUses,
    #[serde(skip)]
    served: Served,
}

#[derive(Debug, Default, Deserialize, Clone, Copy)]
struct ServerSideTools {
    #[serde(default)]
    web_search_calls: Lenient<u64>,
    #[serde(default)]
    x_search_calls: Lenient<u64>,
    #[serde(default)]
    web_search_requests: Lenient<u64>,
    #[serde(default)]
    code_interpreter_calls: Lenient<u64>,
    #[serde(default)]
    file_search_calls: Lenient<u64>,
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

#[derive(Debug, Default, Deserialize, Clone, Copy)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize, Clone, Copy)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl ChunkUsage {
    /// Counts only grow: of two reports the larger figure of each counts.
    pub fn merge(&mut self, later: ChunkUsage) {
        let larger = |field: &mut Option<u64>, later: Option<u64>| *field = (*field).max(later);
        larger(&mut self.prompt_tokens, later.prompt_tokens);
        larger(&mut self.completion_tokens, later.completion_tokens);
        larger(&mut self.total_tokens, later.total_tokens);
        larger(&mut self.prompt_cache_hit_tokens, later.prompt_cache_hit_tokens);
        if let Some(later) = later.prompt_tokens_details {
            let details = self.prompt_tokens_details.get_or_insert_default();
            larger(&mut details.cached_tokens, later.cached_tokens);
            larger(&mut details.cache_write_tokens, later.cache_write_tokens);
        }
        let mut uses = ToolUses::NONE;
        uses.add(ServerTool::SearchSource, later.num_sources_used.uses());
        let tools = [later.server_side_tool_usage_details, later.server_tool_use];
        let uses = tools
            .into_iter()
            .filter_map(|tools| tools.0)
            .fold(uses, |uses, tools| uses.max(tools.uses()));
        self.tool_uses = self.tool_uses.max(uses);
        if let Some(later) = later.completion_tokens_details {
            larger(
                &mut self.completion_tokens_details.get_or_insert_default().reasoning_tokens,
                later.reasoning_tokens,
            );
        }
    }

    /// Which tier a chunk says it was served by.
    pub fn note_tier(&mut self, said: SaidTier) {
        self.served = self.served.and_then(Served { tier: said.0, ..Served::UNSAID });
    }

    /// Prompt tokens include cached ones and completion tokens may exclude reasoning: put into
    /// buckets that do not overlap.
    pub fn disjoint(&self) -> TokenUsage {
        let prompt = self.prompt_tokens.unwrap_or(0);
        let details = self.prompt_tokens_details;
        let cached = details
            .and_then(|details| details.cached_tokens)
            .or(self.prompt_cache_hit_tokens)
            .unwrap_or(0);
        let written = details.and_then(|details| details.cache_write_tokens).unwrap_or(0);
        // a vendor that reports more cached than prompt tokens counts them apart
        let fresh = if cached > prompt {
            prompt
        } else {
            prompt.saturating_sub(cached).saturating_sub(written)
        };
        let beyond_prompt = self.total_tokens.unwrap_or(0).saturating_sub(prompt);
        TokenUsage {
            input_tokens: fresh,
            cache_read_input_tokens: cached,
            cache_creation_input_tokens: written,
            output_tokens: self.completion_tokens.unwrap_or(0).max(beyond_prompt),
            thinking_tokens: self
                .completion_tokens_details
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or(0),
            tool_uses: self.tool_uses,
            served: self.served,
            ..TokenUsage::default()
        }
    }
}
