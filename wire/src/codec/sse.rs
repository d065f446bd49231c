//! Server-sent events, in and out (WHATWG HTML, §9.2.6).
//!
//! In: lines end with LF, CR or CRLF, wherever the reads are split; one leading byte order mark is
//! dropped; comments are skipped; several `data` lines are joined by LF; bytes that are no UTF-8
//! become U+FFFD; an event that is not ended by a blank line is discarded. Zero-copy where an event
//! has one `data` line.

use bytes::{BufMut, Bytes, BytesMut};

/// The longest event that is accepted. Search results and images make long ones; beyond this a
/// provider is broken.
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// One event: its name (empty when none was given) and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    pub name: Bytes,
    pub data: Bytes,
}

/// The peer sent an event longer than [`MAX_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event longer than {MAX_EVENT_BYTES} bytes")]
pub struct EventTooLong;

/// How far an event without an end has been looked at, so that a long one in small reads is not
/// looked at anew each time.
#[derive(Debug, Default, Clone, Copy)]
struct Scanned {
    /// Where its last line begins.
    line_start: usize,
    /// Before this no byte ends that line.
    line_end: usize,
}

/// Bytes in, events out. Any split of the same bytes gives the same events.
#[derive(Debug, Default)]
pub struct SseDecoder {
    /// The beginning of an event whose end has not come.
    pending: BytesMut,
    scanned: Scanned,
    after_first_byte: bool,
    /// The last byte seen was a CR that ended a line: a LF that follows belongs to it.
    carriage_return: bool,
}

impl SseDecoder {
    /// Appends the events that `chunk` completes.
    pub fn feed(&mut self, chunk: Bytes, events: &mut Vec<SseEvent>) -> Result<(), EventTooLong> {
        let mut input = if self.pending.is_empty() {
            chunk
        } else {
            self.pending.extend_from_slice(&chunk);
            std::mem::take(&mut self.pending).freeze()
        };
        if !self.after_first_byte {
            let Some(rest) = without_byte_order_mark(&input) else {
                return self.keep(input, Scanned::default());
            };
            self.after_first_byte = !input.is_empty();
            input = rest;
        }
        if self.carriage_return && input.first() == Some(&b'\n') {
            input = input.slice(1..);
            self.scanned = Scanned::default();
        }
        if !input.is_empty() {
            self.carriage_return = false;
        }
        let mut from = std::mem::take(&mut self.scanned);
        loop {
            match end_of_event(&input, from) {
                EventEnd::At { end, next, open_carriage_return } => {
                    if end > MAX_EVENT_BYTES {
                        return Err(EventTooLong);
                    }
                    parse_event(input.slice(..end), events);
                    input = input.slice(next..);
                    self.carriage_return = open_carriage_return;
                    from = Scanned::default();
                }
                EventEnd::NotYet { scanned } => return self.keep(input, scanned),
            }
        }
    }

    fn keep(&mut self, rest: Bytes, scanned: Scanned) -> Result<(), EventTooLong> {
        if rest.len() > MAX_EVENT_BYTES {
            return Err(EventTooLong);
        }
        self.scanned = scanned;
        if !rest.is_empty() {
            self.pending = rest.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        }
        Ok(())
    }
}

/// `None` while it cannot be told yet whether the stream begins with a byte order mark.
fn without_byte_order_mark(input: &Bytes) -> Option<Bytes> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if input.starts_with(MARK) {
        return Some(input.slice(MARK.len()..));
    }
    if input.len() < MARK.len() && MARK.starts_with(input) { None } else { Some(input.clone()) }
}

enum EventEnd {
    /// The event is `..end`, the rest begins at `next`. The line that ended it ended with a CR that
    /// was the last byte of the input.
    At {
        end: usize,
        next: usize,
        open_carriage_return: bool,
    },
    NotYet {
        scanned: Scanned,
    },
}

/// Finds the blank line that ends the event at the beginning of `input`, from where it was looked
/// for before.
fn end_of_event(input: &[u8], from: Scanned) -> EventEnd {
    let Scanned { mut line_start, line_end: mut searched } = from;
    loop {
        let Some(offset) = memchr::memchr2(b'\n', b'\r', &input[searched..]) else {
            return EventEnd::NotYet { scanned: Scanned { line_start, line_end: input.len() } };
        };
        let line_end = searched + offset;
        let carriage_return = input[line_end] == b'\r';
        let mut next = line_end + 1;
        let open_carriage_return = carriage_return && next == input.len();
        if carriage_return && input.get(next) == Some(&b'\n') {
            next += 1;
        }
        if line_end == line_start {
            return EventEnd::At { end: line_start, next, open_carriage_return };
        }
        if open_carriage_return {
            // is it CR or half of CRLF? the next read tells
            return EventEnd::NotYet { scanned: Scanned { line_start, line_end } };
        }
        line_start = next;
        searched = next;
    }
}

