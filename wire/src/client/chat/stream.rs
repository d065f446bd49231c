//! Our words as chunks: what a client of Chat Completions hears, whoever answered.
//!
//! Official clients add up strings and need an index with every tool call, a role in the first
//! chunk and one finish reason; usage comes in a chunk of its own, and only to those who asked. A
//! provider's own chunks go out as they came, but for our name for the model and what these clients
//! would stumble over.

mod kept;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ainfera_schema::TokenUsage;
use serde_json::{Value, json};

use self::kept::KeptSignatures;
use crate::client::answer_names::AnswerNames;
use crate::client::chat::usage_chunk::UsageChunk;
use crate::codec::json::{Edit, Members, quoted};
use crate::event::{
    Block, Delta, Native, ProviderEvent, Stop, StopReason, StreamEvent, estimated_output_tokens,
};

/// The name of a native chunk in which the answer ends, and of one that tells nothing but usage.
pub(crate) const FINISH: &str = "finish";
/// The name of one that may be the last: its finish reason is an empty word.
pub(crate) const WORDLESS_FINISH: &str = "wordless_finish";
pub(crate) const USAGE: &str = "usage";
pub(crate) const CHUNK: &str = "chunk";

/// The last word.
pub(crate) const DONE: &[u8] = b"[DONE]";

/// Writes one answer. A pure state machine: events in, chunks out.
#[derive(Debug)]
pub struct ChatFrames {
    names: AnswerNames,
    usage_chunk: UsageChunk,
    /// The chunks are the provider's own: what they say is not said again.
    native: bool,
    started: bool,
    /// Calls that have begun.
    calls: usize,
    /// The open block is a call that has no arguments yet.
    call_is_bare: bool,
    kept: Box<KeptSignatures>,
    text_bytes: usize,
    usage_told: bool,
    finish_told: bool,
    /// Id and time of the provider's chunks, as JSON: whoever adds one of ours speaks of the same
    /// answer.
    native_head: Option<(String, String)>,
}

impl ChatFrames {
    pub fn new(names: AnswerNames, usage_chunk: UsageChunk) -> Self {
        Self {
            names,
            usage_chunk,
            native: false,
            started: false,
            calls: 0,
            call_is_bare: false,
            kept: Box::default(),
            text_bytes: 0,
            usage_told: false,
            finish_told: false,
            native_head: None,
        }
    }

    /// The chunks for one event. They have no names but for [`USAGE`], which not every client wants
    /// to hear.
    pub fn json(&mut self, provider_event: &ProviderEvent, visit: &mut dyn FnMut(&str, &[u8])) {
        if let StreamEvent::Delta(delta) = &provider_event.event {
            self.text_bytes += delta.text_bytes();
        }
        let mut emit = |json: Value| visit("", json.to_string().as_bytes());
        match &provider_event.native {
            Some(native) => return self.pass(native, &provider_event.event, visit),
            None if self.native => return self.tell_the_rest(&provider_event.event, visit),
            None => {}
        }
        match &provider_event.event {
            StreamEvent::Start { .. } => self.start(&mut emit),
            StreamEvent::BlockStart(Block::ToolUse { id, name }) => {
                self.start(&mut emit);
                emit(self.call(id, name));
            }
            StreamEvent::BlockStart(Block::Text | Block::Thinking | Block::Other) => {
                self.start(&mut emit);
                self.kept.block_begins();
            }
            StreamEvent::Delta(delta) => {
                self.start(&mut emit);
                match delta {
                    Delta::Text(text) => visit(
                        "",
                        self.piece(&format!("{{\"content\":{}}}", quoted(text))).as_bytes(),
                    ),
                    Delta::Thinking(text) => visit("", self.thought(text).as_bytes()),
                    Delta::ToolInput(piece) if piece.is_empty() => {}
                    Delta::ToolInput(piece) => {
                        self.call_is_bare = false;
                        visit("", self.arguments(piece).as_bytes());
                    }
                    Delta::Signature(signature) => {
                        if let Some(members) = self.kept.signature(signature) {
                            emit(self.delta(members));
                        }
                    }
                    Delta::Other => {}
                }
            }
            StreamEvent::BlockStop => {
                // no text at all is no JSON
                if std::mem::take(&mut self.call_is_bare) {
                    visit("", self.arguments("{}").as_bytes());
                }
            }
            StreamEvent::Finish { stop, usage } => {
                self.start(&mut emit);
                if let Some(members) = self.kept.of_text() {
                    emit(self.delta(members));
                }
                let mut finish = self.finish(stop);
                if let Some(word) = &stop.word {
                    finish["ainfera"]["finish_reason_native"] = json!(&**word);
                }
                emit(finish);
                visit(USAGE, self.usage(usage).to_string().as_bytes());
            }
            StreamEvent::End => visit("", DONE),
            StreamEvent::Ping
            | StreamEvent::HiddenReasoning { .. }
            | StreamEvent::FailedUsage(_)
            | StreamEvent::Oddity(_)
            | StreamEvent::Other => {}
        }
    }

