//! Tools and which of them may be called. Tools that OpenAI runs itself are left out and named: a
//! client offers them without relying on them.

use serde_json::{Value, json};

use crate::client::openai::tools::{choice_word, function, place, tools};
use crate::client::responses::request::ResponsesClient;
use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::{Tool, ToolChoiceMode};

pub(super) fn translate(
    request: &mut Object<'_>,
    client: &mut ResponsesClient,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let tools = tools(request)?;
    let choice = request.take("tool_choice");
    let allowed = choice.as_ref().and_then(allowed_names).transpose()?;
    let mut said = Vec::with_capacity(tools.len());
    let list = Path::Body.member("tools");
    for (index, tool) in tools.into_iter().enumerate() {
        let mut tool = Object::read(tool, list.index(index))?;
        let kind = tool.text("type")?;
        let one = match &*kind {
            "function" => function(&mut tool)?,
            "custom" => custom(&mut tool, client, translation)?,
            _ => {
                translation.drop(tool.path.to_string(), Reason::NoEquivalent);
                continue;
            }
        };
        let is_one = |name: &String| one.name.as_deref() == Some(name);
        if allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(is_one)) {
            continue;
        }
        translation.drop_left(&tool, Reason::Unknown);
        let at = format!("tools.{}", said.len());
        translation.source_map.add(format!("{at}.input_schema"), tool.at("parameters"));
        translation.source_map.add(at, tool.path.to_string());
        said.push(one);
    }
    let choice = match choice {
        Some(choice) => tool_choice(&choice, said.is_empty(), translation)?,
        None => None,
    };
    place(request, said, choice, true, translation)
}

/// A tool that takes any text becomes one that takes an object with that text in it; its calls are
/// turned back.
fn custom(
    tool: &mut Object<'_>,
    client: &mut ResponsesClient,
    translation: &mut RequestTranslation,
) -> Result<Tool, BadRequest> {
    let name = tool.text("name")?;
    client.custom_tools.push(name.to_string());
    let mut description = tool.optional_text("description")?.unwrap_or_default().to_string();
    if let Some(format) = tool.take("format")
        && let Some(grammar) = format.get("definition").and_then(Value::as_str)
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
) -> Result<Option<ToolChoiceMode>, BadRequest> {
    let refuse = || {
        BadRequest::new(
            "tool_choice",
            "must be none, auto, required, or an object that names a tool",
        )
    };
    if let Some(word) = choice.as_str() {
        return choice_word(word, no_tools).unwrap_or_else(|| Err(refuse())).map(Some);
    }
    match choice.get("type").and_then(Value::as_str) {
        Some("function" | "custom") => {
            let name = choice.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| BadRequest::new("tool_choice.name", "field required"))?;
            Ok(Some(ToolChoiceMode::Tool(name.into())))
        }
        Some("allowed_tools") => {
            translation.lost.add("tool_choice.tools", Change::Moved("tools"));
            let any = choice.get("mode").and_then(Value::as_str) == Some("required");
            Ok(Some(if any { ToolChoiceMode::Any } else { ToolChoiceMode::Auto }))
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
