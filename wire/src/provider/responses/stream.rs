//! A Responses stream, read: each event in our words and, as it came, for a client of the same
//! dialect.
//!
//! Success is `response.completed` or `response.incomplete`. The response that they carry may leave
//! out its output: what was said is what the events said.

use ainfera_schema::{Served, TokenUsage, ToolUses};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::json;

use crate::codec::json::Text;
use crate::codec::sse::SseEvent;
use crate::error::provider_error::{FaultKind, fault_in_stream};
use crate::error::stream_fault::StreamFault;
use crate::event::{Native, ProviderEvent, RelayMode, Stop, StopReason, StreamEvent};
use crate::passthrough::responses::renamed;
use crate::provider::responses::event::{ErrorBody, Event, Item, Response, usage};
use crate::provider::responses::items::{Items, Kind, Whole};
use crate::provider::tool_names::ToolNames;

/// Reads events until the response ends.
#[derive(Debug)]
pub struct ResponsesReader {
    relay: RelayMode,
    /// What the client shall see as the model's name.
    model: String,
    phase: Phase,
    items: Items,
    refused: bool,
    /// Tools that the vendor ran and charges for.
    tool_uses: ToolUses,
    said: Vec<StreamEvent>,
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
    pub fn new(relay: RelayMode, model: &str, id_seed: String, tool_names: ToolNames) -> Self {
        let items = Items::new(id_seed, tool_names);
        Self {
            relay,
            model: model.to_owned(),
            phase: Phase::BeforeStart,
            items,
            refused: false,
            tool_uses: ToolUses::NONE,
            said: Vec::new(),
        }
    }

    pub fn read(
        &mut self,
        event: SseEvent,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if self.phase == Phase::Ended {
            return Ok(());
        }
        let data = event.data;
        if data.trim_ascii() == b"[DONE]" {
            return Err(StreamFault::Truncated);
        }
        let parsed: Event<'_> = serde_json::from_slice(&data)
            .map_err(|error| StreamFault::malformed(format!("event is not JSON: {error}")))?;
        // some who copy the dialect name the event in its line only
        let kind = match &parsed.kind {
            Some(kind) => kind.shared(&data),
            None => ByteString::try_from(event.name)
                .map_err(|_| StreamFault::malformed("event without a type"))?,
        };
        let mut said = std::mem::take(&mut self.said);
        let read = self.event(&kind, parsed, &data, &mut said);
        let passed = read.and_then(|()| self.pass_on(kind, &data, &mut said, out));
        said.clear();
        self.said = said;
        passed
    }

