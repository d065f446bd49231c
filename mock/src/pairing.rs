//! Every tool call has its result and every result its call: what both vendors check before
//! anything else.

use serde_json::Value;

use crate::request::BadRequest;

/// Anthropic: the results stand in the user turn right after the calls. Consecutive messages of one
/// role are one turn.
pub(crate) fn check_anthropic(messages: &[Value]) -> Result<(), BadRequest> {
    let mut unanswered: Vec<&str> = Vec::new();
    let mut called: Vec<&str> = Vec::new();
    let mut previous_role = "";
    for (position, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "assistant" && previous_role != "assistant" {
            refuse_unanswered(position, &unanswered)?;
            called.clear();
        }
        for block in message["content"].as_array().into_iter().flatten() {
            match (role, block["type"].as_str()) {
                ("assistant", Some("tool_use")) => {
                    let id = block["id"].as_str().unwrap_or_default();
                    called.push(id);
                    unanswered.push(id);
                }
                ("user", Some("tool_result")) => {
                    let id = block["tool_use_id"].as_str().unwrap_or_default();
                    if !called.contains(&id) {
                        return Err(BadRequest(format!(
                            "messages.{position}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` \
                             block must have a corresponding `tool_use` block in the previous message."
                        )));
                    }
                    unanswered.retain(|open| *open != id);
                }
                _ => {}
            }
        }
        previous_role = role;
    }
    refuse_unanswered(messages.len(), &unanswered)
}

/// Chat Completions: `tool` messages for every call follow the assistant message directly.
pub(crate) fn check_chat(messages: &[Value]) -> Result<(), BadRequest> {
    let mut unanswered: Vec<&str> = Vec::new();
    for message in messages {
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(position) = unanswered.iter().position(|open| *open == id) else {
                return Err(BadRequest(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.".to_owned(),
                ));
            };
            unanswered.remove(position);
            continue;
        }
        refuse_unanswered_chat(&unanswered)?;
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        unanswered.extend(calls.map(|call| call["id"].as_str().unwrap_or_default()));
    }
    refuse_unanswered_chat(&unanswered)
}

fn refuse_unanswered(position: usize, unanswered: &[&str]) -> Result<(), BadRequest> {
    if unanswered.is_empty() {
        return Ok(());
    }
    let ids = unanswered.join(", ");
    Err(BadRequest(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. Each `tool_use` block must \
         have a corresponding `tool_result` block in the next message.",
        position.saturating_sub(1)
    )))
}

fn refuse_unanswered_chat(unanswered: &[&str]) -> Result<(), BadRequest> {
    if unanswered.is_empty() {
        return Ok(());
    }
    Err(BadRequest(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following \
         tool_call_ids did not have response messages: {}",
        unanswered.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn anthropic(messages: Value) -> Result<(), BadRequest> {
        check_anthropic(messages.as_array().unwrap())
    }

    fn chat(messages: Value) -> Result<(), BadRequest> {
        check_chat(messages.as_array().unwrap())
    }

    fn call(id: &str) -> Value {
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": id}]})
    }

    fn result(id: &str) -> Value {
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id}]})
    }

    #[test]
    fn anthropic_pairs() {
        assert!(anthropic(json!([call("a"), result("a"), call("b"), result("b")])).is_ok());
        assert!(anthropic(json!([call("a"), call("b"), result("b"), result("a")])).is_ok());
        assert!(anthropic(json!([call("a")])).is_err());
        assert!(
            anthropic(
                json!([call("a"), {"role": "user", "content": "no result"}, call("b"), result("b")])
            )
            .is_err()
        );
        assert!(anthropic(json!([result("a")])).is_err());
        assert!(anthropic(json!([call("a"), result("a"), call("b"), result("a")])).is_err());
    }

    #[test]
    fn chat_pairs() {
        let calls = json!({"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]});
        let tool = |id: &str| json!({"role": "tool", "tool_call_id": id});
        assert!(chat(json!([calls, tool("b"), tool("a")])).is_ok());
        assert!(chat(json!([calls, tool("a")])).is_err());
        assert!(chat(json!([calls, tool("a"), {"role": "user"}, tool("b")])).is_err());
        assert!(chat(json!([tool("a")])).is_err());
    }
}
