//! Text that some write and call JSON, made JSON: halves of UTF-16 characters, bytes that are no
//! UTF-8, numbers that JSON does not have, and control characters inside of texts.

use bytes::Bytes;
use serde_json::Value;

use crate::codec::sse::SseEvent;

/// What takes the place of what no text can hold.
const REPLACEMENT: &str = "\\ufffd";

/// JSON of which `json` is a sloppy form; `None` if it has none of the faults that are known here.
pub(crate) fn well_formed(json: &[u8]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(json.len() + 16);
    let mut at = 0;
    while at < json.len() {
        let rest = &json[at..];
        if rest[0] == b'"' {
            let end = end_of_text(rest);
            for byte in &rest[..end] {
                match byte {
                    0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                    _ => out.push(*byte),
                }
            }
            at += end;
            continue;
        }
        match ["-Infinity", "Infinity", "NaN"].iter().find(|word| rest.starts_with(word.as_bytes()))
        {
            Some(word) => {
                out.extend_from_slice(b"null");
                at += word.len();
            }
            None => {
                out.push(rest[0]);
                at += 1;
            }
        }
    }
    (out != json).then(|| Bytes::from(out))
}

/// A value that is read whole, also from a sloppy form of JSON.
pub(crate) fn value(json: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(json)
        .or_else(|error| serde_json::from_slice(&well_formed(json).ok_or(error)?))
}

/// Where the text ends that begins here, with its closing quote.
fn end_of_text(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Which half of a character an escape stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// A half that stands alone: where its escape of six bytes begins.
#[derive(Debug, Clone, Copy)]
struct LoneHalf {
    at: usize,
    half: Half,
}

fn half_at(json: &[u8], at: usize) -> Option<Half> {
    let escape = json.get(at..at + 6)?;
    if !escape.starts_with(b"\\u") || !escape[2].eq_ignore_ascii_case(&b'd') {
        return None;
    }
    match escape[3].to_ascii_lowercase() {
        b'8' | b'9' | b'a' | b'b' => Some(Half::High),
        b'c' | b'd' | b'e' | b'f' => Some(Half::Low),
        _ => None,
    }
}

/// The next lone half from `at` on.
fn lone_half(json: &[u8], mut at: usize) -> Option<LoneHalf> {
    while let Some(offset) = memchr::memchr(b'\\', json.get(at..)?) {
        at += offset;
        match half_at(json, at) {
            Some(Half::High) if half_at(json, at + 6) == Some(Half::Low) => at += 12,
            Some(half) => return Some(LoneHalf { at, half }),
            None => at += 2,
        }
    }
    None
}

/// A whole text: halves alone and bytes that are no UTF-8 are replaced.
pub(crate) fn whole(body: Bytes) -> Bytes {
    let body = match std::str::from_utf8(&body) {
        Ok(_) => body,
        Err(_) => Bytes::from(String::from_utf8_lossy(&body).into_owned()),
    };
    if lone_half(&body, 0).is_some() { replaced(&body) } else { body }
}

fn replaced(json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len());
    let mut from = 0;
    while let Some(LoneHalf { at, .. }) = lone_half(json, from) {
        out.extend_from_slice(&json[from..at]);
        out.extend_from_slice(REPLACEMENT.as_bytes());
        from = at + 6;
    }
    out.extend_from_slice(&json[from..]);
    Bytes::from(out)
}

/// Joins characters whose halves stand in two events, one at the end of a text and the other at the
/// beginning of one. Halves without the other are replaced.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    /// An event with a text that ends in a high half.
    kept: Option<SseEvent>,
}

impl Halves {
    /// May this event be read as it is?
    pub(crate) fn passes(&self, event: &SseEvent) -> bool {
        self.kept.is_none() && lone_half(&event.data, 0).is_none()
    }

    /// Takes one that may not. Gives those that can be read now.
    pub(crate) fn take(&mut self, mut event: SseEvent) -> impl Iterator<Item = SseEvent> + use<> {
        let before = self.kept.take().map(|mut kept| {
            if let Some((first, second)) = joined(&kept.data, &event.data) {
                (kept.data, event.data) = (first, second);
            }
            kept.data = replaced(&kept.data);
            kept
        });
        let now = if ends_in_half(&event.data) {
            self.kept = Some(event);
            None
        } else {
            event.data = replaced(&event.data);
            Some(event)
        };
        before.into_iter().chain(now)
    }

