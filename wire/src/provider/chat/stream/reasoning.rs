//! What a model thinks, in text or in parts, and the marks under which the client keeps it.

use bytes::Bytes;

use super::chunk::ChoiceDelta;
use super::{ChatReader, ContentKind, OpenBlock, text_of};
use crate::event::{Block, Delta, ProviderEvent, StreamEvent};
use crate::provider::chat::own_reasoning::{ReasoningMember, ReasoningOwner};

/// Whether the client hears what the model thinks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reasoning {
    /// As thinking, under its owner's mark.
    Shown(ReasoningOwner),
    /// It did not ask, and may take the first block for the answer.
    Hidden(ReasoningOwner),
}

impl ChatReader {
    /// The same words may stand under several names.
    pub(super) fn reasoning(
        &mut self,
        delta: &ChoiceDelta<'_>,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) {
        let details = delta.reasoning_details.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let in_details = self.details.add(details.unwrap_or_default());
        let text = [
            (delta.reasoning_content, ReasoningMember::ReasoningContent),
            (delta.reasoning, ReasoningMember::Reasoning),
        ]
        .into_iter()
        .filter_map(|(raw, member)| Some((raw?, member)))
        .find(|(raw, _)| raw.get().len() > 2 && raw.get().starts_with('"'));
        let (text, member) = match text {
            Some((raw, member)) => (text_of(raw, data), member),
            None => (in_details.into(), ReasoningMember::Details),
        };
        self.piece(ContentKind::Thought(text, member), out);
    }

    pub(super) fn close(&mut self, out: &mut Vec<ProviderEvent>) {
        match self.open.take() {
            None => {}
            Some(OpenBlock::Text) => out.push(StreamEvent::BlockStop.into()),
            Some(OpenBlock::Thinking(member)) => {
                if let Reasoning::Shown(owner) = &self.reasoning {
                    let mark = match self.details.take() {
                        Some(details) => owner.mark_of_details(&details),
                        None => owner.mark(member),
                    };
                    out.push(StreamEvent::Delta(Delta::Signature(mark)).into());
                }
                out.push(StreamEvent::BlockStop.into());
            }
        }
    }

    /// Parts of reasoning that no text came with: a thought of no words, the place in which a
    /// client keeps them.
    pub(super) fn wordless_details(&mut self, out: &mut Vec<ProviderEvent>) {
        let Reasoning::Shown(owner) = &self.reasoning else { return };
        let details = self.details.take().map(|details| owner.mark_of_details(&details));
        for kept in details.into_iter().chain(self.text_signature.take()) {
            let thought = [
                StreamEvent::BlockStart(Block::Thinking),
                StreamEvent::Delta(Delta::Signature(kept)),
                StreamEvent::BlockStop,
            ];
            out.extend(thought.map(ProviderEvent::translated));
        }
    }
}
