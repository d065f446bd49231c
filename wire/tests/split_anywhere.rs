//! Any bytes in any reads: the decoder against a second one that reads the whole text, line by
//! line, as the specification is written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use ainfera_wire::codec::{SseDecoder, write_frame};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

type Event = (String, String);

/// WHATWG HTML §9.2.5 and §9.2.6, word for word and slow.
fn by_the_book(bytes: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut events = Vec::new();
    let (mut name, mut data) = (String::new(), String::new());
    for line in ended_lines(text) {
        if line.is_empty() {
            if let Some(data) = data.strip_suffix('\n') {
                events.push((name.clone(), data.to_owned()));
            }
            name.clear();
            data.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.to_owned(),
            "data" => data = format!("{data}{value}\n"),
            _ => {}
        }
    }
    events
}

/// Lines that have an end.
fn ended_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        lines.push(&rest[..at]);
        let end = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    lines
}

fn decoded<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    for read in reads {
        decoder.feed(Bytes::copy_from_slice(read), &mut events).unwrap();
    }
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    events.iter().map(|event| (text(&event.name), text(&event.data))).collect()
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "data: ", "data:", "data", "event: ", "event:", ": ", "id: 1", "retry: 2", "x", "ü", "漢", "🦀", "{\"a\":1}", " ", ":", "\u{feff}", "\0",
            "\u{2028}", "\u{85}", "\u{b}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        6 => prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n", "\n\r"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn p086_any_bytes_in_any_reads_give_the_events_of_the_book(
        bytes in pieces(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let expected = by_the_book(&bytes);
        prop_assert_eq!(&decoded([&bytes[..]]), &expected);
        prop_assert_eq!(&decoded(cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]])), &expected);
        prop_assert_eq!(&decoded(bytes.chunks(1)), &expected);
    }

    #[test]
    fn what_is_written_is_read(
        frames in prop::collection::vec((prop::sample::select(vec!["", "ping", "response.output_text.delta"]), any::<String>()), 0..20),
        size in 1usize..40,
    ) {
        let mut out = BytesMut::new();
        let mut expected = Vec::new();
        for (name, text) in &frames {
            let json = serde_json::to_string(text).unwrap();
            write_frame(name, json.as_bytes(), &mut out);
            expected.push(((*name).to_owned(), json));
        }
        prop_assert_eq!(decoded(out.chunks(size)), expected);
    }
}
