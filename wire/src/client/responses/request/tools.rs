//! Tools and which of them may be called. Tools that OpenAI runs itself are left out and named: a
//! client offers them without relying on them.

use serde_json::{Map, Value, json};

use crate::client::openai;
use crate::client::responses::request::ResponsesClient;
use crate::client::translation::{RequestTranslation, object, required, text};
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;

pub(super) fn translate(
    request: &mut Map<String, Value>,
    client: &mut ResponsesClient,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let tools = openai::tools(request)?;
    let choice = request.shift_remove("tool_choice");
    let allowed = choice.as_ref().and_then(allowed_names).transpose()?;
    let mut said = Vec::with_capacity(tools.len());
    for (index, tool) in tools.into_iter().enumerate() {
        let path = format!("tools.{index}");
        let mut tool = object(tool, &path)?;
        let kind = text(required(&mut tool, "type", &path)?, &format!("{path}.type"))?;
        let one = match kind.as_str() {
            "function" => openai::function(&mut tool, &path)?,
            "custom" => custom(&mut tool, &path, client, translation)?,
            _ => {
                translation.drop(path, Reason::NoEquivalent);
                continue;
            }
        };
        if allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|name| one["name"] == *name))
        {
            continue;
        }
        for name in tool.keys() {
            translation.drop(format!("{path}.{name}"), Reason::Unknown);
        }
        translation.source_map.add(format!("tools.{}", said.len()), path.clone());
        translation
            .source_map
            .add(format!("tools.{}.input_schema", said.len()), format!("{path}.parameters"));
        said.push(one);
    }
    let mut choice = choice
        .map(|choice| tool_choice(&choice, said.is_empty(), translation))
        .transpose()?
        .flatten();
    openai::parallel_calls(request, said.is_empty(), &mut choice, translation)?;
    if said.is_empty() {
        if choice.is_some() {
            translation.drop("tool_choice", Reason::Empty);
        }
        return Ok(());
    }
    translation.set("tools", "tools", Value::Array(said));
    if let Some(choice) = choice {
        translation.set("tool_choice", "tool_choice", choice);
    }
    Ok(())
}

/// A tool that takes any text becomes one that takes an object with that text in it; its calls are
/// turned back.
fn custom(
    tool: &mut Map<String, Value>,
    path: &str,
    client: &mut ResponsesClient,
    translation: &mut RequestTranslation,
) -> Result<Value, BadRequest> {
    let name = text(required(tool, "name", path)?, &format!("{path}.name"))?;
    client.custom_tools.push(name.clone());
    let mut description = match tool.shift_remove("description") {
        None => String::new(),
        Some(description) => text(description, &format!("{path}.description"))?,
    };
    if let Some(format) = tool.shift_remove("format")
        && let Some(grammar) = format.get("definition").and_then(Value::as_str)
    {
        // nobody enforces it, but the model can read it
        description = format!("{description}\n\nThe input must follow this grammar:\n{grammar}");
        translation.lost.add(format!("{path}.format"), Change::Moved("description"));
    }
    let schema = json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
    Ok(json!({"name": name, "input_schema": schema, "description": description.trim()}))
}

/// `allowed_tools`: the only ones that are said.
fn allowed_names(choice: &Value) -> Option<Result<Vec<String>, BadRequest>> {
    if choice.get("type").and_then(Value::as_str) != Some("allowed_tools") {
        return None;
    }
    let Some(tools) = choice.get("tools").and_then(Value::as_array) else {
        return Some(Err(BadRequest::new("tool_choice.tools", "field required")));
    };
    Some(Ok(tools.iter().filter_map(|tool| Some(tool.get("name")?.as_str()?.to_owned())).collect()))
}

fn tool_choice(
    choice: &Value,
    no_tools: bool,
    translation: &mut RequestTranslation,
) -> Result<Option<Value>, BadRequest> {
    let refuse = || {
        BadRequest::new(
            "tool_choice",
            "must be none, auto, required, or an object that names a tool",
        )
    };
    if let Some(word) = choice.as_str() {
        return openai::choice_word(word, no_tools).unwrap_or_else(|| Err(refuse())).map(Some);
    }
    match choice.get("type").and_then(Value::as_str) {
        Some("function" | "custom") => {
            let name = choice.get("name").and_then(Value::as_str);
            Ok(Some(
                json!({"type": "tool", "name": name.ok_or_else(|| BadRequest::new("tool_choice.name", "field required"))?}),
            ))
        }
        Some("allowed_tools") => {
            translation.lost.add("tool_choice.tools", Change::Moved("tools"));
            let any = choice.get("mode").and_then(Value::as_str) == Some("required");
            Ok(Some(json!({"type": if any { "any" } else { "auto" }})))
        }
        // a tool that was left out cannot be insisted on
        Some(_) => {
            translation.only_natively(
                "tool_choice.type",
                "only a provider of this dialect may know this type of tool",
            );
            Ok(None)
        }
        None => Err(refuse()),
    }
}