fn parse_event(block: Bytes, events: &mut Vec<SseEvent>) {
    let mut name = Bytes::new();
    let mut data: Option<Bytes> = None;
    let mut joined: Option<BytesMut> = None;
    let mut start = 0;
    while start < block.len() {
        let end = memchr::memchr2(b'\n', b'\r', &block[start..])
            .map_or(block.len(), |offset| start + offset);
        let line = block.slice(start..end);
        start = end + 1;
        let (field, value) = match memchr::memchr(b':', &line) {
            Some(0) => continue,
            Some(colon) => {
                let value_start =
                    if line.get(colon + 1) == Some(&b' ') { colon + 2 } else { colon + 1 };
                (line.slice(..colon), line.slice(value_start..))
            }
            None => (line, Bytes::new()),
        };
        match &field[..] {
            b"event" => name = value,
            b"data" => match (&mut joined, &mut data) {
                (Some(joined), _) => {
                    joined.put_u8(b'\n');
                    joined.extend_from_slice(&value);
                }
                (None, Some(first)) => {
                    let mut both = BytesMut::with_capacity(first.len() + 1 + value.len());
                    both.extend_from_slice(first);
                    both.put_u8(b'\n');
                    both.extend_from_slice(&value);
                    joined = Some(both);
                }
                (None, none) => *none = Some(value),
            },
            // `id` and `retry` mean nothing to us; anything else is to be ignored
            _ => {}
        }
    }
    if let Some(data) = joined.map(BytesMut::freeze).or(data) {
        events.push(SseEvent { name: replaced(name), data: replaced(data) });
    }
}

/// Bytes that are no UTF-8 are read as U+FFFD, as every client of the format reads them.
fn replaced(bytes: Bytes) -> Bytes {
    match std::str::from_utf8(&bytes) {
        Ok(_) => bytes,
        Err(_) => Bytes::from(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Writes one frame. `data` must be one line; a line break that stands between JSON tokens is
/// written as a space.
pub fn write_frame(name: &str, data: &[u8], out: &mut BytesMut) {
    out.reserve(name.len() + data.len() + 16);
    if !name.is_empty() {
        out.put_slice(b"event: ");
        out.put_slice(name.as_bytes());
        out.put_u8(b'\n');
    }
    out.put_slice(b"data: ");
    let mut rest = data;
    while let Some(offset) = memchr::memchr2(b'\n', b'\r', rest) {
        out.put_slice(&rest[..offset]);
        out.put_u8(b' ');
        rest = &rest[offset + 1..];
    }
    out.put_slice(rest);
    out.put_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut decoder = SseDecoder::default();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.feed(Bytes::copy_from_slice(chunk), &mut events).unwrap();
        }
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        events.iter().map(|event| (text(&event.name), text(&event.data))).collect()
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn every_line_end_ends_a_line() {
        for (text, what) in [
            ("event: a\ndata: 1\n\n", "lf"),
            ("event: a\r\ndata: 1\r\n\r\n", "crlf"),
            ("event: a\rdata: 1\r\r", "cr"),
        ] {
            assert_eq!(decode(&[text.as_bytes()]), [event("a", "1")], "{what}");
        }
    }

    #[test]
    fn comments_marks_and_unknown_fields_are_skipped() {
        assert_eq!(
            decode(&[b"\xEF\xBB\xBF: hi\nid: 3\nretry: 5\nwhat\ndata:x\n\n"]),
            [event("", "x")]
        );
    }

    #[test]
    fn data_lines_are_joined_and_one_space_is_dropped() {
        assert_eq!(decode(&[b"data:  a\ndata\ndata:b\n\n"]), [event("", " a\n\nb")]);
    }

    #[test]
    fn an_event_without_its_blank_line_is_discarded() {
        assert_eq!(decode(&[b"data: a\n\ndata: b\n"]), [event("", "a")]);
    }

    #[test]
    fn blank_lines_alone_make_no_event() {
        assert_eq!(decode(&[b"\n\n\r\n\revent: x\n\ndata:\n\n"]), [event("", "")]);
    }

    #[test]
    fn other_separators_are_data() {
        let text = "data: a\u{2028}b\u{85}c\u{b}d\n\n";
        assert_eq!(decode(&[text.as_bytes()]), [event("", "a\u{2028}b\u{85}c\u{b}d")]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = SseDecoder::default();
        let chunk = Bytes::from(vec![b'x'; 1 << 20]);
        let refused = (0..20).find_map(|_| decoder.feed(chunk.clone(), &mut Vec::new()).err());
        assert_eq!(refused, Some(EventTooLong));
    }

    #[test]
    fn a_line_break_cannot_hide_in_a_frame() {
        let mut out = BytesMut::new();
        write_frame("ping", b"{\n\"type\":\r\n\"ping\"}", &mut out);
        assert_eq!(&out[..], b"event: ping\ndata: { \"type\":  \"ping\"}\n\n");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["data: x", "data:ü", "event: e", ": c", "\n", "\r", "\r\n", "\n\n", "\u{feff}", "data", "id: 1"]), 0..40),
            cuts in prop::collection::vec(0usize..200, 0..12),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(decode(&chunks), decode(&[bytes]));
            prop_assert_eq!(decode(&single), decode(&[bytes]));
        }
    }
}
