//! The conversation of a Chat body: each message is a turn, and results of tools are one with what
//! the user says after them.

use bytestring::ByteString;
use serde_json::Value;

use crate::client::chat::request::content::parts;
use crate::client::chat::request::kept;
use crate::client::openai::turns::{PlacedBlock, Turns, input};
use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::Role;
use crate::thought_signatures::On;

pub(super) fn translate(
    chat: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let messages = match chat.required("messages")? {
        Value::Array(messages) if messages.is_empty() => {
            return Err(BadRequest::new("messages", "at least one message is required"));
        }
        Value::Array(messages) => messages,
        _ => return Err(BadRequest::new("messages", "must be an array")),
    };
    let mut conversation = Conversation::default();
    let list = Path::Body.member("messages");
    for (index, message) in messages.into_iter().enumerate() {
        conversation.message(Object::read(message, list.index(index))?, translation)?;
    }
    let mut turns = conversation.turns;
    if turns.is_empty() {
        if translation.native_only.is_none() {
            return Err(BadRequest::new(
                "messages",
                "at least one message of the user is required",
            ));
        }
        // A placeholder: the native path sends the body as it came, so this turn is not read.
        let placeholder = PlacedBlock::text("native only", "messages");
        turns.begin(Role::User, "messages", vec![placeholder]);
    }
    turns.place(translation);
    Ok(())
}

/// Turns so far, and the calls that wait for their results.
#[derive(Default)]
struct Conversation {
    turns: Turns,
    /// Ids of the assistant's last calls.
    called: Vec<ByteString>,
}

impl Conversation {
    fn message(
        &mut self,
        mut message: Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let role = message.text("role")?;
        match &*role {
            "system" | "developer" => self.instructions(&mut message, translation)?,
            "user" => self.user(&mut message, translation)?,
            "assistant" => self.assistant(&mut message, translation)?,
            "tool" => self.result(&mut message, translation)?,
            "function" => translation.only_natively(
                message.at("role"),
                "is the old form of `tool`; only a provider of this dialect may know it",
            ),
            _ => {
                return Err(message
                    .mistake("role", "must be one of system, developer, user, assistant, tool"));
            }
        }
        for name in message.left() {
            let is_known = name == "name" || name == "audio";
            let reason = if is_known { Reason::NoEquivalent } else { Reason::Unknown };
            translation.drop(message.at(name), reason);
        }
        Ok(())
    }

    fn instructions(
        &mut self,
        message: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let blocks = content(message, translation)?;
        if blocks.is_empty() {
            translation.drop(message.path.to_string(), Reason::Empty);
            return Ok(());
        }
        self.turns.instruct(blocks, &message.path.to_string())
    }

    fn user(
        &mut self,
        message: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let blocks = content(message, translation)?;
        if !blocks.is_empty() {
            self.turns.user_message(&message.path.to_string(), blocks);
        } else if translation.native_only.is_none() {
            translation.drop(message.at("content"), Reason::Empty);
        }
        Ok(())
    }

    fn assistant(
        &mut self,
        message: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let mut blocks = kept::thoughts(message, translation);
        if let Some(content) = message.take("content") {
            blocks.extend(parts(content, message.path.member("content"), translation)?);
        }
        blocks.extend(kept::signature(message, On::Text, translation));
        if let Some(refusal) = message.optional_text("refusal")?.filter(|text| !text.is_empty()) {
            let from = message.at("refusal");
            translation.lost.add(&*from, Change::Moved("text"));
            blocks.push(PlacedBlock::text(refusal, from));
        }
        if message.take("function_call").is_some() {
            translation.only_natively(
                message.at("function_call"),
                "is the old form of `tool_calls`; only a provider of this dialect may know it",
            );
        }
        self.called.clear();
        let calls = match message.take("tool_calls") {
            None => Vec::new(),
            Some(Value::Array(calls)) => calls,
            Some(_) => return Err(message.mistake("tool_calls", "must be an array")),
        };
        let list = message.path.member("tool_calls");
        for (at, call) in calls.into_iter().enumerate() {
            blocks.extend(self.call(Object::read(call, list.index(at))?, translation)?);
        }
        if blocks.is_empty() {
            translation.drop(message.path.to_string(), Reason::Empty);
        } else {
            self.turns.begin(Role::Assistant, &message.path.to_string(), blocks);
        }
        Ok(())
    }

    fn call(
        &mut self,
        mut call: Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<Vec<PlacedBlock>, BadRequest> {
        if call.get("type").is_some_and(|kind| kind != "function") {
            translation.only_natively(
                call.at("type"),
                "only a provider of this dialect may know this type of call",
            );
            return Ok(Vec::new());
        }
        let signature = kept::signature(&mut call, On::Call, translation);
        let id = call.text("id")?;
        let path = call.path;
        let mut function = Object::read(call.required("function")?, path.member("function"))?;
        let name = function.text("name")?;
        let arguments = function.optional_text("arguments")?.unwrap_or_default();
        let input = input(&arguments, function.path.member("arguments"))?;
        self.called.push(id.clone());
        let block = PlacedBlock::call(id, name, input, path.to_string());
        let block = block.with("input", function.at("arguments")).with("name", function.at("name"));
        Ok(signature.into_iter().chain([block]).collect())
    }

    fn result(
        &mut self,
        message: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let id = message.text("tool_call_id")?;
        if !self.called.contains(&id) {
            let problem = format!("no call `{id}` in the assistant message before it");
            return Err(message.mistake("tool_call_id", problem));
        }
        let content = content(message, translation)?;
        let result = PlacedBlock::result(id, content, message.path.to_string());
        self.turns.add_result(result.with("tool_use_id", message.at("tool_call_id")), translation);
        Ok(())
    }
}

/// The `content` of a message that must have one.
fn content(
    message: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<Vec<PlacedBlock>, BadRequest> {
    parts(message.required("content")?, message.path.member("content"), translation)
}
