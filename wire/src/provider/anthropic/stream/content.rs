//! The events of content blocks.

use bytestring::ByteString;
use serde_json::value::RawValue;

use super::blocks::BlockKind;
use super::frame::{FrameBlock, FrameDelta};
use super::{AnthropicReader, Phase, Source};
use crate::codec::json::Text;
use crate::error::stream_fault::StreamFault;
use crate::event::{Block, Delta, ProviderEvent, RelayMode, StreamEvent};
use crate::oddity::Oddity;
use crate::passthrough::messages::{start_with_id, start_with_name};

impl AnthropicReader {
    pub(super) fn block_start(
        &mut self,
        index: Option<u64>,
        block: Option<FrameBlock<'_>>,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if !matches!(self.phase, Phase::Started | Phase::InContent) {
            return Err(StreamFault::malformed("content_block_start out of order"));
        }
        self.phase = Phase::InContent;
        if self.blocks.any() {
            out.push(StreamEvent::Oddity(Oddity::BlockOrder).into());
            // one that begins anew has ended
            if index.is_none() || self.blocks.has_index(index) {
                self.end_block(index, out);
            }
        }
        let Some(block) = block else {
            let at = self.blocks.begin(index, BlockKind::Other, None);
            self.say(at, StreamEvent::BlockStart(Block::Other), source, out);
            return Ok(());
        };
        let data = source.data;
        let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
        let mut complete_input = None;
        let mut native = source.native.clone();
        let (said, block) = match block.kind() {
            "text" => (Some(Delta::Text(text(block.text))), Block::Text),
            "thinking" => (Some(Delta::Thinking(text(block.thinking))), Block::Thinking),
            "tool_use" => {
                complete_input = block
                    .input
                    .map(RawValue::get)
                    .filter(|input| input.starts_with('{') && *input != "{}")
                    .map(ByteString::from);
                let (mut id, name) = (text(block.id), text(block.name));
                if name.is_empty() && self.relay == RelayMode::Translated {
                    return Err(StreamFault::malformed("tool call without a name"));
                }
                if id.is_empty() {
                    out.push(StreamEvent::Oddity(Oddity::NoToolCallId).into());
                    id = format!("toolu_{}{}", self.id_seed, self.calls).into();
                    native = start_with_id(&native, &id);
                }
                self.calls += 1;
                let known = self.tool_names.restored(name.clone());
                if known != name {
                    native = start_with_name(&native, &known);
                }
                (None, Block::ToolUse { id, name: known })
            }
            _ => (None, Block::Other),
        };
        let at = self.blocks.begin(index, BlockKind::of(&block), complete_input);
        self.say(at, StreamEvent::BlockStart(block), Source { native, ..source }, out);
        // what its start says of it; a native client has read it there
        if let Some(said) = said.filter(|said| said.text_bytes() > 0) {
            self.text_bytes += said.text_bytes();
            self.also(at, StreamEvent::Delta(said), out);
        }
        Ok(())
    }

    pub(super) fn block_delta(
        &mut self,
        index: Option<u64>,
        delta: Option<FrameDelta<'_>>,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if !matches!(self.phase, Phase::Started | Phase::InContent) {
            return Err(StreamFault::malformed("content_block_delta out of order"));
        }
        let data = source.data;
        let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
        let delta = match delta {
            None => Delta::Other,
            Some(delta) => match delta.kind() {
                "text_delta" => Delta::Text(text(delta.text)),
                "thinking_delta" => Delta::Thinking(text(delta.thinking)),
                "signature_delta" => Delta::Signature(text(delta.signature)),
                "input_json_delta" => Delta::ToolInput(text(delta.partial_json)),
                _ => Delta::Other,
            },
        };
        let at = match self.blocks.find(index) {
            Some(at) => at,
            None => self.block_without_start(index, &delta, out)?,
        };
        self.text_bytes += delta.text_bytes();
        let Some(block) = self.blocks.get(at) else { return Ok(()) };
        if matches!(&delta, Delta::ToolInput(piece) if !piece.is_empty()) {
            block.complete_input = None;
        }
        let delta = if block.kind == BlockKind::Other { Delta::Other } else { delta };
        self.say(at, StreamEvent::Delta(delta), source, out);
        Ok(())
    }

    /// A piece of a block that never began, or has ended.
    fn block_without_start(
        &mut self,
        index: Option<u64>,
        delta: &Delta,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<usize, StreamFault> {
        let kind = BlockKind::of_piece(delta)
            .ok_or_else(|| StreamFault::malformed("arguments of a tool call that never began"))?;
        out.push(StreamEvent::Oddity(Oddity::BlockOrder).into());
        self.phase = Phase::InContent;
        let at = self.blocks.begin(index, kind, None);
        let block = match kind {
            BlockKind::Text => Block::Text,
            BlockKind::Thinking => Block::Thinking,
            BlockKind::ToolUse | BlockKind::Other => Block::Other,
        };
        self.also(at, StreamEvent::BlockStart(block), out);
        Ok(at)
    }

    pub(super) fn block_stop(
        &mut self,
        index: Option<u64>,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) {
        let Some(at) = self.blocks.find(index) else {
            out.push(StreamEvent::Oddity(Oddity::BlockOrder).into());
            if self.relay == RelayMode::Native {
                out.push(self.heard(StreamEvent::Other, source));
            }
            return;
        };
        self.complete_input(at, out);
        self.say(at, StreamEvent::BlockStop, source, out);
        self.blocks.end(at, out);
    }

    /// A block that ends without an event that says so.
    pub(super) fn end_block(&mut self, index: Option<u64>, out: &mut Vec<ProviderEvent>) {
        if let Some(at) = self.blocks.find(index) {
            self.complete_input(at, out);
            self.also(at, StreamEvent::BlockStop, out);
            self.blocks.end(at, out);
        }
    }

    pub(super) fn complete_input(&mut self, at: usize, out: &mut Vec<ProviderEvent>) {
        let input = self.blocks.get(at).and_then(|block| block.complete_input.take());
        if let Some(input) = input {
            self.also(at, StreamEvent::Delta(Delta::ToolInput(input)), out);
        }
    }

    /// Something of an open block: in line for clients of other dialects, as it came for the
    /// native one.
    fn say(
        &mut self,
        at: usize,
        event: StreamEvent,
        source: Source<'_>,
        out: &mut Vec<ProviderEvent>,
    ) {
        match self.relay {
            RelayMode::Native => out.push(self.heard(event, source)),
            RelayMode::Translated => self.blocks.say(at, event, out),
        }
    }

    /// What the provider said in another place than where it is said: a native client has read it
    /// there.
    pub(super) fn also(&mut self, at: usize, event: StreamEvent, out: &mut Vec<ProviderEvent>) {
        if self.relay == RelayMode::Translated {
            self.blocks.say(at, event, out);
        }
    }
}
