//! One part of a content.

use bytestring::ByteString;
use serde_json::{Map, Value};

use crate::client::gemini::names::{take, take_list, take_text};
use crate::client::gemini::request::contents::Conversation;
use crate::client::gemini::signatures::{Signature, given_back};
use crate::client::openai::turns::PlacedBlock;
use crate::client::translation::RequestTranslation;
use crate::codec::node::Object;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::BadRequest;
use crate::request::Role;
use crate::request::content::{Block, BlockExtras, Source, ToolOutcome};
use crate::thought_signatures::{On, kept};

/// Parts that only Google's own models write and read.
const NATIVE_ONLY: [&str; 4] =
    ["executableCode", "codeExecutionResult", "toolCall", "toolResponse"];

/// Adds what a part says to the blocks of its content, whose `place` is that of content and part.
pub(super) fn part(
    mut part: Object<'_>,
    place: (usize, usize),
    role: Role,
    conversation: &mut Conversation,
    blocks: &mut Vec<PlacedBlock>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let from = part.path.to_string();
    for name in NATIVE_ONLY {
        if let Some((name, _)) = take(&mut part, name)? {
            let why = "only a provider of this dialect may know this part";
            translation.only_natively(part.at(&name), why);
            return Ok(());
        }
    }
    let signature = take_text(&mut part, "thoughtSignature")?.filter(|text| !text.is_empty());
    let is_thought = part.optional_bool("thought")?.unwrap_or(false);
    if let Some((name, call)) = take(&mut part, "functionCall")? {
        if role != Role::Assistant {
            return Err(part.mistake(&name, "only the model calls functions"));
        }
        let path = part.path;
        let call = Object::read(call, path.member(&name))?;
        sign(signature.as_deref(), On::Call, &from, conversation, blocks);
        blocks.push(function_call(call, place, conversation, translation)?);
    } else if let Some((name, response)) = take(&mut part, "functionResponse")? {
        if role != Role::User {
            return Err(part.mistake(&name, "only the user returns what functions return"));
        }
        let path = part.path;
        let response = Object::read(response, path.member(&name))?;
        let result = function_response(response, conversation, translation)?;
        // what was said before it stands before it
        let said = std::mem::take(blocks);
        if !said.is_empty() {
            conversation.turns.go_on(Role::User, &from, said);
        }
        conversation.turns.add_result(result, translation);
    } else if let Some(text) = part.optional_text("text")? {
        let foreign = matches!(signature.as_deref().map(given_back), Some(Signature::Foreign(_)));
        if is_thought && signature.is_none() {
            conversation.loose_thoughts.push((text, from.clone()));
        } else if is_thought && !foreign {
            let signature = signature.as_deref().map(|signature| kept(On::Text, signature));
            blocks.push(PlacedBlock::new(Block::Thinking { text, signature }, &*from));
        } else {
            if !text.is_empty() && !is_thought {
                blocks.push(PlacedBlock::text(text, &*from));
            } else if signature.is_none() {
                translation.drop(&*from, Reason::Empty);
            }
            sign(signature.as_deref(), On::Text, &from, conversation, blocks);
        }
    } else if let Some(block) = data(&mut part, translation)? {
        blocks.push(block);
    } else if translation.native_only.is_none() {
        return Err(BadRequest::new(from, "says nothing that is known"));
    }
    translation.drop_left(&part, Reason::Unknown);
    Ok(())
}

/// A signature is the client's to keep in a thinking block: before its call, after its text.
fn sign(
    signature: Option<&str>,
    on: On,
    from: &str,
    conversation: &mut Conversation,
    blocks: &mut Vec<PlacedBlock>,
) {
    let Some(signature) = signature else { return };
    let from = format!("{from}.thoughtSignature");
    match given_back(signature) {
        Signature::Foreign(thinking) => conversation.thinking(thinking, from, blocks),
        Signature::Gemini => {
            let signature = Some(kept(on, signature));
            let block = Block::Thinking { text: ByteString::new(), signature };
            blocks.push(PlacedBlock::new(block, from));
        }
    }
}

