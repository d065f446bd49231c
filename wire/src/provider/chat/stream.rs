//! A Chat Completions stream, read leniently: every vendor's habits give the same events.

mod chunk;
mod content;
mod details;
mod finish;
mod fragment;
pub(crate) mod passthrough;
mod reasoning;
#[cfg(test)]
mod tests;
pub(crate) mod thinking_tags;
mod usage;

use bytes::Bytes;
use bytestring::ByteString;

use self::chunk::{Choice, ChoiceDelta, Chunk};
use self::details::ReasoningDetails;
use self::finish::{Ending, stop_reason};
use self::fragment::{fragment, text_of};
use self::passthrough::ChatRelay;
pub(crate) use self::reasoning::Reasoning;
use self::thinking_tags::{Piece, ThinkingTags};
use self::usage::ReportedUsage;
use crate::codec::shape::{Mended, mended};
use crate::codec::sse::SseEvent;
use crate::error::provider_error::{Fault, fault_in_stream, reports_error};
use crate::error::stream_fault::StreamFault;
use crate::event::{Block, Delta, ProviderEvent, Stop, StopReason, StreamEvent};
use crate::oddity::Oddity;
use crate::provider::chat::own_reasoning::ReasoningMember;
use crate::provider::chat::tool_calls::{ShownIds, ToolCalls};
use crate::thought_signatures::{On, kept};
use crate::tool_names::ToolNames;

/// Reads chunks until `[DONE]`, or until the bytes end after a finish reason.
#[derive(Debug)]
pub(crate) struct ChatReader {
    phase: Phase,
    reasoning: Reasoning,
    open: Option<OpenBlock>,
    details: ReasoningDetails,
    /// Gemini's, of the text so far.
    text_signature: Option<ByteString>,
    refused: bool,
    calls: ToolCalls,
    finish: Option<ByteString>,
    /// The last finish reason was an empty word: that of an answer if nothing better comes.
    finished_wordless: bool,
    has_content: bool,
    stop_sequences: Vec<String>,
    /// The one of them that was met.
    met: Option<ByteString>,
    usage: ReportedUsage,
    relay: ChatRelay,
    /// For a model that writes its thoughts into its text.
    tags: Option<ThinkingTags>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    BeforeStart,
    Started,
    Ended,
}

/// A block that is no call: those are the business of [`ToolCalls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenBlock {
    Text,
    Thinking(ReasoningMember),
}

impl ChatReader {
    /// `id_seed` makes ids for tool calls that come without one; `tool_names` gives back the names
    /// that the caller knows.
    pub(crate) fn new(
        id_seed: String,
        tool_names: ToolNames,
        reasoning: Reasoning,
        relay: ChatRelay,
    ) -> Self {
        let shown_ids = match (&relay, &reasoning) {
            (ChatRelay::Native(_), _) => ShownIds::AsTheyCame,
            (ChatRelay::Translated, Reasoning::Shown(owner) | Reasoning::Hidden(owner)) => {
                ShownIds::LegalEverywhere { owner: owner.name() }
            }
        };
        let calls = ToolCalls::new(id_seed, tool_names).showing(shown_ids);
        Self {
            relay,
            phase: Phase::BeforeStart,
            reasoning,
            open: None,
            details: ReasoningDetails::default(),
            text_signature: None,
            refused: false,
            calls,
            finish: None,
            finished_wordless: false,
            stop_sequences: Vec::new(),
            met: None,
            usage: ReportedUsage::default(),
            has_content: false,
            tags: None,
        }
    }

    /// Takes thoughts out of the text of an answer.
    pub(crate) fn thinking_in_tags(mut self) -> Self {
        self.tags = Some(ThinkingTags::new());
        self
    }

    /// Knows which sequences the model is to stop at: a provider that says which it met is
    /// understood.
    pub(crate) fn stopping_at(mut self, stop_sequences: Vec<String>) -> Self {
        self.stop_sequences = stop_sequences;
        self
    }

