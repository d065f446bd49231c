//! A request that no provider could serve, with the field that is wrong.

use std::fmt;

/// The caller's mistake. Displayed as `field: message`; the field is a dotted path such as
/// `messages.0.content`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRequest {
    pub field: String,
    pub message: String,
}

impl BadRequest {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for BadRequest {}
