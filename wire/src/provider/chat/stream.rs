//! A Chat Completions stream, read leniently: every vendor's habits give the same events.

mod chunk;
pub mod passthrough;

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use self::chunk::{Choice, ChoiceDelta, Chunk, ChunkCall, ChunkUsage, ContentPart};
use self::passthrough::ChatRelay;
use crate::codec::json::Text;
use crate::codec::sse::SseEvent;
use crate::error::provider_error::{Fault, FaultKind, fault_in_stream};
use crate::error::stream_fault::StreamFault;
use crate::event::{Block, Delta, ProviderEvent, Stop, StopReason, StreamEvent};
use crate::provider::chat::tool_calls::{Fragment, ToolCalls};
use crate::provider::tool_names::ToolNames;
use crate::signature::{Issuer, marked};

/// Whether the client hears what the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    /// As thinking, under this issuer's mark.
    Shown(Issuer),
    /// It did not ask, and may take the first block for the answer.
    Hidden,
}

/// Reads chunks until `[DONE]`, or until the bytes end after a finish reason.
#[derive(Debug)]
pub struct ChatReader {
    phase: Phase,
    reasoning: Reasoning,
    open: Option<OpenBlock>,
    refused: bool,
    calls: ToolCalls,
    finish: Option<ByteString>,
    /// The last finish reason was an empty word: that of an answer if nothing better comes.
    finished_wordless: bool,
    stop_sequences: Vec<String>,
    /// The one of them that was met.
    met: Option<ByteString>,
    usage: ChunkUsage,
    relay: ChatRelay,
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
    Thinking(Issuer),
}

impl ChatReader {
    /// `id_seed` makes ids for tool calls that come without one; `tool_names` gives back the names
    /// that the caller knows.
    pub fn new(
        id_seed: String,
        tool_names: ToolNames,
        reasoning: Reasoning,
        relay: ChatRelay,
    ) -> Self {
        Self {
            relay,
            phase: Phase::BeforeStart,
            reasoning,
            open: None,
            refused: false,
            calls: ToolCalls::new(id_seed, tool_names),
            finish: None,
            finished_wordless: false,
            stop_sequences: Vec::new(),
            met: None,
            usage: ChunkUsage::default(),
        }
    }

    /// Knows which sequences the model is to stop at: a provider that says which it met is
    /// understood.
    pub fn stopping_at(mut self, stop_sequences: Vec<String>) -> Self {
        self.stop_sequences = stop_sequences;
        self
    }

    pub fn read(
        &mut self,
        event: SseEvent,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let data = event.data;
        if self.phase == Phase::Ended || data.trim_ascii().is_empty() {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            if self.finish.is_none() && self.finished_wordless {
                self.finish = Some(ByteString::from_static("stop"));
            }
            return self.end(out);
        }
        if &event.name[..] == b"error" || data.first() == Some(&b'[') {
            return Err(fault(&data));
        }
        let chunk: Chunk<'_> = serde_json::from_slice(&data)
            .map_err(|error| StreamFault::malformed(format!("chunk is not JSON: {error}")))?;
        if chunk.error.is_some() || chunk.x_groq.as_ref().is_some_and(|extra| extra.error.is_some())
        {
            return Err(fault(&data));
        }
        // a native chunk goes before what it means, also before the start
        let place = self.relay.begin(&chunk, out);
        if self.phase == Phase::BeforeStart {
            self.phase = Phase::Started;
            let upstream_id =
                chunk.id.as_ref().filter(|id| !id.is_empty()).map(|id| id.shared(&data));
            out.push(ProviderEvent::translated(StreamEvent::Start {
                upstream_id,
                usage: self.usage.disjoint(),
            }));
        }
        self.usage.note_tier(chunk.service_tier);
        for usage in chunk.usage.into_iter().chain(chunk.x_groq.and_then(|extra| extra.usage)) {
            self.usage.merge(usage);
        }
        // of several answers we asked for one
        for choice in chunk
            .choices
            .unwrap_or_default()
            .into_iter()
            .filter(|choice| choice.index.unwrap_or(0) == 0)
        {
            self.choice(choice, &data, out)?;
        }
        self.relay.end(place, &data, self.calls.any_emitted(), out).map_err(malformed)
    }

