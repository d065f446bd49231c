//! The events of the Responses dialect as they stand in a stream: every member optional, unknown
//! ones ignored.

use ainfera_schema::{ServerTool, TokenUsage};
use serde::Deserialize;

use crate::codec::json::Text;
use crate::codec::lenient::{Lenient, SaidTier};
use crate::extra_costs::server_tool;

/// Any event: which members it has depends on its type.
#[derive(Deserialize)]
pub struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    pub output_index: Option<u64>,
    pub content_index: Option<u64>,
    pub summary_index: Option<u64>,
    #[serde(borrow)]
    pub delta: Option<Text<'a>>,
    #[serde(borrow)]
    pub item: Option<Item<'a>>,
    #[serde(borrow)]
    pub response: Option<Response<'a>>,
    #[serde(borrow)]
    pub error: Option<ErrorBody<'a>>,
    /// Of an `error` that is not nested.
    #[serde(borrow)]
    pub code: Option<Text<'a>>,
    #[serde(borrow)]
    pub message: Option<Text<'a>>,
}

/// The response itself: alone it is the answer of a provider that does not stream.
#[derive(Deserialize, Default)]
pub struct Response<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub status: Option<Text<'a>>,
    #[serde(borrow)]
    pub output: Option<Vec<Item<'a>>>,
    #[serde(borrow)]
    pub incomplete_details: Option<IncompleteDetails<'a>>,
    #[serde(borrow)]
    pub error: Option<ErrorBody<'a>>,
    pub usage: Option<ResponseUsage>,
    #[serde(default)]
    pub service_tier: SaidTier,
}

#[derive(Deserialize)]
pub struct IncompleteDetails<'a> {
    #[serde(borrow)]
    pub reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub struct ErrorBody<'a> {
    #[serde(borrow)]
    pub code: Option<Text<'a>>,
    #[serde(borrow)]
    pub message: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
}

/// An output item.
#[derive(Deserialize)]
pub struct Item<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub call_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<Text<'a>>,
    #[serde(borrow)]
    pub input: Option<Text<'a>>,
    #[serde(borrow)]
    pub content: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub summary: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub encrypted_content: Option<Text<'a>>,
    /// What a search call did: only a search is charged, not the opening of a page.
    #[serde(default)]
    pub action: Lenient<Action>,
}

#[derive(Deserialize)]
pub struct Action {
    #[serde(default, rename = "type")]
    pub kind: Lenient<String>,
}

impl Item<'_> {
    /// The tool that the vendor ran and charges for.
    pub fn server_tool(&self) -> Option<ServerTool> {
        let tool = server_tool(self.kind.as_deref()?.strip_suffix("_call")?)?;
        let action = self.action.0.as_ref().and_then(|action| action.kind.0.as_deref());
        let is_charged = tool != ServerTool::WebSearch || matches!(action, None | Some("search"));
        is_charged.then_some(tool)
    }
}

/// A part of a message or of a summary.
#[derive(Deserialize)]
pub struct Part<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub refusal: Option<Text<'a>>,
}

#[derive(Deserialize, Clone, Copy)]
pub struct ResponseUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize, Clone, Copy)]
struct InputDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize, Clone, Copy)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

/// Input includes cached tokens, output includes reasoning (some who copy the dialect leave it
/// out): put into buckets that do not overlap.
pub fn usage(usage: ResponseUsage) -> TokenUsage {
    let input = usage.input_tokens.unwrap_or(0);
    let details = usage.input_tokens_details;
    let cached = details.and_then(|details| details.cached_tokens).unwrap_or(0);
    let written = details.and_then(|details| details.cache_write_tokens).unwrap_or(0);
    TokenUsage {
        input_tokens: input.saturating_sub(cached).saturating_sub(written),
        cache_read_input_tokens: cached,
        cache_creation_input_tokens: written,
        output_tokens: usage
            .output_tokens
            .unwrap_or(0)
            .max(usage.total_tokens.unwrap_or(0).saturating_sub(input)),
        thinking_tokens: usage
            .output_tokens_details
            .and_then(|details| details.reasoning_tokens)
            .unwrap_or(0),
        ..TokenUsage::default()
    }
}
