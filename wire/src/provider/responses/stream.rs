//! A Responses stream, read: each event in our words and, as it came, for a client of the same
//! dialect.
//!
//! Success is `response.completed` or `response.incomplete`. The response that they carry may leave
//! out its output: what was said is what the events said.

mod fault;
#[cfg(test)]
mod tests;

use ainfera_schema::{Served, TokenUsage, ToolUses};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::json;
use serde_json::value::RawValue;

use self::fault::{error_value, fault};
use crate::codec::json::Text;
use crate::codec::shape::{Mended, mended};
use crate::codec::sse::SseEvent;
use crate::error::provider_error::{FaultKind, reports_error};
use crate::error::stream_fault::StreamFault;
use crate::event::{Native, ProviderEvent, RelayMode, Stop, StopReason, StreamEvent};
use crate::oddity::Oddity;
use crate::passthrough::responses::{invented_end, renamed};
use crate::passthrough::tool_names::restored;
use crate::provider::responses::event::{Event, Item, Response, usage};
use crate::provider::responses::items::{Items, Kind, Whole};
use crate::tool_names::ToolNames;

/// Reads events until the response ends.
#[derive(Debug)]
pub(crate) struct ResponsesReader {
    relay: RelayMode,
    /// What the client shall see as the model's name.
    model: String,
    phase: Phase,
    items: Items,
    refused: bool,
    /// Tools that the vendor ran and charges for.
    tool_uses: ToolUses,
    said: Vec<StreamEvent>,
    /// The provider's name for the response.
    id: ByteString,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    BeforeStart,
    Answering,
    Ended,
}

impl ResponsesReader {
    /// `id_seed` makes ids for calls that come without one; `tool_names` gives back the names that
    /// the caller knows.
    pub(crate) fn new(
        relay: RelayMode,
        model: &str,
        id_seed: String,
        tool_names: ToolNames,
    ) -> Self {
        let items = Items::new(id_seed, tool_names);
        Self {
            relay,
            model: model.to_owned(),
            phase: Phase::BeforeStart,
            items,
            refused: false,
            tool_uses: ToolUses::NONE,
            said: Vec::new(),
            id: ByteString::new(),
        }
    }

