//! The conversation: instructions go to the front, results of tools become one turn with what the user says after them.

use serde_json::{Map, Value, json};

use crate::bad_request::BadRequest;
use crate::coercion::{Change, Reason};
use crate::saying::{Saying, object, openai, required, source, text};

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

pub(super) fn say(chat: &mut Map<String, Value>, saying: &mut Saying) -> Result<(), BadRequest> {
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
            "system" | "developer" => turns.instructions(&mut message, &path, saying)?,
            "user" => turns.user(&mut message, &path, saying)?,
            "assistant" => turns.assistant(&mut message, &path, saying)?,
            "tool" => turns.result(&mut message, &path, saying)?,
            "function" => {
                saying.only_natively(format!("{path}.role"), "is the old form of `tool`; only a provider of this dialect may know it")
            }
            _ => return Err(BadRequest::new(format!("{path}.role"), "must be one of system, developer, user, assistant, tool")),
        }
        for name in message.keys() {
            let reason = if name == "name" || name == "audio" { Reason::NoEquivalent } else { Reason::Unknown };
            saying.drop(format!("{path}.{name}"), reason);
        }
    }
    if turns.turns.is_empty() {
        if saying.native_only.is_none() {
            return Err(BadRequest::new("messages", "at least one message of the user is required"));
        }
        // nobody will read this form
        turns.turns.push(json!({"role": "user", "content": "native only"}));
    }
    if !turns.system.is_empty() {
        saying.form.insert("system".to_owned(), Value::Array(turns.system));
    }
    saying.form.insert("messages".to_owned(), Value::Array(turns.turns));
    Ok(())
}

impl Turns {
    fn instructions(&mut self, message: &mut Map<String, Value>, path: &str, saying: &mut Saying) -> Result<(), BadRequest> {
        let content = required(message, "content", path)?;
        if !self.turns.is_empty() {
            saying.lost.add(path, Change::Moved("system"));
        }
        for (block, from) in parts(content, &format!("{path}.content"), saying)? {
            if block["type"] != "text" {
                return Err(BadRequest::new(from, "instructions are text"));
            }
            saying.origins.add(format!("system.{}", self.system.len()), from);
            self.system.push(block);
        }
        Ok(())
    }

    fn user(&mut self, message: &mut Map<String, Value>, path: &str, saying: &mut Saying) -> Result<(), BadRequest> {
        let content = required(message, "content", path)?;
        let blocks = parts(content, &format!("{path}.content"), saying)?;
        if blocks.is_empty() {
            if saying.native_only.is_none() {
                saying.drop(format!("{path}.content"), Reason::Empty);
            }
            return Ok(());
        }
        if !self.in_results {
            self.turn("user", path, saying);
        }
        self.in_results = false;
        blocks.into_iter().for_each(|(block, from)| self.block(block, from, saying));
        Ok(())
    }

    fn assistant(&mut self, message: &mut Map<String, Value>, path: &str, saying: &mut Saying) -> Result<(), BadRequest> {
        let mut blocks = match message.shift_remove("content") {
            Some(content) => parts(content, &format!("{path}.content"), saying)?,
            None => Vec::new(),
        };
        if let Some(refusal) = message.shift_remove("refusal") {
            let from = format!("{path}.refusal");
            let refusal = text(refusal, &from)?;
            if !refusal.is_empty() {
                saying.lost.add(from.clone(), Change::Moved("text"));
                blocks.push((json!({"type": "text", "text": refusal}), from));
            }
        }
        for name in ["reasoning_content", "reasoning", "reasoning_details"] {
            // it carries no mark of who thought it
            if message.shift_remove(name).is_some() {
                saying.drop(format!("{path}.{name}"), Reason::Issuer);
            }
        }
        if message.shift_remove("function_call").is_some() {
            saying.only_natively(
                format!("{path}.function_call"),
                "is the old form of `tool_calls`; only a provider of this dialect may know it",
            );
        }
        self.called.clear();
        let calls = match message.shift_remove("tool_calls") {
            None => Vec::new(),
            Some(Value::Array(calls)) => calls,
            Some(_) => return Err(BadRequest::new(format!("{path}.tool_calls"), "must be an array")),
        };
        for (at, call) in calls.into_iter().enumerate() {
            let from = format!("{path}.tool_calls.{at}");
            if let Some(block) = tool_use(call, &from, saying)? {
                self.called.push(block["id"].as_str().unwrap_or_default().to_owned());
                blocks.push((block, from));
            }
        }
        self.in_results = false;
        if blocks.is_empty() {
            saying.drop(path, Reason::Empty);
            return Ok(());
        }
        self.turn("assistant", path, saying);
        blocks.into_iter().for_each(|(block, from)| self.block(block, from, saying));
        Ok(())
    }

