//! What Chat Completions and Responses say alike, under names of their own.

use serde_json::{Map, Value, json};

use crate::client::translation::{RequestTranslation, text};
use crate::codec::json::object;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;

/// `stream`: whether the answer is to be streamed.
pub fn stream(
    request: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<bool, BadRequest> {
    let streamed = match request.shift_remove("stream") {
        None => false,
        Some(Value::Bool(streamed)) => streamed,
        Some(_) => return Err(BadRequest::new("stream", "must be true or false")),
    };
    translation.set("stream", "stream", json!(streamed));
    Ok(streamed)
}

/// Members that are numbers and called alike.
pub fn numbers(
    request: &mut Map<String, Value>,
    names: &[&str],
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    for name in names {
        let Some(value) = request.shift_remove(*name) else { continue };
        if !value.is_number() {
            return Err(BadRequest::new(*name, "must be a number"));
        }
        translation.set(name, name, value);
    }
    Ok(())
}

/// An effort that stands at `field`, as a member of `output_config`, or as no thinking at all.
pub fn effort(
    word: &str,
    field: &str,
    output: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let word = match word {
        "none" => {
            translation.set("thinking", field, json!({"type": "disabled"}));
            return Ok(());
        }
        "minimal" => {
            translation.lost.add(field, Change::Clamped("low".to_owned()));
            "low"
        }
        "low" | "medium" | "high" | "xhigh" | "max" => word,
        _ => {
            return Err(BadRequest::new(
                field,
                "must be one of none, minimal, low, medium, high, xhigh, max",
            ));
        }
    };
    output.insert("effort".to_owned(), json!(word));
    translation.source_map.add("output_config.effort", field);
    Ok(())
}

/// The form of the answer that stands at `field`; name, schema and the like of a JSON schema stand
/// at `inner`, a pointer into it.
pub fn format(
    format: &Value,
    field: &str,
    inner: &str,
    output: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    match format.get("type").and_then(Value::as_str) {
        Some("text") => {}
        Some("json_object") => translation.drop(field, Reason::NoEquivalent),
        Some("json_schema") => {
            let described = format.pointer(inner);
            let member = |name: &str| described.and_then(|described| described.get(name));
            let path = format!("{field}{}", inner.replace('/', "."));
            for name in ["name", "description", "strict"] {
                // Anthropic's formats are always strict
                let is_said =
                    |value: &Value| !value.is_null() && (name != "strict" || *value != json!(true));
                if member(name).is_some_and(is_said) {
                    translation.drop(format!("{path}.{name}"), Reason::NoEquivalent);
                }
            }
            let schema = member("schema").cloned().unwrap_or_else(|| json!({"type": "object"}));
            output.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
            translation.source_map.add("output_config.format", field);
            translation.source_map.add("output_config.format.schema", format!("{path}.schema"));
        }
        _ => {
            return Err(BadRequest::new(
                format!("{field}.type"),
                "must be one of text, json_object, json_schema",
            ));
        }
    }
    Ok(())
}

/// Who is behind the agent.
pub fn user(
    request: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    for name in ["safety_identifier", "user"] {
        let Some(value) = request.shift_remove(name) else { continue };
        let value = text(value, name)?;
        if translation.form.contains_key("metadata") {
            translation.drop(name, Reason::NoEquivalent);
            continue;
        }
        translation.form.insert("metadata".to_owned(), json!({"user_id": value}));
        translation.source_map.add("metadata.user_id", name);
    }
    Ok(())
}

/// A function whose members stand at `path`, as a tool. What it does not read stays.
pub fn function(function: &mut Map<String, Value>, path: &str) -> Result<Value, BadRequest> {
    let name =
        text(super::translation::required(function, "name", path)?, &format!("{path}.name"))?;
    let schema = match function.shift_remove("parameters") {
        None => json!({"type": "object", "properties": {}}),
        Some(Value::Object(mut schema)) => {
            schema.entry("type").or_insert_with(|| json!("object"));
            Value::Object(schema)
        }
        Some(_) => return Err(BadRequest::new(format!("{path}.parameters"), "must be an object")),
    };
    let mut said = object([("name", name.into()), ("input_schema", schema)]);
    for name in ["description", "strict"] {
        if let Some(value) = function.shift_remove(name) {
            said[name] = value;
        }
    }
    Ok(said)
}

/// A `tool_choice` that is one word, in Anthropic's form; nothing where the word is unknown.
/// Something must be chosen only where there is something to choose from.
pub fn choice_word(word: &str, nothing_to_choose: bool) -> Option<Result<Value, BadRequest>> {
    match word {
        "auto" => Some(Ok(json!({"type": "auto"}))),
        "none" => Some(Ok(json!({"type": "none"}))),
        "required" if nothing_to_choose => {
            Some(Err(BadRequest::new("tool_choice", "there are no tools to choose from")))
        }
        "required" => Some(Ok(json!({"type": "any"}))),
        _ => None,
    }
}

/// The `tools` of a request, as they came.
pub fn tools(request: &mut Map<String, Value>) -> Result<Vec<Value>, BadRequest> {
    match request.shift_remove("tools") {
        None => Ok(Vec::new()),
        Some(Value::Array(tools)) => Ok(tools),
        Some(_) => Err(BadRequest::new("tools", "must be an array")),
    }
}

/// `parallel_tool_calls`, which Anthropic's form has in its choice of tools.
pub fn parallel_calls(
    request: &mut Map<String, Value>,
    no_tools: bool,
    choice: &mut Option<Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    match request.shift_remove("parallel_tool_calls") {
        None | Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) if no_tools => {
            translation.drop("parallel_tool_calls", Reason::Empty)
        }
        Some(Value::Bool(false)) => {
            let choice = choice.get_or_insert_with(|| json!({"type": "auto"}));
            if choice["type"] == "none" {
                translation.drop("parallel_tool_calls", Reason::Empty);
            } else {
                choice["disable_parallel_tool_use"] = json!(true);
                translation
                    .source_map
                    .add("tool_choice.disable_parallel_tool_use", "parallel_tool_calls");
            }
        }
        Some(_) => return Err(BadRequest::new("parallel_tool_calls", "must be true or false")),
    }
    Ok(())
}

