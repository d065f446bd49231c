//! CollectSink: the twin of SseSink for a client that wants its answer whole. It reads the very events that a stream would carry.

use actix::{Actor, Context, Handler};
use ainfera_wire::StreamEvent;
use ainfera_wire::anthropic::frames::AnthropicFrames;
use ainfera_wire::anthropic::message::AnthropicMessage;
use bytes::Bytes;

use super::{SinkError, Write, Written};

/// See the module.
pub struct CollectSink {
    frames: AnthropicFrames,
    message: AnthropicMessage,
}

impl CollectSink {
    pub fn new(frames: AnthropicFrames) -> Self {
        Self { frames, message: AnthropicMessage::default() }
    }
}

impl Actor for CollectSink {
    type Context = Context<Self>;
}

impl Handler<Write> for CollectSink {
    type Result = Result<Written, SinkError>;

    fn handle(&mut self, write: Write, _: &mut Self::Context) -> Self::Result {
        let mut written = Written::Taken;
        for heard in &write.0 {
            self.frames.json(heard, &mut |name, json| self.message.add(name, json));
            if heard.event == StreamEvent::End {
                let message = std::mem::take(&mut self.message);
                written = Written::Whole(Bytes::from(message.into_json()));
            }
        }
        Ok(written)
    }
}
