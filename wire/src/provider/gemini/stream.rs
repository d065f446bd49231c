//! Gemini's stream, read. It has no last word of its own: the answer is whole if its bytes end
//! after a finish reason.

#[cfg(test)]
mod tests;

use ainfera_schema::{ServerTool, TokenUsage};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use crate::codec::shape::{Mended, mended};
use crate::codec::sse::SseEvent;
use crate::error::provider_error::{FaultKind, fault_in_stream, reports_error};
use crate::error::stream_fault::StreamFault;
use crate::event::{Block, Delta, ProviderEvent, Stop, StopReason, StreamEvent};
use crate::oddity::Oddity;
use crate::provider::gemini::relay::GeminiRelay;
use crate::provider::gemini::response::{Candidate, GenerateContentResponse, Part, UsageMetadata};
use crate::provider::gemini::tool_calls::Calls;
use crate::thought_signatures::{On, kept};
use crate::tool_names::ToolNames;

/// Reads responses until the bytes end.
#[derive(Debug)]
pub(crate) struct GeminiReader {
    relay: GeminiRelay,
    started: bool,
    ended: bool,
    open: Open,
    calls: Calls,
    /// Of a text that has been said; it is the client's to keep only if something follows, for no
    /// answer may end in thinking.
    text_signature: Option<ByteString>,
    last_signature: LastSignature,
    finish: Option<Finish>,
    usage: UsageMetadata,
    searches: u32,
    has_content: bool,
}

/// What becomes of the signature of a text that nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastSignature {
    /// The client keeps it.
    Told,
    /// It may take the last block for the answer, and the signature is not needed.
    LeftOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Thinking,
}

#[derive(Debug)]
enum Finish {
    Reason {
        reason: ByteString,
        message: Option<ByteString>,
    },
    PromptBlocked,
    /// The last word came without one.
    Unsaid,
}

impl GeminiReader {
    /// `id_seed` makes ids for calls, which come without; `tool_names` gives back the names that
    /// the caller knows.
    pub(crate) fn new(relay: GeminiRelay, id_seed: String, tool_names: ToolNames) -> Self {
        let (calls, usage) = (Calls::new(id_seed, tool_names), UsageMetadata::default());
        Self {
            relay,
            started: false,
            ended: false,
            open: Open::Nothing,
            calls,
            text_signature: None,
            last_signature: LastSignature::LeftOut,
            finish: None,
            usage,
            searches: 0,
            has_content: false,
        }
    }

    /// Tells the signature of the last text too, after it.
    pub(crate) fn telling_last_signature(self, last_signature: LastSignature) -> Self {
        Self { last_signature, ..self }
    }

