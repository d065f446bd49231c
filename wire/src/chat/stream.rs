//! A Chat Completions stream, read leniently: every vendor's habits give the same events.

use ainfera_schema::TokenUsage;
use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::tool_calls::{Fragment, ToolCalls};
use super::tool_names::ToolNames;
use crate::event::{Block, Delta, Heard, Stop, StopReason, StreamEvent};
use crate::fault::{Fault, fault_in_stream};
use crate::json::Text;
use crate::sse::SseEvent;
use crate::upstream::{FaultKind, StreamFault};

/// Reads chunks until `[DONE]`, or until the bytes end after a finish reason.
#[derive(Debug)]
pub struct ChatReader {
    started: bool,
    ended: bool,
    text_open: bool,
    refused: bool,
    calls: ToolCalls,
    finish: Option<ByteString>,
    usage: TokenUsage,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<ChunkUsage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    x_groq: Option<GroqExtra<'a>>,
}

#[derive(Deserialize)]
struct GroqExtra<'a> {
    usage: Option<ChunkUsage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<ChoiceDelta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ChoiceDelta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ChunkCall<'a>>>,
}

#[derive(Deserialize)]
struct ChunkCall<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<ChunkFunction<'a>>,
}

#[derive(Deserialize)]
struct ChunkFunction<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ContentPart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
}

#[derive(Deserialize, Clone, Copy)]
struct ChunkUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_cache_hit_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize, Clone, Copy)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize, Clone, Copy)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl ChatReader {
    /// `id_seed` makes ids for tool calls that come without one; `tool_names` gives back the names that the caller knows.
    pub fn new(id_seed: String, tool_names: ToolNames) -> Self {
        Self {
            started: false,
            ended: false,
            text_open: false,
            refused: false,
            calls: ToolCalls::new(id_seed, tool_names),
            finish: None,
            usage: TokenUsage::default(),
        }
    }

    pub fn read(&mut self, event: SseEvent, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        if self.ended {
            return Ok(());
        }
        let data = event.data;
        if data.trim_ascii() == b"[DONE]" {
            return self.end(heard);
        }
        if &event.name[..] == b"error" || data.first() == Some(&b'[') {
            return Err(fault(&data));
        }
        let chunk: Chunk<'_> =
            serde_json::from_slice(&data).map_err(|error| StreamFault::malformed(format!("chunk is not JSON: {error}")))?;
        if chunk.error.is_some() || chunk.x_groq.as_ref().is_some_and(|extra| extra.error.is_some()) {
            return Err(fault(&data));
        }
        if !self.started {
            self.started = true;
            let upstream_id = chunk.id.as_ref().filter(|id| !id.is_empty()).map(|id| id.shared(&data));
            heard.push(Heard::translated(StreamEvent::Start { upstream_id, usage: TokenUsage::default() }));
        }
        if let Some(usage) = chunk.usage.or(chunk.x_groq.and_then(|extra| extra.usage)) {
            self.usage = disjoint(usage);
        }
        for choice in chunk.choices.unwrap_or_default() {
            if let Some(delta) = choice.delta {
                self.delta(delta, &data, heard)?;
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finish = Some(reason.shared(&data));
            }
        }
        Ok(())
    }

    /// The bytes are over: fine after a finish reason, whether or not `[DONE]` came.
    pub fn finish(&mut self, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        if self.ended { Ok(()) } else { self.end(heard) }
    }

