//! Anthropic's event stream, read: each event in our words and, as it came, for a client of the
//! same dialect.

mod blocks;
mod content;
mod ending;
mod frame;
#[cfg(test)]
mod tests;
mod usage;

use ainfera_schema::TokenUsage;
use bytes::Bytes;
use bytestring::ByteString;

use self::blocks::OpenBlocks;
use self::ending::{fault, stop_reason};
use self::frame::{Frame, FrameDelta, StartMessage};
use self::usage::{FrameUsage, ReportedUsage};
use crate::codec::json::Text;
use crate::codec::shape::{Mended, mended};
use crate::codec::sse::SseEvent;
use crate::error::provider_error::reports_error;
use crate::error::stream_fault::StreamFault;
use crate::event::{
    Native, ProviderEvent, RelayMode, Stop, StopReason, StreamEvent, estimated_output_tokens,
};
use crate::oddity::Oddity;
use crate::passthrough::messages::{
    delta_with_stop, delta_with_usage, invented_delta, renamed_start,
};
use crate::provider::anthropic::complete_start;
use crate::tool_names::ToolNames;

/// Follows the order of events while it reads them.
#[derive(Debug)]
pub(crate) struct AnthropicReader {
    /// What the client shall see as the model's name.
    model: String,
    relay: RelayMode,
    /// Stands in until the provider has counted.
    estimated_input_tokens: u64,
    /// Makes ids for calls that come without one.
    id_seed: String,
    /// Gives back the names that the caller knows.
    tool_names: ToolNames,
    phase: Phase,
    usage: ReportedUsage,
    text_bytes: usize,
    blocks: OpenBlocks,
    /// Calls of the client's tools.
    calls: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    BeforeStart,
    /// Nothing of the answer has been said.
    Started,
    /// Blocks have begun.
    InContent,
    /// The stop reason is known.
    Finished,
    Ended,
}

/// An event as it came, beside what was read of it.
struct Source<'s> {
    name: ByteString,
    /// Where its texts lie.
    data: &'s Bytes,
    native: Bytes,
    /// A native client gets nothing in its place but our name for the model: some of it was odd.
    is_odd: bool,
}

impl AnthropicReader {
    /// `model` is the name that the client shall see; `id_seed` makes ids for calls that come
    /// without one; `tool_names` gives back the names that the caller knows.
    pub(crate) fn new(
        relay: RelayMode,
        model: &str,
        estimated_input_tokens: u64,
        id_seed: String,
        tool_names: ToolNames,
    ) -> Self {
        Self {
            model: model.to_owned(),
            tool_names,
            relay,
            estimated_input_tokens,
            id_seed,
            phase: Phase::BeforeStart,
            usage: ReportedUsage::default(),
            text_bytes: 0,
            blocks: OpenBlocks::default(),
            calls: 0,
        }
    }

