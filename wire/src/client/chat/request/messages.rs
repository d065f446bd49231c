//! The conversation: instructions go to the front, results of tools become one turn with what the
//! user says after them.

use serde_json::{Map, Value, json};

use crate::client::openai::{self, PlacedBlock};
use crate::client::translation::{RequestTranslation, object, required, source, text};
use crate::codec::json::object as json_object;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;

/// Turns so far, and the calls that wait for their results.
#[derive(Default)]
struct Turns {
    system: Vec<Value>,
    turns: Vec<Value>,
    /// Ids of the assistant's last calls.
    called: Vec<String>,
    /// The last turn is one of results: what the user says next belongs to it.
    in_results: bool,
}

pub(super) fn translate(
    chat: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let messages = match chat.shift_remove("messages") {
        None => return Err(BadRequest::new("messages", "field required")),
        Some(Value::Array(messages)) if messages.is_empty() => {
            return Err(BadRequest::new("messages", "at least one message is required"));
        }
        Some(Value::Array(messages)) => messages,
        Some(_) => return Err(BadRequest::new("messages", "must be an array")),
    };
    let mut turns = Turns::default();
    for (index, message) in messages.into_iter().enumerate() {
        let path = format!("messages.{index}");
        let mut message = object(message, &path)?;
        let role = text(required(&mut message, "role", &path)?, &format!("{path}.role"))?;
        match role.as_str() {
            "system" | "developer" => turns.instructions(&mut message, &path, translation)?,
            "user" => turns.user(&mut message, &path, translation)?,
            "assistant" => turns.assistant(&mut message, &path, translation)?,
            "tool" => turns.result(&mut message, &path, translation)?,
            "function" => translation.only_natively(
                format!("{path}.role"),
                "is the old form of `tool`; only a provider of this dialect may know it",
            ),
            _ => {
                return Err(BadRequest::new(
                    format!("{path}.role"),
                    "must be one of system, developer, user, assistant, tool",
                ));
            }
        }
        for name in message.keys() {
            let reason = if name == "name" || name == "audio" {
                Reason::NoEquivalent
            } else {
                Reason::Unknown
            };
            translation.drop(format!("{path}.{name}"), reason);
        }
    }
    if turns.turns.is_empty() {
        if translation.native_only.is_none() {
            return Err(BadRequest::new(
                "messages",
                "at least one message of the user is required",
            ));
        }
        // A placeholder: the native path sends the body as it came, so this form is not read.
        turns.turns.push(json!({"role": "user", "content": "native only"}));
    }
    if !turns.system.is_empty() {
        translation.form.insert("system".to_owned(), Value::Array(turns.system));
    }
    translation.form.insert("messages".to_owned(), Value::Array(turns.turns));
    Ok(())
}

impl Turns {
    fn instructions(
        &mut self,
        message: &mut Map<String, Value>,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let content = required(message, "content", path)?;
        let blocks = parts(content, &format!("{path}.content"), translation)?;
        if blocks.is_empty() {
            translation.drop(path, Reason::Empty);
        } else if !self.turns.is_empty() {
            translation.lost.add(path, Change::Moved("system"));
        }
        for block in blocks {
            if block.block["type"] != "text" {
                return Err(BadRequest::new(block.from, "instructions are text"));
            }
            let block = block.placed(&format!("system.{}", self.system.len()), translation);
            self.system.push(block);
        }
        Ok(())
    }

    fn user(
        &mut self,
        message: &mut Map<String, Value>,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let content = required(message, "content", path)?;
        let blocks = parts(content, &format!("{path}.content"), translation)?;
        if blocks.is_empty() {
            if translation.native_only.is_none() {
                translation.drop(format!("{path}.content"), Reason::Empty);
            }
            return Ok(());
        }
        if !self.in_results {
            self.turn("user", path, translation);
        }
        self.in_results = false;
        blocks.into_iter().for_each(|block| self.block(block, translation));
        Ok(())
    }

