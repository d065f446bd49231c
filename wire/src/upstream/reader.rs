//! Bytes of one answer in, events out, whatever the dialect and whether it streams.

use bytes::{Bytes, BytesMut};

use super::StreamFault;
use crate::anthropic::stream::AnthropicReader;
use crate::chat::stream::ChatReader;
use crate::event::Heard;
use crate::gemini::stream::GeminiReader;
use crate::responses::stream::ResponsesReader;
use crate::sse::{SseDecoder, SseEvent};

/// See the module.
#[derive(Debug)]
pub struct UpstreamReader {
    form: Form,
    dialect: DialectReader,
}

/// How the bytes come.
#[derive(Debug)]
enum Form {
    Events {
        decoder: SseDecoder,
        events: Vec<SseEvent>,
    },
    /// One JSON body, of which nothing can be said before its end.
    Whole(BytesMut),
}

#[derive(Debug)]
pub(super) enum DialectReader {
    Anthropic(AnthropicReader),
    Chat(ChatReader),
    Responses(ResponsesReader),
    Gemini(GeminiReader),
}

impl UpstreamReader {
    pub(super) fn new(dialect: DialectReader) -> Self {
        Self { form: Form::Events { decoder: SseDecoder::default(), events: Vec::new() }, dialect }
    }

    /// The answer comes whole. Said before its first byte.
    pub fn expect_whole(&mut self) {
        self.form = Form::Whole(BytesMut::new());
    }

    /// Appends what `chunk` says. What was read before a fault is there too.
    pub fn feed(&mut self, chunk: Bytes, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        let (decoder, events) = match &mut self.form {
            Form::Events { decoder, events } => (decoder, events),
            Form::Whole(body) => {
                body.extend_from_slice(&chunk);
                return Ok(());
            }
        };
        let decoded = decoder.feed(chunk, events);
        for event in events.drain(..) {
            self.dialect.read(event, heard)?;
        }
        decoded.map_err(|error| StreamFault::malformed(error.to_string()))
    }

    /// The bytes are over.
    pub fn finish(&mut self, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        match &mut self.form {
            Form::Events { .. } => self.dialect.finish(heard),
            Form::Whole(body) => {
                let body = std::mem::take(body).freeze();
                let said = self.whole(body, heard);
                if said.is_err() {
                    // nothing was heard yet, and of a failed answer nothing has to be
                    heard.clear();
                }
                said
            }
        }
    }

    fn whole(&mut self, body: Bytes, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        if body.trim_ascii().is_empty() {
            return Err(StreamFault::Truncated);
        }
        let said = match &mut self.dialect {
            DialectReader::Anthropic(_) => crate::anthropic::whole_answer::events(&body)?,
            DialectReader::Chat(_) => crate::chat::whole_answer::chunks(&body)?,
            DialectReader::Responses(_) => crate::responses::whole_answer::events(&body)?,
            DialectReader::Gemini(reader) => return reader.whole(&body, heard),
        };
        for data in said {
            self.dialect.read(SseEvent { name: Bytes::new(), data }, heard)?;
        }
        self.dialect.finish(heard)
    }
}

impl DialectReader {
    fn read(&mut self, event: SseEvent, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        match self {
            DialectReader::Anthropic(reader) => reader.read(event, heard),
            DialectReader::Chat(reader) => reader.read(event, heard),
            DialectReader::Responses(reader) => reader.read(event, heard),
            DialectReader::Gemini(reader) => reader.read(event, heard),
        }
    }

    fn finish(&mut self, heard: &mut Vec<Heard>) -> Result<(), StreamFault> {
        match self {
            DialectReader::Anthropic(reader) => reader.finish(heard),
            DialectReader::Chat(reader) => reader.finish(heard),
            DialectReader::Responses(reader) => reader.finish(),
            DialectReader::Gemini(reader) => reader.finish(heard),
        }
    }
}