    /// The bytes are over: without the response's own end that is a cut.
    pub fn finish(&mut self) -> Result<(), StreamFault> {
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
        let legal = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
        if !legal {
            return Err(StreamFault::malformed("event with an illegal type"));
        }
        let native = Native { name, data: renamed(data, &self.model)? };
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
        if kind == "error" {
            return Err(fault(event.error.or(Some(ErrorBody {
                code: event.code,
                message: event.message,
                kind: None,
            }))));
        }
        if self.phase == Phase::BeforeStart {
            self.phase = Phase::Answering;
            let upstream_id = event
                .response
                .as_ref()
                .and_then(|response| response.id.as_ref())
                .map(|id| id.shared(data));
            said.push(StreamEvent::Start { upstream_id, usage: TokenUsage::default() });
        }
        let place = event.output_index.unwrap_or_else(|| self.items.last_place());
        let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
        let part = (event.content_index.unwrap_or(0), event.summary_index.unwrap_or(0));
        match kind {
            "response.output_item.added" => {
                let Some(item) = event.item else {
                    return Err(StreamFault::malformed("item event without an item"));
                };
                let (kind, whole) = whole_item(item, data);
                self.items.begin(place, kind, &whole, said);
            }
            "response.output_item.done" => {
                let Some(item) = event.item else {
                    return Err(StreamFault::malformed("item event without an item"));
                };
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
            "response.completed" | "response.incomplete" | "response.failed" => {
                let response = event.response.unwrap_or_default();
                let status = kind.strip_prefix("response.").unwrap_or_default();
                let ended =
                    |status: &Text<'_>| matches!(&**status, "completed" | "incomplete" | "failed");
                let status = response.status.filter(ended).unwrap_or(Text(status.into()));
                self.end(Response { status: Some(status), ..response }, data, said)?;
            }
            _ => {}
        }
        Ok(())
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
        let status = response.status.as_deref().unwrap_or_default();
        if response.error.is_some() || status == "failed" {
            return Err(fault(response.error));
        }
        if self.phase == Phase::BeforeStart {
            self.phase = Phase::Answering;
            said.push(StreamEvent::Start {
                upstream_id: response.id.as_ref().map(|id| id.shared(data)),
                usage: TokenUsage::default(),
            });
        }
        let nothing_came = self.items.is_empty();
        for (place, item) in response.output.unwrap_or_default().into_iter().enumerate() {
            let place = place as u64;
            // what the events left out is here, if it is anywhere
            if nothing_came || self.items.is_open(place) {
                self.item_ended(place, item, data, said);
            }
        }
        self.items.finish(said);
        let why = response
            .incomplete_details
            .and_then(|details| details.reason)
            .map(|reason| reason.shared(data));
        let reason = match (status, why.as_deref()) {
            ("completed", _) if self.items.has_calls() => StopReason::ToolUse,
            ("completed", _) if self.refused => StopReason::Refusal,
            ("completed", _) => StopReason::EndTurn,
            ("incomplete", Some("max_output_tokens") | None) => StopReason::MaxTokens,
            ("incomplete", Some("content_filter")) => StopReason::Refusal,
            ("incomplete", Some(other)) => StopReason::Other(other.into()),
            _ => return Err(StreamFault::malformed(format!("response ended as `{status}`"))),
        };
        let word = why.or_else(|| Some(status.into()));
        let served = Served { tier: response.service_tier.0, ..Served::UNSAID };
        let usage = TokenUsage {
            tool_uses: self.tool_uses,
            served,
            ..response.usage.map(usage).unwrap_or_default()
        };
        said.push(StreamEvent::Finish { stop: Stop { reason, sequence: None, word }, usage });
        said.push(StreamEvent::End);
        self.phase = Phase::Ended;
        Ok(())
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
        Kind::Function => vec![shared(item.arguments)],
        Kind::Custom => vec![shared(item.input)],
        Kind::Other => Vec::new(),
    };
    let encrypted = item
        .encrypted_content
        .map(|encrypted| encrypted.shared(data))
        .filter(|_| kind == Kind::Reasoning);
    (kind, Whole { call_id: shared(item.call_id), name: shared(item.name), text, encrypted })
}

/// The code decides where it is one that only this dialect has; else the words do, as for
/// everybody.
fn fault(error: Option<ErrorBody<'_>>) -> StreamFault {
    let text =
        |text: Option<Text<'_>>| text.map(|text| text.to_string()).filter(|text| !text.is_empty());
    let (code, kind, message) = error.map_or((None, None, None), |error| {
        (text(error.code), text(error.kind), text(error.message))
    });
    let code = code.or(kind).unwrap_or_default();
    let message = message.unwrap_or_else(|| {
        if code.is_empty() { "provider error".to_owned() } else { code.clone() }
    });
    let said = fault_in_stream(
        json!({"error": {"code": code, "message": message}}).to_string().as_bytes(),
    );
    let kind = match code.as_str() {
        "slow_down" => FaultKind::Overloaded,
        "invalid_prompt" | "invalid_request_error" => match said.kind {
            kind @ FaultKind::ModelLacks(_) => kind,
            _ => FaultKind::InvalidRequest,
        },
        // such as `image_too_large`
        code if code.contains("image") => FaultKind::InvalidRequest,
        _ => said.kind,
    };
    StreamFault::ErrorEvent { kind, message: said.message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::provider_error::Lack;
    use crate::event::{Block, Delta};

    fn heard(relay: RelayMode, datas: &[&str]) -> (Vec<ProviderEvent>, Result<(), StreamFault>) {
        let mut reader =
            ResponsesReader::new(relay, "the-slug", "seed".to_owned(), ToolNames::default());
        let mut out = Vec::new();
        for data in datas {
            let event =
                SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
            if let Err(fault) = reader.read(event, &mut out) {
                return (out, Err(fault));
            }
        }
        let end = reader.finish();
        (out, end)
    }

    const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"theirs","status":"in_progress"}}"#;
    const CALL: &str = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}}"#;
    const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","model":"theirs","status":"completed","output":[]}}"#;

    #[test]
    fn a_native_client_gets_every_event_once_and_our_name_for_the_model() {
        let unknown = r#"{"type":"response.hologram.beamed","x": 1}"#;
        let (out, end) = heard(RelayMode::Native, &[CREATED, unknown, CALL, COMPLETED]);
        assert_eq!(end, Ok(()));
        let frames: Vec<String> = out
            .iter()
            .filter_map(|out| out.native.as_ref())
            .map(|native| format!("{} {}", native.name, String::from_utf8_lossy(&native.data)))
            .collect();
        let ours = |data: &str| data.replace("theirs", "the-slug");
        let expected = [
            format!("response.created {}", ours(CREATED)),
            format!("response.hologram.beamed {unknown}"),
            format!("response.output_item.done {CALL}"),
            format!("response.completed {}", ours(COMPLETED)),
        ];
        assert_eq!(frames, expected);
        // the end is what the client waits for: the frame that says it is on no earlier event
        assert_eq!(out.last().unwrap().event, StreamEvent::End);
        assert!(out.last().unwrap().native.is_some());
        assert_eq!(
            out[2].event,
            StreamEvent::BlockStart(Block::ToolUse { id: "c".into(), name: "f".into() })
        );
        assert_eq!(out[3].event, StreamEvent::Delta(Delta::ToolInput("{}".into())));
        assert!(out[2].native.is_none() && out[3].native.is_none() && out[4].native.is_some());
    }

    #[test]
    fn an_illegal_event_name_is_no_dialect() {
        let (_, end) = heard(RelayMode::Native, &[CREATED, r#"{"type":"response.a\nb"}"#]);
        assert!(matches!(end, Err(StreamFault::Malformed(_))), "{end:?}");
        let (_, end) = heard(RelayMode::Translated, &[CREATED, "<html>"]);
        assert!(matches!(end, Err(StreamFault::Malformed(_))), "{end:?}");
    }

    #[test]
    fn errors_have_their_kinds() {
        for (data, kind) in [
            (
                r#"{"type":"error","code":"rate_limit_exceeded","message":"slow"}"#,
                FaultKind::RateLimited,
            ),
            (
                r#"{"type":"error","error":{"code":"slow_down","message":"m"}}"#,
                FaultKind::Overloaded,
            ),
            (
                r#"{"type":"error","error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"m"}}"#,
                FaultKind::ModelLacks(Lack::Window),
            ),
            (
                r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"insufficient_quota","message":"m"}}}"#,
                FaultKind::OutOfFunds,
            ),
            (
                r#"{"type":"response.failed","response":{"error":{"code":"invalid_image_format","message":"m"}}}"#,
                FaultKind::InvalidRequest,
            ),
            (r#"{"type":"response.failed","response":{"error":null}}"#, FaultKind::Api),
        ] {
            let (_, end) = heard(RelayMode::Translated, &[CREATED, data]);
            assert!(
                matches!(end, Err(StreamFault::ErrorEvent { kind: out, .. }) if out == kind),
                "{data}: {end:?}"
            );
        }
    }
}
