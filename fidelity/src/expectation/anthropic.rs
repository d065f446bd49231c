//! Messages.

use serde_json::Value;

use crate::answer::{Answer, Ending, ToolCall, Usage, number, text};

/// From blocks, stop reason and usage.
pub fn accumulated(expected: &Value) -> Answer {
    let blocks: Vec<Value> =
        expected["blocks"].as_array().into_iter().flatten().map(as_it_came).collect();
    let of_type =
        |kind: &'static str| blocks.iter().filter(move |block| text(block, "/type") == kind);
    let ending = match expected["stop_reason"].as_str() {
        _ if !expected["error"].is_null() => {
            Ending::Failed(text(expected, "/error/message").to_owned())
        }
        Some(word) => Ending::Stopped(word.to_owned()),
        None => Ending::Missing,
    };
    Answer {
        text: of_type("text").map(|block| text(block, "/text")).collect(),
        reasoning: of_type("thinking").map(|block| text(block, "/thinking")).collect(),
        calls: of_type("tool_use")
            .map(|block| ToolCall {
                id: text(block, "/id").to_owned(),
                name: text(block, "/name").to_owned(),
                arguments: block["input"].clone(),
            })
            .collect(),
        ending,
        usage: Some(usage(&expected["usage"])),
        blocks: Some(blocks),
    }
}

/// Arguments that were cut are no JSON: they are taken as the text that came.
fn as_it_came(block: &Value) -> Value {
    let mut block = block.clone();
    if let Some(cut) = block.as_object_mut().and_then(|block| block.remove("input_unparsed")) {
        block["input"] = cut;
    }
    block
}

/// Its buckets do not overlap as they are.
pub fn usage(usage: &Value) -> Usage {
    Usage {
        input: number(usage, "/input_tokens"),
        cache_read: number(usage, "/cache_read_input_tokens"),
        cache_write: number(usage, "/cache_creation_input_tokens"),
        output: number(usage, "/output_tokens"),
        reasoning: number(usage, "/output_tokens_details/thinking_tokens"),
    }
}
