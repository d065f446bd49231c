//! A JSON value that stands in a request for somebody else to read: kept as its text, or as the
//! value that a translation made.

use std::borrow::Cow;

use bytestring::ByteString;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::bad_request::BadRequest;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub enum RawJson {
    /// Byte for byte as it came.
    Text(ByteString),
    Value(Value),
}

impl RawJson {
    /// The value, which stands at `field`.
    pub fn value(&self, field: &str) -> Result<Value, BadRequest> {
        match self {
            RawJson::Text(text) => serde_json::from_str(text)
                .map_err(|error| BadRequest::new(field, error.to_string())),
            RawJson::Value(value) => Ok(value.clone()),
        }
    }

    /// The same value as text without spaces between its tokens, whatever spaces the client wrote.
    pub fn compact(&self) -> String {
        match self {
            RawJson::Text(text) => without_spaces(text),
            RawJson::Value(value) => value.to_string(),
        }
    }

    pub fn text(&self) -> Cow<'_, str> {
        match self {
            RawJson::Text(text) => Cow::Borrowed(text),
            RawJson::Value(value) => Cow::Owned(value.to_string()),
        }
    }

    pub fn is_object(&self) -> bool {
        match self {
            RawJson::Text(text) => text.starts_with('{'),
            RawJson::Value(value) => value.is_object(),
        }
    }
}

/// What stands inside of strings stays as it is.
fn without_spaces(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find(['"', ' ', '\n', '\r', '\t']) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = if rest.starts_with('"') { string_length(rest) } else { 1 };
        if rest.starts_with('"') {
            out.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// How long the string is that the text begins with.
fn string_length(json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut at = 1;
    while let Some(offset) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        if bytes[at + offset] == b'"' {
            return at + offset + 1;
        }
        at += offset + 2;
    }
    json.len()
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            RawJson::Text(text) => {
                let raw: &RawValue =
                    serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
                raw.serialize(serializer)
            }
            RawJson::Value(value) => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_go_from_between_tokens_and_stay_inside_of_strings() {
        for (json, expected) in [
            ("{ \"a b\" : [ 1.50 ,\n\t\"x \\\" y\" ] }", "{\"a b\":[1.50,\"x \\\" y\"]}"),
            ("\"ü \\\\\"", "\"ü \\\\\""),
            (" {} ", "{}"),
        ] {
            assert_eq!(RawJson::Text(json.into()).compact(), expected);
        }
    }
}
