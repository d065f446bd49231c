//! Tools of OpenAI's dialects, and which of them may be called.

use serde_json::{Map, Value, json};

use crate::client::translation::RequestTranslation;
use crate::codec::node::Object;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::{Tool, ToolChoice, ToolChoiceMode};

/// The `tools` of a request, as they came.
pub(crate) fn tools(body: &mut Object<'_>) -> Result<Vec<Value>, BadRequest> {
    match body.take("tools") {
        None => Ok(Vec::new()),
        Some(Value::Array(tools)) => Ok(tools),
        Some(_) => Err(BadRequest::new("tools", "must be an array")),
    }
}

/// A function as a tool. What it does not read stays.
pub(crate) fn function(function: &mut Object<'_>) -> Result<Tool, BadRequest> {
    let name = function.text("name")?;
    Ok(Tool {
        name: Some(name),
        input_schema: Some(RawJson::Value(schema(function)?)),
        description: function.optional_text("description")?,
        strict: function.optional_bool("strict")?,
        ..Tool::default()
    })
}

/// The schema in `parameters`.
pub(crate) fn schema(function: &mut Object<'_>) -> Result<Value, BadRequest> {
    let mut schema = match function.take("parameters") {
        None => Map::from_iter([
            ("type".to_owned(), Value::from("object")),
            ("properties".to_owned(), Value::Object(Map::new())),
        ]),
        Some(Value::Object(schema)) => schema,
        Some(_) => return Err(function.mistake("parameters", "must be an object")),
    };
    schema.entry("type").or_insert_with(|| Value::from("object"));
    Ok(Value::Object(schema))
}

/// A tool that takes any text becomes one that takes an object with that text in it; its calls are
/// turned back. `grammar` leads from the format to the grammar of the text.
pub(crate) fn custom(
    tool: &mut Object<'_>,
    grammar: &str,
    translation: &mut RequestTranslation,
) -> Result<Tool, BadRequest> {
    let name = tool.text("name")?;
    let mut description = tool.optional_text("description")?.unwrap_or_default().to_string();
    if let Some(format) = tool.take("format")
        && let Some(grammar) = format.pointer(grammar).and_then(Value::as_str)
    {
        // nobody enforces it, but the model can read it
        description = format!("{description}\n\nThe input must follow this grammar:\n{grammar}");
        translation.lost.add(tool.at("format"), Change::Moved("description"));
    }
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    Ok(Tool {
        name: Some(name),
        input_schema: Some(RawJson::Value(schema)),
        description: Some(description.trim().into()),
        ..Tool::default()
    })
}

/// A `tool_choice` that is one word; nothing where the word is unknown. Something must be chosen
/// only where there is something to choose from.
pub(crate) fn choice_word(
    word: &str,
    nothing_to_choose: bool,
) -> Option<Result<ToolChoiceMode, BadRequest>> {
    match word {
        "auto" => Some(Ok(ToolChoiceMode::Auto)),
        "none" => Some(Ok(ToolChoiceMode::None)),
        "required" if nothing_to_choose => {
            Some(Err(BadRequest::new("tool_choice", "there are no tools to choose from")))
        }
        "required" => Some(Ok(ToolChoiceMode::Any)),
        _ => None,
    }
}

/// `parallel_tool_calls`, which the typed request has in its choice of tools.
fn parallel_calls(
    body: &mut Object<'_>,
    no_tools: bool,
    choice: Option<ToolChoiceMode>,
    translation: &mut RequestTranslation,
) -> Result<Option<ToolChoice>, BadRequest> {
    let one_by_one = body.optional_bool("parallel_tool_calls")? == Some(false);
    let says_nothing = no_tools || choice == Some(ToolChoiceMode::None);
    if one_by_one && says_nothing {
        translation.drop("parallel_tool_calls", Reason::Empty);
    }
    if !one_by_one || says_nothing {
        return Ok(choice.map(|mode| ToolChoice { mode, disable_parallel: false }));
    }
    translation.source_map.add("tool_choice.disable_parallel_tool_use", "parallel_tool_calls");
    let mode = choice.unwrap_or(ToolChoiceMode::Auto);
    Ok(Some(ToolChoice { mode, disable_parallel: true }))
}

/// What is said of tools becomes part of the request. `choice_says_nothing`: a choice among no
/// tools is to be named.
pub(crate) fn place(
    body: &mut Object<'_>,
    tools: Vec<Tool>,
    choice: Option<ToolChoiceMode>,
    choice_says_nothing: bool,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let choice = parallel_calls(body, tools.is_empty(), choice, translation)?;
    if tools.is_empty() {
        if choice.is_some() && choice_says_nothing {
            translation.drop("tool_choice", Reason::Empty);
        }
        return Ok(());
    }
    translation.request.tools = tools;
    translation.said("tools", "tools");
    if choice.is_some() {
        translation.request.tool_choice = choice;
        translation.said("tool_choice", "tool_choice");
    }
    Ok(())
}
