//! The conversation as items: what one side says in a row becomes one turn.

use serde_json::{Map, Value, json};

use crate::client::openai::{self, PlacedBlock};
use crate::client::translation::{RequestTranslation, object, required, source, text};
use crate::codec::json::object as json_object;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::signature::{Issuer, marked, read};

/// The mark of Anthropic's own signatures in this dialect, where unmarked ones are OpenAI's.
pub const ANTHROPIC_MARK: &str = "ainfera.anthropic.";

/// Items of tools that OpenAI runs itself, and references to what it keeps.
const NATIVE_ONLY: &str = "only a provider of this dialect may know this type of item";

#[derive(Default)]
struct Turns {
    system: Vec<Value>,
    turns: Vec<Turn>,
    /// Ids of calls that have been made.
    called: Vec<String>,
}

struct Turn {
    role: &'static str,
    blocks: Vec<PlacedBlock>,
}

pub(super) fn translate(
    request: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let mut turns = Turns::default();
    if let Some(instructions) = request.shift_remove("instructions") {
        let instructions = text(instructions, "instructions")?;
        if !instructions.is_empty() {
            turns.instruct(
                PlacedBlock::new(json!({"type": "text", "text": instructions}), "instructions"),
                translation,
            );
        }
    }
    match request.shift_remove("input") {
        None => {}
        Some(Value::String(said)) if said.is_empty() => {}
        Some(Value::String(said)) => {
            turns.add("user", PlacedBlock::new(json!({"type": "text", "text": said}), "input"))
        }
        Some(Value::Array(items)) => {
            for (index, item) in items.into_iter().enumerate() {
                turns.item(item, &format!("input.{index}"), translation)?;
            }
        }
        Some(_) => return Err(BadRequest::new("input", "must be a string or an array of items")),
    }
    if turns.turns.is_empty() {
        let kept = ["previous_response_id", "conversation", "prompt"]
            .iter()
            .any(|name| request.contains_key(*name));
        if !kept && translation.native_only.is_none() {
            return Err(BadRequest::new("input", "at least one item is required"));
        }
        // A placeholder: the native path sends the body as it came, so this form is not read.
        turns
            .add("user", PlacedBlock::new(json!({"type": "text", "text": "native only"}), "input"));
    }
    if !turns.system.is_empty() {
        translation.form.insert("system".to_owned(), Value::Array(turns.system));
    }
    let messages = turns
        .turns
        .into_iter()
        .enumerate()
        .map(|(at, turn)| turn.message(at, translation))
        .collect();
    translation.form.insert("messages".to_owned(), messages);
    Ok(())
}

impl Turn {
    fn message(self, at: usize, translation: &mut RequestTranslation) -> Value {
        let path = format!("messages.{at}");
        if let Some(first) = self.blocks.first() {
            translation.source_map.add(path.clone(), first.from.clone());
        }
        let mut content = Vec::with_capacity(self.blocks.len());
        for (at, said) in self.blocks.into_iter().enumerate() {
            content.push(said.placed(&format!("{path}.content.{at}"), translation));
        }
        json_object([("role", json!(self.role)), ("content", Value::Array(content))])
    }
}

impl Turns {
    fn item(
        &mut self,
        item: Value,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let mut item = object(item, path)?;
        let kind = match item.shift_remove("type") {
            None => "message".to_owned(),
            Some(kind) => text(kind, &format!("{path}.type"))?,
        };
        // an item's own name and state are this dialect's; pairs are made by `call_id`
        for name in ["id", "status", "phase"] {
            item.shift_remove(name);
        }
        match kind.as_str() {
            "message" => self.message(&mut item, path, translation)?,
            "function_call" => self.call(&mut item, "arguments", path)?,
            "custom_tool_call" => self.call(&mut item, "input", path)?,
            "function_call_output" | "custom_tool_call_output" => {
                self.output(&mut item, path, translation)?
            }
            "reasoning" => self.reasoning(&mut item, path, translation)?,
            _ => {
                translation.only_natively(format!("{path}.type"), NATIVE_ONLY);
                return Ok(());
            }
        }
        for name in item.keys() {
            translation.drop(format!("{path}.{name}"), Reason::Unknown);
        }
        Ok(())
    }

