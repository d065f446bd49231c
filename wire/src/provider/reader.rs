//! Bytes of one answer in, events out, whatever the dialect and whether it streams.

use ainfera_schema::StreamMode;
use bytes::{Bytes, BytesMut};

use crate::codec::sse::{SseDecoder, SseEvent};
use crate::codec::well_formed::{Halves, whole};
use crate::error::stream_fault::StreamFault;
use crate::event::{ProviderEvent, StreamEvent};
use crate::oddity::Oddity;
use crate::provider::anthropic::stream::AnthropicReader;
use crate::provider::chat::stream::ChatReader;
use crate::provider::gemini::stream::GeminiReader;
use crate::provider::responses::stream::ResponsesReader;

/// See the module.
#[derive(Debug)]
pub struct UpstreamReader {
    form: Form,
    dialect: DialectReader,
}

/// How the bytes come. They decide it themselves: what the head says of them is often wrong.
#[derive(Debug)]
enum Form {
    /// Nothing but white space has come.
    Unknown(BytesMut),
    Events {
        decoder: SseDecoder,
        events: Vec<SseEvent>,
        halves: Halves,
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
        Self { form: Form::Unknown(BytesMut::new()), dialect }
    }

    /// How the answer comes, once its first bytes have told.
    pub fn stream_mode(&self) -> Option<StreamMode> {
        match self.form {
            Form::Unknown(_) => None,
            Form::Events { .. } => Some(StreamMode::Native),
            Form::Whole(_) => Some(StreamMode::Wrapped),
        }
    }

    /// Appends what `chunk` says. What was read before a fault is there too.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        let chunk = match &mut self.form {
            Form::Unknown(begun) => {
                begun.extend_from_slice(&chunk);
                let Some(form) = form_of(begun)? else { return Ok(()) };
                let begun = without_mark(std::mem::take(begun).freeze());
                self.form = form;
                begun
            }
            Form::Events { .. } | Form::Whole(_) => chunk,
        };
        let (decoder, events, halves) = match &mut self.form {
            Form::Events { decoder, events, halves } => (decoder, events, halves),
            Form::Unknown(_) => return Ok(()),
            Form::Whole(body) => {
                body.extend_from_slice(&chunk);
                return Ok(());
            }
        };
        let decoded = decoder.feed(chunk, events);
        for event in events.drain(..) {
            if halves.passes(&event) {
                self.dialect.read(event, out)?;
                continue;
            }
            out.push(StreamEvent::Oddity(Oddity::HalfCharacter).into());
            for event in halves.take(event) {
                self.dialect.read(event, out)?;
            }
        }
        decoded.map_err(|error| StreamFault::malformed(error.to_string()))
    }

    /// The bytes are over.
    pub fn finish(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        match &mut self.form {
            Form::Unknown(_) => Err(StreamFault::Truncated),
            Form::Events { halves, .. } => {
                if let Some(event) = halves.last() {
                    self.dialect.read(event, out)?;
                }
                self.dialect.finish(out)
            }
            Form::Whole(body) => {
                let body = whole(std::mem::take(body).freeze());
                let said = self.whole(body, out);
                if said.is_err() {
                    // A whole answer is all or nothing: events of one that failed are left out.
                    out.clear();
                }
                said
            }
        }
    }

    fn whole(&mut self, body: Bytes, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        if body.trim_ascii().is_empty() {
            return Err(StreamFault::Truncated);
        }
        let said = match &mut self.dialect {
            DialectReader::Anthropic(_) => crate::provider::anthropic::whole::events(&body)?,
            DialectReader::Chat(_) => crate::provider::chat::whole::chunks(&body)?,
            DialectReader::Responses(_) => crate::provider::responses::whole::events(&body)?,
            DialectReader::Gemini(reader) => return reader.whole(&body, out),
        };
        for data in said {
            self.dialect.read(SseEvent { name: Bytes::new(), data }, out)?;
        }
        self.dialect.finish(out)
    }
}

/// A byte order mark, which some servers put before everything.
const MARK: &[u8] = b"\xEF\xBB\xBF";

fn without_mark(begun: Bytes) -> Bytes {
    if begun.starts_with(MARK) { begun.slice(MARK.len()..) } else { begun }
}

/// What begins like this. `None` while that cannot be told.
fn form_of(begun: &[u8]) -> Result<Option<Form>, StreamFault> {
    /// So much white space before an answer is none.
    const MAX_BLANK_BYTES: usize = 64 << 10;
    let rest = begun.strip_prefix(MARK).unwrap_or(begun);
    if rest.len() < MARK.len() && MARK.starts_with(rest) {
        return Ok(None);
    }
    match rest.trim_ascii_start() {
        [] if begun.len() > MAX_BLANK_BYTES => Err(StreamFault::malformed("the answer is blank")),
        [] => Ok(None),
        [b'{' | b'[', ..] => Ok(Some(Form::Whole(BytesMut::new()))),
        [b'<', ..] => Err(StreamFault::malformed("the answer is a page of HTML or XML")),
        [0x1f, ..] => {
            Err(StreamFault::malformed("the answer is compressed, which was not asked for"))
        }
        _ => Ok(Some(Form::Events {
            decoder: SseDecoder::default(),
            events: Vec::new(),
            halves: Halves::default(),
        })),
    }
}

impl DialectReader {
    fn read(&mut self, event: SseEvent, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        match self {
            DialectReader::Anthropic(reader) => reader.read(event, out),
            DialectReader::Chat(reader) => reader.read(event, out),
            DialectReader::Responses(reader) => reader.read(event, out),
            DialectReader::Gemini(reader) => reader.read(event, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        match self {
            DialectReader::Anthropic(reader) => reader.finish(out),
            DialectReader::Chat(reader) => reader.finish(out),
            DialectReader::Responses(reader) => reader.finish(),
            DialectReader::Gemini(reader) => reader.finish(out),
        }
    }
}
