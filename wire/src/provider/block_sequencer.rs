//! The blocks of one answer, put in line. Providers may say pieces of several blocks in turns;
//! clients hear one block after the other, so what belongs to a later one waits until those before
//! it are complete.

use crate::event::StreamEvent;

/// See the module. A block is known by its place among those that began.
#[derive(Debug, Default)]
pub(super) struct BlockSequencer {
    blocks: Vec<Sequenced>,
    /// Blocks before this one have been said to their end.
    open: usize,
}

#[derive(Debug, Default)]
struct Sequenced {
    /// What waits until the blocks before this one are complete.
    waiting: Vec<StreamEvent>,
    complete: bool,
}

impl BlockSequencer {
    /// A block begins. Gives its place.
    pub(super) fn begin(&mut self) -> usize {
        self.blocks.push(Sequenced::default());
        self.blocks.len() - 1
    }

    /// Something of this block: its start, a piece, or its stop.
    pub(super) fn say<E: From<StreamEvent>>(
        &mut self,
        at: usize,
        event: StreamEvent,
        out: &mut Vec<E>,
    ) {
        match self.blocks.get_mut(at) {
            Some(_) if at == self.open => out.push(event.into()),
            Some(block) => block.waiting.push(event),
            None => {}
        }
    }

    /// The block is complete: those that follow it are said as far as they have come.
    pub(super) fn complete<E: From<StreamEvent>>(&mut self, at: usize, out: &mut Vec<E>) {
        if let Some(block) = self.blocks.get_mut(at) {
            block.complete = true;
        }
        while self.blocks.get(self.open).is_some_and(|block| block.complete) {
            self.open += 1;
            if let Some(next) = self.blocks.get_mut(self.open) {
                out.extend(next.waiting.drain(..).map(E::from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Block, Delta};

    fn text(text: &'static str) -> StreamEvent {
        StreamEvent::Delta(Delta::Text(text.into()))
    }

    #[test]
    fn a_later_block_waits_for_those_before_it() {
        let mut blocks = BlockSequencer::default();
        let mut out: Vec<StreamEvent> = Vec::new();
        let (first, second, third) = (blocks.begin(), blocks.begin(), blocks.begin());
        blocks.say(second, text("2"), &mut out);
        blocks.say(first, StreamEvent::BlockStart(Block::Text), &mut out);
        blocks.say(third, text("3"), &mut out);
        blocks.complete(second, &mut out);
        blocks.say(first, text("1"), &mut out);
        assert_eq!(out, [StreamEvent::BlockStart(Block::Text), text("1")]);
        blocks.complete(first, &mut out);
        blocks.say(third, text("4"), &mut out);
        assert_eq!(out[2..], [text("2"), text("3"), text("4")]);
    }
}
