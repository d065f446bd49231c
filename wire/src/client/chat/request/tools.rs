//! Tools and which of them may be called.

use serde_json::{Map, Value, json};

use crate::client::openai;
use crate::client::translation::{RequestTranslation, object, required};
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;

pub(super) fn translate(
    chat: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let tools = openai::tools(chat)?;
    let choice = chat.shift_remove("tool_choice");
    let allowed = choice.as_ref().and_then(allowed_names).transpose()?;
    let mut said = Vec::with_capacity(tools.len());
    for (index, one) in tools.into_iter().enumerate() {
        let name = one.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
        if allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|one| one == name)) {
            continue;
        }
        if let Some(tool) = tool(one, index, said.len(), translation)? {
            said.push(tool);
        }
    }
    let mut choice = choice
        .map(|choice| tool_choice(&choice, said.is_empty(), translation))
        .transpose()?
        .flatten();
    openai::parallel_calls(chat, said.is_empty(), &mut choice, translation)?;
    if said.is_empty() {
        if choice.is_some() && translation.native_only.is_none() {
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

fn tool(
    tool: Value,
    index: usize,
    at: usize,
    translation: &mut RequestTranslation,
) -> Result<Option<Value>, BadRequest> {
    let path = format!("tools.{index}");
    let mut tool = object(tool, &path)?;
    if tool.get("type").is_some_and(|kind| kind != "function") {
        translation.only_natively(
            format!("{path}.type"),
            "only a provider of this dialect may know this type of tool",
        );
        return Ok(None);
    }
    tool.shift_remove("type");
    let inner = format!("{path}.function");
    let mut function = object(required(&mut tool, "function", &path)?, &inner)?;
    let mut said = openai::function(&mut function, &inner)?;
    // what other gateways' clients put there, in Anthropic's own words
    if let Some(control) =
        tool.shift_remove("cache_control").or_else(|| function.shift_remove("cache_control"))
    {
        said["cache_control"] = control;
    }
    for (members, path) in [(&tool, &path), (&function, &inner)] {
        for name in members.keys() {
            translation.drop(format!("{path}.{name}"), Reason::Unknown);
        }
    }
    translation.source_map.add(format!("tools.{at}"), inner.clone());
    translation.source_map.add(format!("tools.{at}.input_schema"), format!("{inner}.parameters"));
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
) -> Result<Option<Value>, BadRequest> {
    let refuse = || {
        BadRequest::new(
            "tool_choice",
            "must be none, auto, required, or an object that names a function",
        )
    };
    if let Some(word) = choice.as_str() {
        let nothing_to_choose = no_tools && translation.native_only.is_none();
        return openai::choice_word(word, nothing_to_choose)
            .unwrap_or_else(|| Err(refuse()))
            .map(Some);
    }
    match choice.get("type").and_then(Value::as_str) {
        Some("function") => {
            let name = choice.pointer("/function/name").and_then(Value::as_str);
            let name =
                name.ok_or_else(|| BadRequest::new("tool_choice.function.name", "field required"))?;
            translation.source_map.add("tool_choice.name", "tool_choice.function.name");
            Ok(Some(json!({"type": "tool", "name": name})))
        }
        Some("allowed_tools") => {
            translation.lost.add("tool_choice.allowed_tools", Change::Moved("tools"));
            let any =
                choice.pointer("/allowed_tools/mode").and_then(Value::as_str) == Some("required");
            Ok(Some(json!({"type": if any { "any" } else { "auto" }})))
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
