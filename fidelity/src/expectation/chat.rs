//! Chat Completions.

use serde_json::Value;

use crate::answer::{Answer, Ending, ToolCall, Usage, number, text};

/// From an accumulated stream.
pub fn accumulated(expected: &Value) -> Answer {
    let calls: Vec<ToolCall> = expected["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|call| ToolCall::new(text(call, "/id"), text(call, "/name"), text(call, "/arguments")))
        .collect();
    let refusal = text(expected, "/refusal");
    let ending = match expected["finish_reason"].as_str() {
        _ if !expected["error"].is_null() => {
            Ending::Failed(text(expected, "/error/message").to_owned())
        }
        Some(word) => {
            Ending::Stopped(stop(word, !calls.is_empty(), !refusal.is_empty()).to_owned())
        }
        None => Ending::Missing,
    };
    Answer {
        blocks: None,
        text: format!("{}{refusal}", text(expected, "/text")),
        reasoning: text(expected, "/reasoning").to_owned(),
        calls,
        ending,
        usage: expected["usage"].is_object().then(|| usage(&expected["usage"])),
    }
}

/// From a body that was not streamed.
pub fn whole(body: &Value) -> Answer {
    let message = &body["choices"][0]["message"];
    let calls: Vec<ToolCall> = message["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|call| {
            ToolCall::new(
                text(call, "/id"),
                text(call, "/function/name"),
                text(call, "/function/arguments"),
            )
        })
        .collect();
    let refusal = text(message, "/refusal");
    let reasoning = [text(message, "/reasoning_content"), text(message, "/reasoning")]
        .into_iter()
        .find(|text| !text.is_empty());
    Answer {
        blocks: None,
        text: format!("{}{refusal}", text(message, "/content")),
        reasoning: reasoning.unwrap_or_default().to_owned(),
        ending: match body["choices"][0]["finish_reason"].as_str() {
            Some(word) => {
                Ending::Stopped(stop(word, !calls.is_empty(), !refusal.is_empty()).to_owned())
            }
            None => Ending::Missing,
        },
        calls,
        usage: body["usage"].is_object().then(|| usage(&body["usage"])),
    }
}

fn stop(word: &str, has_calls: bool, refused: bool) -> &str {
    match word {
        "length" | "model_length" => "max_tokens",
        "content_filter" => "refusal",
        "stop" | "eos" | "tool_calls" | "function_call" if has_calls => "tool_use",
        "stop" | "eos" | "tool_calls" | "function_call" if refused => "refusal",
        "stop" | "eos" | "tool_calls" | "function_call" => "end_turn",
        other => other,
    }
}

/// The prompt includes what the cache had; the completion may exclude reasoning, and then the total
/// shows it.
pub fn usage(usage: &Value) -> Usage {
    let prompt = number(usage, "/prompt_tokens");
    let cache_read = number(usage, "/prompt_tokens_details/cached_tokens")
        .max(number(usage, "/prompt_cache_hit_tokens"));
    let cache_write = number(usage, "/prompt_tokens_details/cache_write_tokens");
    let apart = cache_read > prompt;
    Usage {
        input: if apart { prompt } else { prompt.saturating_sub(cache_read + cache_write) },
        cache_read,
        cache_write,
        output: number(usage, "/completion_tokens")
            .max(number(usage, "/total_tokens").saturating_sub(prompt)),
        reasoning: number(usage, "/completion_tokens_details/reasoning_tokens"),
    }
}
