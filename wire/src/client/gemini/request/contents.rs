//! The conversation of a body: what one side says in a row is a turn. A function's response belongs
//! to the call of its id or, where a side leaves ids out, to the first call of its name that waits
//! for one.

use bytestring::ByteString;
use serde_json::Value;

use crate::client::gemini::names::{required, take, take_list};
use crate::client::gemini::request::parts;
use crate::client::gemini::signatures::ForeignThinking;
use crate::client::openai::turns::{PlacedBlock, Turns};
use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::BadRequest;
use crate::request::Role;
use crate::request::content::Block;

pub(super) fn translate(
    gemini: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let mut conversation = Conversation::default();
    if let Some((name, instruction)) = take(gemini, "systemInstruction")? {
        let path = gemini.path.member(&name);
        let mut content = Object::read(instruction, path)?;
        // it says nothing here
        content.take("role");
        conversation.instructions(&mut content, translation)?;
        translation.drop_left(&content, Reason::Unknown);
    }
    let (name, contents) = match required(gemini, "contents")? {
        (name, Value::Array(contents)) if !contents.is_empty() => (name, contents),
        (_, Value::Array(_)) => {
            return Err(BadRequest::new("contents", "at least one content is required"));
        }
        _ => return Err(BadRequest::new("contents", "must be an array")),
    };
    let list = Path::Body.member(&name);
    for (index, content) in contents.into_iter().enumerate() {
        conversation.content(Object::read(content, list.index(index))?, index, translation)?;
    }
    let mut turns = conversation.turns;
    if turns.is_empty() {
        if translation.native_only.is_none() {
            return Err(BadRequest::new("contents", "at least one content must say something"));
        }
        // A placeholder: the native path sends the body as it came, so this turn is not read.
        turns.begin(Role::User, "contents", vec![PlacedBlock::text("native only", "contents")]);
    }
    turns.place(translation);
    Ok(())
}

/// A call that waits for its response.
#[derive(Debug)]
struct OpenCall {
    id: ByteString,
    name: ByteString,
    /// The caller gave the id.
    has_own_id: bool,
}

/// Turns so far.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub turns: Turns,
    open_calls: Vec<OpenCall>,
    /// Thoughts of this content that came without a signature, and where they stand.
    pub loose_thoughts: Vec<(ByteString, String)>,
}

impl Conversation {
    fn instructions(
        &mut self,
        content: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let Some((name, all)) = take_list(content, "parts")? else { return Ok(()) };
        let path = content.path;
        let list = path.member(&name);
        let mut blocks = Vec::with_capacity(all.len());
        for (at, part) in all.into_iter().enumerate() {
            let mut part = Object::read(part, list.index(at))?;
            let from = part.path.to_string();
            let Some(text) = part.optional_text("text")? else {
                return Err(BadRequest::new(from, "instructions are text"));
            };
            translation.drop_left(&part, Reason::Unknown);
            if text.is_empty() {
                translation.drop(from, Reason::Empty);
            } else {
                blocks.push(PlacedBlock::text(text, from));
            }
        }
        self.turns.instruct(blocks, &path.to_string())
    }

    fn content(
        &mut self,
        mut content: Object<'_>,
        index: usize,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let role = match content.optional_text("role")?.as_deref() {
            None | Some("user" | "function") => Role::User,
            Some("model") => Role::Assistant,
            Some(_) => return Err(content.mistake("role", "must be one of user, model")),
        };
        let from = content.path.to_string();
        let Some((name, all)) = take_list(&mut content, "parts")? else {
            translation.drop(from, Reason::Empty);
            return Ok(());
        };
        let list = content.path.member(&name);
        let mut blocks = Vec::with_capacity(all.len());
        for (at, part) in all.into_iter().enumerate() {
            let part = Object::read(part, list.index(at))?;
            parts::part(part, (index, at), role, self, &mut blocks, translation)?;
        }
        self.drop_loose_thoughts(translation);
        translation.drop_left(&content, Reason::Unknown);
        if !blocks.is_empty() {
            self.turns.go_on(role, &from, blocks);
        }
        Ok(())
    }

    /// Nobody can be given thoughts back that nobody signed.
    fn drop_loose_thoughts(&mut self, translation: &mut RequestTranslation) {
        for (_, from) in self.loose_thoughts.drain(..) {
            translation.drop(from, Reason::Issuer);
        }
    }

    /// Reasoning that another vendor signed stands where it stood: before the texts after it.
    pub(super) fn thinking(
        &mut self,
        thinking: ForeignThinking,
        from: String,
        blocks: &mut Vec<PlacedBlock>,
    ) {
        let said: String = self.loose_thoughts.iter().map(|(text, _)| &**text).collect();
        if said == thinking.thinking {
            // the client was given these twice
            self.loose_thoughts.clear();
        }
        let is_text = |placed: &&PlacedBlock| matches!(placed.block, Block::Text { .. });
        let texts = blocks.iter().rev().take_while(is_text).count();
        let place = if thinking.before_text { blocks.len() - texts } else { blocks.len() };
        let signature = Some(thinking.signature.into());
        let block = Block::Thinking { text: thinking.thinking.into(), signature };
        blocks.insert(place, PlacedBlock::new(block, from));
    }

    pub(super) fn called(&mut self, id: ByteString, name: ByteString, has_own_id: bool) {
        self.open_calls.push(OpenCall { id, name, has_own_id });
    }

    /// The id of the call that a response belongs to.
    pub(super) fn answered(&mut self, id: Option<&str>, name: &str) -> Option<ByteString> {
        let by_id = self.open_calls.iter().position(|call| Some(&*call.id) == id);
        let place = by_id.or_else(|| {
            let named = |call: &OpenCall| *call.name == *name && !(call.has_own_id && id.is_some());
            self.open_calls.iter().position(named)
        })?;
        Some(self.open_calls.remove(place).id)
    }
}