    /// Reads one event.
    pub(crate) fn read(
        &mut self,
        event: SseEvent,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let SseEvent { name, data } = event;
        if self.phase == Phase::Ended || data.is_empty() {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            return self.last_word(out);
        }
        if let Ok(frame) = serde_json::from_slice::<Frame<'_>>(&data) {
            let name = event_name(frame.kind.as_ref(), name, &data);
            let source = Source { name, data: &data, native: data.clone(), is_odd: false };
            return self.frame(frame, source, out);
        }
        let not_json = |error: serde_json::Error| {
            StreamFault::malformed(format!("event is not JSON: {error}"))
        };
        let Mended { native, fitting, oddities } = mended::<Frame<'_>>(&data).map_err(not_json)?;
        out.extend(oddities.into_iter().map(|oddity| StreamEvent::Oddity(oddity).into()));
        match serde_json::from_slice::<Option<Frame<'_>>>(&fitting).map_err(not_json)? {
            Some(frame) => {
                let name = event_name(frame.kind.as_ref(), name, &fitting);
                self.frame(frame, Source { name, data: &fitting, native, is_odd: true }, out)
            }
            None => Ok(()),
        }
    }

    fn frame(
        &mut self,
        frame: Frame<'_>,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        match &*source.name {
            "message_start" => self.message_start(frame.message, source, out),
            "content_block_start" => {
                self.block_start(frame.index, frame.content_block, source, out)
            }
            "content_block_delta" => self.block_delta(frame.index, frame.delta, source, out),
            "content_block_stop" => {
                self.block_stop(frame.index, source, out);
                Ok(())
            }
            "message_delta" => self.message_delta(frame.delta, frame.usage, source, out),
            "message_stop" => self.message_stop(source, out),
            "error" => Err(fault(frame.error)),
            "" if frame.error.is_some_and(reports_error) => Err(fault(frame.error)),
            "ping" => {
                out.push(self.heard(StreamEvent::Ping, source));
                Ok(())
            }
            _ => {
                out.push(self.heard(StreamEvent::Other, source));
                Ok(())
            }
        }
    }

    fn message_start(
        &mut self,
        message: Option<StartMessage<'_>>,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        match self.phase {
            Phase::BeforeStart => {}
            Phase::Started => {
                // said twice before anything else: clients may hear it once
                self.add_usage(message.and_then(|message| message.usage));
                return Ok(());
            }
            _ => return Err(StreamFault::malformed("message_start out of order")),
        }
        let content = message.as_ref().and_then(|message| message.content.as_ref());
        if content.is_some_and(|content| !content.is_empty()) {
            let events = complete_start::events(&source.native)?;
            return events.into_iter().try_for_each(|event| self.read(event, out));
        }
        self.phase = Phase::Started;
        let id = message.as_ref().and_then(|message| message.id.as_ref());
        let upstream_id = id.map(|id| id.shared(source.data));
        let has_message = message.is_some();
        self.add_usage(message.and_then(|message| message.usage));
        let usage = self.usage.of_message();
        let mut native = source.native.clone();
        if self.relay == RelayMode::Native && has_message {
            let estimate = TokenUsage { input_tokens: self.estimated_input_tokens, ..usage };
            let is_uncounted = usage.prompt_tokens() == 0 && !source.is_odd;
            native = renamed_start(&native, &self.model, is_uncounted.then_some(&estimate))?;
        }
        out.push(
            self.heard(StreamEvent::Start { upstream_id, usage }, Source { native, ..source }),
        );
        Ok(())
    }

    /// There may be several of these events. An answer cut by `max_tokens` inside a tool call may
    /// leave its block open.
    fn message_delta(
        &mut self,
        delta: Option<FrameDelta<'_>>,
        usage: Option<FrameUsage>,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if self.phase == Phase::BeforeStart {
            return Err(StreamFault::malformed("message_delta before message_start"));
        }
        let is_counted = usage.as_ref().is_some_and(|usage| usage.output_tokens.is_some());
        self.add_usage(usage);
        let mut native = source.native.clone();
        if self.relay == RelayMode::Native && !is_counted && !source.is_odd {
            native = delta_with_usage(&native, &self.shown_usage())?;
        }
        let (word, sequence) =
            delta.map_or((None, None), |delta| (delta.stop_reason, delta.stop_sequence));
        let Some(word) = word else {
            out.push(self.heard(StreamEvent::Other, Source { native, ..source }));
            return Ok(());
        };
        let reason = stop_reason(&word).inspect_err(|_| {
            out.push(StreamEvent::FailedUsage(self.usage.whole()).into());
        })?;
        let reason = self.agreeing(reason, out);
        if self.relay == RelayMode::Native && reason.as_str() != &*word {
            native = delta_with_stop(&native, reason.as_str());
        }
        self.end_all_but_the_last(out);
        self.phase = Phase::Finished;
        let stop = Stop {
            reason,
            sequence: sequence.map(|sequence| sequence.shared(source.data)),
            word: Some(word.shared(source.data)),
        };
        let finish = StreamEvent::Finish { stop, usage: self.usage.whole() };
        out.push(self.heard(finish, Source { native, ..source }));
        Ok(())
    }

    /// The reason that agents can act upon: they run the tools that were called if it says so.
    fn agreeing(&self, reason: StopReason, out: &mut Vec<ProviderEvent>) -> StopReason {
        match reason {
            StopReason::EndTurn if self.calls > 0 => {
                out.push(StreamEvent::Oddity(Oddity::UnannouncedToolCall).into());
                StopReason::ToolUse
            }
            StopReason::ToolUse if self.calls == 0 && self.relay == RelayMode::Translated => {
                StopReason::EndTurn
            }
            reason => reason,
        }
    }

    /// Blocks that others wait for end; the last one may be cut.
    fn end_all_but_the_last(&mut self, out: &mut Vec<ProviderEvent>) {
        while self.blocks.any() && self.blocks.find(None) != Some(0) {
            self.complete_input(0, out);
            self.also(0, StreamEvent::BlockStop, out);
            self.blocks.end(0, out);
        }
    }

    fn message_stop(
        &mut self,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if self.phase != Phase::Finished {
            self.end_by_content(out)?;
        }
        self.phase = Phase::Ended;
        out.push(self.heard(StreamEvent::End, source));
        Ok(())
    }

    /// The last word came, and no event before it said why the answer ends.
    fn end_by_content(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        if self.phase != Phase::InContent {
            return Err(StreamFault::malformed("message_stop out of order"));
        }
        if self.blocks.any_call() {
            return Err(StreamFault::Truncated);
        }
        out.push(StreamEvent::Oddity(Oddity::NoFinishReason).into());
        self.end_all_but_the_last(out);
        self.end_block(None, out);
        let reason = if self.calls > 0 { StopReason::ToolUse } else { StopReason::EndTurn };
        let source = Source {
            name: ByteString::from_static("message_delta"),
            data: &Bytes::new(),
            native: invented_delta(reason.as_str(), &self.shown_usage()),
            is_odd: true,
        };
        let stop = Stop { reason, sequence: None, word: None };
        out.push(self.heard(StreamEvent::Finish { stop, usage: self.usage.whole() }, source));
        self.phase = Phase::Finished;
        Ok(())
    }

    /// OpenAI's last word, which some who copy the dialect say.
    fn last_word(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        match self.phase {
            Phase::InContent => self.end_by_content(out)?,
            Phase::BeforeStart | Phase::Started => return Err(StreamFault::Truncated),
            Phase::Finished | Phase::Ended => {}
        }
        self.finish(out)
    }

    /// The bytes are over. With the stop reason known the answer is whole, and only its last word
    /// is missing.
    pub(crate) fn finish(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        match self.phase {
            Phase::Ended => Ok(()),
            Phase::Finished => {
                self.phase = Phase::Ended;
                let source = Source {
                    name: ByteString::from_static("message_stop"),
                    data: &Bytes::new(),
                    native: Bytes::from_static(b"{\"type\":\"message_stop\"}"),
                    is_odd: false,
                };
                out.push(self.heard(StreamEvent::End, source));
                Ok(())
            }
            Phase::BeforeStart | Phase::Started | Phase::InContent => Err(StreamFault::Truncated),
        }
    }

    fn add_usage(&mut self, usage: Option<FrameUsage>) {
        if let Some(usage) = usage {
            self.usage.add(&usage);
        }
    }

    /// What a client is told where the provider counts nothing.
    fn shown_usage(&self) -> TokenUsage {
        let usage = self.usage.of_message();
        let is_counted = usage.prompt_tokens() > 0;
        TokenUsage {
            input_tokens: if is_counted { usage.input_tokens } else { self.estimated_input_tokens },
            output_tokens: estimated_output_tokens(self.text_bytes),
            ..usage
        }
    }

    fn heard(&self, event: StreamEvent, source: Source<'_>) -> ProviderEvent {
        match self.relay {
            RelayMode::Native => {
                let native = Native { name: source.name, data: source.native };
                ProviderEvent { event, native: Some(native) }
            }
            RelayMode::Translated => ProviderEvent::translated(event),
        }
    }
}

/// The name under which a native event goes out: the `type` of its data, or else the name that it
/// came under, if it is made of `[a-z_.]`. An event that has no such name goes out without one, and
/// clients pass over it.
fn event_name(kind: Option<&Text<'_>>, name: Bytes, data: &Bytes) -> ByteString {
    let legal = |name: &str| {
        let mut bytes = name.bytes();
        bytes.all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.')
    };
    let kind = kind.filter(|kind| !kind.is_empty() && legal(kind)).map(|kind| kind.shared(data));
    kind.or_else(|| ByteString::try_from(name).ok().filter(|name| legal(name))).unwrap_or_default()
}
