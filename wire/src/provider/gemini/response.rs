//! A response of Gemini as it stands in a stream: each event is a whole one. Every member optional,
//! unknown ones ignored.

use ainfera_schema::TokenUsage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::codec::lenient::Lenient;
use crate::codec::shape::shaped;
use crate::provider::gemini::partial_args::PartialArg;

shaped! {
    pub(crate) struct GenerateContentResponse<'a> {
        #[serde(borrow)]
        pub candidates: Option<Vec<Candidate<'a>>> = "candidates",
        #[serde(borrow)]
        pub prompt_feedback: Option<PromptFeedback<'a>> = "promptFeedback",
        pub usage_metadata: Option<UsageMetadata> = "usageMetadata",
        #[serde(borrow)]
        pub response_id: Option<Text<'a>> = "responseId",
        #[serde(borrow)]
        pub error: Option<&'a RawValue> = "error",
    }
}

shaped! {
    pub(crate) struct Candidate<'a> {
        pub index: Option<u64> = "index",
        #[serde(borrow)]
        pub content: Option<Content<'a>> = "content",
        #[serde(borrow)]
        pub finish_reason: Option<Text<'a>> = "finishReason",
        #[serde(borrow)]
        pub finish_message: Option<Text<'a>> = "finishMessage",
        #[serde(default)]
        pub grounding_metadata: Lenient<GroundingMetadata> = "groundingMetadata",
    }
}

/// Searches that Google made for the answer: it charges for each.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroundingMetadata {
    #[serde(default)]
    pub web_search_queries: Lenient<Vec<Lenient<String>>>,
}

shaped! {
    pub(crate) struct Content<'a> {
        #[serde(borrow)]
        pub parts: Option<Vec<Part<'a>>> = "parts",
    }
}

shaped! {
    pub(crate) struct Part<'a> {
        #[serde(borrow)]
        pub text: Option<Text<'a>> = "text",
        pub thought: Option<bool> = "thought",
        #[serde(borrow)]
        pub thought_signature: Option<Text<'a>> = "thoughtSignature",
        #[serde(borrow)]
        pub function_call: Option<FunctionCall<'a>> = "functionCall",
    }
}

shaped! {
    pub(crate) struct FunctionCall<'a> {
        #[serde(borrow)]
        pub id: Option<Text<'a>> = "id",
        #[serde(borrow)]
        pub name: Option<Text<'a>> = "name",
        #[serde(borrow)]
        pub args: Option<&'a RawValue> = "args",
        #[serde(borrow)]
        pub partial_args: Option<Vec<PartialArg<'a>>> = "partialArgs",
        pub will_continue: Option<bool> = "willContinue",
    }
}

shaped! {
    pub(crate) struct PromptFeedback<'a> {
        #[serde(borrow)]
        pub block_reason: Option<Text<'a>> = "blockReason",
    }
}

shaped! {
    /// Cumulative; what an event leaves out is what the one before said.
    #[derive(Debug, Default, Clone, Copy)]
    pub(crate) struct UsageMetadata {
        prompt_token_count: Option<u64> = "promptTokenCount",
        tool_use_prompt_token_count: Option<u64> = "toolUsePromptTokenCount",
        cached_content_token_count: Option<u64> = "cachedContentTokenCount",
        candidates_token_count: Option<u64> = "candidatesTokenCount",
        thoughts_token_count: Option<u64> = "thoughtsTokenCount",
        total_token_count: Option<u64> = "totalTokenCount",
    }
}

impl UsageMetadata {
    pub(crate) fn add(&mut self, later: UsageMetadata) {
        self.prompt_token_count = later.prompt_token_count.or(self.prompt_token_count);
        self.tool_use_prompt_token_count =
            later.tool_use_prompt_token_count.or(self.tool_use_prompt_token_count);
        self.cached_content_token_count =
            later.cached_content_token_count.or(self.cached_content_token_count);
        self.candidates_token_count = later.candidates_token_count.or(self.candidates_token_count);
        self.thoughts_token_count = later.thoughts_token_count.or(self.thoughts_token_count);
        self.total_token_count = later.total_token_count.or(self.total_token_count);
    }

    /// The prompt includes what was cached; candidates exclude thoughts: put into buckets that do
    /// not overlap.
    pub(crate) fn tokens(&self) -> TokenUsage {
        let prompt = self
            .prompt_token_count
            .unwrap_or(0)
            .saturating_add(self.tool_use_prompt_token_count.unwrap_or(0));
        let cached = self.cached_content_token_count.unwrap_or(0);
        let thoughts = self.thoughts_token_count.unwrap_or(0);
        let output = self.candidates_token_count.unwrap_or(0).saturating_add(thoughts);
        TokenUsage {
            input_tokens: prompt.saturating_sub(cached),
            cache_read_input_tokens: cached,
            cache_creation_input_tokens: 0,
            output_tokens: output.max(self.total_token_count.unwrap_or(0).saturating_sub(prompt)),
            thinking_tokens: thoughts,
            ..TokenUsage::default()
        }
    }
}
