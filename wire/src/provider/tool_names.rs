//! Tool names that a provider does not take: it hears another one, and the caller hears its own
//! again in the answer.

use bytestring::ByteString;

use crate::provider::tool_call_ids::digest;

/// The names of one call that were changed: what the provider hears, and what the caller said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolNames(Vec<(String, ByteString)>);

impl ToolNames {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name that the provider hears: the caller's, where it has at most so many characters, all
    /// of them legal; otherwise one made of it.
    pub fn sent(&mut self, name: &str, longest: usize) -> String {
        let is_legal = |character: char| {
            character.is_ascii_alphanumeric() || character == '_' || character == '-'
        };
        if !name.is_empty() && name.len() <= longest && name.chars().all(is_legal) {
            return name.to_owned();
        }
        if let Some((sent, _)) = self.0.iter().find(|(_, callers)| **callers == *name) {
            return sent.clone();
        }
        let kept = name
            .chars()
            .map(|character| if is_legal(character) { character } else { '_' })
            .take(longest.saturating_sub(12));
        let sent = format!("{}_{}", kept.collect::<String>(), digest(name, 0, 11));
        self.0.push((sent.clone(), ByteString::from(name)));
        sent
    }

    /// The name that the caller knows.
    pub fn restored(&self, out: ByteString) -> ByteString {
        self.0.iter().find(|(sent, _)| **sent == *out).map_or(out, |(_, callers)| callers.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p013_long_names_are_hashed_for_the_target_and_restored_in_the_reply() {
        let mut names = ToolNames::default();
        let (one, other) =
            (format!("mcp__{}_read", "x".repeat(90)), format!("mcp__{}_write", "x".repeat(90)));
        let (sent, sent_other) = (names.sent(&one, 64), names.sent(&other, 64));
        assert_eq!((sent.len(), sent_other.len()), (64, 64));
        assert_ne!(sent, sent_other, "alike in their first characters");
        assert_eq!(names.sent(&one, 64), sent, "once made, it stays");
        assert_eq!(names.restored(sent.into()), one);
        assert_eq!(names.restored("get_weather".into()), "get_weather");
        assert_eq!(names.sent("get_weather", 64), "get_weather");
    }
}
