//! Our words as responses of Gemini's: what a client of this dialect hears, whoever answered.
//!
//! Each frame is a whole response with the parts that are new. A call of a function goes out in one
//! part when its arguments are complete; the frame that says why the answer ends is the last one,
//! and an answer that breaks off has none. A provider's own responses go out as they came.

use std::sync::Arc;

use ainfera_schema::TokenUsage;
use serde_json::{Map, Value, json};

use crate::client::answer_names::AnswerNames;
use crate::client::gemini::request::Thoughts;
use crate::client::gemini::signatures::{ForeignThinking, own};
use crate::codec::json::{Edit, Members};
use crate::event::{
    Block, Delta, Native, ProviderEvent, Stop, StopReason, StreamEvent, estimated_output_tokens,
};
use crate::thought_signatures::On;

/// Writes one answer. A pure state machine: events in, responses out.
#[derive(Debug)]
pub struct GeminiFrames {
    names: AnswerNames,
    thoughts: Thoughts,
    /// The responses are the provider's own: what they say is not said again.
    native: bool,
    open: Open,
    /// Reasoning that the next call keeps.
    thinking: Option<ForeignThinking>,
    /// Gemini's own signature of the next call.
    call_signature: Option<String>,
    /// A call whose arguments are no object, and so no call.
    broken_call: Option<String>,
    /// Told with the last word.
    finish: Option<(Stop, TokenUsage)>,
    text_bytes: usize,
}

/// The block that is open, or that has ended last: what follows says whether it is whole.
#[derive(Debug)]
enum Open {
    Nothing,
    Thinking { said: String, signature: Option<String> },
    Call { id: String, name: String, arguments: String },
}

type Visit<'a> = dyn FnMut(&str, &[u8]) + 'a;

impl GeminiFrames {
    pub(crate) fn new(names: AnswerNames, thoughts: Thoughts) -> Self {
        Self {
            names,
            thoughts,
            native: false,
            open: Open::Nothing,
            thinking: None,
            call_signature: None,
            broken_call: None,
            finish: None,
            text_bytes: 0,
        }
    }

    pub(crate) fn name_coercions(&mut self, coercions: &Arc<[String]>) {
        self.names.coercions = Arc::clone(coercions);
    }

    /// The responses for one event. They have no names.
    pub(crate) fn json(&mut self, provider_event: &ProviderEvent, visit: &mut Visit<'_>) {
        let event = &provider_event.event;
        if let StreamEvent::Delta(delta) = event {
            self.text_bytes += delta.text_bytes();
        }
        if let StreamEvent::HiddenReasoning { bytes } = event {
            self.text_bytes += bytes;
        }
        if let StreamEvent::Finish { stop, usage } = event {
            self.settle(Some(stop.reason), visit);
            self.finish = Some((stop.clone(), *usage));
        }
        if let Some(native) = &provider_event.native {
            return self.pass(native, event, visit);
        }
        match event {
            StreamEvent::End => self.end(visit),
            _ if self.native => {}
            StreamEvent::BlockStart(block) => self.begin(block, visit),
            StreamEvent::Delta(delta) => self.delta(delta, visit),
            StreamEvent::BlockStop
            | StreamEvent::Start { .. }
            | StreamEvent::Finish { .. }
            | StreamEvent::Ping
            | StreamEvent::HiddenReasoning { .. }
            | StreamEvent::FailedUsage(_)
            | StreamEvent::Oddity(_)
            | StreamEvent::Other => {}
        }
    }

    /// A provider's response, as it came. One without data only says that such ones follow.
    fn pass(&mut self, native: &Native, event: &StreamEvent, visit: &mut Visit<'_>) {
        self.native = true;
        if native.data.is_empty() {
            return;
        }
        let members = Members::parse(&native.data).ok().filter(|_| *event == StreamEvent::End);
        match members {
            Some(members) => {
                let added = [("ainfera", self.names.ainfera().to_string())];
                visit("", &members.write(|_| Edit::Keep, &added));
            }
            None => visit("", &native.data),
        }
    }

    fn begin(&mut self, block: &Block, visit: &mut Visit<'_>) {
        self.settle(None, visit);
        self.open = match block {
            Block::Thinking => Open::Thinking { said: String::new(), signature: None },
            Block::ToolUse { id, name } => {
                Open::Call { id: id.to_string(), name: name.to_string(), arguments: String::new() }
            }
            Block::Text | Block::Other => Open::Nothing,
        };
    }

    fn delta(&mut self, delta: &Delta, visit: &mut Visit<'_>) {
        match (delta, &mut self.open) {
            (Delta::Text(text), _) if !text.is_empty() => {
                if let Some(thinking) = &mut self.thinking {
                    thinking.before_text = true;
                }
                self.part(json!({"text": &**text}), visit);
            }
            (Delta::Thinking(text), Open::Thinking { said, .. }) => {
                said.push_str(text);
                if self.thoughts == Thoughts::Included && !text.is_empty() {
                    self.part(json!({"text": &**text, "thought": true}), visit);
                }
            }
            (Delta::Signature(piece), Open::Thinking { signature, .. }) => {
                signature.get_or_insert_default().push_str(piece);
            }
            (Delta::ToolInput(piece), Open::Call { arguments, .. }) => arguments.push_str(piece),
            _ => {}
        }
    }