    pub(crate) fn read(
        &mut self,
        event: SseEvent,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if self.phase == Phase::Ended {
            return Ok(());
        }
        let SseEvent { name, data } = event;
        if data.trim_ascii().is_empty() {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            return self.last_word(out);
        }
        if let Ok(event) = serde_json::from_slice::<Event<'_>>(&data) {
            return self.named(event, name, &data, &data, out);
        }
        let not_json = |error: serde_json::Error| {
            StreamFault::malformed(format!("event is not JSON: {error}"))
        };
        let Mended { native, fitting, oddities } = mended::<Event<'_>>(&data).map_err(not_json)?;
        out.extend(oddities.into_iter().map(|oddity| StreamEvent::Oddity(oddity).into()));
        match serde_json::from_slice::<Option<Event<'_>>>(&fitting).map_err(not_json)? {
            Some(event) => self.named(event, name, &fitting, &native, out),
            None => Ok(()),
        }
    }

    /// Reads an event whose texts lie in `data`. Some who copy the dialect name it in its line
    /// only.
    fn named(
        &mut self,
        event: Event<'_>,
        name: Bytes,
        data: &Bytes,
        native: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let kind = match &event.kind {
            Some(kind) if !kind.starts_with(|first: char| first.is_ascii_digit()) => {
                kind.shared(data)
            }
            _ => ByteString::try_from(name).unwrap_or_default(),
        };
        let mut said = std::mem::take(&mut self.said);
        let read = self.event(&kind, event, data, &mut said);
        let passed = match read {
            Ok(()) => self.pass_on(kind, native, &mut said, out),
            Err(fault) => {
                out.extend(said.drain(..).map(ProviderEvent::translated));
                Err(fault)
            }
        };
        said.clear();
        self.said = said;
        passed
    }

    /// OpenAI's last word of another dialect, which some who copy this one say. After whole items
    /// it is the end of the answer.
    fn last_word(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        if self.items.is_empty() || !self.items.are_done() {
            return Err(StreamFault::Truncated);
        }
        out.push(StreamEvent::Oddity(Oddity::NoFinishReason).into());
        let mut said = Vec::new();
        let response = Response { status: Some(Text("completed".into())), ..Response::default() };
        self.end(response, &Bytes::new(), &mut said)?;
        let native = invented_end(&self.id, &self.model);
        self.pass_on(ByteString::from_static("response.completed"), &native, &mut said, out)
    }

    /// The bytes are over: without the response's own end that is a cut.
    pub(crate) fn finish(&mut self) -> Result<(), StreamFault> {
        if self.phase == Phase::Ended { Ok(()) } else { Err(StreamFault::Truncated) }
    }

    /// The native form goes out with the last event that it gave rise to, so that nothing is held
    /// back which the client could have had.
    fn pass_on(
        &mut self,
        name: ByteString,
        data: &Bytes,
        said: &mut Vec<StreamEvent>,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if self.relay == RelayMode::Translated {
            out.extend(said.drain(..).map(ProviderEvent::translated));
            return Ok(());
        }
        // an event without a name that may go out goes out without one, and clients pass over it
        let is_legal =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
        let name = if is_legal { name } else { ByteString::new() };
        let data = restored(&renamed(data, &self.model)?, self.items.tool_names());
        let native = Native { name, data };
        let last = said.pop().unwrap_or(StreamEvent::Other);
        out.extend(said.drain(..).map(ProviderEvent::translated));
        out.push(ProviderEvent { event: last, native: Some(native) });
        Ok(())
    }

    fn event(
        &mut self,
        kind: &str,
        event: Event<'_>,
        data: &Bytes,
        said: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        if kind == "error" || kind.is_empty() && event.error.is_some_and(reports_error) {
            return Err(match event.error {
                Some(error) => fault(&error_value(Some(error))),
                None => fault(
                    &json!({"code": event.code.as_deref(), "message": event.message.as_deref()}),
                ),
            });
        }
        if self.phase == Phase::BeforeStart {
            self.start(event.response.as_ref(), data, said);
        }
        let place = event.output_index.unwrap_or_else(|| match kind {
            "response.output_item.added" => self.items.next_place(),
            _ => self.items.last_place(),
        });
        let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
        let part = (event.content_index.unwrap_or(0), event.summary_index.unwrap_or(0));
        match kind {
            "response.output_item.added" => {
                let Some(item) = event.item else { return Ok(()) };
                let (kind, whole) = whole_item(item, data);
                self.items.begin(place, kind, &whole, said);
            }
            "response.output_item.done" => {
                let Some(item) = event.item else { return Ok(()) };
                self.item_ended(place, item, data, said);
            }
            "response.output_text.delta" => {
                self.items.text(place, Kind::Message, part, text(event.delta), said)
            }
            "response.refusal.delta" => {
                self.refused = true;
                self.items.text(place, Kind::Message, part, text(event.delta), said);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.items.text(place, Kind::Reasoning, part, text(event.delta), said);
            }
            "response.function_call_arguments.delta" => {
                self.items.text(place, Kind::Function, part, text(event.delta), said)
            }
            "response.custom_tool_call_input.delta" => {
                self.items.text(place, Kind::Custom, part, text(event.delta), said)
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                let response = event.response.unwrap_or_default();
                let status = kind.strip_prefix("response.").unwrap_or_default();
                let ended = |status: &Text<'_>| {
                    matches!(&**status, "completed" | "incomplete" | "failed" | "cancelled")
                };
                let status = response.status.filter(ended).unwrap_or(Text(status.into()));
                self.end(Response { status: Some(status), ..response }, data, said)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn start(
        &mut self,
        response: Option<&Response<'_>>,
        data: &Bytes,
        said: &mut Vec<StreamEvent>,
    ) {
        self.phase = Phase::Answering;
        let id = response.and_then(|response| response.id.as_ref());
        let upstream_id = id.map(|id| id.shared(data));
        self.id = upstream_id.clone().unwrap_or_default();
        said.push(StreamEvent::Start { upstream_id, usage: TokenUsage::default() });
    }

    fn item_ended(
        &mut self,
        place: u64,
        item: Item<'_>,
        data: &Bytes,
        said: &mut Vec<StreamEvent>,
    ) {
        self.refused |=
            item.content.iter().flatten().any(|part| part.kind.as_deref() == Some("refusal"));
        if let Some(tool) = item.server_tool() {
            self.tool_uses.add(tool, 1);
        }
        let (kind, whole) = whole_item(item, data);
        self.items.end(place, kind, whole, said);
    }

    fn end(
        &mut self,
        response: Response<'_>,
        data: &Bytes,
        said: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        if self.phase == Phase::BeforeStart {
            self.start(Some(&response), data, said);
        }
        let status = response.status.as_deref().unwrap_or_default();
        let usage = TokenUsage {
            tool_uses: self.tool_uses,
            served: Served { tier: response.service_tier.0, ..Served::UNSAID },
            ..response.usage.map(usage).unwrap_or_default()
        };
        let error = response.error.filter(|error| reports_error(error));
        let why = response.incomplete_details.and_then(|details| details.reason);
        let cut = match (status, error, why.as_deref()) {
            ("completed", None, _) => None,
            ("incomplete", None, Some("max_output_tokens") | None) => Some(StopReason::MaxTokens),
            ("incomplete", None, Some("content_filter")) => Some(StopReason::Refusal),
            // what is not known to be a good end is none
            _ => {
                said.push(StreamEvent::FailedUsage(usage));
                return Err(failed(status, error, why.as_deref()));
            }
        };
        let nothing_came = self.items.is_empty();
        for (place, item) in response.output.unwrap_or_default().into_iter().enumerate() {
            let place = place as u64;
            // what the events left out is here, if it is anywhere
            if nothing_came || self.items.is_open(place) {
                self.item_ended(place, item, data, said);
            }
        }
        self.items.finish(said);
        let reason = match cut {
            Some(reason) => reason,
            None if self.items.has_calls() => StopReason::ToolUse,
            None if self.refused => StopReason::Refusal,
            None => StopReason::EndTurn,
        };
        let word = Some(why.map_or_else(|| status.into(), |why| why.shared(data)));
        said.push(StreamEvent::Finish { stop: Stop { reason, sequence: None, word }, usage });
        said.push(StreamEvent::End);
        self.phase = Phase::Ended;
        Ok(())
    }
}

/// A response that did not come to a good end, in the words of its error or of its status.
fn failed(status: &str, error: Option<&RawValue>, why: Option<&str>) -> StreamFault {
    match (error, why) {
        (None, Some(why)) => StreamFault::ErrorEvent {
            kind: FaultKind::Api,
            message: format!("response ended as {status}: {why}"),
        },
        (None, None) if status != "failed" => StreamFault::ErrorEvent {
            kind: FaultKind::Api,
            message: format!("response ended as {status}"),
        },
        (error, _) => fault(&error_value(error)),
    }
}

/// Arguments are JSON in a text; of some items they are the object itself.
fn json_text(raw: Option<&RawValue>, data: &Bytes) -> ByteString {
    match raw.map(RawValue::get) {
        Some(text) if text.starts_with('"') => {
            serde_json::from_str::<Text<'_>>(text).map(|text| text.shared(data)).unwrap_or_default()
        }
        Some(object) if object.starts_with('{') => ByteString::from(object),
        _ => ByteString::new(),
    }
}

fn whole_item(item: Item<'_>, data: &Bytes) -> (Kind, Whole) {
    let kind = Kind::of(item.kind.as_deref().unwrap_or_default());
    let shared = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
    let text = match kind {
        Kind::Message => item
            .content
            .into_iter()
            .flatten()
            .map(|part| shared(part.text.or(part.refusal)))
            .collect(),
        Kind::Reasoning => item
            .summary
            .into_iter()
            .flatten()
            .chain(item.content.into_iter().flatten())
            .map(|part| shared(part.text))
            .collect(),
        Kind::Function => vec![json_text(item.arguments, data)],
        Kind::Custom => vec![json_text(item.input, data)],
        Kind::Other => Vec::new(),
    };
    let encrypted = item
        .encrypted_content
        .map(|encrypted| encrypted.shared(data))
        .filter(|_| kind == Kind::Reasoning);
    (kind, Whole { call_id: shared(item.call_id), name: shared(item.name), text, encrypted })
}
