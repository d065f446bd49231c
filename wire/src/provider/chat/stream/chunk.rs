//! One chunk as vendors write it: every member optional, unknown ones ignored.

use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::codec::lenient::SaidTier;
use crate::codec::shape::shaped;
use crate::provider::chat::stream::usage::ChunkUsage;

shaped! {
    pub(super) struct Chunk<'a> {
        #[serde(borrow)]
        pub id: Option<Text<'a>> = "id",
        #[serde(borrow, default)]
        pub choices: Option<Vec<Choice<'a>>> = "choices",
        pub usage: Option<ChunkUsage> = "usage",
        #[serde(default)]
        pub service_tier: SaidTier = "service_tier",
        #[serde(borrow)]
        pub error: Option<&'a RawValue> = "error",
        #[serde(borrow)]
        pub x_groq: Option<GroqExtra<'a>> = "x_groq",
    }
}

shaped! {
    pub(super) struct GroqExtra<'a> {
        pub usage: Option<ChunkUsage> = "usage",
        #[serde(borrow)]
        pub error: Option<&'a RawValue> = "error",
    }
}

shaped! {
    pub(super) struct Choice<'a> {
        pub index: Option<u64> = "index",
        #[serde(borrow)]
        pub delta: Option<ChoiceDelta<'a>> = "delta",
        #[serde(borrow)]
        pub finish_reason: Option<Text<'a>> = "finish_reason",
        /// The stop sequence that was met, as vLLM tells it (or a number, or a word), and
        #[serde(borrow)]
        pub stop_reason: Option<&'a RawValue> = "stop_reason",
        /// as SGLang does.
        #[serde(borrow)]
        pub matched_stop: Option<&'a RawValue> = "matched_stop",
        /// Moonshot's place for it.
        pub usage: Option<ChunkUsage> = "usage",
    }
}

shaped! {
    pub(super) struct ChoiceDelta<'a> {
        #[serde(borrow)]
        pub content: Option<&'a RawValue> = "content",
        #[serde(borrow)]
        pub refusal: Option<Text<'a>> = "refusal",
        #[serde(borrow)]
        pub reasoning_content: Option<&'a RawValue> = "reasoning_content",
        #[serde(borrow)]
        pub reasoning: Option<&'a RawValue> = "reasoning",
        /// Parts with signatures and encrypted data.
        #[serde(borrow)]
        pub reasoning_details: Option<&'a RawValue> = "reasoning_details",
        #[serde(borrow)]
        pub tool_calls: Option<Vec<ChunkCall<'a>>> = "tool_calls",
        #[serde(borrow)]
        pub extra_content: Option<ExtraContent<'a>> = "extra_content",
    }
}

shaped! {
    pub(super) struct ChunkCall<'a> {
        pub index: Option<u64> = "index",
        #[serde(borrow)]
        pub id: Option<Text<'a>> = "id",
        #[serde(borrow)]
        pub function: Option<ChunkFunction<'a>> = "function",
        #[serde(borrow)]
        pub extra_content: Option<ExtraContent<'a>> = "extra_content",
    }
}

shaped! {
    pub(super) struct ChunkFunction<'a> {
        #[serde(borrow)]
        pub name: Option<Text<'a>> = "name",
        #[serde(borrow)]
        pub arguments: Option<&'a RawValue> = "arguments",
    }
}

shaped! {
    pub(super) struct ExtraContent<'a> {
        #[serde(borrow)]
        pub google: Option<GoogleExtra<'a>> = "google",
    }
}

shaped! {
    pub(super) struct GoogleExtra<'a> {
        #[serde(borrow)]
        pub thought_signature: Option<Text<'a>> = "thought_signature",
        /// The content of this delta is a thought.
        pub thought: Option<bool> = "thought",
    }
}

shaped! {
    pub(super) struct ContentPart<'a> {
        #[serde(borrow)]
        pub kind: Option<Text<'a>> = "type",
        #[serde(borrow)]
        pub text: Option<Text<'a>> = "text",
        /// A string, or parts with text.
        #[serde(borrow)]
        pub thinking: Option<&'a RawValue> = "thinking",
    }
}