    /// The bytes are over: fine after a finish reason, whether or not `[DONE]` came.
    pub fn finish(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        if self.phase == Phase::Ended { Ok(()) } else { self.end(out) }
    }

    fn choice(
        &mut self,
        choice: Choice<'_>,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if let Some(delta) = choice.delta {
            self.delta(delta, data, out)?;
        }
        match choice.finish_reason {
            Some(reason) if reason.is_empty() => {
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
            let told = text_of(told, data)?;
            if self.stop_sequences.iter().any(|sequence| *sequence == *told) {
                self.met = Some(told);
            }
        }
        if let Some(usage) = choice.usage {
            self.usage.merge(usage);
        }
        Ok(())
    }

    fn delta(
        &mut self,
        delta: ChoiceDelta<'_>,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        // the same words may stand under both names
        let reasoning = [delta.reasoning_content, delta.reasoning]
            .into_iter()
            .flatten()
            .find(|raw| raw.get().len() > 2);
        if let Some(raw) = reasoning.filter(|raw| raw.get().starts_with('"')) {
            self.piece(ContentKind::Thought(text_of(raw, data)?), out);
        }
        let is_thought =
            delta.extra_content.and_then(|extra| extra.google?.thought).unwrap_or(false);
        if let Some(content) = delta.content {
            self.content(content, is_thought, data, out)?;
        }
        if let Some(refusal) = delta.refusal.filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            self.piece(ContentKind::Text(refusal.shared(data)), out);
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.close(out);
            let fragment = fragment(call, data)?;
            let given = fragment.clone();
            let place = self.calls.add(fragment, out);
            self.relay.note_call(place, &given, &mut self.calls);
        }
        Ok(())
    }

    /// A string, null, or an array of parts.
    fn content(
        &mut self,
        content: &RawValue,
        is_thought: bool,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        match content.get().as_bytes().first() {
            Some(b'"') if is_thought => {
                self.piece(ContentKind::Thought(text_of(content, data)?), out)
            }
            Some(b'"') => self.piece(ContentKind::Text(text_of(content, data)?), out),
            Some(b'[') => {
                self.relay.note_parts();
                let parts: Vec<ContentPart<'_>> =
                    serde_json::from_str(content.get()).map_err(malformed)?;
                for part in parts {
                    self.part(part, data, out)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn part(
        &mut self,
        part: ContentPart<'_>,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
        match (part.kind.as_deref(), part.thinking) {
            (Some("thinking"), Some(thinking)) if thinking.get().starts_with('[') => {
                let thoughts: Vec<ContentPart<'_>> =
                    serde_json::from_str(thinking.get()).map_err(malformed)?;
                thoughts
                    .into_iter()
                    .for_each(|thought| self.piece(ContentKind::Thought(text(thought.text)), out));
            }
            (Some("thinking"), Some(thinking)) if thinking.get().starts_with('"') => {
                self.piece(ContentKind::Thought(text_of(thinking, data)?), out);
            }
            (Some("text" | "output_text") | None, _) => {
                self.piece(ContentKind::Text(text(part.text)), out)
            }
            _ => {}
        }
        Ok(())
    }

    fn piece(&mut self, said: ContentKind, out: &mut Vec<ProviderEvent>) {
        let (block, delta) = match (said, self.reasoning) {
            (ContentKind::Thought(text), Reasoning::Hidden) => {
                return out.push(ProviderEvent::translated(StreamEvent::HiddenReasoning {
                    bytes: text.len(),
                }));
            }
            (ContentKind::Thought(text), Reasoning::Shown(issuer)) => {
                (OpenBlock::Thinking(issuer), Delta::Thinking(text))
            }
            (ContentKind::Text(text), _) => (OpenBlock::Text, Delta::Text(text)),
        };
        if delta.text_bytes() == 0 {
            return;
        }
        if self.open != Some(block) {
            self.close(out);
            // text after a call: the call is complete
            self.calls.finish(out);
            self.open = Some(block);
            let begun = if block == OpenBlock::Text { Block::Text } else { Block::Thinking };
            out.push(ProviderEvent::translated(StreamEvent::BlockStart(begun)));
        }
        out.push(ProviderEvent::translated(StreamEvent::Delta(delta)));
    }

    fn close(&mut self, out: &mut Vec<ProviderEvent>) {
        match self.open.take() {
            None => return,
            Some(OpenBlock::Text) => {}
            Some(OpenBlock::Thinking(issuer)) => out.push(ProviderEvent::translated(
                StreamEvent::Delta(Delta::Signature(marked(issuer, ""))),
            )),
        }
        out.push(ProviderEvent::translated(StreamEvent::BlockStop));
    }

    fn end(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        let Some(finish) = self.finish.clone() else { return Err(StreamFault::Truncated) };
        self.close(out);
        self.calls.finish(out);
        let mut reason = stop_reason(&finish, self.calls.any_emitted(), self.refused)?;
        let sequence = self.met.take().filter(|_| reason == StopReason::EndTurn);
        if sequence.is_some() {
            reason = StopReason::StopSequence;
        }
        if self.calls.any_nameless() {
            return Err(StreamFault::malformed("tool call without a name"));
        }
        out.push(ProviderEvent::translated(StreamEvent::Finish {
            stop: Stop { reason, sequence, word: Some(finish) },
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
    Thought(ByteString),
}

/// `tool_use` if and only if there are calls, whatever the vendor says; an unknown reason never
/// becomes `end_turn`.
fn stop_reason(
    finish: &ByteString,
    has_calls: bool,
    refused: bool,
) -> Result<StopReason, StreamFault> {
    match finish.to_ascii_lowercase().as_str() {
        word if word.contains("length") || word.contains("max_tokens") => Ok(StopReason::MaxTokens),
        word if word.starts_with("content_filter") || matches!(word, "refusal" | "safety") => {
            Ok(StopReason::Refusal)
        }
        word if word.contains("error") => Err(StreamFault::ErrorEvent {
            kind: FaultKind::Api,
            message: "provider finished with an error".to_owned(),
        }),
        _ if has_calls => Ok(StopReason::ToolUse),
        _ if refused => Ok(StopReason::Refusal),
        "pause_turn" => Ok(StopReason::PauseTurn),
        "stop" | "eos" | "eos_token" | "end_turn" | "tool_calls" | "function_call" => {
            Ok(StopReason::EndTurn)
        }
        _ => Ok(StopReason::Other(finish.clone())),
    }
}

fn fragment(call: ChunkCall<'_>, data: &Bytes) -> Result<Fragment, StreamFault> {
    let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
    let (name, arguments) =
        call.function.map_or((None, None), |function| (function.name, function.arguments));
    Ok(Fragment {
        index: call.index,
        id: text(call.id),
        name: text(name),
        arguments: arguments.map(|raw| arguments_text(raw, data)).transpose()?.unwrap_or_default(),
        signature: text(call.extra_content.and_then(|extra| extra.google?.thought_signature)),
    })
}

/// Arguments are JSON text in a string; some vendors send the object itself.
fn arguments_text(raw: &RawValue, data: &Bytes) -> Result<ByteString, StreamFault> {
    match raw.get().as_bytes().first() {
        Some(b'"') => text_of(raw, data),
        Some(b'{') => Ok(ByteString::from(raw.get())),
        _ => Ok(ByteString::new()),
    }
}

fn text_of(raw: &RawValue, data: &Bytes) -> Result<ByteString, StreamFault> {
    let text: Text<'_> = serde_json::from_str(raw.get()).map_err(malformed)?;
    Ok(text.shared(data))
}

fn malformed(error: serde_json::Error) -> StreamFault {
    StreamFault::malformed(error.to_string())
}

fn fault(data: &[u8]) -> StreamFault {
    let Fault { kind, message, .. } = fault_in_stream(data);
    StreamFault::ErrorEvent { kind, message }
}

#[cfg(test)]
mod tests {
    use ainfera_schema::TokenUsage;

    use super::*;

    fn read(datas: &[&str]) -> (Vec<StreamEvent>, Result<(), StreamFault>) {
        read_as(Reasoning::Shown(Issuer::Deepseek), datas)
    }

    fn read_as(
        reasoning: Reasoning,
        datas: &[&str],
    ) -> (Vec<StreamEvent>, Result<(), StreamFault>) {
        let reader =
            ChatReader::new("x".to_owned(), ToolNames::default(), reasoning, ChatRelay::Translated);
        let mut reader = reader.stopping_at(vec!["STOP".to_owned()]);
        let mut out = Vec::new();
        for data in datas {
            let event =
                SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
            if let Err(fault) = reader.read(event, &mut out) {
                return (out.into_iter().map(|out| out.event).collect(), Err(fault));
            }
        }
        let end = reader.finish(&mut out);
        (out.into_iter().map(|out| out.event).collect(), end)
    }

    const ROLE: &str = r#"{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    const HI: &str = r#"{"choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
    const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":20,"prompt_tokens_details":{"cached_tokens":4}}}"#;

    fn finish_of(events: &[StreamEvent]) -> (StopReason, TokenUsage) {
        events
            .iter()
            .find_map(|event| match event {
                StreamEvent::Finish { stop, usage } => Some((stop.reason.clone(), *usage)),
                _ => None,
            })
            .unwrap()
    }

    #[test]
    fn text_usage_and_end() {
        let (events, end) = read(&[ROLE, HI, FINISH, USAGE, "[DONE]"]);
        assert_eq!(end, Ok(()));
        assert_eq!(
            events[1..4],
            [
                StreamEvent::BlockStart(Block::Text),
                StreamEvent::Delta(Delta::Text("hi".into())),
                StreamEvent::BlockStop
            ]
        );
        // 6 fresh + 4 cached; output is what the total has beyond the prompt
        let usage = TokenUsage {
            input_tokens: 6,
            cache_read_input_tokens: 4,
            output_tokens: 10,
            ..TokenUsage::default()
        };
        assert_eq!(finish_of(&events), (StopReason::EndTurn, usage));
        assert_eq!(events.last(), Some(&StreamEvent::End));
    }

    #[test]
    fn no_finish_reason_is_no_success() {
        assert_eq!(read(&[ROLE, HI]).1, Err(StreamFault::Truncated));
        assert_eq!(read(&[ROLE, HI, "[DONE]"]).1, Err(StreamFault::Truncated));
        assert_eq!(
            read(&[ROLE, HI, FINISH]).1,
            Ok(()),
            "a stream that ends without [DONE] after its finish reason is whole"
        );
    }

    #[test]
    fn p011_stop_reasons_follow_what_was_said() {
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        assert_eq!(finish_of(&read(&[ROLE, call, FINISH]).0).0, StopReason::ToolUse);
        let tool_calls = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
        assert_eq!(finish_of(&read(&[ROLE, HI, tool_calls]).0).0, StopReason::EndTurn);
    }

    #[test]
    fn p035_an_unknown_finish_word_never_is_an_end_of_the_turn() {
        let finish =
            |word: &str| format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{word}"}}]}}"#);
        for (word, reason) in [
            ("length", StopReason::MaxTokens),
            ("model_length", StopReason::MaxTokens),
            ("max_tokens_exceeded", StopReason::MaxTokens),
            ("eos", StopReason::EndTurn),
            ("content_filter", StopReason::Refusal),
            ("pause_turn", StopReason::PauseTurn),
            ("moonphase", StopReason::Other("moonphase".into())),
        ] {
            assert_eq!(finish_of(&read(&[ROLE, HI, &finish(word)]).0).0, reason, "{word}");
        }
        for word in ["error", "engine_error"] {
            assert!(
                matches!(read(&[ROLE, HI, &finish(word)]).1, Err(StreamFault::ErrorEvent { .. })),
                "{word}"
            );
        }
    }

    #[test]
    fn a_stop_sequence_is_told_where_the_engine_tells_it() {
        let finish = |member: &str| {
            format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"stop",{member}}}]}}"#)
        };
        for told in [r#""stop_reason":"STOP""#, r#""matched_stop":"STOP""#] {
            let (events, _) = read(&[ROLE, HI, &finish(told)]);
            let stop = events
                .iter()
                .find_map(|event| {
                    if let StreamEvent::Finish { stop, .. } = event {
                        Some(stop.clone())
                    } else {
                        None
                    }
                })
                .unwrap();
            assert_eq!(
                (stop.reason, stop.sequence.as_deref()),
                (StopReason::StopSequence, Some("STOP")),
                "{told}"
            );
        }
        for told in [r#""stop_reason":128009"#, r#""stop_reason":"stop""#, r#""stop_reason":null"#]
        {
            assert_eq!(
                finish_of(&read(&[ROLE, HI, &finish(told)]).0).0,
                StopReason::EndTurn,
                "{told}"
            );
        }
    }

    #[test]
    fn thoughts_that_nobody_asked_for_are_counted_and_not_said() {
        let thought = r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#;
        let (events, end) = read_as(Reasoning::Hidden, &[ROLE, thought, HI, FINISH]);
        assert_eq!((&events[1], end), (&StreamEvent::HiddenReasoning { bytes: 2 }, Ok(())));
        assert_eq!(events[2], StreamEvent::BlockStart(Block::Text));
        let (events, _) = read(&[ROLE, thought, HI, FINISH]);
        assert_eq!(
            events[1..3],
            [
                StreamEvent::BlockStart(Block::Thinking),
                StreamEvent::Delta(Delta::Thinking("hm".into()))
            ]
        );
    }

    #[test]
    fn errors_inside_a_200_are_errors() {
        for data in [
            r#"{"error":{"message":"no","type":"overloaded"}}"#,
            r#"[{"error":{"code":503}}]"#,
            r#"{"x_groq":{"error":"no"}}"#,
        ] {
            assert!(matches!(read(&[ROLE, data]).1, Err(StreamFault::ErrorEvent { .. })), "{data}");
        }
        assert!(matches!(read(&[ROLE, "nonsense"]).1, Err(StreamFault::Malformed(_))));
    }

    #[test]
    fn p003_empty_lists_of_calls_make_no_call() {
        let (events, _) =
            read(&[ROLE, r#"{"choices":[{"delta":{"content":"x","tool_calls":[]}}]}"#, FINISH]);
        assert!(
            !events
                .iter()
                .any(|event| matches!(event, StreamEvent::BlockStart(Block::ToolUse { .. })))
        );
        let (events, _) =
            read(&[ROLE, r#"{"choices":[{"delta":{"content":null,"tool_calls":null}}]}"#, FINISH]);
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn a_call_closes_the_text_and_text_closes_the_call() {
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}]}}]}"#;
        let (events, _) = read(&[ROLE, HI, call, HI, FINISH]);
        let open: Vec<&StreamEvent> = events
            .iter()
            .filter(|event| matches!(event, StreamEvent::BlockStart(_) | StreamEvent::BlockStop))
            .collect();
        for pair in open.chunks(2) {
            assert!(
                matches!(pair, [StreamEvent::BlockStart(_), StreamEvent::BlockStop]),
                "{open:?}"
            );
        }
        assert_eq!(open.len(), 6);
    }
}
