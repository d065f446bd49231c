//! A JSON value that stands in a request for somebody else to read: kept as its text, or as the
//! value that a translation made.

use std::borrow::Cow;

use bytestring::ByteString;
use serde_json::Value;

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

    /// The same value as text without spaces, whatever spaces the client wrote.
    pub fn compact(&self, field: &str) -> Result<String, BadRequest> {
        match self {
            RawJson::Text(_) => Ok(self.value(field)?.to_string()),
            RawJson::Value(value) => Ok(value.to_string()),
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
