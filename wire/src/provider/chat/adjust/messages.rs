//! Messages: ids of calls, who may speak after whom, and what a vendor refuses to read.

use ainfera_schema::Taken;
use serde_json::{Map, Value, json};

use super::reasoning;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::provider::chat::profile::{
    DeveloperRole, Files, LastAssistant, SystemMidway, UserAfterTool,
};
use crate::provider::chat::target::Target;
use crate::provider::instructions::CONTINUE;
use crate::provider::lossy::instructions_of_the_user;
use crate::provider::tool_call_ids::{CallIdRule, ToolCallIds};
use crate::provider::written::Joined;

/// Where one coercion names what became of every id: they mean nothing by themselves.
pub(crate) const CALL_IDS: &str = "messages.*.tool_calls.id";

pub(super) fn adjust(
    chat: &mut Map<String, Value>,
    target: &Target<'_>,
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    let Some(messages) = chat.get_mut("messages").and_then(Value::as_array_mut) else {
        return Ok(());
    };
    let profile = target.profile;
    let mut ids = ToolCallIds::new(profile.call_ids);
    for (index, message) in messages.iter_mut().enumerate() {
        let Some(message) = message.as_object_mut() else { continue };
        let path = format!("messages.{index}");
        for name in profile.refused_message_members {
            if message.shift_remove(*name).is_some_and(|value| !value.is_null()) {
                coercions.add(format!("{path}.{name}"), Change::Dropped(Reason::Vendor));
            }
        }
        if profile.developer_role == DeveloperRole::SaidAsSystem
            && message.get("role").is_some_and(|role| role == "developer")
        {
            message.insert("role".to_owned(), json!("system"));
            coercions.add(format!("{path}.role"), Change::Renamed("system".to_owned()));
        }
        if calls_tools(message) {
            reasoning::give_needed(message, target, &path, coercions);
        }
        reasoning::drop_foreign(message, target, &path, coercions);
        map_ids(message, &mut ids);
        for (at, part) in message
            .get_mut("content")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .enumerate()
        {
            check_part(part, target, &format!("{path}.content.{at}"))?;
        }
    }
    if ids.changed() {
        coercions.add(CALL_IDS, Change::Renamed("ids of this vendor's form".to_owned()));
    }
    folded(messages, |placed| {
        let placed = match profile.system_midway {
            SystemMidway::FoldedIntoUser => fold_system(placed, coercions),
            SystemMidway::Taken => placed,
        };
        match profile.user_after_tool {
            UserAfterTool::FoldedIntoTool => fold_user(placed, coercions),
            UserAfterTool::Taken => placed,
        }
    });
    end_with_the_user(messages, target, coercions);
    if let (LastAssistant::NeedsPrefix, Some(last)) = (profile.last_assistant, messages.last_mut())
        && last["role"] == "assistant"
        && last.get("tool_calls").is_none()
    {
        last["prefix"] = json!(true);
    }
    Ok(())
}

fn calls_tools(message: &Map<String, Value>) -> bool {
    message.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
}

fn map_ids(message: &mut Map<String, Value>, ids: &mut ToolCallIds) {
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        match ids.rule() {
            // the vendor's own may come again, as it counts
            CallIdRule::AtMost(_) => map_id(call.get_mut("id"), |id| ids.sent(id)),
            CallIdRule::Word(_) | CallIdRule::NineAlphanumeric => {
                map_id(call.get_mut("id"), |id| ids.called(id));
            }
        }
    }
    map_id(message.get_mut("tool_call_id"), |id| ids.sent(id));
}

fn map_id(id: Option<&mut Value>, sent: impl FnOnce(&str) -> String) {
    if let Some(Value::String(id)) = id {
        *id = sent(id);
    }
}

