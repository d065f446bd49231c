//! A client of the flat dialect, whose answers are never streamed.

use serde_json::Value;

use crate::answer::{Answer, Ending, ToolCall, Usage, number, text};

/// A whole answer. Its input tokens are all that was read, from the cache or not.
pub fn whole(body: &Value) -> Answer {
    let blocks = |kind: &'static str| {
        body["content_blocks"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(move |block| text(block, "/type") == kind)
    };
    Answer {
        blocks: None,
        text: text(body, "/content").to_owned(),
        reasoning: blocks("thinking").map(|block| text(block, "/thinking")).collect(),
        calls: blocks("tool_use")
            .map(|block| ToolCall {
                id: text(block, "/id").to_owned(),
                name: text(block, "/name").to_owned(),
                arguments: block["input"].clone(),
            })
            .collect(),
        ending: body["finish_reason"]
            .as_str()
            .map_or(Ending::Missing, |word| Ending::Stopped(word.to_owned())),
        usage: Some(Usage {
            input: number(body, "/input_tokens"),
            output: number(body, "/output_tokens"),
            ..Usage::default()
        }),
    }
}
