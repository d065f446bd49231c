//! The content blocks of an answer that have begun and not ended. Most answers have one at a time;
//! official clients know a block by its index, and take pieces of several in turns.

use bytestring::ByteString;

use crate::event::{Block, Delta, StreamEvent};
use crate::provider::block_sequencer::BlockSequencer;

/// A block that is open.
#[derive(Debug)]
pub(super) struct OpenBlock {
    /// As the provider numbers it.
    index: Option<u64>,
    /// Its place in the sequence of the client's blocks.
    place: usize,
    pub kind: BlockKind,
    /// Arguments that stood complete in its start; pieces that follow say the same again.
    pub complete_input: Option<ByteString>,
}

/// What a block is, as far as its pieces depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    Text,
    Thinking,
    ToolUse,
    /// One that only Anthropic has: its arguments are none that another client could act upon.
    Other,
}

impl BlockKind {
    pub(super) fn of(block: &Block) -> Self {
        match block {
            Block::Text => BlockKind::Text,
            Block::Thinking => BlockKind::Thinking,
            Block::ToolUse { .. } => BlockKind::ToolUse,
            Block::Other => BlockKind::Other,
        }
    }

    /// The block that a piece belongs to which belongs to none.
    pub(super) fn of_piece(delta: &Delta) -> Option<Self> {
        match delta {
            Delta::Text(_) => Some(BlockKind::Text),
            Delta::Thinking(_) | Delta::Signature(_) => Some(BlockKind::Thinking),
            Delta::ToolInput(_) => None,
            Delta::Other => Some(BlockKind::Other),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OpenBlocks {
    open: Vec<OpenBlock>,
    sequence: BlockSequencer,
}

impl OpenBlocks {
    pub(super) fn any(&self) -> bool {
        !self.open.is_empty()
    }

    /// Is a tool call open, so that its arguments may not be complete?
    pub(super) fn any_call(&self) -> bool {
        self.open.iter().any(|block| block.kind == BlockKind::ToolUse)
    }

    pub(super) fn has_index(&self, index: Option<u64>) -> bool {
        self.open.iter().any(|block| block.index == index)
    }

    /// A block begins. Gives its position among those that are open.
    pub(super) fn begin(
        &mut self,
        index: Option<u64>,
        kind: BlockKind,
        complete_input: Option<ByteString>,
    ) -> usize {
        let place = self.sequence.begin();
        self.open.push(OpenBlock { index, place, kind, complete_input });
        self.open.len() - 1
    }

    /// The block that an event of this index is about: without an index the last one.
    pub(super) fn find(&self, index: Option<u64>) -> Option<usize> {
        match index {
            Some(_) => self.open.iter().rposition(|block| block.index == index),
            None => self.open.len().checked_sub(1),
        }
    }

    pub(super) fn get(&mut self, at: usize) -> Option<&mut OpenBlock> {
        self.open.get_mut(at)
    }

    /// Something of an open block for clients of other dialects.
    pub(super) fn say<E: From<StreamEvent>>(
        &mut self,
        at: usize,
        event: StreamEvent,
        out: &mut Vec<E>,
    ) {
        if let Some(block) = self.open.get(at) {
            self.sequence.say(block.place, event, out);
        }
    }

    /// The block has ended.
    pub(super) fn end<E: From<StreamEvent>>(&mut self, at: usize, out: &mut Vec<E>) {
        if at < self.open.len() {
            let block = self.open.remove(at);
            self.sequence.complete(block.place, out);
        }
    }
}