    pub fn name_coercions(&mut self, coercions: &Arc<[String]>) {
        self.names.coercions = Arc::clone(coercions);
    }

    pub fn usage_chunk(&self) -> UsageChunk {
        self.usage_chunk
    }

    /// A provider's chunk, as it came.
    fn pass(&mut self, native: &Native, event: &StreamEvent, visit: &mut dyn FnMut(&str, &[u8])) {
        self.native = true;
        if *event == StreamEvent::End {
            return visit("", &native.data);
        }
        match &*native.name {
            FINISH => match Members::parse(&native.data) {
                Ok(chunk) => {
                    self.note_end(&chunk);
                    self.finish_told = true;
                    visit(
                        "",
                        &chunk.write(
                            |_| Edit::Keep,
                            &[("ainfera", self.names.ainfera().to_string())],
                        ),
                    );
                }
                Err(_) => visit("", &native.data),
            },
            WORDLESS_FINISH => {
                if let Ok(chunk) = Members::parse(&native.data) {
                    self.note_end(&chunk);
                }
                visit("", &native.data);
            }
            USAGE => {
                self.usage_told = true;
                visit(USAGE, &native.data);
            }
            _ => visit("", &native.data),
        }
    }

    /// What a provider's chunk in which the answer may end tells of it.
    fn note_end(&mut self, chunk: &Members<'_>) {
        let find = |wanted: &str| {
            chunk
                .0
                .iter()
                .find(|(name, _)| &**name == wanted)
                .map(|(_, value)| value.get().to_owned())
        };
        self.native_head = find("id").zip(find("created"));
        self.usage_told |= find("usage").is_some_and(|usage| usage != "null");
    }

    /// What no chunk of the provider's told, or none that goes out: why the answer ends, and an
    /// estimate where it did not count at all.
    fn tell_the_rest(&mut self, event: &StreamEvent, visit: &mut dyn FnMut(&str, &[u8])) {
        let StreamEvent::Finish { stop, usage } = event else { return };
        if !std::mem::replace(&mut self.finish_told, true) {
            visit("", self.finish(stop).to_string().as_bytes());
        }
        if !std::mem::replace(&mut self.usage_told, true) {
            visit(USAGE, self.usage(usage).to_string().as_bytes());
        }
    }