    fn message(
        &mut self,
        item: &mut Map<String, Value>,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let role = text(required(item, "role", path)?, &format!("{path}.role"))?;
        let blocks =
            parts(required(item, "content", path)?, &format!("{path}.content"), translation)?;
        let role = match role.as_str() {
            "user" => "user",
            "assistant" => "assistant",
            "system" | "developer" => {
                if blocks.is_empty() {
                    translation.drop(path, Reason::Empty);
                } else if !self.turns.is_empty() {
                    translation.lost.add(path, Change::Moved("system"));
                }
                for block in blocks {
                    if block.block["type"] != "text" {
                        return Err(BadRequest::new(block.from, "instructions are text"));
                    }
                    self.instruct(block, translation);
                }
                return Ok(());
            }
            _ => {
                return Err(BadRequest::new(
                    format!("{path}.role"),
                    "must be one of user, assistant, system, developer",
                ));
            }
        };
        if blocks.is_empty() && translation.native_only.is_none() {
            translation.drop(path, Reason::Empty);
        }
        blocks.into_iter().for_each(|block| self.add(role, block));
        Ok(())
    }

    /// A call: of a function, whose arguments are JSON, or of a custom tool, which takes any text.
    fn call(
        &mut self,
        item: &mut Map<String, Value>,
        member: &str,
        path: &str,
    ) -> Result<(), BadRequest> {
        let id = text(required(item, "call_id", path)?, &format!("{path}.call_id"))?;
        let name = text(required(item, "name", path)?, &format!("{path}.name"))?;
        let from = format!("{path}.{member}");
        let said = text(item.shift_remove(member).unwrap_or_else(|| json!("")), &from)?;
        let input = match member {
            "input" => Some(json!({"input": said})),
            _ if said.trim().is_empty() => Some(json!({})),
            _ => serde_json::from_str(&said).ok().filter(Value::is_object),
        };
        let input = input
            .ok_or_else(|| BadRequest::new(from.clone(), "must be a JSON object, as a string"))?;
        self.called.push(id.clone());
        let block = PlacedBlock::new(
            json_object([
                ("type", json!("tool_use")),
                ("id", id.into()),
                ("name", name.into()),
                ("input", input),
            ]),
            path,
        );
        self.add("assistant", block.with("input", from));
        Ok(())
    }

    fn output(
        &mut self,
        item: &mut Map<String, Value>,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let from = format!("{path}.call_id");
        let id = text(required(item, "call_id", path)?, &from)?;
        if !self.called.contains(&id) {
            return Err(BadRequest::new(from, format!("no call `{id}` before it")));
        }
        let output = match required(item, "output", path)? {
            Value::Object(output) => Value::String(Value::Object(output).to_string()),
            output => output,
        };
        let blocks = parts(output, &format!("{path}.output"), translation)?.into_iter().enumerate();
        let mut inside = Vec::new();
        let content: Vec<Value> = blocks
            .map(|(at, block)| block.moved_into(&format!("content.{at}"), &mut inside))
            .collect();
        let block = json_object([
            ("type", json!("tool_result")),
            ("tool_use_id", id.into()),
            ("content", Value::Array(content)),
        ]);
        self.add_result(PlacedBlock { block, from: path.to_owned(), inside }, translation);
        Ok(())
    }

    /// Reasoning is of use to its issuer alone, and only with what that one encrypted.
    fn reasoning(
        &mut self,
        item: &mut Map<String, Value>,
        path: &str,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let joined = |parts: Option<Value>| -> String {
            let parts = parts.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n\n")
        };
        let (summary, raw) =
            (joined(item.shift_remove("summary")), joined(item.shift_remove("content")));
        let Some(Value::String(encrypted)) = item.shift_remove("encrypted_content") else {
            translation.drop(path, Reason::Issuer);
            return Ok(());
        };
        let signature = match encrypted.strip_prefix(ANTHROPIC_MARK) {
            Some(signature) => signature.to_owned(),
            None if read(&encrypted).0 == Issuer::Anthropic => {
                marked(Issuer::Responses, &encrypted).to_string()
            }
            None => encrypted,
        };
        let thinking = if summary.is_empty() { raw } else { summary };
        self.add(
            "assistant",
            PlacedBlock::new(
                json!({"type": "thinking", "thinking": thinking, "signature": signature}),
                path,
            ),
        );
        Ok(())
    }