/// A block of the form, and the caller's path that it came from.
#[derive(Debug)]
pub struct PlacedBlock {
    pub block: Value,
    pub from: String,
    /// Likewise for paths inside the block.
    pub inside: Vec<(String, String)>,
}

impl PlacedBlock {
    pub fn new(block: Value, from: impl Into<String>) -> Self {
        Self { block, from: from.into(), inside: Vec::new() }
    }

    /// The same; what the form has at this path inside the block stands at `from`.
    pub fn with(mut self, path: impl Into<String>, from: impl Into<String>) -> Self {
        self.inside.push((path.into(), from.into()));
        self
    }

    /// An image or a document whose bytes, or their address, stand at `from`.
    pub fn with_source(self, from: &str) -> Self {
        self.with("source", from).with("source.type", from)
    }

    /// The same inside a block of its own: what was at `path` there.
    pub fn moved_into(self, path: &str, outer: &mut Vec<(String, String)>) -> Value {
        outer.push((path.to_owned(), self.from));
        outer.extend(
            self.inside.into_iter().map(|(inside, from)| (format!("{path}.{inside}"), from)),
        );
        self.block
    }

    /// The block, whose place in the form is `path`.
    pub fn placed(self, path: &str, translation: &mut RequestTranslation) -> Value {
        let mut source_map = Vec::new();
        let block = self.moved_into(path, &mut source_map);
        source_map.into_iter().for_each(|(form, from)| translation.source_map.add(form, from));
        block
    }
}

/// One part of a `content` at its path, as a block; nothing where it says nothing.
type Part = fn(Value, &str, &mut RequestTranslation) -> Result<Option<PlacedBlock>, BadRequest>;

/// A text of a `content`; an empty one says nothing and is left out.
pub fn text_block(
    said: &str,
    path: &str,
    translation: &mut RequestTranslation,
) -> Option<PlacedBlock> {
    if said.is_empty() {
        translation.drop(path, Reason::Empty);
        return None;
    }
    Some(PlacedBlock::new(json!({"type": "text", "text": said}), path))
}

/// `content`: a string, or an array of parts.
pub fn parts(
    content: Value,
    path: &str,
    part: Part,
    translation: &mut RequestTranslation,
) -> Result<Vec<PlacedBlock>, BadRequest> {
    let all = match content {
        Value::String(text) if text.is_empty() => return Ok(Vec::new()),
        Value::String(text) => {
            return Ok(vec![PlacedBlock::new(
                object([("type", json!("text")), ("text", text.into())]),
                path,
            )]);
        }
        Value::Array(all) => all,
        _ => return Err(BadRequest::new(path, "must be a string or an array of parts")),
    };
    let mut blocks = Vec::with_capacity(all.len());
    for (at, one) in all.into_iter().enumerate() {
        blocks.extend(part(one, &format!("{path}.{at}"), translation)?);
    }
    Ok(blocks)
}
