//! Our words as Anthropic's events: what an Anthropic client hears, whoever answered.
//!
//! Indexes are dense, one block is open at a time, `message_start` and `message_delta` both carry
//! whole usage, and a native event goes out as it came.

use ainfera_schema::TokenUsage;

use crate::codec::json::quoted;
use crate::event::{Block, Delta, ProviderEvent, Stop, StreamEvent, estimated_output_tokens};
use crate::request::toolsets::Toolsets;

/// Writes one answer. A pure state machine: events in, frames out.
#[derive(Debug)]
pub struct AnthropicFrames {
    message_id: String,
    model: String,
    /// Shown where the provider has not counted; an agent that sees 0 never compacts its context.
    estimated_input_tokens: u64,
    started: bool,
    /// Index of the open block, or of the next one.
    index: u32,
    block_open: bool,
    /// What was said: the ground for a count where the provider gives none.
    text_bytes: usize,
    toolsets: Toolsets,
}

impl AnthropicFrames {
    pub fn new(
        message_id: String,
        model: &str,
        estimated_input_tokens: u64,
        toolsets: Toolsets,
    ) -> Self {
        Self {
            message_id,
            model: model.to_owned(),
            estimated_input_tokens,
            started: false,
            index: 0,
            block_open: false,
            text_bytes: 0,
            toolsets,
        }
    }

    /// The frames for one event: name and JSON.
    pub fn json(&mut self, provider_event: &ProviderEvent, visit: &mut dyn FnMut(&str, &[u8])) {
        if let Some(native) = &provider_event.native {
            visit(&native.name, &native.data);
            return;
        }
        self.translate(&provider_event.event, &mut |name, json| visit(name, json.as_bytes()));
    }

    fn translate(&mut self, event: &StreamEvent, emit: &mut dyn FnMut(&str, String)) {
        match event {
            StreamEvent::Start { usage, .. } => self.start(usage, emit),
            StreamEvent::BlockStart(block) => {
                self.start(&TokenUsage::default(), emit);
                self.close_block(emit);
                let block = match block {
                    Block::Text => "{\"type\":\"text\",\"text\":\"\"}".to_owned(),
                    Block::Thinking => {
                        "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}".to_owned()
                    }
                    Block::ToolUse { id, name } => self.tool_use(id, name),
                    // a translated stream has no such blocks
                    Block::Other => return,
                };
                emit(
                    "content_block_start",
                    format!(
                        "{{\"type\":\"content_block_start\",\"index\":{},\"content_block\":{block}}}",
                        self.index
                    ),
                );
                self.block_open = true;
            }
            StreamEvent::Delta(delta) => {
                let (kind, member, text) = match delta {
                    Delta::Text(text) => ("text_delta", "text", text),
                    Delta::Thinking(text) => ("thinking_delta", "thinking", text),
                    Delta::Signature(text) => ("signature_delta", "signature", text),
                    Delta::ToolInput(text) => ("input_json_delta", "partial_json", text),
                    Delta::Other => return,
                };
                self.text_bytes += delta.text_bytes();
                let delta = format!("{{\"type\":\"{kind}\",\"{member}\":{}}}", quoted(text));
                emit(
                    "content_block_delta",
                    format!(
                        "{{\"type\":\"content_block_delta\",\"index\":{},\"delta\":{delta}}}",
                        self.index
                    ),
                );
            }
            StreamEvent::BlockStop => self.close_block(emit),
            StreamEvent::Finish { stop, usage } => {
                self.start(usage, emit);
                self.close_block(emit);
                emit("message_delta", message_delta(stop, &self.counted(usage)));
            }
            StreamEvent::End => emit("message_stop", "{\"type\":\"message_stop\"}".to_owned()),
            StreamEvent::Ping => emit("ping", "{\"type\":\"ping\"}".to_owned()),
            StreamEvent::HiddenReasoning { bytes } => self.text_bytes += bytes,
            StreamEvent::FailedUsage(_) | StreamEvent::Oddity(_) | StreamEvent::Other => {}
        }
    }

