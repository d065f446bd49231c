//! CollectSink: the twin of SseSink for a client that wants its answer whole. It reads the very
//! events that a stream would carry.

use actix::{Actor, Context, Handler};
use ainfera_schema::RequestId;
use ainfera_wire::client::{ClientFrames, WholeAnswer};
use ainfera_wire::event::StreamEvent;
use bytes::Bytes;

use super::recorder::Recorder;
use super::{SinkError, Write, Written};
use crate::fault_injection::maybe_panic_over;

/// See the module.
pub struct CollectSink {
    request_id: RequestId,
    frames: ClientFrames,
    /// Taken when it is whole.
    answer: Option<WholeAnswer>,
    /// Only where the call has an idempotency key.
    recorder: Option<Recorder>,
}

impl CollectSink {
    pub fn new(frames: ClientFrames, request_id: RequestId, answer: WholeAnswer) -> Self {
        Self { request_id, frames, answer: Some(answer), recorder: None }
    }

    pub fn recording(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }
}

impl Actor for CollectSink {
    type Context = Context<Self>;
}

impl Handler<Write> for CollectSink {
    type Result = Result<Written, SinkError>;

    fn handle(&mut self, write: Write, _: &mut Self::Context) -> Self::Result {
        maybe_panic_over("collect", self.request_id);
        let mut written = Written::Taken;
        self.frames.name_coercions(&write.coercions);
        self.frames.set_time(jiff::Timestamp::now().as_second());
        for event in &write.events {
            self.frames.json(event, &mut |name, json| {
                if let Some(answer) = &mut self.answer {
                    answer.add(name, json);
                }
                if let Some(recorder) =
                    self.recorder.as_mut().filter(|_| event.event != StreamEvent::Ping)
                {
                    recorder.add_event(name, json);
                }
            });
            if event.event == StreamEvent::End {
                let body = self.answer.take().map(WholeAnswer::into_json).unwrap_or_default();
                let recording = self.recorder.take().and_then(Recorder::finish);
                written = Written::Whole { body: Bytes::from(body), recording };
            }
        }
        Ok(written)
    }
}
