//! Reading one answer: chunked or counted bytes → events, each known for what it is, without
//! parsing JSON.

use memchr::{memchr, memmem};

use super::target::Dialect;

/// What one event of a stream means to the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Text; the time at which it was written, if it says so, in nanoseconds since the Unix epoch.
    Text {
        written_ns: Option<u64>,
    },
    /// Thinking or a piece of a tool call.
    OtherContent,
    /// The event without which an answer is cut.
    Terminator,
    Error,
    /// Starts, stops, pings, usage.
    Frame,
}

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub status: u16,
    pub framing: Framing,
    pub after: After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Chunked,
    Length(u64),
    UntilClose,
}

/// What happens to the connection when the answer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Close,
}

/// An answer that is not HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHttp;

/// The head at the start of `input` and its length; none while it is incomplete.
pub(super) fn head(input: &[u8]) -> Result<Option<(Head, usize)>, NotHttp> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut slots);
    let used = match parsed.parse(input) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NotHttp),
    };
    let value = |name: &str| {
        parsed
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let framing = match (value("transfer-encoding"), value("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        (_, Some(length)) => Framing::Length(
            std::str::from_utf8(length)
                .ok()
                .and_then(|length| length.trim().parse().ok())
                .ok_or(NotHttp)?,
        ),
        _ => Framing::UntilClose,
    };
    let closes = framing == Framing::UntilClose
        || value("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    let after = if closes { After::Close } else { After::Keep };
    Ok(Some((Head { status: parsed.code.ok_or(NotHttp)?, framing, after }, used)))
}

/// Takes a body out of its frames, in whatever pieces it comes.
#[derive(Debug)]
pub(super) struct Body {
    framing: Framing,
    /// What is left of the chunk, or of the body.
    left: u64,
    /// Of a chunk's size line, or of the line end behind a chunk, so far.
    line: Vec<u8>,
    pub ended: Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    Yes,
}

impl Body {
    pub(super) fn new(framing: Framing) -> Self {
        let (left, ended) = match framing {
            Framing::Length(0) => (0, Ended::Yes),
            Framing::Length(length) => (length, Ended::No),
            Framing::Chunked => (0, Ended::No),
            Framing::UntilClose => (u64::MAX, Ended::No),
        };
        Self { framing, left, line: Vec::new(), ended }
    }

    /// Moves what `input` holds of the body to `body`.
    pub(super) fn take(&mut self, mut input: &[u8], body: &mut Vec<u8>) -> Result<(), NotHttp> {
        while !input.is_empty() && self.ended == Ended::No {
            if self.left > 0 {
                let taken = input.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                body.extend_from_slice(&input[..taken]);
                self.left -= taken as u64;
                input = &input[taken..];
                if self.left == 0 && self.framing != Framing::Chunked {
                    self.ended = Ended::Yes;
                }
                continue;
            }
            let Some(end) = memchr(b'\n', input) else {
                self.line.extend_from_slice(input);
                return Ok(());
            };
            self.line.extend_from_slice(&input[..=end]);
            input = &input[end + 1..];
            self.chunk_line()?;
        }
        Ok(())
    }

    /// A size line, or the empty line behind a chunk, is complete.
    fn chunk_line(&mut self) -> Result<(), NotHttp> {
        let size = match self.line.trim_ascii() {
            b"" => None,
            line => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let digits = std::str::from_utf8(digits).map_err(|_| NotHttp)?;
                Some(u64::from_str_radix(digits.trim(), 16).map_err(|_| NotHttp)?)
            }
        };
        self.line.clear();
        match size {
            Some(0) => self.ended = Ended::Yes,
            Some(size) => self.left = size,
            None => {}
        }
        Ok(())
    }
}

/// Finds the events in a body as it grows.
#[derive(Debug)]
pub(super) struct Events {
    dialect: Dialect,
    name: Name,
    scanned: usize,
}

/// The `event:` line before a `data:` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Delta,
    Error,
    Stop,
    Other,
}

