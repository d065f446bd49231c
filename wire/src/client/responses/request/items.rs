//! The conversation as items: what one side says in a row becomes one turn.

use bytestring::ByteString;
use serde_json::{Value, json};

use crate::client::openai::declared_tools::{DeclaredTools, ToolKind};
use crate::client::openai::turns::{PlacedBlock, Turns, input};
use crate::client::responses::request::client_calls::Read;
use crate::client::responses::request::content::parts;
use crate::client::responses::request::tools::Offered;
use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::BadRequest;
use crate::request::Role;
use crate::request::content::Block;
use crate::signature::{ANTHROPIC_MARK, Issuer, marked, read};

/// Items of tools that OpenAI runs itself, and references to what it keeps.
const NATIVE_ONLY: &str = "only a provider of this dialect may know this type of item";

pub(super) fn translate(
    request: &mut Object<'_>,
    declared: &mut DeclaredTools,
    offered: &mut Offered,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let mut items = Items { turns: Turns::default(), called: Vec::new(), declared, offered };
    let said = request.optional_text("instructions")?;
    if let Some(said) = said.filter(|said| !said.is_empty()) {
        let said = PlacedBlock::text(said, "instructions");
        items.turns.instruct(vec![said], "instructions")?;
    }
    match request.take("input") {
        None => {}
        Some(Value::String(said)) if said.is_empty() => {}
        Some(Value::String(said)) => {
            items.turns.begin(Role::User, "input", vec![PlacedBlock::text(said, "input")])
        }
        Some(Value::Array(all)) => {
            let list = Path::Body.member("input");
            for (index, item) in all.into_iter().enumerate() {
                items.item(Object::read(item, list.index(index))?, translation)?;
            }
        }
        Some(_) => return Err(BadRequest::new("input", "must be a string or an array of items")),
    }
    let mut turns = items.turns;
    if turns.is_empty() {
        let kept = ["previous_response_id", "conversation", "prompt"]
            .iter()
            .any(|name| request.get(name).is_some());
        if !kept && translation.native_only.is_none() {
            return Err(BadRequest::new("input", "at least one item is required"));
        }
        // A placeholder: the native path sends the body as it came, so this turn is not read.
        turns.begin(Role::User, "input", vec![PlacedBlock::text("native only", "input")]);
    }
    turns.place(translation);
    Ok(())
}

pub(super) struct Items<'c> {
    pub(super) turns: Turns,
    /// Ids of calls that have been made.
    pub(super) called: Vec<ByteString>,
    pub(super) declared: &'c mut DeclaredTools,
    /// What tools there are; a search of the client finds more.
    pub(super) offered: &'c mut Offered,
}

impl Items<'_> {
    fn item(
        &mut self,
        mut item: Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let kind = item.optional_text("type")?.unwrap_or_else(|| "message".into());
        if self.of_client(&kind, &mut item, translation)? == Read::Whole {
            translation.drop_left(&item, Reason::Unknown);
            return Ok(());
        }
        // an item's own name and state are this dialect's; pairs are made by `call_id`
        for name in ["id", "status", "phase"] {
            item.take(name);
        }
        match &*kind {
            "message" => self.message(&mut item, translation)?,
            "function_call" => {
                let arguments = item.optional_text("arguments")?.unwrap_or_default();
                let input = input(&arguments, item.path.member("arguments"))?;
                self.call(&mut item, ToolKind::Function, input, "arguments")?;
            }
            "custom_tool_call" => {
                let said = item.optional_text("input")?.unwrap_or_default();
                let input = RawJson::Value(json!({"input": &*said}));
                self.call(&mut item, ToolKind::Custom, input, "input")?;
            }
            "function_call_output" | "custom_tool_call_output" => {
                self.output(&mut item, translation)?
            }
            "reasoning" => self.reasoning(&mut item, translation)?,
            "item_reference" => {
                translation.only_by_its_keeper(item.at("type"), NATIVE_ONLY);
                return Ok(());
            }
            _ => {
                translation.only_natively(item.at("type"), NATIVE_ONLY);
                return Ok(());
            }
        }
        translation.drop_left(&item, Reason::Unknown);
        Ok(())
    }

    fn message(
        &mut self,
        item: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let role = item.text("role")?;
        let blocks = parts(item.required("content")?, item.path.member("content"), translation)?;
        let role = match &*role {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" | "developer" => Role::System,
            _ => {
                return Err(
                    item.mistake("role", "must be one of user, assistant, system, developer")
                );
            }
        };
        if blocks.is_empty() {
            if role == Role::System || translation.native_only.is_none() {
                translation.drop(item.path.to_string(), Reason::Empty);
            }
            return Ok(());
        }
        let from = item.path.to_string();
        if role == Role::System {
            return self.turns.instruct(blocks, &from);
        }
        self.turns.go_on(role, &from, blocks);
        Ok(())
    }

    /// A call: of a function, whose arguments are JSON, or of a custom tool, which takes any text.
    fn call(
        &mut self,
        item: &mut Object<'_>,
        kind: ToolKind,
        input: RawJson,
        member: &str,
    ) -> Result<(), BadRequest> {
        let (id, name) = (item.text("call_id")?, item.text("name")?);
        let namespace = item.optional_text("namespace")?;
        let name = self.declared.called(kind, &name, namespace.as_deref());
        self.called.push(id.clone());
        let from = item.path.to_string();
        let block = PlacedBlock::call(id, name, input, from.clone());
        self.turns.go_on(Role::Assistant, &from, vec![block.with("input", item.at(member))]);
        Ok(())
    }

    fn output(
        &mut self,
        item: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let id = item.text("call_id")?;
        if !self.called.contains(&id) {
            return Err(item.mistake("call_id", format!("no call `{id}` before it")));
        }
        let output = match item.required("output")? {
            Value::Object(output) => Value::String(Value::Object(output).to_string()),
            output => output,
        };
        let content = parts(output, item.path.member("output"), translation)?;
        let result = PlacedBlock::result(id, content, item.path.to_string());
        self.turns.add_result(result, translation);
        Ok(())
    }

    /// Reasoning is of use to its issuer alone, and only with what that one encrypted.
    fn reasoning(
        &mut self,
        item: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let joined = |parts: Option<Value>| -> String {
            let parts = parts.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n\n")
        };
        let (summary, raw) = (joined(item.take("summary")), joined(item.take("content")));
        let from = item.path.to_string();
        let Some(Value::String(encrypted)) = item.take("encrypted_content") else {
            translation.drop(from, Reason::Issuer);
            return Ok(());
        };
        let signature = match encrypted.strip_prefix(ANTHROPIC_MARK) {
            Some(signature) => signature.into(),
            None if read(&encrypted).0 == Issuer::Anthropic => {
                marked(Issuer::Responses, &encrypted)
            }
            None => encrypted.into(),
        };
        let text = if summary.is_empty() { raw } else { summary };
        let block = Block::Thinking { text: text.into(), signature: Some(signature) };
        self.turns.go_on(Role::Assistant, &from, vec![PlacedBlock::new(block, from.clone())]);
        Ok(())
    }
}
