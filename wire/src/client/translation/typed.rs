//! The typed request of a form that a translation made.

use ainfera_schema::policy::RoutingPreference;
use bytestring::ByteString;
use serde_json::{Map, Value};

use crate::client::translation::{object, required, text};
use crate::codec::raw_json::RawJson;
use crate::error::bad_request::{BadRequest, parse_value};
use crate::request::content::{Block, BlockExtras, Source, ToolOutcome};
use crate::request::{
    Member, OutputConfig, Request, Role, Thinking, Tool, ToolChoice, ToolChoiceMode, Turn,
};

/// Mistakes are under the form's own names: it has values in it that the caller wrote.
pub fn request(form: Map<String, Value>) -> Result<Request, BadRequest> {
    let mut request = Request::default();
    let mut preference: Option<RoutingPreference> = None;
    for (name, value) in form {
        let path = name.as_str();
        match path {
            "model" => request.model = text(value, path)?.into(),
            "max_tokens" => request.max_tokens = parse_value(value, path)?,
            "stream" => request.stream = parse_value(value, path)?,
            "system" => request.system = blocks(value, path)?,
            "messages" => request.turns = list(value, path, turn)?,
            "tools" => request.tools = list(value, path, tool)?,
            "tool_choice" => request.tool_choice = Some(tool_choice(value, path)?),
            "stop_sequences" => {
                request.stop_sequences =
                    list(value, path, |value, path| Ok(text(value, path)?.into()))?
            }
            "temperature" => request.temperature = Some(RawJson::Value(value)),
            "top_p" => request.top_p = Some(RawJson::Value(value)),
            "top_k" => request.top_k = Some(RawJson::Value(value)),
            "thinking" => request.thinking = Some(thinking(value, path)?),
            "output_config" => request.output_config = Some(output_config(value, path)?),
            "metadata" => request.user_id = optional(&mut object(value, path)?, "user_id", path)?,
            "routing_hint" => request.extras.hint = parse_value(value, path)?,
            "task_type" => request.extras.task_type = parse_value(value, path)?,
            "routing_preference" => preference = parse_value(value, path)?,
            _ => {}
        }
        request.members.push(Member { name: name.into(), unread: Vec::new() });
    }
    let hint = &mut request.extras.hint;
    hint.routing_preference = hint.routing_preference.or(preference);
    request.check()?;
    Ok(request)
}

fn list<T>(
    value: Value,
    path: &str,
    one: fn(Value, &str) -> Result<T, BadRequest>,
) -> Result<Vec<T>, BadRequest> {
    let Value::Array(all) = value else { return Err(BadRequest::new(path, "must be an array")) };
    all.into_iter()
        .enumerate()
        .map(|(index, value)| one(value, &format!("{path}.{index}")))
        .collect()
}

fn turn(value: Value, path: &str) -> Result<Turn, BadRequest> {
    let mut turn = object(value, path)?;
    let role: Role = parse_value(required(&mut turn, "role", path)?, &format!("{path}.role"))?;
    let content = required(&mut turn, "content", path)?;
    // the one message of a call that only a provider of its own dialect can be asked
    if let Value::String(said) = content {
        return Ok(Turn { role, blocks: vec![Block::text(said)] });
    }
    Ok(Turn { role, blocks: blocks(content, &format!("{path}.content"))? })
}

fn blocks(value: Value, path: &str) -> Result<Vec<Block>, BadRequest> {
    list(value, path, block)
}

fn block(value: Value, path: &str) -> Result<Block, BadRequest> {
    let mut members = object(value, path)?;
    let control = members.shift_remove("cache_control").map(RawJson::Value);
    let extras = BlockExtras { cache_control: control, citations: false };
    let kind = string(&mut members, "type", path)?;
    Ok(match &*kind {
        "text" => Block::Text { text: string(&mut members, "text", path)?, extras },
        "image" => Block::Image { source: source(&mut members, path)?, extras },
        "document" => Block::Document {
            source: source(&mut members, path)?,
            title: optional(&mut members, "title", path)?,
            context: None,
            extras,
        },
        "tool_use" => Block::ToolUse {
            id: string(&mut members, "id", path)?,
            name: string(&mut members, "name", path)?,
            input: RawJson::Value(required(&mut members, "input", path)?),
            extras,
        },
        "tool_result" => Block::ToolResult {
            tool_use_id: string(&mut members, "tool_use_id", path)?,
            content: blocks(required(&mut members, "content", path)?, &format!("{path}.content"))?,
            outcome: ToolOutcome::Ok,
            extras,
        },
        "thinking" => Block::Thinking {
            text: string(&mut members, "thinking", path)?,
            signature: optional(&mut members, "signature", path)?,
        },
        _ => Block::Unknown { kind },
    })
}

fn source(block: &mut Map<String, Value>, path: &str) -> Result<Source, BadRequest> {
    let path = format!("{path}.source");
    let mut source = object(block.shift_remove("source").unwrap_or_default(), &path)?;
    Ok(match &*string(&mut source, "type", &path)? {
        "base64" => Source::Base64 {
            media_type: string(&mut source, "media_type", &path)?,
            data: string(&mut source, "data", &path)?,
        },
        _ => Source::Url(string(&mut source, "url", &path)?),
    })
}

fn tool(value: Value, path: &str) -> Result<Tool, BadRequest> {
    let mut tool = object(value, path)?;
    let strict = tool.shift_remove("strict");
    Ok(Tool {
        kind: None,
        name: optional(&mut tool, "name", path)?,
        description: optional(&mut tool, "description", path)?,
        strict: strict.map(|value| parse_value(value, &format!("{path}.strict"))).transpose()?,
        input_schema: tool.shift_remove("input_schema").map(RawJson::Value),
        cache_control: tool.shift_remove("cache_control").map(RawJson::Value),
    })
}

fn tool_choice(value: Value, path: &str) -> Result<ToolChoice, BadRequest> {
    let mut choice = object(value, path)?;
    let mode = match &*string(&mut choice, "type", path)? {
        "any" => ToolChoiceMode::Any,
        "none" => ToolChoiceMode::None,
        "tool" => ToolChoiceMode::Tool(string(&mut choice, "name", path)?),
        _ => ToolChoiceMode::Auto,
    };
    let disable_parallel = choice.shift_remove("disable_parallel_tool_use");
    Ok(ToolChoice { mode, disable_parallel: disable_parallel == Some(Value::Bool(true)) })
}

fn thinking(value: Value, path: &str) -> Result<Thinking, BadRequest> {
    let kind = string(&mut object(value, path)?, "type", path)?;
    Ok(Thinking { kind, budget_tokens: None, display: None })
}

fn output_config(value: Value, path: &str) -> Result<OutputConfig, BadRequest> {
    let mut output = object(value, path)?;
    Ok(OutputConfig {
        effort: optional(&mut output, "effort", path)?,
        format: output.shift_remove("format").map(RawJson::Value),
    })
}

fn string(
    members: &mut Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<ByteString, BadRequest> {
    Ok(text(required(members, name, path)?, &format!("{path}.{name}"))?.into())
}

fn optional(
    members: &mut Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<ByteString>, BadRequest> {
    let value = members.shift_remove(name);
    value.map(|value| Ok(text(value, &format!("{path}.{name}"))?.into())).transpose()
}