fn function_call(
    mut call: Object<'_>,
    (content, part): (usize, usize),
    conversation: &mut Conversation,
    translation: &mut RequestTranslation,
) -> Result<PlacedBlock, BadRequest> {
    let name = call.text("name")?;
    let own_id = call.optional_text("id")?.filter(|id| !id.is_empty());
    let has_own_id = own_id.is_some();
    let id = own_id.unwrap_or_else(|| format!("call_{content}_{part}").into());
    let input = match call.take("args") {
        None => Value::Object(Map::new()),
        Some(args @ Value::Object(_)) => args,
        Some(_) => return Err(call.mistake("args", "must be an object")),
    };
    translation.drop_left(&call, Reason::Unknown);
    conversation.called(id.clone(), name.clone(), has_own_id);
    let block = PlacedBlock::call(id, name, RawJson::Value(input), call.path.to_string());
    Ok(block.with("input", call.at("args")).with("name", call.at("name")))
}

fn function_response(
    mut response: Object<'_>,
    conversation: &mut Conversation,
    translation: &mut RequestTranslation,
) -> Result<PlacedBlock, BadRequest> {
    let name = response.text("name")?;
    let id = response.optional_text("id")?.filter(|id| !id.is_empty());
    let Some(call) = conversation.answered(id.as_deref(), &name) else {
        let field = if id.is_some() { "id" } else { "name" };
        let problem = format!("no call of `{name}` waits for this response");
        return Err(response.mistake(field, problem));
    };
    let returned = match response.required("response")? {
        Value::Object(returned) => returned,
        _ => return Err(response.mistake("response", "must be an object")),
    };
    let (text, outcome) = returned_text(returned);
    let from = response.at("response");
    let mut content = Vec::new();
    if !text.is_empty() {
        content.push(PlacedBlock::text(text, from));
    }
    let path = response.path;
    if let Some((name, all)) = take_list(&mut response, "parts")? {
        let list = path.member(&name);
        for (at, one) in all.into_iter().enumerate() {
            let mut one = Object::read(one, list.index(at))?;
            content.extend(data(&mut one, translation)?);
            translation.drop_left(&one, Reason::Unknown);
        }
    }
    translation.drop_left(&response, Reason::Unknown);
    let mut result = PlacedBlock::result(call, content, path.to_string());
    if let Block::ToolResult { outcome: said, .. } = &mut result.block {
        *said = outcome;
    }
    Ok(result.with("tool_use_id", response.at(if id.is_some() { "id" } else { "name" })))
}

/// What a function returned is under `output` or `error`, by Google's own convention, or all that
/// there is.
fn returned_text(returned: Map<String, Value>) -> (String, ToolOutcome) {
    let (outcome, inner) = match (returned.len(), returned.get("output"), returned.get("error")) {
        (1, Some(output), _) => (ToolOutcome::Ok, Some(output)),
        (1, _, Some(error)) => (ToolOutcome::Failed, Some(error)),
        _ => (ToolOutcome::Ok, None),
    };
    let text = match inner {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => Value::Object(returned).to_string(),
    };
    (text, outcome)
}

/// Bytes, or where they lie. What is neither an image nor a document is for Google's models alone.
fn data(
    part: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let path = part.path;
    let inline = take(part, "inlineData")?;
    let is_inline = inline.is_some();
    let Some((name, data)) = (match inline {
        Some(inline) => Some(inline),
        None => take(part, "fileData")?,
    }) else {
        return Ok(None);
    };
    let mut data = Object::read(data, path.member(&name))?;
    let kind = take_text(&mut data, "mimeType")?.unwrap_or_default();
    let title = take_text(&mut data, "displayName")?;
    let (member, source) = if is_inline {
        let bytes = data.text("data")?;
        ("data", Source::Base64 { media_type: kind.clone(), data: bytes })
    } else {
        let uri = take_text(&mut data, "fileUri")?
            .ok_or_else(|| data.mistake("fileUri", "field required"))?;
        ("fileUri", Source::Url(uri))
    };
    let from = data.at(member);
    translation.drop_left(&data, Reason::Unknown);
    let extras = BlockExtras::default();
    let block = match kind.split('/').next().unwrap_or_default() {
        "image" => Block::Image { source, extras },
        "application" | "text" => Block::Document { source, title, context: None, extras },
        _ => {
            let why = "only a provider of this dialect takes this kind of data";
            translation.only_natively(data.at("mimeType"), why);
            return Ok(None);
        }
    };
    Ok(Some(PlacedBlock::new(block, data.path.to_string()).with_source(&from)))
}