    pub(crate) fn read(
        &mut self,
        event: SseEvent,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let data = event.data;
        if self.phase == Phase::Ended || data.trim_ascii().is_empty() {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            return self.done(out);
        }
        if &event.name[..] == b"error" || data.first() == Some(&b'[') {
            return Err(fault(&data));
        }
        if let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(&data) {
            return self.chunk(chunk, &data, &data, out);
        }
        let Mended { native, fitting, oddities } = mended::<Chunk<'_>>(&data)
            .map_err(|error| StreamFault::malformed(format!("chunk is not JSON: {error}")))?;
        out.extend(oddities.into_iter().map(|oddity| StreamEvent::Oddity(oddity).into()));
        match serde_json::from_slice::<Option<Chunk<'_>>>(&fitting).map_err(malformed)? {
            Some(chunk) => self.chunk(chunk, &fitting, &native, out),
            None => Ok(()),
        }
    }

    /// Reads a chunk whose texts lie in `data`. `native` is what a client of this dialect gets.
    fn chunk(
        &mut self,
        chunk: Chunk<'_>,
        data: &Bytes,
        native: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let groq = chunk.x_groq.as_ref().and_then(|extra| extra.error);
        if chunk.error.into_iter().chain(groq).any(reports_error) {
            return Err(fault(native));
        }
        // a native chunk goes before what it means, also before the start
        let place = self.relay.begin(&chunk, out);
        if self.phase == Phase::BeforeStart {
            self.phase = Phase::Started;
            let upstream_id =
                chunk.id.as_ref().filter(|id| !id.is_empty()).map(|id| id.shared(data));
            out.push(ProviderEvent::translated(StreamEvent::Start {
                upstream_id,
                usage: self.usage.disjoint(),
            }));
        }
        self.usage.note_tier(chunk.service_tier);
        for usage in chunk.usage.into_iter().chain(chunk.x_groq.and_then(|extra| extra.usage)) {
            self.usage.add(&usage);
        }
        // of several answers we asked for one
        for choice in chunk
            .choices
            .unwrap_or_default()
            .into_iter()
            .filter(|choice| choice.index.unwrap_or(0) == 0)
        {
            self.choice(choice, data, out);
        }
        self.relay.end(place, native, self.calls.any_emitted(), out).map_err(malformed)
    }

    /// The last word. After content it is the end of the answer, also where nothing said why.
    fn done(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        if self.finish.is_some() {
            return self.end(out);
        }
        if self.finished_wordless {
            self.finish = Some(ByteString::from_static("stop"));
        } else if self.has_content && self.calls.are_complete() {
            out.push(StreamEvent::Oddity(Oddity::NoFinishReason).into());
            self.finish = Some(ByteString::new());
            out.extend(self.relay.invented_finish(self.calls.any_emitted()));
        }
        self.end(out)
    }

    /// The bytes are over: fine after a finish reason, whether or not `[DONE]` came.
    pub(crate) fn finish(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        if self.phase == Phase::Ended { Ok(()) } else { self.end(out) }
    }

    fn choice(&mut self, choice: Choice<'_>, data: &Bytes, out: &mut Vec<ProviderEvent>) {
        if let Some(delta) = choice.delta {
            self.delta(delta, data, out);
        }
        match choice.finish_reason {
            Some(reason) if Ending::of(&reason) == Ending::NotYet => {
                self.relay.note_wordless_finish();
                self.finished_wordless = true;
            }
            Some(reason) => {
                self.relay.note_finish(&reason);
                self.finish = Some(reason.shared(data));
            }
            None => {}
        }
        for told in choice
            .stop_reason
            .into_iter()
            .chain(choice.matched_stop)
            .filter(|told| told.get().starts_with('"'))
        {
            let told = text_of(told, data);
            if self.stop_sequences.iter().any(|sequence| *sequence == *told) {
                self.met = Some(told);
            }
        }
        if let Some(usage) = choice.usage {
            self.usage.add(&usage);
        }
    }

    fn delta(&mut self, delta: ChoiceDelta<'_>, data: &Bytes, out: &mut Vec<ProviderEvent>) {
        self.reasoning(&delta, data, out);
        let google = delta.extra_content.and_then(|extra| extra.google);
        let is_thought = google.as_ref().and_then(|google| google.thought).unwrap_or(false);
        let signed = google.and_then(|google| google.thought_signature);
        if let Some(signed) = signed.filter(|signed| !signed.is_empty()) {
            self.text_signature = Some(kept(On::Text, &signed));
        }
        if let Some(content) = delta.content {
            self.content(content, is_thought, data, out);
        }
        if let Some(refusal) = delta.refusal.filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            self.piece(ContentKind::Text(refusal.shared(data)), out);
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.end_tags(out);
            self.close(out);
            if !self.calls.any_emitted() {
                self.wordless_details(out);
            }
            let fragment = fragment(call, data);
            let given = fragment.clone();
            let place = self.calls.add(fragment, out);
            self.has_content = true;
            self.relay.note_call(place, &given, &mut self.calls);
        }
    }

    /// A text that may have thoughts at its beginning.
    fn text(&mut self, text: ByteString, out: &mut Vec<ProviderEvent>) {
        let Some(tags) = &mut self.tags else { return self.piece(ContentKind::Text(text), out) };
        let mut pieces = Vec::new();
        tags.feed(text, &mut pieces);
        self.tagged(pieces, out);
    }

    /// What waits for the rest of a tag is what it looks like.
    fn end_tags(&mut self, out: &mut Vec<ProviderEvent>) {
        let mut pieces = Vec::new();
        if let Some(tags) = &mut self.tags {
            tags.finish(&mut pieces);
        }
        self.tagged(pieces, out);
    }

    fn tagged(&mut self, pieces: Vec<Piece>, out: &mut Vec<ProviderEvent>) {
        for piece in pieces {
            let said = match piece {
                Piece::Thought(text) => {
                    ContentKind::Thought(text, ReasoningMember::ReasoningContent)
                }
                Piece::Answer(text) => ContentKind::Text(text),
            };
            self.piece(said, out);
        }
    }

    fn piece(&mut self, said: ContentKind, out: &mut Vec<ProviderEvent>) {
        let (block, delta) = match (said, &self.reasoning) {
            (ContentKind::Thought(text, _), Reasoning::Hidden(_)) if text.is_empty() => return,
            (ContentKind::Thought(text, _), Reasoning::Hidden(_)) => {
                return out.push(ProviderEvent::translated(StreamEvent::HiddenReasoning {
                    bytes: text.len(),
                }));
            }
            (ContentKind::Thought(text, member), Reasoning::Shown(_)) => {
                (OpenBlock::Thinking(member), Delta::Thinking(text))
            }
            (ContentKind::Text(text), _) => (OpenBlock::Text, Delta::Text(text)),
        };
        if delta.text_bytes() == 0 {
            return;
        }
        self.has_content |= block == OpenBlock::Text;
        let goes_on = match (self.open, block) {
            (Some(OpenBlock::Thinking(_)), OpenBlock::Thinking(_)) => true,
            (open, block) => open == Some(block),
        };
        if !goes_on {
            self.close(out);
            // text after a call: the call is complete
            self.calls.finish(out);
            if block == OpenBlock::Text {
                self.wordless_details(out);
            }
            self.open = Some(block);
            let begun = if block == OpenBlock::Text { Block::Text } else { Block::Thinking };
            out.push(ProviderEvent::translated(StreamEvent::BlockStart(begun)));
        }
        out.push(ProviderEvent::translated(StreamEvent::Delta(delta)));
    }

    fn end(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        let Some(finish) = self.finish.clone() else { return Err(StreamFault::Truncated) };
        self.end_tags(out);
        self.close(out);
        self.calls.finish(out);
        self.wordless_details(out);
        let mut reason = match stop_reason(&finish, self.calls.any_emitted(), self.refused) {
            Ok(reason) => reason,
            Err(fault) => {
                out.push(StreamEvent::FailedUsage(self.usage.disjoint()).into());
                return Err(fault);
            }
        };
        let sequence = self.met.take().filter(|_| reason == StopReason::EndTurn);
        if sequence.is_some() {
            reason = StopReason::StopSequence;
        }
        if self.calls.any_nameless() {
            return Err(StreamFault::malformed("tool call without a name"));
        }
        let word = Some(finish).filter(|finish| !finish.is_empty());
        out.push(ProviderEvent::translated(StreamEvent::Finish {
            stop: Stop { reason, sequence, word },
            usage: self.usage.disjoint(),
        }));
        out.push(self.relay.last_word());
        self.phase = Phase::Ended;
        Ok(())
    }
}

/// A piece of what is not a call.
enum ContentKind {
    Text(ByteString),
    Thought(ByteString, ReasoningMember),
}

fn malformed(error: serde_json::Error) -> StreamFault {
    StreamFault::malformed(error.to_string())
}

fn fault(data: &[u8]) -> StreamFault {
    let Fault { kind, message, .. } = fault_in_stream(data);
    StreamFault::ErrorEvent { kind, message }
}
