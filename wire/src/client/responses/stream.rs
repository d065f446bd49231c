//! Our words as events of the Responses dialect: what its client hears, whoever answered.
//!
//! Each block is one item; items are numbered from 0 without gaps, events too, and the last event
//! carries the whole response. An answer that fails gets `error` and `response.failed`, never
//! `response.completed`. A provider's own events go out as they came.

mod item;
#[cfg(test)]
mod published;
mod response;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ainfera_schema::TokenUsage;
use serde_json::{Value, json};

use self::item::{ItemKind, OpenItem, Shown, custom_input, encrypted};
use crate::client::answer_names::AnswerNames;
use crate::client::openai::declared_tools::ToolKind;
use crate::client::responses::request::ResponsesClient;
use crate::codec::json::quoted;
use crate::event::{Block, Delta, ProviderEvent, StopReason, StreamEvent};

/// Writes one answer. A pure state machine: events in, events out.
#[derive(Debug)]
pub struct ResponsesFrames {
    names: AnswerNames,
    client: ResponsesClient,
    /// The response as the provider's own first event has it, where the events are its own: what
    /// they say is not said again.
    native: Option<Value>,
    started: bool,
    sequence_number: u64,
    open: Option<OpenItem>,
    /// Items that are complete.
    output: Vec<Value>,
    text_bytes: usize,
    usage: TokenUsage,
    stop: Option<StopReason>,
    /// The time of the newest event, in seconds since the Unix epoch.
    now_s: i64,
}

type Visit<'a> = dyn FnMut(&str, &[u8]) + 'a;

impl ResponsesFrames {
    pub fn new(names: AnswerNames, client: ResponsesClient) -> Self {
        let now_s = names.created_s;
        Self {
            names,
            client,
            native: None,
            started: false,
            sequence_number: 0,
            open: None,
            output: Vec::new(),
            text_bytes: 0,
            usage: TokenUsage::default(),
            stop: None,
            now_s,
        }
    }

    /// The events for one of ours.
    pub fn json(&mut self, provider_event: &ProviderEvent, visit: &mut Visit<'_>) {
        if let Some(native) = &provider_event.native {
            if self.native.is_none() {
                self.native = Some(first_response(&native.data));
            }
            self.sequence_number += 1;
            return visit(&native.name, &native.data);
        }
        if self.native.is_some() {
            return;
        }
        match &provider_event.event {
            StreamEvent::Start { usage, .. } => {
                self.usage = *usage;
                self.start(visit);
            }
            StreamEvent::BlockStart(block) => {
                self.start(visit);
                self.close(visit);
                self.begin(block, visit);
            }
            StreamEvent::Delta(delta) => {
                self.text_bytes += delta.text_bytes();
                self.delta(delta, visit);
            }
            // what follows says whether the item is whole: nobody may run a call whose arguments
            // were cut
            StreamEvent::BlockStop => {}
            StreamEvent::Finish { stop, usage } => {
                self.start(visit);
                self.usage = *usage;
                self.stop = Some(stop.reason);
                self.close(visit);
            }
            StreamEvent::End => self.end(visit),
            StreamEvent::Ping
            | StreamEvent::HiddenReasoning { .. }
            | StreamEvent::FailedUsage(_)
            | StreamEvent::Oddity(_)
            | StreamEvent::Other => {}
        }
    }

    fn emit(&mut self, name: &str, members: Value, visit: &mut Visit<'_>) {
        let mut event = json!({"type": name, "sequence_number": self.sequence_number});
        self.sequence_number += 1;
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        visit(name, event.to_string().as_bytes());
    }

    fn begin(&mut self, block: &Block, visit: &mut Visit<'_>) {
        let place = self.output.len();
        let kind = match block {
            Block::Text => ItemKind::Message,
            Block::Thinking => ItemKind::Reasoning,
            Block::ToolUse { id, name } => ItemKind::call(id, self.client.tools.declared(name)),
            // a translated stream has nothing to say of it
            Block::Other => return,
        };
        let id = format!("{}_{}_{place}", kind.prefix(), self.names.digits);
        let open = OpenItem { kind, id, said: String::new(), signature: None };
        if open.kind.shown() == Shown::AsItComes {
            self.added(&open, visit);
        }
        if let ItemKind::Message = open.kind {
            let part =
                json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
            self.emit(
                "response.content_part.added",
                json!({"item_id": open.id, "output_index": place, "content_index": 0, "part": part}),
                visit,
            );
        }
        self.open = Some(open);
    }

    fn added(&mut self, open: &OpenItem, visit: &mut Visit<'_>) {
        let place = self.output.len();
        self.emit(
            "response.output_item.added",
            json!({"output_index": place, "item": open.item("in_progress")}),
            visit,
        );
    }

