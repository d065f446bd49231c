//! The native path, Chat Completions on both sides: chunks reach the client as they came, but for our name for the model and what official clients
//! cannot read. What the chunk means is said in our words after it, for everybody but the client.

use bytes::Bytes;
use bytestring::ByteString;

use super::chunk::Chunk;
use crate::chat::call::UsageChunk;
use crate::chat::frames::{CHUNK, DONE, FINISH, USAGE, WORDLESS_FINISH};
use crate::chat::frames::{MendedCall, Mending, passed};
use crate::chat::tool_calls::{Fragment, FragmentPlace, ToolCalls};
use crate::event::{Heard, Native, StreamEvent};

/// Whether the client gets the chunks themselves.
#[derive(Debug)]
pub enum ChatPassage {
    Translated,
    Native(Box<NativePassage>),
}

/// See the module.
#[derive(Debug)]
pub struct NativePassage {
    model: String,
    usage_chunk: UsageChunk,
    begun: bool,
    mending: Mending,
    /// The finish reason of the chunk at hand.
    finish: Option<String>,
    kind: &'static str,
}

/// What becomes of the finish reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MendedFinish {
    #[default]
    AsItIs,
    Word(&'static str),
    /// An empty word tells no end: null, as in every chunk before the last.
    NotYet,
}

impl ChatPassage {
    /// `model` is the name that the client shall see.
    pub fn native(model: &str, usage_chunk: UsageChunk) -> Self {
        let (mending, finish) = (Mending::default(), None);
        ChatPassage::Native(Box::new(NativePassage { model: model.to_owned(), usage_chunk, begun: false, mending, finish, kind: CHUNK }))
    }

    /// A chunk begins: keeps its place before what it means.
    pub(super) fn begin(&mut self, chunk: &Chunk<'_>, heard: &mut Vec<Heard>) -> usize {
        if let ChatPassage::Native(native) = self {
            native.mending = Mending { is_first: !native.begun, ..Mending::default() };
            native.begun |= chunk.choices.as_ref().is_some_and(|choices| !choices.is_empty());
            native.finish = None;
            let says_nothing_else = chunk.choices.as_ref().is_none_or(Vec::is_empty);
            native.kind = if says_nothing_else && chunk.usage.is_some() { USAGE } else { CHUNK };
            heard.push(Heard::translated(StreamEvent::Other));
        }
        heard.len().saturating_sub(1)
    }

    pub(super) fn note_call(&mut self, place: FragmentPlace, given: &Fragment, calls: &mut ToolCalls) {
        let ChatPassage::Native(native) = self else { return };
        let mended = match place {
            FragmentPlace::Begins(index) => {
                let (id, name) = calls.identity(index);
                let broken = given.index != Some(index as u64) || given.id != id || given.name != name;
                MendedCall { index, begins: Some((id.to_string(), name.to_string())), broken }
            }
            FragmentPlace::Continues(index) => {
                let broken = given.index != Some(index as u64) || !given.id.is_empty() || !given.name.is_empty();
                MendedCall { index, begins: None, broken }
            }
        };
        native.mending.calls.push(mended);
    }

    /// The content is a list of parts.
    pub(super) fn note_parts(&mut self) {
        if let ChatPassage::Native(native) = self {
            native.mending.has_parts = true;
        }
    }

    pub(super) fn note_finish(&mut self, reason: &str) {
        if let ChatPassage::Native(native) = self {
            native.finish = Some(reason.to_ascii_lowercase());
            native.kind = FINISH;
        }
    }

    /// The chunk ends the answer if no better reason comes.
    pub(super) fn note_wordless_finish(&mut self) {
        if let ChatPassage::Native(native) = self {
            native.kind = WORDLESS_FINISH;
        }
    }

    /// The chunk is read: puts it where its place is.
    pub(super) fn end(&mut self, place: usize, data: &Bytes, any_calls: bool, heard: &mut [Heard]) -> Result<(), serde_json::Error> {
        let ChatPassage::Native(native) = self else { return Ok(()) };
        native.mending.finish_reason = match (native.finish.as_deref(), any_calls) {
            // agents go by this word: a call that is not announced is not run
            (Some("stop" | "eos" | "eos_token" | "function_call"), true) => MendedFinish::Word("tool_calls"),
            (Some("eos" | "eos_token"), false) => MendedFinish::Word("stop"),
            (Some("model_length" | "max_tokens"), _) => MendedFinish::Word("length"),
            (None, _) if native.kind == WORDLESS_FINISH => MendedFinish::NotYet,
            _ => MendedFinish::AsItIs,
        };
        // who does not want it is not told the whole chunk, but it is kept for whoever asks for the answer again
        let usage_chunk = if native.kind == USAGE { UsageChunk::Wanted } else { native.usage_chunk };
        let chunk = passed(data, &native.model, usage_chunk, &native.mending)?;
        if let Some(heard) = heard.get_mut(place) {
            heard.native = Some(Native { name: ByteString::from_static(native.kind), data: Bytes::from(chunk) });
        }
        Ok(())
    }

    /// The protocol's last word, also where a vendor leaves it out after its finish reason.
    pub(super) fn last_word(&self) -> Heard {
        match self {
            ChatPassage::Translated => Heard::translated(StreamEvent::End),
            ChatPassage::Native(_) => {
                let native = Native { name: ByteString::from_static(CHUNK), data: Bytes::from_static(DONE) };
                Heard { event: StreamEvent::End, native: Some(native) }
            }
        }
    }
}
