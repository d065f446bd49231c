//! Tools and which of them may be called.

use serde_json::Value;

use crate::client::openai::tools::{choice_word, function, place, tools};
use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::{Tool, ToolChoiceMode};

pub(super) fn translate(
    chat: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let tools = tools(chat)?;
    let choice = chat.take("tool_choice");
    let allowed = choice.as_ref().and_then(allowed_names).transpose()?;
    let mut said = Vec::with_capacity(tools.len());
    let list = Path::Body.member("tools");
    for (index, one) in tools.into_iter().enumerate() {
        let name = one.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
        if allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|one| one == name)) {
            continue;
        }
        let one = Object::read(one, list.index(index))?;
        if let Some(tool) = tool(one, said.len(), translation)? {
            said.push(tool);
        }
    }
    let choice = match choice {
        Some(choice) => tool_choice(&choice, said.is_empty(), translation)?,
        None => None,
    };
    let choice_says_nothing = translation.native_only.is_none();
    place(chat, said, choice, choice_says_nothing, translation)
}

fn tool(
    mut tool: Object<'_>,
    at: usize,
    translation: &mut RequestTranslation,
) -> Result<Option<Tool>, BadRequest> {
    if tool.take("type").is_some_and(|kind| kind != "function") {
        translation.only_natively(
            tool.at("type"),
            "only a provider of this dialect may know this type of tool",
        );
        return Ok(None);
    }
    let path = tool.path;
    let mut inner = Object::read(tool.required("function")?, path.member("function"))?;
    let mut said = function(&mut inner)?;
    // what other gateways' clients put there, in Anthropic's own words
    let control = tool.take("cache_control").or_else(|| inner.take("cache_control"));
    said.cache_control = control.map(RawJson::Value);
    translation.drop_left(&tool, Reason::Unknown);
    translation.drop_left(&inner, Reason::Unknown);
    translation.source_map.add(format!("tools.{at}"), inner.path.to_string());
    translation.source_map.add(format!("tools.{at}.input_schema"), inner.at("parameters"));
    Ok(Some(said))
}

/// `allowed_tools`: the only ones that are said.
fn allowed_names(choice: &Value) -> Option<Result<Vec<String>, BadRequest>> {
    if choice.get("type").and_then(Value::as_str) != Some("allowed_tools") {
        return None;
    }
    let Some(tools) = choice.pointer("/allowed_tools/tools").and_then(Value::as_array) else {
        return Some(Err(BadRequest::new("tool_choice.allowed_tools.tools", "field required")));
    };
    Some(Ok(tools
        .iter()
        .filter_map(|tool| Some(tool.pointer("/function/name")?.as_str()?.to_owned()))
        .collect()))
}

fn tool_choice(
    choice: &Value,
    no_tools: bool,
    translation: &mut RequestTranslation,
) -> Result<Option<ToolChoiceMode>, BadRequest> {
    let refuse = || {
        BadRequest::new(
            "tool_choice",
            "must be none, auto, required, or an object that names a function",
        )
    };
    if let Some(word) = choice.as_str() {
        let nothing_to_choose = no_tools && translation.native_only.is_none();
        return choice_word(word, nothing_to_choose).unwrap_or_else(|| Err(refuse())).map(Some);
    }
    match choice.get("type").and_then(Value::as_str) {
        Some("function") => {
            let name = choice.pointer("/function/name").and_then(Value::as_str);
            let name =
                name.ok_or_else(|| BadRequest::new("tool_choice.function.name", "field required"))?;
            translation.source_map.add("tool_choice.name", "tool_choice.function.name");
            Ok(Some(ToolChoiceMode::Tool(name.into())))
        }
        Some("allowed_tools") => {
            translation.lost.add("tool_choice.allowed_tools", Change::Moved("tools"));
            let any =
                choice.pointer("/allowed_tools/mode").and_then(Value::as_str) == Some("required");
            Ok(Some(if any { ToolChoiceMode::Any } else { ToolChoiceMode::Auto }))
        }
        Some("custom") => {
            translation.only_natively(
                "tool_choice.type",
                "only a provider of this dialect may know this type of tool",
            );
            Ok(None)
        }
        _ => Err(refuse()),
    }
}