    fn finish(&self, stop: &Stop) -> Value {
        let mut finish = self.chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish_reason(stop), "logprobs": null}]));
        finish["ainfera"] = self.names.ainfera();
        finish
    }

    fn start(&mut self, emit: &mut dyn FnMut(Value)) {
        if !std::mem::replace(&mut self.started, true) {
            emit(self.delta(json!({"role": "assistant", "content": ""})));
        }
    }

    fn thought(&mut self, text: &str) -> String {
        self.kept.thought(text);
        self.piece(&format!("{{\"reasoning_content\":{}}}", quoted(text)))
    }

    /// The chunk in which a call begins.
    fn call(&mut self, id: &str, name: &str) -> Value {
        self.call_is_bare = true;
        let function = json!({"name": name, "arguments": ""});
        let mut call =
            json!({"index": self.calls, "id": id, "type": "function", "function": function});
        if let Some(signed) = self.kept.of_call() {
            call["extra_content"] = signed;
        }
        self.calls += 1;
        self.delta(json!({"tool_calls": [call]}))
    }

    fn arguments(&self, piece: &str) -> String {
        let (index, piece) = (self.calls.saturating_sub(1), quoted(piece));
        self.piece(&format!(
            "{{\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":{piece}}}}}]}}"
        ))
    }

    /// A chunk with this delta, written as text: there is one for each piece of an answer.
    fn piece(&self, delta: &str) -> String {
        let (digits, created, model) =
            (&self.names.digits, self.names.created_s, quoted(&self.names.model));
        format!(
            "{{\"id\":\"chatcmpl-{digits}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":{model},\
             \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":null,\"logprobs\":null}}]}}"
        )
    }

    fn delta(&self, delta: Value) -> Value {
        self.chunk(json!([{"index": 0, "delta": delta, "finish_reason": null, "logprobs": null}]))
    }

    fn chunk(&self, choices: Value) -> Value {
        let mut chunk = json!({
            "id": format!("chatcmpl-{}", self.names.digits), "object": "chat.completion.chunk", "created": self.names.created_s,
            "model": self.names.model, "choices": choices,
        });
        let parsed = |json: &String| serde_json::from_str(json).unwrap_or_default();
        if let Some((id, created)) = &self.native_head {
            (chunk["id"], chunk["created"]) = (parsed(id), parsed(created));
        }
        chunk
    }

    fn usage(&self, usage: &TokenUsage) -> Value {
        let counted = TokenUsage {
            input_tokens: if usage.prompt_tokens() == 0 {
                self.names.estimated_input_tokens
            } else {
                usage.input_tokens
            },
            output_tokens: if usage.output_tokens == 0 {
                estimated_output_tokens(self.text_bytes)
            } else {
                usage.output_tokens
            },
            ..*usage
        };
        let mut chunk = self.chunk(json!([]));
        chunk["usage"] = usage_json(&counted);
        chunk
    }
}

/// The name of a frame as a client hears it; `None` if it does not want to.
pub(crate) fn shown(name: &str, usage_chunk: UsageChunk) -> Option<&str> {
    match (name, usage_chunk) {
        (USAGE, UsageChunk::Unwanted) => None,
        (USAGE, UsageChunk::Wanted) => Some(""),
        (name, _) => Some(name),
    }
}

/// Recorded frames as this client hears them.
pub(crate) fn replayed(recorded: &str, usage_chunk: UsageChunk) -> String {
    let name_line = format!("event: {USAGE}\n");
    let frames = recorded.split_inclusive("\n\n").filter_map(|frame| {
        match (frame.strip_prefix(&name_line), usage_chunk) {
            (Some(_), UsageChunk::Unwanted) => None,
            (Some(chunk), UsageChunk::Wanted) => Some(chunk),
            (None, _) => Some(frame),
        }
    });
    frames.collect()
}

/// Usage in this dialect, in which the prompt includes what came from a cache, and the completion
/// what was thought.
pub(crate) fn usage_json(usage: &TokenUsage) -> Value {
    let prompt = usage.prompt_tokens();
    json!({
        "prompt_tokens": prompt, "completion_tokens": usage.output_tokens, "total_tokens": prompt.saturating_add(usage.output_tokens),
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_input_tokens, "cache_write_tokens": usage.cache_creation_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
    })
}

/// Why the answer ends, in this dialect's words.
pub(crate) fn finish_reason(stop: &Stop) -> &'static str {
    match stop.reason {
        StopReason::EndTurn
        | StopReason::StopSequence
        | StopReason::PauseTurn
        | StopReason::Compaction => "stop",
        StopReason::MaxTokens | StopReason::ContextWindowExceeded => "length",
        StopReason::ToolUse => "tool_calls",
        StopReason::Refusal => "content_filter",
    }
}