    fn instruct(&mut self, block: PlacedBlock, translation: &mut RequestTranslation) {
        let block = block.placed(&format!("system.{}", self.system.len()), translation);
        self.system.push(block);
    }

    fn add(&mut self, role: &'static str, said: PlacedBlock) {
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.blocks.push(said),
            None => self.turns.push(Turn { role, blocks: vec![said] }),
        }
    }

    /// Where results are told, they are told first: what the user said meanwhile comes after them.
    fn add_result(&mut self, said: PlacedBlock, translation: &mut RequestTranslation) {
        let turn = self.turns.last_mut().filter(|turn| turn.role == "user");
        let other = |said: &PlacedBlock| said.block["type"] != "tool_result";
        match turn.and_then(|turn| turn.blocks.iter().position(other).map(|place| (turn, place))) {
            Some((turn, place)) => {
                translation.lost.add(said.from.clone(), Change::Moved("before the user message"));
                turn.blocks.insert(place, said);
            }
            None => self.add("user", said),
        }
    }
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
        "input_text" | "output_text" | "text" | "refusal" => {
            let member = if kind == "refusal" { "refusal" } else { "text" };
            let said = text(required(&mut part, member, path)?, &format!("{path}.{member}"))?;
            // what the model itself was shown to have said besides its words
            for name in ["annotations", "logprobs"] {
                if part
                    .shift_remove(name)
                    .is_some_and(|value| value.as_array().is_some_and(|list| !list.is_empty()))
                {
                    translation.drop(format!("{path}.{name}"), Reason::NoEquivalent);
                }
            }
            if kind == "refusal" && !said.is_empty() {
                translation.lost.add(path, Change::Moved("text"));
            }
            openai::text_block(&said, path, translation)
        }
        "input_image" => match part.shift_remove("image_url") {
            Some(url) => {
                let from = format!("{path}.image_url");
                if part.shift_remove("detail").is_some_and(|detail| detail != "auto") {
                    translation.drop(format!("{path}.detail"), Reason::NoEquivalent);
                }
                let block = json_object([
                    ("type", json!("image")),
                    ("source", source(&text(url, &from)?, &from)?),
                ]);
                Some(PlacedBlock::new(block, path).with_source(&from))
            }
            None => {
                translation.only_natively(
                    format!("{path}.file_id"),
                    "a file that is kept at a provider can only be read there",
                );
                return Ok(None);
            }
        },
        "input_file" => {
            let (member, data) =
                match (part.shift_remove("file_data"), part.shift_remove("file_url")) {
                    (Some(data), _) => ("file_data", data),
                    (None, Some(url)) => ("file_url", url),
                    (None, None) => {
                        translation.only_natively(
                            format!("{path}.file_id"),
                            "a file that is kept at a provider can only be read there",
                        );
                        return Ok(None);
                    }
                };
            let from = format!("{path}.{member}");
            let block = json_object([
                ("type", json!("document")),
                ("source", source(&text(data, &from)?, &from)?),
            ]);
            let mut block = PlacedBlock::new(block, path).with_source(&from);
            if let Some(name) = part.shift_remove("filename") {
                block.block["title"] = name;
                block = block.with("title", format!("{path}.filename"));
            }
            Some(block)
        }
        _ => {
            translation.only_natively(
                format!("{path}.type"),
                "only a provider of this dialect may know this type of part",
            );
            return Ok(None);
        }
    };
    for name in part.keys() {
        translation.drop(format!("{path}.{name}"), Reason::Unknown);
    }
    Ok(block)
}