/// What the vendor cannot read is no loss that could be told afterwards: the call goes elsewhere.
/// An answer that the caller began is asked for in words, where the model does not go on by itself.
fn end_with_the_user(messages: &mut Vec<Value>, target: &Target<'_>, coercions: &mut Coercions) {
    let begun = messages
        .last()
        .is_some_and(|last| last["role"] == "assistant" && last.get("tool_calls").is_none());
    if begun && target.abilities.prefill() == Taken::No {
        coercions.add(
            format!("messages.{}", messages.len() - 1),
            Change::Moved("an instruction to continue it"),
        );
        messages.push(json!({"role": "user", "content": CONTINUE}));
    }
}

fn check_part(part: &mut Value, target: &Target<'_>, path: &str) -> Result<(), BadRequest> {
    let refused = |what: &str| {
        Err(BadRequest::new(path, format!("{} takes no {what}", target.profile.vendor)))
    };
    match (part["type"].as_str(), target.abilities.images(), target.profile.files) {
        (Some("image_url"), Taken::No, _) => {
            Err(BadRequest::new(path, "this model takes no images"))
        }
        (Some("file"), _, Files::NotTaken) => refused("documents"),
        (Some("file"), _, Files::DocumentUrl) if part["file"]["file_data"].is_null() => {
            refused("files by their id")
        }
        (Some("file"), _, Files::DocumentUrl) => {
            let file = part["file"].take();
            *part = json!({"type": "document_url", "document_url": file["file_data"], "document_name": file["filename"]});
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A message and its place in the body as it came.
type Placed = (usize, Value);

fn folded(messages: &mut Vec<Value>, fold: impl FnOnce(Vec<Placed>) -> Vec<Placed>) {
    let placed = std::mem::take(messages).into_iter().enumerate().collect();
    *messages = fold(placed).into_iter().map(|(_, message)| message).collect();
}

/// Instructions after the beginning become what the user says there, in one message with what the
/// user says before and after them. Other messages stay as they are, for they were sent so before.
fn fold_system(messages: Vec<Placed>, coercions: &mut Coercions) -> Vec<Placed> {
    let is_system =
        |message: &Value| matches!(message["role"].as_str(), Some("system" | "developer"));
    let beginning = messages.iter().take_while(|(_, message)| is_system(message)).count();
    let mut kept: Vec<Placed> = Vec::with_capacity(messages.len());
    // the last one kept has instructions in it
    let mut instructed = false;
    for (place, mut message) in messages {
        let is_folded = place >= beginning && is_system(&message);
        if is_folded {
            message["role"] = json!("user");
            mark_instructions(&mut message["content"]);
            coercions.add(format!("messages.{place}.role"), Change::Moved("user message"));
        }
        match kept.last_mut() {
            Some((_, last))
                if (is_folded || instructed)
                    && message["role"] == "user"
                    && last["role"] == "user" =>
            {
                append(last, message["content"].take());
                instructed = true;
            }
            _ => {
                kept.push((place, message));
                instructed = is_folded;
            }
        }
    }
    kept
}

fn mark_instructions(content: &mut Value) {
    let texts = match content {
        Value::String(_) => vec![content],
        Value::Array(parts) => parts.iter_mut().filter_map(|part| part.get_mut("text")).collect(),
        _ => Vec::new(),
    };
    for text in texts {
        let said = Joined::one(text.as_str().unwrap_or_default());
        *text = instructions_of_the_user(said).to_string().into();
    }
}

fn fold_user(messages: Vec<Placed>, coercions: &mut Coercions) -> Vec<Placed> {
    let mut kept: Vec<Placed> = Vec::with_capacity(messages.len());
    for (place, mut message) in messages {
        match kept.last_mut() {
            Some((_, last)) if message["role"] == "user" && last["role"] == "tool" => {
                append(last, message["content"].take());
                coercions.add(format!("messages.{place}"), Change::Moved("tool message"));
            }
            _ => kept.push((place, message)),
        }
    }
    kept
}

/// Adds `more` to a message's content: text to text, otherwise parts to parts.
fn append(message: &mut Value, more: Value) {
    let parts = |content: Value| match content {
        Value::Array(parts) => parts,
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        _ => Vec::new(),
    };
    message["content"] = match (message["content"].take(), more) {
        (Value::String(text), Value::String(more)) => json!(format!("{text}\n\n{more}")),
        (content, more) => Value::Array(parts(content).into_iter().chain(parts(more)).collect()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_table::ModelAbilities;
    use crate::provider::chat::profile::profile_of;
    use ainfera_schema::ProviderKind;

    fn adjusted(kind: ProviderKind, messages: Value) -> Result<(Value, Vec<String>), String> {
        let profile = profile_of(kind).unwrap();
        let target = Target {
            profile,
            upstream_name: "m",
            maker: "maker",
            abilities: ModelAbilities::named(kind, "m", None),
        };
        let mut chat = Map::new();
        chat.insert("messages".to_owned(), messages);
        let mut coercions = Coercions::default();
        adjust(&mut chat, &target, &mut coercions).map_err(|bad| bad.to_string())?;
        Ok((chat["messages"].take(), coercions.texts()))
    }

    #[test]
    fn mistral_hears_no_user_between_a_tool_and_its_own_turn() {
        let (messages, coercions) = adjusted(
            ProviderKind::Mistral,
            json!([{"role": "user", "content": "hi"}, {"role": "tool", "tool_call_id": "aaaaaaaaa", "content": "sunny"},
                {"role": "system", "content": "be brief"}, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]},
                {"role": "assistant", "content": "So"}]),
        )
        .unwrap();
        let expected = json!([{"role": "user", "content": "hi"},
            {"role": "tool", "tool_call_id": "aaaaaaaaa", "content": [{"type": "text", "text": "sunny"}, {"type": "text", "text": "<system>\nbe brief\n</system>"},
                {"type": "image_url", "image_url": {"url": "u"}}]},
            {"role": "assistant", "content": "So", "prefix": true}]);
        assert_eq!(messages, expected);
        assert_eq!(
            coercions,
            ["messages.2.role=moved:user message", "messages.2=moved:tool message"]
        );
    }

    #[test]
    fn p080_instructions_midway_are_folded_in_order() {
        let (messages, _) = adjusted(
            ProviderKind::OpenaiCompatible,
            json!([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}, {"role": "system", "content": "c"},
                {"role": "assistant", "content": "d"}, {"role": "system", "content": "e"}, {"role": "user", "content": "f"}]),
        )
        .unwrap();
        let expected = json!([{"role": "system", "content": "a"}, {"role": "user", "content": "b\n\n<system>\nc\n</system>"}, {"role": "assistant", "content": "d"},
            {"role": "user", "content": "<system>\ne\n</system>\n\nf"}]);
        assert_eq!(messages, expected);
        let kept = json!([{"role": "user", "content": "b"}, {"role": "system", "content": "c"}]);
        assert_eq!(adjusted(ProviderKind::Openai, kept.clone()).unwrap().0, kept);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        let image = json!([{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}]}]);
        assert_eq!(
            adjusted(ProviderKind::Deepseek, image).unwrap_err(),
            "messages.0.content.1: this model takes no images"
        );
        let file = json!([{"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:x"}}]}]);
        assert_eq!(
            adjusted(ProviderKind::Groq, file.clone()).unwrap_err(),
            "messages.0.content.0: groq takes no documents"
        );
        let by_id =
            json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]);
        assert_eq!(
            adjusted(ProviderKind::Mistral, by_id).unwrap_err(),
            "messages.0.content.0: mistral takes no files by their id"
        );
        let (messages, _) = adjusted(ProviderKind::Mistral, file).unwrap();
        assert_eq!(
            messages[0]["content"][0],
            json!({"type": "document_url", "document_url": "data:x", "document_name": "a.pdf"})
        );
    }
}
