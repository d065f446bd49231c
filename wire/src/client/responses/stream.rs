//! Our words as events of the Responses dialect: what its client hears, whoever answered.
//!
//! Each block is one item; items are numbered from 0 without gaps, events too, and the last event
//! carries the whole response. An answer that fails gets `error` and `response.failed`, never
//! `response.completed`. A provider's own events go out as they came.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ainfera_schema::TokenUsage;
use serde_json::{Value, json};

use crate::client::answer_names::AnswerNames;
use crate::client::responses::request::ResponsesClient;
use crate::client::responses::request::items::ANTHROPIC_MARK;
use crate::codec::json::quoted;
use crate::error::client_error::{ClientError, openai_type};
use crate::event::{Block, Delta, ProviderEvent, StopReason, StreamEvent, estimated_output_tokens};
use crate::signature::{Issuer, read};

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
}

#[derive(Debug)]
struct OpenItem {
    kind: ItemKind,
    id: String,
    /// What was said of it so far: text, summary, arguments.
    said: String,
    signature: Option<String>,
}

#[derive(Debug)]
enum ItemKind {
    Message,
    Reasoning,
    Function {
        call_id: String,
        name: String,
    },
    /// Its input is one member of the arguments: known when they are complete.
    Custom {
        call_id: String,
        name: String,
    },
}

type Visit<'a> = dyn FnMut(&str, &[u8]) + 'a;

impl ResponsesFrames {
    pub fn new(names: AnswerNames, client: ResponsesClient) -> Self {
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

    /// The answer failed after it had begun. Official clients raise at the first of these events,
    /// Codex tries again at the second.
    pub fn error(&mut self, error: &ClientError, visit: &mut Visit<'_>) {
        if self.native.is_none() {
            // also where nothing but pings came before it
            self.start(visit);
        }
        let (kind, own_code) = openai_type(error.error_type);
        let code = error.code.or(own_code).unwrap_or("server_error");
        let told = json!({"type": kind, "code": code, "message": error.message, "param": null});
        self.emit(
            "error",
            json!({"code": code, "message": error.message, "param": null, "error": told}),
            visit,
        );
        let mut response = match self.native.take() {
            // the same response that began, not another one
            Some(response @ Value::Object(_)) => response,
            Some(_) | None => self.response("failed"),
        };
        response["status"] = json!("failed");
        response["error"] = json!({"code": code, "message": error.message});
        self.emit("response.failed", json!({"response": response}), visit);
    }

    fn emit(&mut self, name: &str, members: Value, visit: &mut Visit<'_>) {
        let mut event = json!({"type": name, "sequence_number": self.sequence_number});
        self.sequence_number += 1;
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        visit(name, event.to_string().as_bytes());
    }

    fn start(&mut self, visit: &mut Visit<'_>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        for name in ["response.created", "response.in_progress"] {
            let response = self.response("in_progress");
            self.emit(name, json!({"response": response}), visit);
        }
    }