    /// A call that begins, of a toolset too where it has the tool.
    fn tool_use(&self, id: &str, name: &str) -> String {
        let member = self.toolsets.of_flat(name);
        let name = member.map_or(name, |member| member.name);
        let toolset = member
            .map(|member| format!(",\"toolset_name\":{}", quoted(member.toolset)))
            .unwrap_or_default();
        format!(
            "{{\"type\":\"tool_use\",\"id\":{},\"name\":{},\"input\":{{}}{toolset}}}",
            quoted(id),
            quoted(name)
        )
    }

    /// Exactly once, before anything else.
    fn start(&mut self, usage: &TokenUsage, emit: &mut dyn FnMut(&str, String)) {
        if self.started {
            return;
        }
        self.started = true;
        let shown = self.counted(usage);
        emit(
            "message_start",
            format!(
                "{{\"type\":\"message_start\",\"message\":{{\"id\":{},\"type\":\"message\",\"role\":\"assistant\",\"model\":{},\"content\":[],\
                 \"stop_reason\":null,\"stop_sequence\":null,\"usage\":{}}}}}",
                quoted(&self.message_id),
                quoted(&self.model),
                usage_json(&shown)
            ),
        );
    }

    /// The provider's counts, and ours where it has none.
    fn counted(&self, usage: &TokenUsage) -> TokenUsage {
        let mut counted = *usage;
        if usage.prompt_tokens() == 0 {
            counted.input_tokens = self.estimated_input_tokens;
        }
        if usage.output_tokens == 0 {
            counted.output_tokens = estimated_output_tokens(self.text_bytes);
        }
        counted
    }

    fn close_block(&mut self, emit: &mut dyn FnMut(&str, String)) {
        if self.block_open {
            emit(
                "content_block_stop",
                format!("{{\"type\":\"content_block_stop\",\"index\":{}}}", self.index),
            );
            self.index += 1;
            self.block_open = false;
        }
    }
}

fn message_delta(stop: &Stop, usage: &TokenUsage) -> String {
    let sequence =
        stop.sequence.as_ref().map_or_else(|| "null".to_owned(), |sequence| quoted(sequence));
    format!(
        "{{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":{},\"stop_sequence\":{sequence}}},\"usage\":{}}}",
        quoted(stop.reason.as_str()),
        usage_json(usage)
    )
}

/// Usage as every event of this dialect carries it.
pub(crate) fn usage_json(usage: &TokenUsage) -> String {
    format!(
        "{{\"input_tokens\":{},\"cache_creation_input_tokens\":{},\"cache_read_input_tokens\":{},\"output_tokens\":{}}}",
        usage.input_tokens,
        usage.cache_creation_input_tokens,
        usage.cache_read_input_tokens,
        usage.output_tokens
    )
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::codec::sse::write_frame;
    use crate::event::StopReason;

    #[test]
    fn translated_blocks_are_dense_and_sequential() {
        let mut frames = AnthropicFrames::new("msg_1".to_owned(), "slug", 9, Toolsets::default());
        let usage = TokenUsage { input_tokens: 11, output_tokens: 4, ..TokenUsage::default() };
        let mut out = BytesMut::new();
        for event in [
            StreamEvent::Start { upstream_id: None, usage: TokenUsage::default() },
            StreamEvent::BlockStart(Block::Text),
            StreamEvent::Delta(Delta::Text("a\"b".into())),
            StreamEvent::BlockStop,
            StreamEvent::BlockStart(Block::ToolUse { id: "t1".into(), name: "f".into() }),
            StreamEvent::Delta(Delta::ToolInput("{\"x\":".into())),
            StreamEvent::Delta(Delta::ToolInput("1}".into())),
            StreamEvent::BlockStop,
            StreamEvent::Finish {
                stop: Stop { reason: StopReason::ToolUse, sequence: None, word: None },
                usage,
            },
            StreamEvent::End,
        ] {
            frames.json(&ProviderEvent::translated(event), &mut |name, json| {
                write_frame(name, json, &mut out)
            });
        }
        let text = String::from_utf8(out.to_vec()).unwrap();
        let expected = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"slug","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\"b"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":11,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4}}

event: message_stop
data: {"type":"message_stop"}

"#;
        assert_eq!(text, expected);
    }
}
