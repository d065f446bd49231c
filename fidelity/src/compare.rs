//! What the recording says against what the client understood.

use ainfera_wire::client::ClientDialect;

use crate::answer::{Answer, Ending, ToolCall, Usage};

/// Where the two differ, in words; nothing where they agree.
pub fn differences(expected: &Answer, heard: &Answer, dialect: ClientDialect) -> Vec<String> {
    let mut found = Vec::new();
    let failed = matches!(expected.ending, Ending::Failed(_) | Ending::Missing);
    // who waits for the whole gets nothing of an answer that failed
    if failed && dialect == ClientDialect::Inference {
        return if matches!(heard.ending, Ending::Failed(_)) {
            found
        } else {
            vec![format!("ending: {:?}", heard.ending)]
        };
    }
    let mut differ = |what: &str, expected: String, heard: String| {
        found.push(format!("{what}: {} / {}", cut(&expected), cut(&heard)))
    };
    if expected.text != heard.text {
        differ("text", format!("{:?}", expected.text), format!("{:?}", heard.text));
    }
    if let (Some(expected), Some(heard)) = (&expected.blocks, &heard.blocks)
        && expected != heard
    {
        let at = expected
            .iter()
            .zip(heard)
            .position(|(expected, heard)| expected != heard)
            .unwrap_or(expected.len().min(heard.len()));
        differ(
            &format!("block {at}"),
            format!("{:?}", expected.get(at)),
            format!("{:?}", heard.get(at)),
        );
    }
    if !same_calls(expected, heard, dialect) {
        differ("calls", format!("{:?}", expected.calls), format!("{:?}", heard.calls));
    }
    match (&expected.ending, &heard.ending) {
        // an answer that nobody ended must not look like one that was
        (Ending::Failed(_) | Ending::Missing, Ending::Failed(_)) => {}
        (Ending::Stopped(word), Ending::Stopped(heard)) if stop_in(dialect, word) == heard => {}
        (expected, heard) => differ("ending", format!("{expected:?}"), format!("{heard:?}")),
    }
    if !failed && let Some(expected) = expected.usage {
        match heard.usage {
            Some(heard) if usage_in(dialect, expected, heard) == heard => {}
            heard => differ("usage", format!("{expected:?}"), format!("{heard:?}")),
        }
    }
    found
}

/// Is the reasoning the same? Dialects without a place for it have none.
pub fn same_reasoning(expected: &Answer, heard: &Answer) -> bool {
    expected.reasoning == heard.reasoning
}

fn same_calls(expected: &Answer, heard: &Answer, dialect: ClientDialect) -> bool {
    let calls =
        match expected.calls.split_last() {
            // this dialect has no place for a call that broke off
            Some((last, before))
                if dialect == ClientDialect::Gemini && may_be_cut(expected, last) =>
            {
                if heard.calls.len() == before.len() { before } else { &expected.calls }
            }
            _ => &expected.calls,
        };
    calls.len() == heard.calls.len()
        && calls.iter().zip(&heard.calls).all(|(expected, heard)| {
            let same_id = expected.id.is_empty() || expected.id == heard.id;
            // ids that Google leaves out stay out where nobody translates
            let has_id = !heard.id.is_empty()
                || (dialect == ClientDialect::Gemini && expected.id.is_empty());
            same_id
                && expected.name == heard.name
                && expected.arguments == heard.arguments
                && has_id
        })
}

/// The answer stopped within its last call, or may have.
fn may_be_cut(answer: &Answer, last: &ToolCall) -> bool {
    let is_object = last.arguments.as_object();
    is_object.is_none_or(serde_json::Map::is_empty)
        && matches!(&answer.ending, Ending::Stopped(word) if word != "tool_use")
}

/// The word that this dialect has for a reason of Anthropic's.
fn stop_in(dialect: ClientDialect, word: &str) -> &str {
    match (dialect, word) {
        (ClientDialect::Messages, word) => word,
        (
            ClientDialect::Chat | ClientDialect::Inference,
            "max_tokens" | "model_context_window_exceeded",
        ) => "length",
        (ClientDialect::Chat | ClientDialect::Inference, "tool_use") => "tool_calls",
        (ClientDialect::Chat | ClientDialect::Inference, "refusal") => "content_filter",
        (ClientDialect::Chat | ClientDialect::Inference, _) => "stop",
        (ClientDialect::Responses, "stop_sequence" | "pause_turn") => "end_turn",
        (ClientDialect::Responses, "model_context_window_exceeded") => "max_tokens",
        (ClientDialect::Gemini, "stop_sequence" | "pause_turn") => "end_turn",
        (ClientDialect::Gemini, "model_context_window_exceeded") => "max_tokens",
        (ClientDialect::Responses | ClientDialect::Gemini, word) => word,
    }
}

/// What can be said of usage in this dialect, given that it said `heard`.
fn usage_in(dialect: ClientDialect, expected: Usage, heard: Usage) -> Usage {
    match dialect {
        // its usage has no word for reasoning in the versions that most clients know
        ClientDialect::Messages if heard.reasoning == 0 => Usage { reasoning: 0, ..expected },
        // what goes into a cache is a part of the prompt here
        ClientDialect::Gemini => {
            Usage { input: expected.input + expected.cache_write, cache_write: 0, ..expected }
        }
        ClientDialect::Inference => Usage {
            input: expected.input + expected.cache_read + expected.cache_write,
            output: expected.output,
            ..Usage::default()
        },
        _ => expected,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(400) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
