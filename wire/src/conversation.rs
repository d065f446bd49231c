//! Which conversation a call belongs to, so that its turns can be sent where its prompt is cached.
//!
//! A client that names its session says it. Otherwise what the first message and the first answer
//! say is taken for the conversation's name: it is in every later turn. What stands around it is
//! not looked at, because clients move cache marks and write dates into system prompts from turn to
//! turn.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use crate::client::Call;
use crate::codec::json::Text;
use crate::request::Role;
use crate::request::content::Block;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// The same in every process of one build, for every turn after the first answer; for the first
    /// turn it is `beginning`.
    pub fingerprint: u64,
    /// That of the first message alone, which several conversations may share.
    pub beginning: u64,
    pub turn: Turn,
}

/// What of a conversation may be cached already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first call of a conversation without a name.
    First,
    /// There were turns before, or other calls of the same session.
    Later,
}

/// `session` is what a header says; `owner` keeps the conversations of different callers apart.
pub fn conversation_of(call: &Call, session: Option<&str>, owner: &impl Hash) -> Conversation {
    let mut hasher = DefaultHasher::new();
    (owner, &call.model).hash(&mut hasher);
    if let Some(session) = session {
        return named(hasher, session);
    }
    let cache: Cache<'_> = serde_json::from_slice(&call.body).unwrap_or_default();
    if let Some(key) = cache.prompt_cache_key {
        return named(hasher, &key);
    }
    let request = &call.request;
    // Claude Code writes its session into it; others name a person, who may have many conversations
    if let Some(user) = request.user_id.as_deref().filter(|user| user.contains("session")) {
        return named(hasher, user);
    }
    if let Some(first) = request.turns.first() {
        hash_text(&first.blocks, &mut hasher);
    }
    let first_message = hasher.finish();
    match request.turns.iter().find(|turn| turn.role == Role::Assistant) {
        None => {
            Conversation { fingerprint: first_message, beginning: first_message, turn: Turn::First }
        }
        Some(answer) => {
            hash_text(&answer.blocks, &mut hasher);
            Conversation {
                fingerprint: hasher.finish(),
                beginning: first_message,
                turn: Turn::Later,
            }
        }
    }
}

/// Texts, and ids of tool calls.
fn hash_text(blocks: &[Block], hasher: &mut DefaultHasher) {
    for block in blocks {
        match block {
            Block::Text { text, .. } => hasher.write(text.as_bytes()),
            Block::ToolUse { id, .. } => hasher.write(id.as_bytes()),
            _ => {}
        }
    }
}

fn named(mut hasher: DefaultHasher, name: &str) -> Conversation {
    name.hash(&mut hasher);
    let fingerprint = hasher.finish();
    Conversation { fingerprint, beginning: fingerprint, turn: Turn::Later }
}

/// What OpenAI's dialects say about the prompt's cache.
#[derive(Default, Deserialize)]
struct Cache<'a> {
    #[serde(borrow, default)]
    prompt_cache_key: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::client::call::ClientHeaders;

    fn of(messages: Value, more: Value) -> Conversation {
        let mut body = json!({"model": "m", "max_tokens": 5, "messages": messages});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let call =
            Call::from_messages(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1)
                .unwrap();
        conversation_of(&call, None, &"agent")
    }

    #[test]
    fn later_turns_have_one_fingerprint_and_know_how_the_first_was_called() {
        let mark = json!({"type": "ephemeral"});
        let first = of(
            json!([{"role": "user", "content": [{"type": "text", "text": "hi \"you\"", "cache_control": mark}]}]),
            json!({}),
        );
        let second = of(
            json!([
                {"role": "user", "content": "hi \"you\""},
                {"role": "assistant", "content": "hello"},
                {"role": "user", "content": "and now?"}
            ]),
            json!({"system": "Today is another day."}),
        );
        assert_eq!((first.turn, second.turn), (Turn::First, Turn::Later));
        assert_eq!(first.fingerprint, second.beginning);
        let third = of(
            json!([
                {"role": "user", "content": "hi \"you\""},
                {"role": "assistant", "content": [{"type": "text", "text": "hello"}]},
                {"role": "user", "content": "and now?"},
                {"role": "assistant", "content": "now this"},
                {"role": "user", "content": "thanks"}
            ]),
            json!({}),
        );
        assert_eq!(third, second);
        let other = of(json!([{"role": "user", "content": "something else"}]), json!({}));
        assert_ne!(first.fingerprint, other.fingerprint);
    }

    #[test]
    fn a_session_that_is_named_goes_before_what_is_said() {
        let said = |text: &str, more: Value| of(json!([{"role": "user", "content": text}]), more);
        let session = json!({"metadata": {"user_id": "user_1_account__session_7"}});
        assert_eq!(said("a", session.clone()), said("b", session));
        assert_ne!(
            said("a", json!({"metadata": {"user_id": "me"}})),
            said("b", json!({"metadata": {"user_id": "me"}}))
        );
        let body =
            json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]});
        let call =
            Call::from_messages(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1)
                .unwrap();
        let by_header = conversation_of(&call, Some("s"), &"agent");
        assert_eq!(by_header.turn, Turn::Later);
        assert_ne!(by_header, conversation_of(&call, Some("s"), &"another agent"));
    }
}
