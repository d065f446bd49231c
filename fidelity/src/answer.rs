//! What was said, whoever said it and in whatever dialect.

use serde_json::Value;

/// One answer, accumulated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Content blocks in Anthropic's form, where the dialect has blocks.
    pub blocks: Option<Vec<Value>>,
    pub text: String,
    pub reasoning: String,
    pub calls: Vec<ToolCall>,
    pub ending: Ending,
    pub usage: Option<Usage>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Empty where the provider gave none.
    pub id: String,
    pub name: String,
    /// Parsed, or a string where they are no JSON.
    pub arguments: Value,
}

/// How an answer ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Ending {
    /// The bytes ended, and nobody said how the answer does.
    #[default]
    Missing,
    /// In Anthropic's words, or in those of the client's dialect.
    Stopped(String),
    /// With this message.
    Failed(String),
}

/// Tokens in buckets that do not overlap, but for `reasoning`, which is a part of `output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
}

impl ToolCall {
    /// Arguments as text: no text means no arguments.
    pub fn new(id: &str, name: &str, arguments: &str) -> Self {
        let parsed = match arguments.trim() {
            "" => Value::Object(serde_json::Map::new()),
            text => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(arguments.to_owned()))
            }
        };
        Self { id: id.to_owned(), name: name.to_owned(), arguments: parsed }
    }
}

/// The number at `path`, 0 if there is none.
pub fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

/// The text at `path`, empty if there is none.
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}