    fn assistant(
        &mut self,
        message: &mut Map<String, Value>,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let mut blocks = match message.shift_remove("content") {
            Some(content) => parts(content, &format!("{path}.content"), translation)?,
            None => Vec::new(),
        };
        if let Some(refusal) = message.shift_remove("refusal") {
            let from = format!("{path}.refusal");
            let refusal = text(refusal, &from)?;
            if !refusal.is_empty() {
                translation.lost.add(from.clone(), Change::Moved("text"));
                blocks.push(PlacedBlock::new(json!({"type": "text", "text": refusal}), from));
            }
        }
        for name in ["reasoning_content", "reasoning", "reasoning_details"] {
            // it carries no mark of who thought it
            if message.shift_remove(name).is_some() {
                translation.drop(format!("{path}.{name}"), Reason::Issuer);
            }
        }
        if message.shift_remove("function_call").is_some() {
            translation.only_natively(
                format!("{path}.function_call"),
                "is the old form of `tool_calls`; only a provider of this dialect may know it",
            );
        }
        self.called.clear();
        let calls = match message.shift_remove("tool_calls") {
            None => Vec::new(),
            Some(Value::Array(calls)) => calls,
            Some(_) => {
                return Err(BadRequest::new(format!("{path}.tool_calls"), "must be an array"));
            }
        };
        for (at, call) in calls.into_iter().enumerate() {
            let from = format!("{path}.tool_calls.{at}");
            if let Some(block) = tool_use(call, &from, translation)? {
                self.called.push(block.block["id"].as_str().unwrap_or_default().to_owned());
                blocks.push(block);
            }
        }
        self.in_results = false;
        if blocks.is_empty() {
            translation.drop(path, Reason::Empty);
            return Ok(());
        }
        self.turn("assistant", path, translation);
        blocks.into_iter().for_each(|block| self.block(block, translation));
        Ok(())
    }

    fn result(
        &mut self,
        message: &mut Map<String, Value>,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let from = format!("{path}.tool_call_id");
        let id = text(required(message, "tool_call_id", path)?, &from)?;
        if !self.called.contains(&id) {
            return Err(BadRequest::new(
                from,
                format!("no call `{id}` in the assistant message before it"),
            ));
        }
        let content = required(message, "content", path)?;
        let blocks = parts(content, &format!("{path}.content"), translation)?;
        if !self.in_results {
            self.turn("user", path, translation);
            self.in_results = true;
        }
        let mut inside = vec![("tool_use_id".to_owned(), from)];
        let placed = blocks.into_iter().enumerate();
        let content: Vec<Value> = placed
            .map(|(at, block)| block.moved_into(&format!("content.{at}"), &mut inside))
            .collect();
        let block = json_object([
            ("type", json!("tool_result")),
            ("tool_use_id", id.into()),
            ("content", Value::Array(content)),
        ]);
        self.block(PlacedBlock { block, from: path.to_owned(), inside }, translation);
        Ok(())
    }

    fn turn(&mut self, role: &str, path: &str, translation: &mut RequestTranslation) {
        translation.source_map.add(format!("messages.{}", self.turns.len()), path);
        self.turns.push(json!({"role": role, "content": []}));
    }

    fn block(&mut self, block: PlacedBlock, translation: &mut RequestTranslation) {
        let turn = self.turns.len().saturating_sub(1);
        if let Some(blocks) = self.turns.last_mut().and_then(|turn| turn["content"].as_array_mut())
        {
            let block =
                block.placed(&format!("messages.{turn}.content.{}", blocks.len()), translation);
            blocks.push(block);
        }
    }
}

fn tool_use(
    call: Value,
    path: &str,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let mut call = object(call, path)?;
    if call.get("type").is_some_and(|kind| kind != "function") {
        translation.only_natively(
            format!("{path}.type"),
            "only a provider of this dialect may know this type of call",
        );
        return Ok(None);
    }
    let id = text(required(&mut call, "id", path)?, &format!("{path}.id"))?;
    let inner = format!("{path}.function");
    let mut function = object(required(&mut call, "function", path)?, &inner)?;
    let name = text(required(&mut function, "name", &inner)?, &format!("{inner}.name"))?;
    let arguments = match function.shift_remove("arguments") {
        None => String::new(),
        Some(arguments) => text(arguments, &format!("{inner}.arguments"))?,
    };
    let input = if arguments.trim().is_empty() {
        Ok(json!({}))
    } else {
        serde_json::from_str::<Value>(&arguments)
    };
    let input = input.ok().filter(Value::is_object);
    let input = input.ok_or_else(|| {
        BadRequest::new(format!("{inner}.arguments"), "must be a JSON object, as a string")
    })?;
    let block = PlacedBlock::new(
        json_object([
            ("type", json!("tool_use")),
            ("id", id.into()),
            ("name", name.into()),
            ("input", input),
        ]),
        path,
    );
    Ok(Some(
        block.with("input", format!("{inner}.arguments")).with("name", format!("{inner}.name")),
    ))
}

