//! The events of the Responses dialect as they stand in a stream: every member optional, unknown
//! ones ignored.

use ainfera_schema::{ServerTool, TokenUsage};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::codec::lenient::{Lenient, SaidTier};
use crate::codec::shape::shaped;
use crate::extra_costs::server_tool;

shaped! {
    /// Any event: which members it has depends on its type.
    pub(crate) struct Event<'a> {
        #[serde(borrow)]
        pub kind: Option<Text<'a>> = "type",
        pub output_index: Option<u64> = "output_index",
        pub content_index: Option<u64> = "content_index",
        pub summary_index: Option<u64> = "summary_index",
        #[serde(borrow)]
        pub delta: Option<Text<'a>> = "delta",
        #[serde(borrow)]
        pub item: Option<Item<'a>> = "item",
        #[serde(borrow)]
        pub response: Option<Response<'a>> = "response",
        #[serde(borrow)]
        pub error: Option<&'a RawValue> = "error",
        /// Of an `error` that is not nested.
        #[serde(borrow)]
        pub code: Option<Text<'a>> = "code",
        #[serde(borrow)]
        pub message: Option<Text<'a>> = "message",
    }
}

shaped! {
    /// The response itself: alone it is the answer of a provider that does not stream.
    #[derive(Default)]
    pub(crate) struct Response<'a> {
        #[serde(borrow)]
        pub id: Option<Text<'a>> = "id",
        #[serde(borrow)]
        pub status: Option<Text<'a>> = "status",
        #[serde(borrow)]
        pub output: Option<Vec<Item<'a>>> = "output",
        #[serde(borrow)]
        pub incomplete_details: Option<IncompleteDetails<'a>> = "incomplete_details",
        #[serde(borrow)]
        pub error: Option<&'a RawValue> = "error",
        pub usage: Option<ResponseUsage> = "usage",
        #[serde(default)]
        pub service_tier: SaidTier = "service_tier",
    }
}

shaped! {
    pub(crate) struct IncompleteDetails<'a> {
        #[serde(borrow)]
        pub reason: Option<Text<'a>> = "reason",
    }
}

shaped! {
    /// An output item.
    pub(crate) struct Item<'a> {
        #[serde(borrow)]
        pub kind: Option<Text<'a>> = "type",
        #[serde(borrow)]
        pub call_id: Option<Text<'a>> = "call_id",
        #[serde(borrow)]
        pub name: Option<Text<'a>> = "name",
        /// JSON in a text; of some items the object itself.
        #[serde(borrow)]
        pub arguments: Option<&'a RawValue> = "arguments",
        #[serde(borrow)]
        pub input: Option<&'a RawValue> = "input",
        #[serde(borrow)]
        pub content: Option<Vec<Part<'a>>> = "content",
        #[serde(borrow)]
        pub summary: Option<Vec<Part<'a>>> = "summary",
        #[serde(borrow)]
        pub encrypted_content: Option<Text<'a>> = "encrypted_content",
        /// What a search call did: only a search is charged, not the opening of a page.
        #[serde(default)]
        pub action: Lenient<Action> = "action",
    }
}

#[derive(Deserialize)]
pub(crate) struct Action {
    #[serde(default, rename = "type")]
    pub kind: Lenient<String>,
}

impl Item<'_> {
    /// The tool that the vendor ran and charges for.
    pub(crate) fn server_tool(&self) -> Option<ServerTool> {
        let tool = server_tool(self.kind.as_deref()?.strip_suffix("_call")?)?;
        let action = self.action.0.as_ref().and_then(|action| action.kind.0.as_deref());
        let is_charged = tool != ServerTool::WebSearch || matches!(action, None | Some("search"));
        is_charged.then_some(tool)
    }
}

shaped! {
    /// A part of a message or of a summary.
    pub(crate) struct Part<'a> {
        #[serde(borrow)]
        pub kind: Option<Text<'a>> = "type",
        #[serde(borrow)]
        pub text: Option<Text<'a>> = "text",
        #[serde(borrow)]
        pub refusal: Option<Text<'a>> = "refusal",
    }
}

shaped! {
    #[derive(Clone, Copy)]
    pub(crate) struct ResponseUsage {
        input_tokens: Option<u64> = "input_tokens",
        output_tokens: Option<u64> = "output_tokens",
        total_tokens: Option<u64> = "total_tokens",
        /// As some say it who copy the dialect.
        cached_tokens: Option<u64> = "cached_tokens",
        input_tokens_details: Option<InputDetails> = "input_tokens_details",
        output_tokens_details: Option<OutputDetails> = "output_tokens_details",
    }
}

shaped! {
    #[derive(Clone, Copy)]
    struct InputDetails {
        cached_tokens: Option<u64> = "cached_tokens",
        cache_write_tokens: Option<u64> = "cache_write_tokens",
        cache_creation_tokens: Option<u64> = "cache_creation_tokens",
    }
}

shaped! {
    #[derive(Clone, Copy)]
    struct OutputDetails {
        reasoning_tokens: Option<u64> = "reasoning_tokens",
    }
}

/// Input includes cached tokens, output includes reasoning (some who copy the dialect leave it
/// out): put into buckets that do not overlap.
pub(crate) fn usage(usage: ResponseUsage) -> TokenUsage {
    let input = usage.input_tokens.unwrap_or(0);
    let details = usage.input_tokens_details;
    let cached = details.and_then(|details| details.cached_tokens).max(usage.cached_tokens);
    let written = details
        .and_then(|details| details.cache_write_tokens.max(details.cache_creation_tokens))
        .unwrap_or(0);
    let cached = cached.unwrap_or(0);
    let reasoning =
        usage.output_tokens_details.and_then(|details| details.reasoning_tokens).unwrap_or(0);
    let output = usage.output_tokens.unwrap_or(0);
    // more reasoning than output is no part of it
    let beside = if reasoning > output { reasoning } else { 0 };
    // whoever reports more cached than input counts them apart
    let fresh = if cached > input { input } else { input - cached };
    TokenUsage {
        input_tokens: fresh.saturating_sub(written),
        cache_read_input_tokens: cached,
        cache_creation_input_tokens: written,
        output_tokens: output
            .saturating_add(beside)
            .max(usage.total_tokens.unwrap_or(0).saturating_sub(input)),
        thinking_tokens: reasoning,
        ..TokenUsage::default()
    }
}