    pub(crate) fn read(
        &mut self,
        event: SseEvent,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let data = event.data;
        if self.ended || data.trim_ascii().is_empty() {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            if self.finish.is_none() && self.has_content {
                out.push(StreamEvent::Oddity(Oddity::NoFinishReason).into());
                self.finish = Some(Finish::Unsaid);
            }
            return Ok(());
        }
        if data.first() == Some(&b'[') {
            return Err(fault(&data));
        }
        if let Ok(response) = serde_json::from_slice::<GenerateContentResponse<'_>>(&data) {
            self.response(response, &data, out)?;
            return self.relay.pass(&data, self.finish.is_some(), out);
        }
        let Mended { native, fitting, oddities } = mended::<GenerateContentResponse<'_>>(&data)
            .map_err(|error| StreamFault::malformed(format!("event is not JSON: {error}")))?;
        out.extend(oddities.into_iter().map(|oddity| StreamEvent::Oddity(oddity).into()));
        match serde_json::from_slice::<Option<GenerateContentResponse<'_>>>(&fitting) {
            Ok(Some(response)) => {
                self.response(response, &fitting, out)?;
                self.relay.pass(&native, self.finish.is_some(), out)
            }
            Ok(None) => Ok(()),
            Err(error) => Err(StreamFault::malformed(error.to_string())),
        }
    }

    fn response(
        &mut self,
        response: GenerateContentResponse<'_>,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if response.error.is_some_and(reports_error) {
            return Err(fault(data));
        }
        if !self.started {
            self.started = true;
            let upstream_id = response.response_id.as_ref().map(|id| id.shared(data));
            let event = StreamEvent::Start { upstream_id, usage: TokenUsage::default() };
            out.push(ProviderEvent { event, native: self.relay.announcement() });
        }
        if let Some(usage) = response.usage_metadata {
            self.usage.add(usage);
        }
        if response.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            self.finish = Some(Finish::PromptBlocked);
        }
        // more than one candidate is never asked for
        for candidate in response
            .candidates
            .unwrap_or_default()
            .into_iter()
            .filter(|candidate| candidate.index.unwrap_or(0) == 0)
        {
            let queries = candidate
                .grounding_metadata
                .0
                .as_ref()
                .and_then(|metadata| metadata.web_search_queries.0.as_ref())
                .map_or(0, Vec::len);
            self.searches = self.searches.max(u32::try_from(queries).unwrap_or(u32::MAX));
            self.candidate(candidate, data, out);
        }
        Ok(())
    }

    fn counted(&self) -> TokenUsage {
        let mut usage = self.usage.tokens();
        usage.tool_uses.add(ServerTool::Grounding, self.searches);
        usage
    }

    /// The bytes are over.
    pub(crate) fn finish(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        if self.ended {
            return Ok(());
        }
        let reason = self.stop_reason().inspect_err(|_| {
            out.push(StreamEvent::FailedUsage(self.counted()).into());
        })?;
        if self.last_signature == LastSignature::Told {
            self.give_text_signature(out);
        }
        self.close(out);
        self.calls.finish(out);
        let word = match self.finish.take() {
            Some(Finish::Reason { reason, .. }) => Some(reason),
            Some(Finish::PromptBlocked | Finish::Unsaid) | None => None,
        };
        out.push(ProviderEvent::translated(StreamEvent::Finish {
            stop: Stop { reason, sequence: None, word },
            usage: self.counted(),
        }));
        self.relay.end(out);
        self.ended = true;
        Ok(())
    }

    /// The whole answer of a provider that does not stream: one response, or the list of them that
    /// the vendor gives to who did not ask for events.
    pub(crate) fn whole(
        &mut self,
        body: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let responses = if body.trim_ascii().first() == Some(&b'[') {
            let list: Vec<&RawValue> = serde_json::from_slice(body)
                .map_err(|error| StreamFault::malformed(error.to_string()))?;
            list.into_iter().map(|response| body.slice_ref(response.get().as_bytes())).collect()
        } else {
            vec![body.clone()]
        };
        for data in responses {
            self.read(SseEvent { name: Bytes::new(), data }, out)?;
        }
        match self.finish {
            Some(_) => self.finish(out),
            None => Err(StreamFault::malformed("no response")),
        }
    }

    fn candidate(&mut self, candidate: Candidate<'_>, data: &Bytes, out: &mut Vec<ProviderEvent>) {
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
            self.part(part, data, out);
        }
        if let Some(reason) = candidate.finish_reason {
            let message = candidate.finish_message.map(|message| message.shared(data));
            self.finish = Some(Finish::Reason { reason: reason.shared(data), message });
        }
    }

    fn part(&mut self, part: Part<'_>, data: &Bytes, out: &mut Vec<ProviderEvent>) {
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        if let Some(call) = part.function_call {
            match signature {
                Some(signature) => self.sign(kept(On::Call, &signature), out),
                None => self.give_text_signature(out),
            }
            self.close(out);
            self.calls.add(call, data, out);
            self.has_content = true;
            return;
        }
        let text = part.text.map(|text| text.shared(data)).unwrap_or_default();
        if part.thought == Some(true) {
            self.say(Open::Thinking, text, out);
            if let Some(signature) = signature {
                self.sign(kept(On::Text, &signature), out);
            }
        } else {
            self.say(Open::Text, text, out);
            self.text_signature = signature
                .map(|signature| kept(On::Text, &signature))
                .or(self.text_signature.take());
        }
    }

    fn say(&mut self, what: Open, text: ByteString, out: &mut Vec<ProviderEvent>) {
        if text.is_empty() {
            return;
        }
        self.has_content |= what == Open::Text;
        let (block, delta) = match what {
            Open::Thinking => (Block::Thinking, Delta::Thinking(text)),
            Open::Text | Open::Nothing => (Block::Text, Delta::Text(text)),
        };
        if self.open != what {
            self.give_text_signature(out);
            self.close(out);
            self.calls.finish(out);
            self.open = what;
            out.push(ProviderEvent::translated(StreamEvent::BlockStart(block)));
        }
        out.push(ProviderEvent::translated(StreamEvent::Delta(delta)));
    }

    /// Something follows the text: its signature stands between them.
    fn give_text_signature(&mut self, out: &mut Vec<ProviderEvent>) {
        if let Some(signature) = self.text_signature.take() {
            self.sign(signature, out);
            self.close(out);
        }
    }

    /// In the thinking block that is open, or in one that says nothing else.
    fn sign(&mut self, signature: ByteString, out: &mut Vec<ProviderEvent>) {
        self.give_text_signature(out);
        if self.open != Open::Thinking {
            self.close(out);
            self.calls.finish(out);
            self.open = Open::Thinking;
            out.push(ProviderEvent::translated(StreamEvent::BlockStart(Block::Thinking)));
        }
        out.push(ProviderEvent::translated(StreamEvent::Delta(Delta::Signature(signature))));
    }

    fn close(&mut self, out: &mut Vec<ProviderEvent>) {
        if self.open != Open::Nothing {
            self.open = Open::Nothing;
            out.push(ProviderEvent::translated(StreamEvent::BlockStop));
        }
    }

    /// `STOP` is said also where there are calls; a call that the model spoilt is no answer.
    fn stop_reason(&self) -> Result<StopReason, StreamFault> {
        let (reason, message) = match &self.finish {
            None => return Err(StreamFault::Truncated),
            Some(Finish::PromptBlocked) => return Ok(StopReason::Refusal),
            Some(Finish::Unsaid) if self.calls.is_empty() => return Ok(StopReason::EndTurn),
            Some(Finish::Unsaid) => return Ok(StopReason::ToolUse),
            Some(Finish::Reason { reason, message }) => (reason, message),
        };
        // the reasons of the reference of `FinishReason` (ai.google.dev, November 2026)
        match reason.to_ascii_uppercase().as_str() {
            "STOP" | "FINISH_REASON_UNSPECIFIED" if self.calls.is_empty() => {
                Ok(StopReason::EndTurn)
            }
            "STOP" | "FINISH_REASON_UNSPECIFIED" => Ok(StopReason::ToolUse),
            "MAX_TOKENS" => Ok(StopReason::MaxTokens),
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "MODEL_ARMOR"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => Ok(StopReason::Refusal),
            // such as `MALFORMED_FUNCTION_CALL` and `OTHER`, and what is not known to be better
            _ => {
                let said =
                    message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
                Err(StreamFault::ErrorEvent {
                    kind: FaultKind::Api,
                    message: format!("provider finished with {reason}{said}"),
                })
            }
        }
    }
}

fn fault(data: &[u8]) -> StreamFault {
    let fault = fault_in_stream(data);
    StreamFault::ErrorEvent { kind: fault.kind, message: fault.message }
}
