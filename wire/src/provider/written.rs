//! Texts of a provider's request that are put together only while its body is written: to know what
//! a request loses, nothing of it need be copied.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::codec::raw_json::RawJson;

/// Texts of the caller's with something before, between and after them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Joined<'r> {
    pub before: &'static str,
    pub pieces: Vec<Cow<'r, str>>,
    pub between: &'static str,
    pub after: &'static str,
}

impl<'r> Joined<'r> {
    pub(crate) fn one(text: &'r str) -> Self {
        Self { pieces: vec![Cow::Borrowed(text)], ..Self::default() }
    }

    pub(crate) fn of(pieces: Vec<Cow<'r, str>>, between: &'static str) -> Self {
        Self { pieces, between, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let around = self.before.is_empty() && self.after.is_empty();
        around && self.pieces.len() < 2 && self.pieces.iter().all(|piece| piece.is_empty())
    }
}

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.before)?;
        for (at, piece) in self.pieces.iter().enumerate() {
            if at > 0 {
                f.write_str(self.between)?;
            }
            f.write_str(piece)?;
        }
        f.write_str(self.after)
    }
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.pieces.as_slice() {
            [piece] if self.before.is_empty() && self.after.is_empty() => {
                serializer.serialize_str(piece)
            }
            _ => serializer.collect_str(self),
        }
    }
}

/// Bytes with their type, as an address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FileUrl<'r> {
    Data { media_type: &'r str, data: &'r str },
    Url(&'r str),
}

impl fmt::Display for FileUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileUrl::Data { media_type, data } => write!(f, "data:{media_type};base64,{data}"),
            FileUrl::Url(url) => f.write_str(url),
        }
    }
}

impl Serialize for FileUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The input of a tool call as the text that OpenAI's dialects have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'r>(pub &'r RawJson);

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.compact())
    }
}

/// How much of a request that is made of JSON values is copied into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    Whole,
    /// One letter stands for each text: enough to know what a request loses.
    Outlined,
}

impl Texts {
    pub(super) fn value(self, text: &impl fmt::Display, is_empty: bool) -> Value {
        match self {
            _ if is_empty => Value::String(String::new()),
            Texts::Whole => Value::String(text.to_string()),
            Texts::Outlined => Value::from("x"),
        }
    }

    pub(super) fn joined(self, text: &Joined<'_>) -> Value {
        self.value(text, text.is_empty())
    }

    pub(super) fn arguments(self, input: &RawJson) -> Value {
        match self {
            Texts::Whole => Value::String(input.compact()),
            Texts::Outlined => Value::from("x"),
        }
    }
}
