//! Calls and their results stand together: every `tool_use` of an assistant turn has its
//! `tool_result` in the next user turn, and no result is without its call. Anthropic refuses
//! anything else in these words, which agents know; other vendors refuse it in their own, or worse,
//! do not.

use crate::error::bad_request::BadRequest;
use crate::request::content::Block;
use crate::request::{Role, Turn};

/// The first mistake. Consecutive messages of one role are one turn, and instructions in between
/// belong to none.
pub(crate) fn check(turns: &[Turn]) -> Result<(), BadRequest> {
    let mut called: Vec<&str> = Vec::new();
    let mut unanswered: Vec<&str> = Vec::new();
    let mut last_caller = 0;
    let mut last_role = Role::System;
    let spoken = turns.iter().enumerate().filter(|(_, turn)| turn.role != Role::System);
    for (index, turn) in spoken {
        if turn.role == Role::Assistant && last_role != Role::Assistant {
            refuse_unanswered(last_caller, &unanswered)?;
            called.clear();
        }
        for (at, block) in turn.blocks.iter().enumerate() {
            match block {
                Block::ToolUse { id, .. } if turn.role == Role::Assistant => {
                    called.push(id);
                    unanswered.push(id);
                    last_caller = index;
                }
                Block::ToolResult { tool_use_id, .. } => {
                    let id: &str = tool_use_id;
                    if turn.role != Role::User || !called.contains(&id) {
                        return Err(BadRequest::new(
                            format!("messages.{index}.content.{at}"),
                            format!(
                                "unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding \
                                 `tool_use` block in the previous message."
                            ),
                        ));
                    }
                    unanswered.retain(|open| *open != id);
                }
                _ => {}
            }
        }
        // what comes later answers nothing any more
        if turn.role == Role::User
            && turns.get(index + 1).is_none_or(|next| next.role == Role::Assistant)
        {
            refuse_unanswered(last_caller, &unanswered)?;
        }
        last_role = turn.role;
    }
    refuse_unanswered(last_caller, &unanswered)
}

fn refuse_unanswered(index: usize, unanswered: &[&str]) -> Result<(), BadRequest> {
    if unanswered.is_empty() {
        return Ok(());
    }
    let ids = unanswered.join(", ");
    let message = format!(
        "`tool_use` ids were found without `tool_result` blocks immediately after: {ids}. Each `tool_use` block must have a corresponding \
         `tool_result` block in the next message."
    );
    Err(BadRequest::new(format!("messages.{index}"), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;
    use serde_json::{Value, json};

    fn checked(messages: Value) -> Result<(), String> {
        let body = json!({"model": "m", "max_tokens": 5, "messages": messages}).to_string();
        check(&Request::parse(&body.into()).unwrap().0.turns).map_err(|bad| bad.to_string())
    }

    fn call(ids: &[&str]) -> Value {
        let calls =
            ids.iter().map(|id| json!({"type": "tool_use", "id": id, "name": "f", "input": {}}));
        json!({"role": "assistant", "content": calls.collect::<Vec<_>>()})
    }

    fn results(ids: &[&str]) -> Value {
        let results = ids.iter().map(|id| json!({"type": "tool_result", "tool_use_id": id}));
        json!({"role": "user", "content": results.collect::<Vec<_>>()})
    }

    #[test]
    fn p015_what_stands_together_passes() {
        let hi = json!({"role": "user", "content": "hi"});
        for messages in [
            json!([hi]),
            json!([hi, call(&["a", "b"]), results(&["b", "a"])]),
            json!([hi, call(&["a"]), results(&["a"]), call(&["a"]), results(&["a"]), hi]),
            json!([hi, call(&["a"]), call(&["b"]), results(&["a"]), results(&["b"])]),
            json!([hi, call(&["a"]), {"role": "system", "content": "x"}, results(&["a"])]),
        ] {
            assert_eq!(checked(messages.clone()), Ok(()), "{messages}");
        }
    }

    #[test]
    fn p015_what_does_not_is_refused_in_known_words() {
        let hi = json!({"role": "user", "content": "hi"});
        let unanswered = |index: usize, ids: &str| {
            format!(
                "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. Each `tool_use` block must have a \
                 corresponding `tool_result` block in the next message."
            )
        };
        let orphan = |place: &str, id: &str| {
            format!(
                "messages.{place}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding \
                 `tool_use` block in the previous message."
            )
        };
        for (messages, expected) in [
            (json!([hi, call(&["a", "b"]), results(&["a"])]), unanswered(1, "b")),
            (json!([hi, call(&["a"]), hi]), unanswered(1, "a")),
            (json!([hi, call(&["a"])]), unanswered(1, "a")),
            (json!([hi, call(&["a"]), hi, call(&["b"]), results(&["b"])]), unanswered(1, "a")),
            (json!([results(&["a"])]), orphan("0.content.0", "a")),
            (json!([hi, call(&["a"]), results(&["a", "z"])]), orphan("2.content.1", "z")),
            (
                json!([hi, call(&["a"]), results(&["a"]), call(&["b"]), results(&["a"])]),
                orphan("4.content.0", "a"),
            ),
        ] {
            assert_eq!(checked(messages.clone()), Err(expected), "{messages}");
        }
    }
}
