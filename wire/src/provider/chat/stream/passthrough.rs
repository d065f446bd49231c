//! The native path, Chat Completions on both sides: chunks reach the client as they came, but for
//! our name for the model and what official clients cannot read. What the chunk means is said in
//! our words after it, for everybody but the client.

use bytes::Bytes;
use bytestring::ByteString;

use crate::client::chat::stream::{CHUNK, DONE, FINISH, USAGE, WORDLESS_FINISH};
use crate::client::chat::usage_chunk::UsageChunk;
use crate::codec::json::{Edit, Members, quoted};
use crate::event::{Native, ProviderEvent, StreamEvent};
use crate::passthrough::chat_repair::{ChunkRepair, FinishRepair, ToolCallRepair, relayed_chunk};
use crate::provider::chat::stream::chunk::Chunk;
use crate::provider::chat::stream::finish::Ending;
use crate::provider::chat::tool_calls::{Fragment, FragmentPlace, ToolCalls};

/// Whether the client gets the chunks themselves.
#[derive(Debug)]
pub(crate) enum ChatRelay {
    Translated,
    Native(Box<NativeRelay>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct NativeRelay {
    model: String,
    usage_chunk: UsageChunk,
    begun: bool,
    repair: ChunkRepair,
    /// The finish reason of the chunk at hand.
    finish: Option<String>,
    kind: &'static str,
    /// The last chunk with a choice: what is added to the answer speaks of the same.
    last: Bytes,
}

impl ChatRelay {
    /// `model` is the name that the client shall see.
    pub(crate) fn native(model: &str, usage_chunk: UsageChunk) -> Self {
        let (repair, finish) = (ChunkRepair::default(), None);
        ChatRelay::Native(Box::new(NativeRelay {
            model: model.to_owned(),
            usage_chunk,
            begun: false,
            repair,
            finish,
            kind: CHUNK,
            last: Bytes::new(),
        }))
    }

    /// A chunk begins: keeps its place before what it means.
    pub(super) fn begin(&mut self, chunk: &Chunk<'_>, out: &mut Vec<ProviderEvent>) -> usize {
        if let ChatRelay::Native(native) = self {
            native.repair = ChunkRepair { is_first: !native.begun, ..ChunkRepair::default() };
            native.begun |= chunk.choices.as_ref().is_some_and(|choices| !choices.is_empty());
            native.finish = None;
            let says_nothing_else = chunk.choices.as_ref().is_none_or(Vec::is_empty);
            native.kind = if says_nothing_else && chunk.usage.is_some() { USAGE } else { CHUNK };
            out.push(ProviderEvent::translated(StreamEvent::Other));
        }
        out.len().saturating_sub(1)
    }

    pub(super) fn note_call(
        &mut self,
        place: FragmentPlace,
        given: &Fragment,
        calls: &mut ToolCalls,
    ) {
        let ChatRelay::Native(native) = self else { return };
        let repaired = match place {
            FragmentPlace::Begins(index) => {
                let (id, name) = calls.identity(index);
                let broken =
                    given.index != Some(index as u64) || given.id != id || given.name != name;
                let begins = Some((id.to_string(), name.to_string()));
                ToolCallRepair { index, begins, broken, repeats: false }
            }
            FragmentPlace::Continues(index) => {
                let broken = given.index != Some(index as u64)
                    || !given.id.is_empty()
                    || !given.name.is_empty();
                ToolCallRepair { index, begins: None, broken, repeats: false }
            }
            FragmentPlace::Repeats(index) => {
                ToolCallRepair { index, begins: None, broken: true, repeats: true }
            }
        };
        native.repair.calls.push(repaired);
    }

    /// The content is a list of parts.
    pub(super) fn note_parts(&mut self) {
        if let ChatRelay::Native(native) = self {
            native.repair.has_parts = true;
        }
    }

    pub(super) fn note_finish(&mut self, reason: &str) {
        if let ChatRelay::Native(native) = self {
            native.finish = Some(reason.to_owned());
            // an answer that failed has no good end to tell of: the error follows
            native.kind = if Ending::of(reason) == Ending::Failed { CHUNK } else { FINISH };
        }
    }

    /// The chunk ends the answer if no better reason comes.
    pub(super) fn note_wordless_finish(&mut self) {
        if let ChatRelay::Native(native) = self {
            native.kind = WORDLESS_FINISH;
        }
    }

    /// The chunk is read: puts it where its place is.
    pub(super) fn end(
        &mut self,
        place: usize,
        data: &Bytes,
        any_calls: bool,
        out: &mut [ProviderEvent],
    ) -> Result<(), serde_json::Error> {
        let ChatRelay::Native(native) = self else { return Ok(()) };
        native.repair.finish_reason = match native.finish.as_deref() {
            Some(word) if Ending::of(word) == Ending::Failed => FinishRepair::NotYet,
            Some(word) => Ending::of(word)
                .usual_word(word, any_calls)
                .map_or(FinishRepair::AsItIs, FinishRepair::Word),
            None if native.kind == WORDLESS_FINISH => FinishRepair::NotYet,
            None => FinishRepair::AsItIs,
        };
        // Usage is hidden from a client that did not ask for it, but a chunk of nothing else is
        // recorded whole for an idempotent replay.
        let usage_chunk =
            if native.kind == USAGE { UsageChunk::Wanted } else { native.usage_chunk };
        let chunk = relayed_chunk(data, &native.model, usage_chunk, &native.repair)?;
        if native.kind == CHUNK {
            native.last = data.clone();
        }
        if let Some(out) = out.get_mut(place) {
            out.native = Some(Native {
                name: ByteString::from_static(native.kind),
                data: Bytes::from(chunk),
            });
        }
        Ok(())
    }

    /// The chunk in which an answer ends that has none, made of its last one.
    pub(super) fn invented_finish(&self, any_calls: bool) -> Option<ProviderEvent> {
        let ChatRelay::Native(native) = self else { return None };
        let word = if any_calls { "tool_calls" } else { "stop" };
        let choices = format!("[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{word}\"}}]");
        let chunk = Members::parse(&native.last).ok()?.write(
            |key| match key {
                "model" => Edit::Replace(quoted(&native.model)),
                "choices" => Edit::Replace(choices.clone()),
                "usage" => Edit::Remove,
                _ => Edit::Keep,
            },
            &[],
        );
        let native = Native { name: ByteString::from_static(FINISH), data: Bytes::from(chunk) };
        Some(ProviderEvent { event: StreamEvent::Other, native: Some(native) })
    }

    /// The protocol's last word, also where a vendor leaves it out after its finish reason.
    pub(super) fn last_word(&self) -> ProviderEvent {
        match self {
            ChatRelay::Translated => ProviderEvent::translated(StreamEvent::End),
            ChatRelay::Native(_) => {
                let native =
                    Native { name: ByteString::from_static(CHUNK), data: Bytes::from_static(DONE) };
                ProviderEvent { event: StreamEvent::End, native: Some(native) }
            }
        }
    }
}
