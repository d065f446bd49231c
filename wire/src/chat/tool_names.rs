//! Tool names that a provider does not take: it hears a shorter one, and the caller hears its own again in the answer.

use bytestring::ByteString;

/// The names of one call that were changed: what the provider hears, and what the caller said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolNames(Vec<(String, ByteString)>);

impl ToolNames {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name that the caller knows.
    pub fn restored(&self, heard: ByteString) -> ByteString {
        self.0.iter().find(|(sent, _)| **sent == *heard).map_or(heard, |(_, callers)| callers.clone())
    }
}