    fn begin(&mut self, block: &Block, visit: &mut Visit<'_>) {
        let place = self.output.len();
        let id = |prefix: &str| format!("{prefix}_{}_{place}", self.names.digits);
        let (kind, id) = match block {
            Block::Text => (ItemKind::Message, id("msg")),
            Block::Thinking => (ItemKind::Reasoning, id("rs")),
            Block::ToolUse { id: call_id, name }
                if self.client.custom_tools.iter().any(|custom| **custom == **name) =>
            {
                (
                    ItemKind::Custom { call_id: call_id.to_string(), name: name.to_string() },
                    id("ctc"),
                )
            }
            Block::ToolUse { id: call_id, name } => (
                ItemKind::Function { call_id: call_id.to_string(), name: name.to_string() },
                id("fc"),
            ),
            // a translated stream has nothing to say of it
            Block::Other => return,
        };
        let open = OpenItem { kind, id, said: String::new(), signature: None };
        self.emit(
            "response.output_item.added",
            json!({"output_index": place, "item": open.item("in_progress")}),
            visit,
        );
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
            (ItemKind::Function { .. }, Delta::ToolInput(piece)) if !piece.is_empty() => {
                open.said.push_str(piece);
                ("response.function_call_arguments.delta", "", piece, "")
            }
            (ItemKind::Custom { .. }, Delta::ToolInput(piece)) => {
                open.said.push_str(piece);
                return;
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
            ItemKind::Function { name, .. } => {
                if open.said.is_empty() {
                    // no text at all is no JSON
                    open.said.push_str("{}");
                    self.emit_of(
                        &id,
                        place,
                        "response.function_call_arguments.delta",
                        json!({"delta": "{}"}),
                        visit,
                    );
                }
                let done = json!({"name": name, "arguments": open.said});
                self.emit_of(&id, place, "response.function_call_arguments.done", done, visit);
            }
            ItemKind::Custom { .. } => {
                open.said = custom_input(&open.said);
                self.emit_of(
                    &id,
                    place,
                    "response.custom_tool_call_input.delta",
                    json!({"delta": open.said}),
                    visit,
                );
                self.emit_of(
                    &id,
                    place,
                    "response.custom_tool_call_input.done",
                    json!({"input": open.said}),
                    visit,
                );
            }
        }
        let item = open.item(if self.incomplete().is_some() { "incomplete" } else { "completed" });
        self.emit("response.output_item.done", json!({"output_index": place, "item": item}), visit);
        self.output.push(item);
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

    pub fn name_coercions(&mut self, coercions: &Arc<[String]>) {
        self.names.coercions = Arc::clone(coercions);
    }

    /// The last event: why the answer ends, and all of it once more.
    fn end(&mut self, visit: &mut Visit<'_>) {
        let incomplete = self.incomplete();
        let (name, status) = match incomplete {
            Some(_) => ("response.incomplete", "incomplete"),
            None => ("response.completed", "completed"),
        };
        let details = incomplete.map_or(Value::Null, |reason| json!({"reason": reason}));
        let mut response = self.response(status);
        response["incomplete_details"] = details;
        response["usage"] = self.usage_json();
        if !self.names.coercions.is_empty() {
            response["ainfera"]["coercions"] = json!(self.names.coercions[..]);
        }
        self.emit(name, json!({"response": response}), visit);
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

    fn response(&self, status: &str) -> Value {
        let names = &self.names;
        let mut response = json!({
            "id": format!("resp_{}", names.digits), "object": "response", "created_at": names.created_s, "status": status,
            "error": null, "incomplete_details": null, "model": names.model, "output": self.output, "usage": null, "store": false,
            "ainfera": {"receipt_id": names.receipt_id, "agent_id": names.agent_id, "inference_id": names.inference_id},
        });
        if let Some(response) = response.as_object_mut() {
            response.extend(self.client.echo.clone());
        }
        response
    }

    /// The input includes what came from a cache, and the output what was thought.
    fn usage_json(&self) -> Value {
        let usage = &self.usage;
        let input = if usage.prompt_tokens() == 0 {
            self.names.estimated_input_tokens
        } else {
            usage.prompt_tokens()
        };
        let output = if usage.output_tokens == 0 {
            estimated_output_tokens(self.text_bytes)
        } else {
            usage.output_tokens
        };
        json!({
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": usage.cache_read_input_tokens, "cache_write_tokens": usage.cache_creation_input_tokens},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
            "total_tokens": input.saturating_add(output),
        })
    }
}

impl OpenItem {
    /// The item as it is now.
    fn item(&self, status: &str) -> Value {
        let (id, said) = (&self.id, &self.said);
        match &self.kind {
            ItemKind::Message => {
                let part =
                    json!({"type": "output_text", "text": said, "annotations": [], "logprobs": []});
                let content = if status == "in_progress" { json!([]) } else { json!([part]) };
                json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
            }
            ItemKind::Reasoning => {
                let summary = if said.is_empty() {
                    json!([])
                } else {
                    json!([{"type": "summary_text", "text": said}])
                };
                json!({"id": id, "type": "reasoning", "summary": summary, "encrypted_content": self.signature})
            }
            ItemKind::Function { call_id, name } => {
                json!({"id": id, "type": "function_call", "status": status, "call_id": call_id, "name": name, "arguments": said})
            }
            ItemKind::Custom { call_id, name } => {
                json!({"id": id, "type": "custom_tool_call", "status": status, "call_id": call_id, "name": name, "input": said})
            }
        }
    }
}

fn first_response(data: &[u8]) -> Value {
    serde_json::from_slice::<Value>(data)
        .ok()
        .and_then(|mut event| event.get_mut("response").map(Value::take))
        .unwrap_or_default()
}

/// A signature as this dialect's clients keep it: unmarked ones are OpenAI's here.
fn encrypted(signature: &str) -> String {
    match read(signature) {
        (Issuer::Responses, theirs) => theirs.to_owned(),
        (Issuer::Anthropic, theirs) => format!("{ANTHROPIC_MARK}{theirs}"),
        (Issuer::Gemini | Issuer::Deepseek | Issuer::Xai | Issuer::Together | Issuer::Chat, _) => {
            signature.to_owned()
        }
    }
}

/// The text inside the arguments; arguments that are not what was asked for are given as they came.
fn custom_input(arguments: &str) -> String {
    let parsed = serde_json::from_str::<Value>(arguments).ok();
    parsed
        .and_then(|arguments| Some(arguments.get("input")?.as_str()?.to_owned()))
        .unwrap_or_else(|| arguments.to_owned())
}
