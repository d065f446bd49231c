//! A stream as the elements of one JSON array: what a client gets that asks for a stream but not
//! for events.

use bytes::BytesMut;

/// What of the array was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArrayWriter {
    has_elements: bool,
}

impl ArrayWriter {
    pub(crate) fn element(&mut self, json: &[u8], out: &mut BytesMut) {
        let before: &[u8] = if self.has_elements { b",\n" } else { b"[" };
        self.has_elements = true;
        out.extend_from_slice(before);
        out.extend_from_slice(json);
    }

    /// White space between two elements keeps a silent connection alive.
    pub(crate) fn ping(&self, out: &mut BytesMut) {
        out.extend_from_slice(b"\n");
    }

    pub(crate) fn end(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(if self.has_elements { b"]" } else { b"[]" });
    }
}

/// Frames of an earlier stream, as the array that they would have been.
pub(crate) fn replayed(recorded: &str) -> String {
    let frames = recorded.split("\n\n").filter_map(|frame| frame.strip_prefix("data: "));
    format!("[{}]", frames.collect::<Vec<_>>().join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_one_array_at_every_length() {
        for elements in [&[][..], &["1"], &["1", "2", "3"]] {
            let (mut writer, mut out) = (ArrayWriter::default(), BytesMut::new());
            writer.ping(&mut out);
            elements.iter().for_each(|element| {
                writer.element(element.as_bytes(), &mut out);
                writer.ping(&mut out);
            });
            writer.end(&mut out);
            let read: Vec<serde_json::Value> = serde_json::from_slice(&out).unwrap();
            assert_eq!(read.len(), elements.len());
        }
        assert_eq!(replayed("data: {}\n\ndata: {\"a\":1}\n\n"), "[{},\n{\"a\":1}]");
    }
}