    fn delta(&mut self, delta: &Delta, visit: &mut Visit<'_>) {
        let place = self.output.len();
        let Some(open) = &mut self.open else { return };
        let id = open.id.clone();
        // what stands before and behind the piece
        let (name, before, piece, behind) = match (&open.kind, delta) {
            (ItemKind::Message, Delta::Text(text)) => {
                open.said.push_str(text);
                ("response.output_text.delta", "\"content_index\":0,", text, ",\"logprobs\":[]")
            }
            (ItemKind::Reasoning, Delta::Thinking(text)) if !text.is_empty() => {
                if open.said.is_empty() {
                    let part = json!({"type": "summary_text", "text": ""});
                    self.emit(
                        "response.reasoning_summary_part.added",
                        json!({"item_id": id, "output_index": place, "summary_index": 0, "part": part}),
                        visit,
                    );
                }
                if let Some(open) = &mut self.open {
                    open.said.push_str(text);
                }
                ("response.reasoning_summary_text.delta", "\"summary_index\":0,", text, "")
            }
            (ItemKind::Reasoning, Delta::Signature(signature)) => {
                open.signature = Some(encrypted(signature));
                return;
            }
            (ItemKind::Call(call), Delta::ToolInput(piece)) if !piece.is_empty() => {
                open.said.push_str(piece);
                // of the others the input is known when the arguments are complete
                if call.tool.kind != ToolKind::Function {
                    return;
                }
                ("response.function_call_arguments.delta", "", piece, "")
            }
            _ => return,
        };
        // written as text: there is one for each piece of an answer
        let (number, id, piece) = (self.sequence_number, quoted(&id), quoted(piece));
        self.sequence_number += 1;
        let event = format!(
            "{{\"type\":\"{name}\",\"sequence_number\":{number},\"item_id\":{id},\"output_index\":{place},{before}\"delta\":{piece}{behind}}}"
        );
        visit(name, event.as_bytes());
    }

    fn close(&mut self, visit: &mut Visit<'_>) {
        let Some(mut open) = self.open.take() else { return };
        if open.kind.shown() == Shown::WhenComplete {
            open.complete();
            self.added(&open, visit);
        }
        let (id, place) = (open.id.clone(), self.output.len());
        match &open.kind {
            ItemKind::Message => {
                let done = json!({"content_index": 0, "text": open.said, "logprobs": []});
                self.emit_of(&id, place, "response.output_text.done", done, visit);
                let part = json!({"type": "output_text", "text": open.said, "annotations": [], "logprobs": []});
                self.emit_of(
                    &id,
                    place,
                    "response.content_part.done",
                    json!({"content_index": 0, "part": part}),
                    visit,
                );
            }
            ItemKind::Reasoning if open.said.is_empty() => {}
            ItemKind::Reasoning => {
                let done = json!({"summary_index": 0, "text": open.said});
                self.emit_of(&id, place, "response.reasoning_summary_text.done", done, visit);
                let part = json!({"type": "summary_text", "text": open.said});
                self.emit_of(
                    &id,
                    place,
                    "response.reasoning_summary_part.done",
                    json!({"summary_index": 0, "part": part}),
                    visit,
                );
            }
            ItemKind::Call(call) => match call.tool.kind {
                ToolKind::Function => {
                    let name = call.tool.name.clone();
                    self.function_done(&mut open.said, &id, &name, visit);
                }
                ToolKind::Custom => {
                    open.said = custom_input(&open.said);
                    let delta = json!({"delta": open.said});
                    let name = "response.custom_tool_call_input.delta";
                    self.emit_of(&id, place, name, delta, visit);
                    let done = json!({"input": open.said});
                    self.emit_of(&id, place, "response.custom_tool_call_input.done", done, visit);
                }
                // these have no events but those of their items
                _ => {}
            },
        }
        let item = open.item(if self.incomplete().is_some() { "incomplete" } else { "completed" });
        self.emit("response.output_item.done", json!({"output_index": place, "item": item}), visit);
        self.output.push(item);
    }

    /// The arguments of a function are complete.
    fn function_done(&mut self, said: &mut String, id: &str, name: &str, visit: &mut Visit<'_>) {
        let place = self.output.len();
        if said.is_empty() {
            // no text at all is no JSON
            said.push_str("{}");
            let delta = json!({"delta": "{}"});
            self.emit_of(id, place, "response.function_call_arguments.delta", delta, visit);
        }
        let done = json!({"name": name, "arguments": said});
        self.emit_of(id, place, "response.function_call_arguments.done", done, visit);
    }

    fn emit_of(
        &mut self,
        id: &str,
        place: usize,
        name: &str,
        members: Value,
        visit: &mut Visit<'_>,
    ) {
        let mut all = json!({"item_id": id, "output_index": place});
        if let (Some(all), Value::Object(members)) = (all.as_object_mut(), members) {
            all.extend(members);
        }
        self.emit(name, all, visit);
    }

    /// The time of the events that follow.
    pub fn set_time(&mut self, now_s: i64) {
        self.now_s = now_s;
    }

    pub fn name_coercions(&mut self, coercions: &Arc<[String]>) {
        self.names.coercions = Arc::clone(coercions);
    }

    /// Why the answer is not whole, if it is not.
    fn incomplete(&self) -> Option<&str> {
        match &self.stop {
            Some(StopReason::MaxTokens | StopReason::ContextWindowExceeded) => {
                Some("max_output_tokens")
            }
            Some(StopReason::Refusal) => Some("content_filter"),
            Some(
                StopReason::EndTurn
                | StopReason::StopSequence
                | StopReason::ToolUse
                | StopReason::PauseTurn
                | StopReason::Compaction,
            )
            | None => None,
        }
    }
}

fn first_response(data: &[u8]) -> Value {
    serde_json::from_slice::<Value>(data)
        .ok()
        .and_then(|mut event| event.get_mut("response").map(Value::take))
        .unwrap_or_default()
}
