//! One event of Anthropic's stream: every member optional, unknown ones ignored.

use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::codec::shape::shaped;
use crate::provider::anthropic::stream::usage::FrameUsage;

shaped! {
    pub(super) struct Frame<'a> {
        #[serde(borrow)]
        pub kind: Option<Text<'a>> = "type",
        pub index: Option<u64> = "index",
        #[serde(borrow)]
        pub message: Option<StartMessage<'a>> = "message",
        #[serde(borrow)]
        pub content_block: Option<FrameBlock<'a>> = "content_block",
        #[serde(borrow)]
        pub delta: Option<FrameDelta<'a>> = "delta",
        pub usage: Option<FrameUsage> = "usage",
        #[serde(borrow)]
        pub error: Option<&'a RawValue> = "error",
    }
}

shaped! {
    pub(super) struct StartMessage<'a> {
        #[serde(borrow)]
        pub id: Option<Text<'a>> = "id",
        #[serde(borrow)]
        pub content: Option<Vec<&'a RawValue>> = "content",
        pub usage: Option<FrameUsage> = "usage",
    }
}

shaped! {
    pub(super) struct FrameBlock<'a> {
        #[serde(borrow)]
        pub kind: Option<Text<'a>> = "type",
        #[serde(borrow)]
        pub id: Option<Text<'a>> = "id",
        #[serde(borrow)]
        pub name: Option<Text<'a>> = "name",
        #[serde(borrow)]
        pub text: Option<Text<'a>> = "text",
        #[serde(borrow)]
        pub thinking: Option<Text<'a>> = "thinking",
        #[serde(borrow)]
        pub input: Option<&'a RawValue> = "input",
    }
}

impl FrameBlock<'_> {
    /// What it says that it is, or what its members say.
    pub(super) fn kind(&self) -> &str {
        match self.kind.as_deref().filter(|kind| is_word(kind)) {
            Some(kind) => kind,
            None if self.name.is_some() => "tool_use",
            None if self.thinking.is_some() => "thinking",
            None if self.text.is_some() => "text",
            None => "",
        }
    }
}

shaped! {
    pub(super) struct FrameDelta<'a> {
        #[serde(borrow)]
        pub kind: Option<Text<'a>> = "type",
        #[serde(borrow)]
        pub text: Option<Text<'a>> = "text",
        #[serde(borrow)]
        pub thinking: Option<Text<'a>> = "thinking",
        #[serde(borrow)]
        pub signature: Option<Text<'a>> = "signature",
        #[serde(borrow)]
        pub partial_json: Option<Text<'a>> = "partial_json",
        #[serde(borrow)]
        pub stop_reason: Option<Text<'a>> = "stop_reason",
        #[serde(borrow)]
        pub stop_sequence: Option<Text<'a>> = "stop_sequence",
    }
}

impl FrameDelta<'_> {
    /// What it says that it is, or what its members say.
    pub(super) fn kind(&self) -> &str {
        match self.kind.as_deref().filter(|kind| is_word(kind)) {
            Some(kind) => kind,
            None if self.text.is_some() => "text_delta",
            None if self.partial_json.is_some() => "input_json_delta",
            None if self.thinking.is_some() => "thinking_delta",
            None if self.signature.is_some() => "signature_delta",
            None => "",
        }
    }
}

/// A number that stands where a word belongs says nothing.
fn is_word(kind: &str) -> bool {
    kind.starts_with(|first: char| first.is_ascii_alphabetic())
}