/// The blocks of one `content`.
fn parts(
    content: Value,
    path: &str,
    translation: &mut RequestTranslation,
) -> Result<Vec<PlacedBlock>, BadRequest> {
    openai::parts(content, path, block, translation)
}

fn block(
    part: Value,
    path: &str,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let mut part = object(part, path)?;
    let kind = text(required(&mut part, "type", path)?, &format!("{path}.type"))?;
    let block = match kind.as_str() {
        "text" | "refusal" => {
            let said = text(required(&mut part, &kind, path)?, &format!("{path}.{kind}"))?;
            if kind == "refusal" && !said.is_empty() {
                translation.lost.add(path, Change::Moved("text"));
            }
            openai::text_block(&said, path, translation)
        }
        "image_url" => {
            let inner = format!("{path}.image_url");
            let mut image = object(required(&mut part, "image_url", path)?, &inner)?;
            let from = format!("{inner}.url");
            let url = text(required(&mut image, "url", &inner)?, &from)?;
            for name in image.keys() {
                translation.drop(format!("{inner}.{name}"), Reason::NoEquivalent);
            }
            let block = json_object([("type", json!("image")), ("source", source(&url, &from)?)]);
            Some(PlacedBlock::new(block, path).with_source(&from))
        }
        "file" => file(&mut part, path, translation)?,
        _ => {
            translation.only_natively(
                format!("{path}.type"),
                "only a provider of this dialect may know this type of part",
            );
            part.clear();
            None
        }
    };
    let block = block.map(|block| with_cache_mark(block, &mut part, path, translation));
    for name in part.keys() {
        translation.drop(format!("{path}.{name}"), Reason::Unknown);
    }
    Ok(block)
}

/// Where the prompt may be cached: in Anthropic's own words, as clients of other gateways say it,
/// or in OpenAI's.
fn with_cache_mark(
    mut block: PlacedBlock,
    part: &mut Map<String, Value>,
    path: &str,
    translation: &mut RequestTranslation,
) -> PlacedBlock {
    let (control, breakpoint) =
        (part.shift_remove("cache_control"), part.shift_remove("prompt_cache_breakpoint"));
    let from = format!("{path}.prompt_cache_breakpoint");
    match (control, breakpoint) {
        (Some(control), breakpoint) => {
            block.block["cache_control"] = control;
            if breakpoint.is_some() {
                translation.drop(from, Reason::Empty);
            }
            block
        }
        (None, Some(_)) => {
            block.block["cache_control"] = json!({"type": "ephemeral"});
            block.with("cache_control", from)
        }
        (None, None) => block,
    }
}

fn file(
    part: &mut Map<String, Value>,
    path: &str,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let inner = format!("{path}.file");
    let mut file = object(required(part, "file", path)?, &inner)?;
    let Some(data) = file.shift_remove("file_data") else {
        translation.only_natively(
            format!("{inner}.file_id"),
            "a file that is kept at a provider can only be read there",
        );
        return Ok(None);
    };
    let from = format!("{inner}.file_data");
    let block =
        json_object([("type", json!("document")), ("source", source(&text(data, &from)?, &from)?)]);
    let mut block = PlacedBlock::new(block, path).with_source(&from);
    if let Some(name) = file.shift_remove("filename") {
        let from = format!("{inner}.filename");
        block.block["title"] = Value::String(text(name, &from)?);
        block = block.with("title", from);
    }
    for name in file.keys() {
        translation.drop(format!("{inner}.{name}"), Reason::Unknown);
    }
    Ok(Some(block))
}
