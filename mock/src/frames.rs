//! The events of an answer as bytes in one buffer, each with what it is: the form between a dialect
//! and the wire.

/// A place for a time, in hex digits, to be written when the frame goes out.
pub const MARKER: &str = "@0000000000000000 ";
pub const MARKER_DIGITS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// The first event of the answer.
    Start,
    /// Text, thinking or a piece of a call: what the client waits for, and what is paced.
    Content,
    /// Block starts and stops, pings, usage.
    Frame,
    /// The last event, without which the answer is cut.
    Terminator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markers {
    Off,
    On,
}

/// What the answer is called and how its frames are dressed.
#[derive(Debug, Clone)]
pub struct Rendering<'a> {
    pub tag: &'a str,
    pub model: &'a str,
    pub created_s: u64,
    /// Bytes of padding per frame.
    pub pad: usize,
    pub markers: Markers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub bytes: &'a [u8],
    pub kind: FrameKind,
    /// Where in `bytes` the marker's digits start.
    pub marker: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<(usize, FrameKind, Option<usize>)>,
    marker: Option<usize>,
}

impl Frames {
    pub fn with_capacity(bytes: usize, frames: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(frames), marker: None }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn raw(&mut self, text: &str) -> &mut Self {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds a JSON string, quotes included.
    pub fn string(&mut self, text: &str) -> &mut Self {
        self.bytes.push(b'"');
        push_escaped(&mut self.bytes, text);
        self.bytes.push(b'"');
        self
    }

    /// Adds a JSON string that starts with a marker if `markers` says so.
    pub fn marked_string(&mut self, markers: Markers, text: &str) -> &mut Self {
        self.bytes.push(b'"');
        if markers == Markers::On {
            self.marker = Some(self.bytes.len() + 1 - self.open_at());
            self.bytes.extend_from_slice(MARKER.as_bytes());
        }
        push_escaped(&mut self.bytes, text);
        self.bytes.push(b'"');
        self
    }

    pub fn spaces(&mut self, count: usize) -> &mut Self {
        self.bytes.resize(self.bytes.len() + count, b' ');
        self
    }

    /// Closes the frame that was being written.
    pub fn end(&mut self, kind: FrameKind) {
        self.ends.push((self.bytes.len(), kind, self.marker.take()));
    }

    pub fn push(&mut self, bytes: &[u8], kind: FrameKind, marker: Option<usize>) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push((self.bytes.len(), kind, marker));
    }

    pub fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |&(end, kind, marker)| {
            let bytes = &self.bytes[start..end];
            start = end;
            Frame { bytes, kind, marker }
        })
    }

    fn open_at(&self) -> usize {
        self.ends.last().map_or(0, |(end, _, _)| *end)
    }
}

fn push_escaped(bytes: &mut Vec<u8>, text: &str) {
    for &byte in text.as_bytes() {
        match byte {
            b'"' => bytes.extend_from_slice(b"\\\""),
            b'\\' => bytes.extend_from_slice(b"\\\\"),
            b'\n' => bytes.extend_from_slice(b"\\n"),
            0..=0x1f => bytes.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            other => bytes.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_survive_json() {
        let text = "a\"b\\c\nd\te\u{1}é☀️";
        let mut frames = Frames::default();
        frames.string(text).end(FrameKind::Content);
        let frame = frames.iter().next().unwrap();
        assert_eq!(serde_json::from_slice::<String>(frame.bytes).unwrap(), text);
    }

    #[test]
    fn a_marker_is_found_where_its_frame_says() {
        let mut frames = Frames::default();
        frames.raw("first").end(FrameKind::Start);
        frames
            .raw("{\"text\":")
            .marked_string(Markers::On, "word")
            .raw("}")
            .end(FrameKind::Content);
        let frame = frames.iter().nth(1).unwrap();
        let at = frame.marker.unwrap();
        assert_eq!(&frame.bytes[at - 1..at + MARKER_DIGITS + 1], MARKER.as_bytes());
        assert_eq!(frames.len(), 2);
    }
}
