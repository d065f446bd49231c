//! Keeps a stream's frames for a caller who sends the same call again. Pure. Only a call with an
//! idempotency key has one.

use ainfera_wire::codec::write_frame;
use bytes::BytesMut;

/// Frames as they were written; beyond its limit it keeps nothing at all, for half an answer is
/// none.
#[derive(Debug)]
pub struct Recorder {
    frames: BytesMut,
    limit_bytes: usize,
    overflowed: bool,
}

/// A longer answer is not kept.
pub const ANSWER_LIMIT_BYTES: usize = 1 << 20;

impl Recorder {
    pub fn new(limit_bytes: usize) -> Self {
        Self { frames: BytesMut::new(), limit_bytes, overflowed: false }
    }

    /// Takes whole frames.
    pub fn add(&mut self, frames: &[u8]) {
        if self.overflowed {
            return;
        }
        if self.frames.len() + frames.len() > self.limit_bytes {
            self.overflowed = true;
            self.frames = BytesMut::new();
            return;
        }
        self.frames.extend_from_slice(frames);
    }

    /// Takes an event that was never a frame.
    pub fn add_event(&mut self, name: &str, json: &[u8]) {
        let mut frame = BytesMut::with_capacity(name.len() + json.len() + 16);
        write_frame(name, json, &mut frame);
        self.add(&frame);
    }

    /// All of it, unless it was too much.
    pub fn finish(self) -> Option<String> {
        if self.overflowed { None } else { String::from_utf8(self.frames.to_vec()).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_what_is_kept() {
        let mut recorder = Recorder::new(100);
        recorder.add(b"event: a\ndata: {}\n\n");
        recorder.add_event("b", b"{}");
        assert_eq!(recorder.finish().unwrap(), "event: a\ndata: {}\n\nevent: b\ndata: {}\n\n");
    }

    #[test]
    fn too_much_is_nothing_and_stays_nothing() {
        let mut recorder = Recorder::new(10);
        recorder.add(&[b'x'; 10]);
        recorder.add(b"y");
        recorder.add(b"z");
        assert_eq!(recorder.finish(), None);
    }
}