impl Events {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, name: Name::Other, scanned: 0 }
    }

    /// Calls `found` for every event that is complete in `body` and removes what has been read.
    pub(super) fn scan(&mut self, body: &mut Vec<u8>, mut found: impl FnMut(Event)) {
        let mut start = 0;
        let mut from = self.scanned;
        while let Some(length) = memchr(b'\n', &body[from..]) {
            let end = from + length;
            let line = body[start..end].strip_suffix(b"\r").unwrap_or(&body[start..end]);
            if let Some(name) = line.strip_prefix(b"event: ") {
                self.name = match name {
                    b"content_block_delta" => Name::Delta,
                    b"error" => Name::Error,
                    b"message_stop" => Name::Stop,
                    _ => Name::Other,
                };
            } else if let Some(data) = line.strip_prefix(b"data: ") {
                found(self.event(data));
                self.name = Name::Other;
            }
            start = end + 1;
            from = start;
        }
        body.drain(..start);
        self.scanned = body.len();
    }

    fn event(&self, data: &[u8]) -> Event {
        let has = |sought: &[u8]| memmem::find(data, sought).is_some();
        match (self.dialect, self.name) {
            (Dialect::Anthropic, Name::Delta) if has(b"\"text_delta\"") => {
                Event::Text { written_ns: marker(data) }
            }
            (Dialect::Anthropic, Name::Delta) => Event::OtherContent,
            (Dialect::Anthropic, Name::Stop) => Event::Terminator,
            (_, Name::Error) => Event::Error,
            (Dialect::Anthropic, Name::Other) => Event::Frame,
            (Dialect::Chat, _) if data == b"[DONE]" => Event::Terminator,
            (Dialect::Chat, _) if data.starts_with(b"{\"error\"") => Event::Error,
            (Dialect::Chat, _) if has(b"\"content\":\"") && !has(b"\"content\":\"\"") => {
                Event::Text { written_ns: marker(data) }
            }
            (Dialect::Chat, _) if has(b"\"tool_calls\":[{") || has(b"\"reasoning_content\":\"") => {
                Event::OtherContent
            }
            (Dialect::Chat, _) => Event::Frame,
        }
    }
}

/// `@` and 16 hex digits.
fn marker(data: &[u8]) -> Option<u64> {
    let at = memmem::find(data, b"\"@")? + 2;
    std::str::from_utf8(data.get(at..at + 16)?)
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(dialect: Dialect, pieces: &[&str]) -> Vec<Event> {
        let (mut events, mut body, mut found) = (Events::new(dialect), Vec::new(), Vec::new());
        for piece in pieces {
            body.extend_from_slice(piece.as_bytes());
            events.scan(&mut body, |event| found.push(event));
        }
        found
    }

    const ANTHROPIC: &str = "event: message_start\ndata: {\"type\":\"message_start\"}\n\n\
        event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"@00000000000000ff hi\"}}\n\n\
        event: content_block_delta\ndata: {\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n\
        event: error\ndata: {}\n\nevent: message_stop\ndata: {}\n\n";

    #[test]
    fn events_are_known_wherever_the_bytes_are_cut() {
        let expected = [
            Event::Frame,
            Event::Text { written_ns: Some(255) },
            Event::OtherContent,
            Event::Error,
            Event::Terminator,
        ];
        for cut in 0..ANTHROPIC.len() {
            assert_eq!(
                events(Dialect::Anthropic, &[&ANTHROPIC[..cut], &ANTHROPIC[cut..]]),
                expected,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn chat_events() {
        let stream = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
            data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}\n\n\
            data: {\"error\":{}}\n\ndata: [DONE]\n\n";
        let expected = [
            Event::Frame,
            Event::Text { written_ns: None },
            Event::OtherContent,
            Event::Error,
            Event::Terminator,
        ];
        assert_eq!(events(Dialect::Chat, &[stream]), expected);
    }

    #[test]
    fn bodies_come_out_of_their_frames_wherever_they_are_cut() {
        let chunked = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        for cut in 0..chunked.len() {
            let (mut body, mut out) = (Body::new(Framing::Chunked), Vec::new());
            body.take(&chunked[..cut], &mut out).unwrap();
            body.take(&chunked[cut..], &mut out).unwrap();
            assert_eq!((&out[..], body.ended), (&b"abcde"[..], Ended::Yes), "cut at {cut}");
        }
        let (mut body, mut out) = (Body::new(Framing::Length(2)), Vec::new());
        body.take(b"ab", &mut out).unwrap();
        assert_eq!((&out[..], body.ended), (&b"ab"[..], Ended::Yes));
        assert_eq!(Body::new(Framing::Chunked).take(b"zz\r\n", &mut out), Err(NotHttp));
    }

    #[test]
    fn heads() {
        let (answer, used) =
            head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nrest").unwrap().unwrap();
        assert_eq!(
            (answer.status, answer.framing, answer.after, used),
            (200, Framing::Chunked, After::Keep, 47)
        );
        let (answer, _) = head(b"HTTP/1.1 503 X\r\ncontent-length: 4\r\nconnection: close\r\n\r\n")
            .unwrap()
            .unwrap();
        assert_eq!((answer.framing, answer.after), (Framing::Length(4), After::Close));
        assert_eq!(head(b"HTTP/1.1 2"), Ok(None));
        assert_eq!(head(b"SSH-2.0\r\n\r\n"), Err(NotHttp));
    }
}