    /// The bytes are over.
    pub(crate) fn last(&mut self) -> Option<SseEvent> {
        self.kept.take().map(|mut kept| {
            kept.data = replaced(&kept.data);
            kept
        })
    }
}

fn is_end_of_text(json: &[u8], half: LoneHalf) -> bool {
    half.half == Half::High && json.get(half.at + 6) == Some(&b'"')
}

fn is_begin_of_text(json: &[u8], half: LoneHalf) -> bool {
    half.half == Half::Low && half.at > 0 && json[half.at - 1] == b'"'
}

fn ends_in_half(json: &[u8]) -> bool {
    let mut from = 0;
    while let Some(half) = lone_half(json, from) {
        if is_end_of_text(json, half) {
            return true;
        }
        from = half.at + 6;
    }
    false
}

/// Both with the low half moved to the high one, in every text of theirs: some say the same piece
/// in two members.
fn joined(first: &[u8], second: &[u8]) -> Option<(Bytes, Bytes)> {
    let mut from = 0;
    let mut low = None;
    let mut rest = Vec::with_capacity(second.len());
    while let Some(half) = lone_half(second, from) {
        rest.extend_from_slice(&second[from..half.at]);
        let escape = &second[half.at..half.at + 6];
        if is_begin_of_text(second, half) {
            low.get_or_insert(escape);
        } else {
            rest.extend_from_slice(escape);
        }
        from = half.at + 6;
    }
    rest.extend_from_slice(&second[from..]);
    let low = low?;
    let (mut from, mut whole) = (0, Vec::with_capacity(first.len() + low.len()));
    while let Some(half) = lone_half(first, from) {
        whole.extend_from_slice(&first[from..half.at + 6]);
        if is_end_of_text(first, half) {
            whole.extend_from_slice(low);
        }
        from = half.at + 6;
    }
    whole.extend_from_slice(&first[from..]);
    Some((Bytes::from(whole), Bytes::from(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(datas: &[&str]) -> Vec<String> {
        let mut halves = Halves::default();
        let mut out = Vec::new();
        for data in datas {
            let event = SseEvent { name: Bytes::new(), data: Bytes::from((*data).to_owned()) };
            if halves.passes(&event) {
                out.push(event);
            } else {
                out.extend(halves.take(event));
            }
        }
        out.extend(halves.last());
        out.iter().map(|event| String::from_utf8(event.data.to_vec()).unwrap()).collect()
    }

    #[test]
    fn halves_in_two_events_are_one_character() {
        let expected = [r#"{"a":"x\ud83d\ude00"}"#, r#"{"a":"y"}"#];
        assert_eq!(read(&[r#"{"a":"x\ud83d"}"#, r#"{"a":"\ude00y"}"#]), expected);
        let upper = [r#"{"a":"\uD83D\uDE00","b":"\uD83D\uDE00"}"#, r#"{"a":"","b":""}"#];
        let halves = [r#"{"a":"\uD83D","b":"\uD83D"}"#, r#"{"a":"\uDE00","b":"\uDE00"}"#];
        assert_eq!(read(&halves), upper);
    }

    #[test]
    fn a_half_alone_is_replaced_and_a_character_is_left() {
        for (json, expected) in [
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\ude00 \ud83dx"}"#, r#"{"a":"\ufffd \ufffdx"}"#),
            (r#"{"a":"\ud83d\ude00 \\ud83d \u00e9"}"#, r#"{"a":"\ud83d\ude00 \\ud83d \u00e9"}"#),
        ] {
            assert_eq!(read(&[json]), [expected]);
            assert_eq!(whole(Bytes::from(json.to_owned())), expected);
        }
        assert_eq!(
            read(&[r#"{"a":"\ud83d"}"#, r#"{"a":"b"}"#]),
            [r#"{"a":"\ufffd"}"#, r#"{"a":"b"}"#]
        );
    }

    #[test]
    fn sloppy_numbers_and_control_characters_become_json() {
        let sloppy = b"{\"a\":NaN,\"b\":[-Infinity],\"c\":\"NaN\ttab \\\" \",\"d\":1}";
        let json = well_formed(sloppy).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value, serde_json::json!({"a": null, "b": [null], "c": "NaN\ttab \" ", "d": 1}));
        assert_eq!(well_formed(b"{\"a\":1}"), None);
        assert_eq!(well_formed(b"<html>"), None);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced() {
        assert_eq!(whole(Bytes::from_static(b"{\"a\":\"\xff\"}")), "{\"a\":\"\u{fffd}\"}");
    }
}
