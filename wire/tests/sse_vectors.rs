//! The stream format by example: each vector whole, byte by byte, and cut at every place, alone and
//! in twos.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use ainfera_wire::codec::{MAX_EVENT_BYTES, SseDecoder};
use bytes::Bytes;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    name: String,
    text: Option<String>,
    /// For bytes that no text can have.
    hex: Option<String>,
    events: Vec<Event>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Event {
    name: String,
    data: String,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        match (&self.text, &self.hex) {
            (Some(text), None) => text.as_bytes().to_vec(),
            (None, Some(hex)) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect(),
            _ => panic!("{}: text or hex", self.name),
        }
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("sse_vectors.json")).unwrap()
}

fn decoded<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    for read in reads {
        decoder.feed(Bytes::copy_from_slice(read), &mut events).unwrap();
    }
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    events.iter().map(|event| Event { name: text(&event.name), data: text(&event.data) }).collect()
}

#[test]
fn p086_each_vector_whole_and_byte_by_byte() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 46);
    for vector in vectors {
        let bytes = vector.bytes();
        assert_eq!(decoded([&bytes[..]]), vector.events, "{}", vector.name);
        assert_eq!(decoded(bytes.chunks(1)), vector.events, "{} byte by byte", vector.name);
    }
}

#[test]
fn p086_each_vector_cut_anywhere() {
    for vector in vectors() {
        let bytes = vector.bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let reads = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(
                    decoded(reads),
                    vector.events,
                    "{} cut at {first} and {second}",
                    vector.name
                );
            }
        }
    }
}

#[test]
fn p086_vectors_one_after_the_other() {
    // a discarded end would run into the next vector, a byte order mark counts only at the
    // beginning
    let lone = |vector: &Vector| {
        let bytes = vector.bytes();
        !bytes.starts_with(&[0xEF]) && (bytes.ends_with(b"\n\n") || bytes.ends_with(b"\r\n\r\n"))
    };
    let kept: Vec<Vector> = vectors().into_iter().filter(lone).collect();
    let bytes: Vec<u8> = kept.iter().flat_map(Vector::bytes).collect();
    let expected: Vec<Event> = kept.iter().flat_map(|vector| vector.events.clone()).collect();
    assert!(kept.len() > 30);
    for size in [1, 2, 3, 5, 7, 64, bytes.len()] {
        assert_eq!(decoded(bytes.chunks(size)), expected, "reads of {size}");
    }
}

#[test]
fn a_long_event_arrives_and_a_longer_one_is_refused() {
    let long = |length: usize| [&b"data: "[..], &vec![b'x'; length], b"\n\n"].concat();
    let length = MAX_EVENT_BYTES - 100;
    let events = decoded(long(length).chunks(1 << 16));
    assert_eq!(events.iter().map(|event| event.data.len()).collect::<Vec<_>>(), [length]);
    for too_long in [long(MAX_EVENT_BYTES + 1), b"data: x\n".repeat(MAX_EVENT_BYTES / 8 + 1)] {
        let mut decoder = SseDecoder::default();
        let mut events = Vec::new();
        let refused = too_long
            .chunks(1 << 16)
            .any(|read| decoder.feed(Bytes::copy_from_slice(read), &mut events).is_err());
        assert!(refused && events.is_empty());
    }
}

#[test]
fn a_long_line_in_small_reads_is_read_in_linear_time() {
    // looked at anew with every read, this would be 2^41 bytes to look at
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    decoder.feed(Bytes::from_static(b"data: "), &mut events).unwrap();
    for _ in 0..(1 << 20) {
        decoder.feed(Bytes::from_static(b"xxxx"), &mut events).unwrap();
    }
    decoder.feed(Bytes::from_static(b"\n\n"), &mut events).unwrap();
    assert_eq!(events[0].data.len(), 1 << 22);
}
