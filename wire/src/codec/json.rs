//! Small things about JSON that every dialect needs: borrowed text, top-level members as they came,
//! a limit on depth.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Objects and arrays may be nested this deep; every JSON parser on the way (ours stops at 128)
/// must be able to read it.
pub(crate) const MAX_DEPTH: usize = 100;

/// A string that borrows from the input where it has no escapes, also inside an `Option`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Text<'_> {
    /// The same without a lifetime: what borrows from `source` shares its memory.
    pub fn into_shared(self, source: &Bytes) -> ByteString {
        match self.0 {
            Cow::Borrowed(text) => shared_slice(source, text),
            Cow::Owned(text) => ByteString::from(text),
        }
    }

    /// Shares `source`'s memory where this text borrows from it, copies otherwise.
    pub fn shared(&self, source: &Bytes) -> ByteString {
        match &self.0 {
            Cow::Borrowed(text) => shared_slice(source, text),
            Cow::Owned(text) => ByteString::from(text.as_str()),
        }
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// `text` as a part of `source` that shares its memory, or as a copy if it lies elsewhere.
pub(crate) fn shared_slice(source: &Bytes, text: &str) -> ByteString {
    let begin = (text.as_ptr() as usize).wrapping_sub(source.as_ptr() as usize);
    let end = begin.wrapping_add(text.len());
    if begin > end || end > source.len() {
        return ByteString::from(text);
    }
    // it was a `&str` a line ago, so this cannot fail; a copy is the harmless answer if it did
    ByteString::try_from(source.slice(begin..end)).unwrap_or_else(|_| ByteString::from(text))
}

/// The members of an object in their order, each value byte for byte as it came.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Members<'a> {
    pub fn parse(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        #[cfg(test)]
        passes::count(json);
        serde_json::from_slice(json)
    }

    /// The object again, with some values replaced, some members left out, and some added at the
    /// end.
    pub fn write(&self, edit: impl Fn(&str) -> Edit, added: &[(&str, String)]) -> Vec<u8> {
        let length: usize =
            self.0.iter().map(|(key, value)| key.len() + value.get().len() + 6).sum();
        let mut out = Vec::with_capacity(length + 64);
        out.push(b'{');
        let mut member = |key: &str, value: &str| {
            if out.len() > 1 {
                out.push(b',');
            }
            write_string(key, &mut out);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        };
        for (key, value) in &self.0 {
            match edit(key) {
                Edit::Keep => member(key, value.get()),
                Edit::Replace(json) => member(key, &json),
                Edit::Remove => {}
            }
        }
        for (key, json) in added {
            member(key, json);
        }
        out.push(b'}');
        out
    }
}

/// What becomes of one member.
#[derive(Debug, Clone)]
pub enum Edit {
    Keep,
    /// By this JSON text.
    Replace(String),
    Remove,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// An object of these members. Unlike `json!` it takes its values as they are, without a copy.
pub(crate) fn object<'n>(members: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Appends `text` as a JSON string.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0x00..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..at]);
        if escape.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(escape);
        }
        plain = at + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    // it was text before it was quoted, so this does not fail
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Is anything in `json` nested deeper than [`MAX_DEPTH`]? A scan that needs no valid JSON.
pub(crate) fn is_too_deep(json: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut at = 0;
    while at < json.len() {
        match json[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_string(json, at + 1),
            _ => {}
        }
        at += 1;
    }
    false
}

/// Where the string that begins at `at` has its closing quote.
fn end_of_string(json: &[u8], mut at: usize) -> usize {
    while let Some(offset) = memchr::memchr2(b'"', b'\\', &json[at..]) {
        if json[at + offset] == b'"' {
            return at + offset;
        }
        at = (at + offset + 2).min(json.len());
    }
    json.len()
}

/// Counts how often a text of JSON is gone through.
#[cfg(test)]
pub mod passes {
    use std::cell::RefCell;

    thread_local! {
        static LENGTHS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }

    pub fn count(json: &[u8]) {
        LENGTHS.with_borrow_mut(|lengths| lengths.push(json.len()));
    }

    /// How many texts of at least this length were gone through in `work`.
    pub fn over<T>(least_bytes: usize, work: impl FnOnce() -> T) -> (usize, T) {
        LENGTHS.with_borrow_mut(Vec::clear);
        let done = work();
        let long = |lengths: &mut Vec<usize>| {
            lengths.iter().filter(|length| **length >= least_bytes).count()
        };
        (LENGTHS.with_borrow_mut(long), done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_survive_byte_for_byte() {
        let json = br#"{ "b" : 1.50 , "model":"x", "a":[ 1, {"z":"\u0041"} ], "stream": false}"#;
        let members = Members::parse(json).unwrap();
        let edited = members.write(
            |key| match key {
                "model" => Edit::Replace("\"y\"".to_owned()),
                "stream" => Edit::Remove,
                _ => Edit::Keep,
            },
            &[("stream", "true".to_owned())],
        );
        assert_eq!(
            String::from_utf8(edited).unwrap(),
            r#"{"b":1.50,"model":"y","a":[ 1, {"z":"\u0041"} ],"stream":true}"#
        );
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!is_too_deep(deep(MAX_DEPTH).as_bytes()));
        assert!(is_too_deep(deep(MAX_DEPTH + 1).as_bytes()));
        assert!(!is_too_deep(quoted(&deep(500)).as_bytes()));
        assert!(!is_too_deep(br#"["\"[[["#));
    }

    proptest! {
        #[test]
        fn strings_are_written_as_serde_reads_them(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&quoted(&text)).unwrap(), text);
        }
    }
}