    fn delta(&mut self, delta: ChoiceDelta<'_>, data: &Bytes, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        if let Some(content) = delta.content {
            self.content(content, data, heard)?;
        }
        if let Some(refusal) = delta.refusal.filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            self.text(refusal.shared(data), heard);
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.close_text(heard);
            let (name, arguments) = call.function.map_or((None, None), |function| (function.name, function.arguments));
            let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
            let arguments = arguments.map(|raw| arguments_text(raw, data)).transpose()?.unwrap_or_default();
            self.calls.add(Fragment { index: call.index, id: text(call.id), name: text(name), arguments }, heard);
        }
        Ok(())
    }

    /// A string, null, or an array of parts.
    fn content(&mut self, content: &RawValue, data: &Bytes, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        let malformed = |error: serde_json::Error| StreamFault::malformed(error.to_string());
        match content.get().as_bytes().first() {
            Some(b'"') => {
                let text: Text<'_> = serde_json::from_str(content.get()).map_err(malformed)?;
                self.text(text.shared(data), heard);
            }
            Some(b'[') => {
                let parts: Vec<ContentPart<'_>> = serde_json::from_str(content.get()).map_err(malformed)?;
                for part in parts.into_iter().filter(|part| &*part.kind == "text") {
                    self.text(part.text.map(|text| text.shared(data)).unwrap_or_default(), heard);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: ByteString, heard: &mut Vec<Heard>) {
        if text.is_empty() {
            return;
        }
        if !self.text_open {
            // text after a call: the call is complete
            self.calls.finish(heard);
            self.text_open = true;
            heard.push(Heard::translated(StreamEvent::BlockStart(Block::Text)));
        }
        heard.push(Heard::translated(StreamEvent::Delta(Delta::Text(text))));
    }

    fn close_text(&mut self, heard: &mut Vec<Heard>) {
        if self.text_open {
            self.text_open = false;
            heard.push(Heard::translated(StreamEvent::BlockStop));
        }
    }

    fn end(&mut self, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        let Some(finish) = &self.finish else { return Err(StreamFault::Truncated) };
        let reason = stop_reason(finish, !self.calls.is_empty(), self.refused)?;
        self.close_text(heard);
        self.calls.finish(heard);
        heard.push(Heard::translated(StreamEvent::Finish { stop: Stop { reason, sequence: None }, usage: self.usage }));
        heard.push(Heard::translated(StreamEvent::End));
        self.ended = true;
        Ok(())
    }
}

/// `tool_use` if and only if there are calls, whatever the vendor says; an unknown reason never becomes `end_turn`.
fn stop_reason(finish: &ByteString, has_calls: bool, refused: bool) -> Result<StopReason, StreamFault> {
    match &finish[..] {
        "length" | "model_length" | "max_tokens" => Ok(StopReason::MaxTokens),
        "content_filter" => Ok(StopReason::Refusal),
        "error" => Err(StreamFault::ErrorEvent { kind: FaultKind::Api, message: "provider finished with an error".to_owned() }),
        "stop" | "eos" | "eos_token" | "tool_calls" | "function_call" if has_calls => Ok(StopReason::ToolUse),
        "stop" | "eos" | "eos_token" | "tool_calls" | "function_call" if refused => Ok(StopReason::Refusal),
        "stop" | "eos" | "eos_token" | "tool_calls" | "function_call" => Ok(StopReason::EndTurn),
        _ => Ok(StopReason::Other(finish.clone())),
    }
}

/// Arguments are JSON text in a string; some vendors send the object itself.
fn arguments_text(raw: &RawValue, data: &Bytes) -> Result<ByteString, StreamFault> {
    match raw.get().as_bytes().first() {
        Some(b'"') => {
            let text: Text<'_> = serde_json::from_str(raw.get()).map_err(|error| StreamFault::malformed(error.to_string()))?;
            Ok(text.shared(data))
        }
        Some(b'{') => Ok(ByteString::from(raw.get())),
        _ => Ok(ByteString::new()),
    }
}

/// Prompt tokens include cached ones and completion tokens may exclude reasoning: put into buckets that do not overlap.
fn disjoint(usage: ChunkUsage) -> TokenUsage {
    let prompt = usage.prompt_tokens.unwrap_or(0);
    let details = usage.prompt_tokens_details;
    let cached = details.and_then(|details| details.cached_tokens).or(usage.prompt_cache_hit_tokens).unwrap_or(0);
    let written = details.and_then(|details| details.cache_write_tokens).unwrap_or(0);
    // a vendor that reports more cached than prompt tokens counts them apart
    let fresh = if cached > prompt { prompt } else { prompt.saturating_sub(cached).saturating_sub(written) };
    let beyond_prompt = usage.total_tokens.unwrap_or(0).saturating_sub(prompt);
    TokenUsage {
        input_tokens: fresh,
        cache_read_input_tokens: cached,
        cache_creation_input_tokens: written,
        output_tokens: usage.completion_tokens.unwrap_or(0).max(beyond_prompt),
        thinking_tokens: usage.completion_tokens_details.and_then(|details| details.reasoning_tokens).unwrap_or(0),
    }
}

fn fault(data: &[u8]) -> StreamFault {
    let Fault { kind, message, .. } = fault_in_stream(data);
    StreamFault::ErrorEvent { kind, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(datas: &[&str]) -> (Vec<StreamEvent>, Result<(), StreamFault>) {
        let mut reader = ChatReader::new("x".to_owned(), ToolNames::default());
        let mut heard = Vec::new();
        for data in datas {
            let event = SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
            if let Err(fault) = reader.read(event, &mut heard) {
                return (heard.into_iter().map(|heard| heard.event).collect(), Err(fault));
            }
        }
        let end = reader.finish(&mut heard);
        (heard.into_iter().map(|heard| heard.event).collect(), end)
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
            [StreamEvent::BlockStart(Block::Text), StreamEvent::Delta(Delta::Text("hi".into())), StreamEvent::BlockStop]
        );
        // 6 fresh + 4 cached; output is what the total has beyond the prompt
        let usage = TokenUsage { input_tokens: 6, cache_read_input_tokens: 4, output_tokens: 10, ..TokenUsage::default() };
        assert_eq!(finish_of(&events), (StopReason::EndTurn, usage));
        assert_eq!(events.last(), Some(&StreamEvent::End));
    }

    #[test]
    fn no_finish_reason_is_no_success() {
        assert_eq!(read(&[ROLE, HI]).1, Err(StreamFault::Truncated));
        assert_eq!(read(&[ROLE, HI, "[DONE]"]).1, Err(StreamFault::Truncated));
        assert_eq!(read(&[ROLE, HI, FINISH]).1, Ok(()), "a stream that ends without [DONE] after its finish reason is whole");
    }

    #[test]
    fn stop_reasons_follow_what_was_said() {
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        assert_eq!(finish_of(&read(&[ROLE, call, FINISH]).0).0, StopReason::ToolUse);
        let tool_calls = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
        assert_eq!(finish_of(&read(&[ROLE, HI, tool_calls]).0).0, StopReason::EndTurn);
        for (word, reason) in [("length", StopReason::MaxTokens), ("eos", StopReason::EndTurn), ("content_filter", StopReason::Refusal)] {
            let finish = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{word}"}}]}}"#);
            assert_eq!(finish_of(&read(&[ROLE, HI, &finish]).0).0, reason);
        }
        let odd = r#"{"choices":[{"delta":{},"finish_reason":"moonphase"}]}"#;
        assert_eq!(finish_of(&read(&[ROLE, HI, odd]).0).0, StopReason::Other("moonphase".into()));
    }

    #[test]
    fn errors_inside_a_200_are_errors() {
        for data in [r#"{"error":{"message":"no","type":"overloaded"}}"#, r#"[{"error":{"code":503}}]"#, r#"{"x_groq":{"error":"no"}}"#] {
            assert!(matches!(read(&[ROLE, data]).1, Err(StreamFault::ErrorEvent { .. })), "{data}");
        }
        assert!(matches!(read(&[ROLE, "nonsense"]).1, Err(StreamFault::Malformed(_))));
    }

    #[test]
    fn empty_lists_of_calls_make_no_call() {
        let (events, _) = read(&[ROLE, r#"{"choices":[{"delta":{"content":"x","tool_calls":[]}}]}"#, FINISH]);
        assert!(!events.iter().any(|event| matches!(event, StreamEvent::BlockStart(Block::ToolUse { .. }))));
        let (events, _) = read(&[ROLE, r#"{"choices":[{"delta":{"content":null,"tool_calls":null}}]}"#, FINISH]);
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn a_call_closes_the_text_and_text_closes_the_call() {
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}]}}]}"#;
        let (events, _) = read(&[ROLE, HI, call, HI, FINISH]);
        let open: Vec<&StreamEvent> =
            events.iter().filter(|event| matches!(event, StreamEvent::BlockStart(_) | StreamEvent::BlockStop)).collect();
        for pair in open.chunks(2) {
            assert!(matches!(pair, [StreamEvent::BlockStart(_), StreamEvent::BlockStop]), "{open:?}");
        }
        assert_eq!(open.len(), 6);
    }
}