    /// The block before is over. `reason`: so is the answer.
    fn settle(&mut self, reason: Option<StopReason>, visit: &mut Visit<'_>) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Thinking { said, signature } => self.keep(said, signature, visit),
            Open::Call { id, name, arguments } => {
                let is_cut = matches!(reason, Some(StopReason::MaxTokens | StopReason::Refusal));
                self.call(&id, &name, &arguments, is_cut, visit);
            }
        }
    }

    /// What the client is to keep of thinking goes with the next call: agents send that back.
    fn keep(&mut self, said: String, signature: Option<String>, visit: &mut Visit<'_>) {
        let Some(signature) = signature else { return };
        match own(&signature) {
            Some((On::Call, signature)) => self.call_signature = Some(signature.to_string()),
            Some((On::Text, signature)) => {
                self.part(json!({"text": "", "thoughtSignature": &*signature}), visit);
            }
            None => {
                self.give_thinking(visit);
                let thinking = ForeignThinking { signature, thinking: said, before_text: false };
                self.thinking = Some(thinking);
            }
        }
    }

    /// No call keeps it: it has a part of its own.
    fn give_thinking(&mut self, visit: &mut Visit<'_>) {
        if let Some(thinking) = self.thinking.take() {
            let kept = thinking.kept();
            self.part(json!({"text": "", "thought": true, "thoughtSignature": kept}), visit);
        }
    }

    fn call(&mut self, id: &str, name: &str, arguments: &str, is_cut: bool, visit: &mut Visit<'_>) {
        let args = match serde_json::from_str::<Map<String, Value>>(arguments) {
            Ok(args) => args,
            Err(_) if arguments.trim().is_empty() && !is_cut => Map::new(),
            Err(_) => {
                self.broken_call = Some(format!("the call of {name} broke off: {arguments}"));
                return;
            }
        };
        let mut part = json!({"functionCall": {"id": id, "name": name, "args": args}});
        let foreign = self.thinking.take().map(|thinking| thinking.kept());
        if let Some(signature) = self.call_signature.take().or(foreign) {
            part["thoughtSignature"] = json!(signature);
        }
        self.part(part, visit);
    }

    fn part(&self, part: Value, visit: &mut Visit<'_>) {
        let candidate = json!({"content": {"parts": [part], "role": "model"}, "index": 0});
        visit("", self.response(candidate).to_string().as_bytes());
    }

    fn response(&self, candidate: Value) -> Value {
        json!({
            "candidates": [candidate], "modelVersion": self.names.model, "responseId": self.names.digits,
        })
    }

    /// The last word: why the answer ends. It has a part, because official clients take a response
    /// without one for an invalid answer.
    fn end(&mut self, visit: &mut Visit<'_>) {
        let Some((stop, usage)) = self.finish.take() else { return };
        if !self.native {
            self.give_thinking(visit);
        }
        let broken_call = self.broken_call.take();
        let reason = finish_reason(&stop, broken_call.is_some());
        let mut candidate = json!({
            "content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": reason, "index": 0,
        });
        if let Some(message) = broken_call {
            candidate["finishMessage"] = json!(message);
        }
        let mut last = self.response(candidate);
        last["usageMetadata"] = self.usage(&usage);
        last["ainfera"] = self.names.ainfera();
        if let Some(word) = &stop.word {
            last["ainfera"]["finish_reason_native"] = json!(&**word);
        }
        visit("", last.to_string().as_bytes());
    }

    fn usage(&self, usage: &TokenUsage) -> Value {
        let prompt = match usage.prompt_tokens() {
            0 => self.names.estimated_input_tokens,
            counted => counted,
        };
        let output = match usage.output_tokens {
            0 => estimated_output_tokens(self.text_bytes),
            counted => counted,
        };
        let candidates = output.saturating_sub(usage.thinking_tokens);
        let mut told = json!({
            "promptTokenCount": prompt, "candidatesTokenCount": candidates,
            "totalTokenCount": prompt.saturating_add(output),
        });
        let parts = [
            ("thoughtsTokenCount", usage.thinking_tokens),
            ("cachedContentTokenCount", usage.cache_read_input_tokens),
        ];
        for (name, count) in parts.into_iter().filter(|(_, count)| *count > 0) {
            told[name] = json!(count);
        }
        told
    }
}

/// Why the answer ends, in this dialect's words.
fn finish_reason(stop: &Stop, has_broken_call: bool) -> &'static str {
    match stop.reason {
        StopReason::MaxTokens | StopReason::ContextWindowExceeded => "MAX_TOKENS",
        StopReason::Refusal => "SAFETY",
        _ if has_broken_call => "MALFORMED_FUNCTION_CALL",
        StopReason::EndTurn
        | StopReason::StopSequence
        | StopReason::ToolUse
        | StopReason::PauseTurn
        | StopReason::Compaction => "STOP",
    }
}
