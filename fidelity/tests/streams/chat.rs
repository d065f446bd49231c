//! As Chat Completions providers say it, each with habits of its own.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::said::{Said, Spoken, pieces};

#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// How pieces of calls are told apart.
    index: Index,
    /// The pieces of calls that follow each other alternate.
    interleaves: bool,
    /// The id and the name stand in every piece.
    repeats: bool,
    usage: UsagePlace,
    says_done: bool,
    comments: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Index {
    FromZero,
    FromOne,
    /// The id stands in every piece.
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum UsagePlace {
    WithFinish,
    Apart,
    InGroqsExtra,
}

pub fn habits() -> impl Strategy<Value = Habits> {
    let index = prop::sample::select(vec![Index::FromZero, Index::FromOne, Index::Missing]);
    let usage = prop::sample::select(vec![
        UsagePlace::WithFinish,
        UsagePlace::Apart,
        UsagePlace::InGroqsExtra,
    ]);
    (index, any::<bool>(), any::<bool>(), usage, any::<bool>(), any::<bool>()).prop_map(
        |(index, interleaves, repeats, usage, says_done, comments)| Habits {
            index,
            interleaves,
            repeats,
            usage,
            says_done,
            comments,
        },
    )
}

pub fn bytes(spoken: &Spoken, habits: Habits) -> Vec<u8> {
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    let mut calls: Vec<Vec<Value>> = Vec::new();
    let mut nth = 0;
    for said in &spoken.said {
        if let Said::Call { name, arguments, piece_bytes } = said {
            calls.push(call(nth, name, &pieces(arguments, *piece_bytes), habits));
            nth += 1;
            continue;
        }
        flush(&mut calls, habits, &mut chunks);
        match said {
            Said::Text(pieces) => chunks
                .extend(pieces.iter().map(|piece| chunk(json!({"content": piece}), Value::Null))),
            Said::Thought(pieces) => chunks.extend(
                pieces.iter().map(|piece| chunk(json!({"reasoning_content": piece}), Value::Null)),
            ),
            Said::Call { .. } => {}
        }
    }
    flush(&mut calls, habits, &mut chunks);
    finish(spoken, habits, &mut chunks);
    let mut text: String = chunks
        .iter()
        .map(|chunk| {
            format!("{}data: {chunk}\n\n", if habits.comments { ": still here\n\n" } else { "" })
        })
        .collect();
    if habits.says_done {
        text.push_str("data: [DONE]\n\n");
    }
    text.into_bytes()
}

fn chunk(delta: Value, finish: Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "their-model",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn call(nth: usize, name: &str, pieces: &[String], habits: Habits) -> Vec<Value> {
    let mut fragments = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let mut fragment = Map::new();
        let mut function = Map::new();
        match habits.index {
            Index::FromZero => drop(fragment.insert("index".to_owned(), json!(nth))),
            Index::FromOne => drop(fragment.insert("index".to_owned(), json!(nth + 1))),
            Index::Missing => {}
        }
        if at == 0 || habits.repeats || habits.index == Index::Missing {
            fragment.insert("id".to_owned(), json!(Spoken::call_id(nth)));
        }
        if at == 0 || habits.repeats {
            fragment.insert("type".to_owned(), json!("function"));
            function.insert("name".to_owned(), json!(name));
        }
        function.insert("arguments".to_owned(), json!(piece));
        fragment.insert("function".to_owned(), Value::Object(function));
        fragments.push(json!({"tool_calls": [fragment]}));
    }
    fragments
}

fn flush(calls: &mut Vec<Vec<Value>>, habits: Habits, chunks: &mut Vec<Value>) {
    let calls = std::mem::take(calls);
    let most = calls.iter().map(Vec::len).max().unwrap_or(0);
    if habits.interleaves {
        for at in 0..most {
            chunks.extend(
                calls
                    .iter()
                    .filter_map(|call| call.get(at))
                    .map(|delta| chunk(delta.clone(), Value::Null)),
            );
        }
    } else {
        chunks.extend(calls.into_iter().flatten().map(|delta| chunk(delta, Value::Null)));
    }
}

fn finish(spoken: &Spoken, habits: Habits, chunks: &mut Vec<Value>) {
    let word = match spoken.stop() {
        "tool_use" => "tool_calls",
        "max_tokens" => "length",
        "refusal" => "content_filter",
        _ => "stop",
    };
    let prompt = spoken.usage.input + spoken.usage.cache_read;
    let usage = json!({
        "prompt_tokens": prompt, "completion_tokens": spoken.usage.output, "total_tokens": prompt + spoken.usage.output,
        "prompt_tokens_details": {"cached_tokens": spoken.usage.cache_read}, "completion_tokens_details": {"reasoning_tokens": spoken.usage.reasoning},
    });
    let mut last = chunk(json!({}), json!(word));
    match habits.usage {
        UsagePlace::WithFinish => last["usage"] = usage,
        UsagePlace::InGroqsExtra => last["x_groq"] = json!({"id": "req", "usage": usage}),
        UsagePlace::Apart => {
            chunks.push(last);
            last = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "their-model", "choices": [], "usage": usage});
        }
    }
    chunks.push(last);
}