    fn result(&mut self, message: &mut Map<String, Value>, path: &str, saying: &mut Saying) -> Result<(), BadRequest> {
        let from = format!("{path}.tool_call_id");
        let id = text(required(message, "tool_call_id", path)?, &from)?;
        if !self.called.contains(&id) {
            return Err(BadRequest::new(from, format!("no call `{id}` in the assistant message before it")));
        }
        let content = required(message, "content", path)?;
        let blocks = parts(content, &format!("{path}.content"), saying)?;
        if !self.in_results {
            self.turn("user", path, saying);
            self.in_results = true;
        }
        let (turn, at) = self.place();
        let form = format!("messages.{turn}.content.{at}");
        saying.origins.add(form.clone(), path);
        saying.origins.add(format!("{form}.tool_use_id"), from);
        let mut content = Vec::with_capacity(blocks.len());
        for (block, from) in blocks {
            saying.origins.add(format!("{form}.content.{}", content.len()), from);
            content.push(block);
        }
        self.push(json!({"type": "tool_result", "tool_use_id": id, "content": content}));
        Ok(())
    }

    fn turn(&mut self, role: &str, path: &str, saying: &mut Saying) {
        saying.origins.add(format!("messages.{}", self.turns.len()), path);
        self.turns.push(json!({"role": role, "content": []}));
    }

    fn block(&mut self, block: Value, from: String, saying: &mut Saying) {
        let (turn, at) = self.place();
        let form = format!("messages.{turn}.content.{at}");
        if block["type"] == "tool_use" {
            saying.origins.add(format!("{form}.input"), format!("{from}.function.arguments"));
            saying.origins.add(format!("{form}.name"), format!("{from}.function.name"));
        }
        saying.origins.add(form, from);
        self.push(block);
    }

    /// Where the next block goes.
    fn place(&self) -> (usize, usize) {
        let blocks = self.turns.last().and_then(|turn| turn["content"].as_array()).map_or(0, Vec::len);
        (self.turns.len().saturating_sub(1), blocks)
    }

    fn push(&mut self, block: Value) {
        if let Some(blocks) = self.turns.last_mut().and_then(|turn| turn["content"].as_array_mut()) {
            blocks.push(block);
        }
    }
}

fn tool_use(call: Value, path: &str, saying: &mut Saying) -> Result<Option<Value>, BadRequest> {
    let mut call = object(call, path)?;
    if call.get("type").is_some_and(|kind| kind != "function") {
        saying.only_natively(format!("{path}.type"), "only a provider of this dialect may know this type of call");
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
    let input = if arguments.trim().is_empty() { Ok(json!({})) } else { serde_json::from_str::<Value>(&arguments) };
    let input = input.ok().filter(Value::is_object);
    let input = input.ok_or_else(|| BadRequest::new(format!("{inner}.arguments"), "must be a JSON object, as a string"))?;
    Ok(Some(json!({"type": "tool_use", "id": id, "name": name, "input": input})))
}

/// The blocks of one `content`.
fn parts(content: Value, path: &str, saying: &mut Saying) -> Result<Vec<(Value, String)>, BadRequest> {
    openai::parts(content, path, block, saying)
}

fn block(part: Value, path: &str, saying: &mut Saying) -> Result<Option<Value>, BadRequest> {
    let mut part = object(part, path)?;
    let kind = text(required(&mut part, "type", path)?, &format!("{path}.type"))?;
    let block = match kind.as_str() {
        "text" | "refusal" => {
            let said = text(required(&mut part, &kind, path)?, &format!("{path}.{kind}"))?;
            (!said.is_empty()).then(|| json!({"type": "text", "text": said}))
        }
        "image_url" => {
            let inner = format!("{path}.image_url");
            let mut image = object(required(&mut part, "image_url", path)?, &inner)?;
            let url = text(required(&mut image, "url", &inner)?, &format!("{inner}.url"))?;
            for name in image.keys() {
                saying.drop(format!("{inner}.{name}"), Reason::NoEquivalent);
            }
            Some(json!({"type": "image", "source": source(&url, &format!("{inner}.url"))?}))
        }
        "file" => file(&mut part, path, saying)?,
        _ => {
            saying.only_natively(format!("{path}.type"), "only a provider of this dialect may know this type of part");
            part.clear();
            None
        }
    };
    let mut block = block;
    // what other gateways' clients put there, in Anthropic's own words
    if let (Some(block), Some(control)) = (&mut block, part.shift_remove("cache_control")) {
        block["cache_control"] = control;
    }
    if let (Some(block), Some(_)) = (&mut block, part.shift_remove("prompt_cache_breakpoint")) {
        block["cache_control"] = json!({"type": "ephemeral"});
        saying.lost.add(format!("{path}.prompt_cache_breakpoint"), Change::Renamed("cache_control".to_owned()));
    }
    for name in part.keys() {
        saying.drop(format!("{path}.{name}"), Reason::Unknown);
    }
    Ok(block)
}

fn file(part: &mut Map<String, Value>, path: &str, saying: &mut Saying) -> Result<Option<Value>, BadRequest> {
    let inner = format!("{path}.file");
    let mut file = object(required(part, "file", path)?, &inner)?;
    let Some(data) = file.shift_remove("file_data") else {
        saying.only_natively(format!("{inner}.file_id"), "a file that is kept at a provider can only be read there");
        return Ok(None);
    };
    let mut block =
        json!({"type": "document", "source": source(&text(data, &format!("{inner}.file_data"))?, &format!("{inner}.file_data"))?});
    if let Some(name) = file.shift_remove("filename") {
        block["title"] = Value::String(text(name, &format!("{inner}.filename"))?);
    }
    for name in file.keys() {
        saying.drop(format!("{inner}.{name}"), Reason::Unknown);
    }
    Ok(Some(block))
}
