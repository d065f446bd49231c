//! Functions, and which of them may be called.

use serde_json::{Value, json};

use crate::client::gemini::names::{take, take_list};
use crate::client::gemini::schema::json_schema;
use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::{Tool, ToolChoice, ToolChoiceMode};

pub(super) fn translate(
    gemini: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let choice = choice(gemini, translation)?;
    let Some((name, all)) = take_list(gemini, "tools")? else {
        return place(Vec::new(), choice, translation);
    };
    let list = Path::Body.member(&name);
    let mut tools = Vec::new();
    for (index, one) in all.into_iter().enumerate() {
        let mut one = Object::read(one, list.index(index))?;
        let path = one.path;
        if let Some((name, functions)) = take_list(&mut one, "functionDeclarations")? {
            let list = path.member(&name);
            for (at, function) in functions.into_iter().enumerate() {
                let function = Object::read(function, list.index(at))?;
                if let Some(tool) = declaration(function, tools.len(), &choice, translation)? {
                    tools.push(tool);
                }
            }
        }
        if let Some(name) = one.left().next() {
            let why = "is a tool of Google's own; only a provider of this dialect may have it";
            translation.only_natively(one.at(name), why);
        }
    }
    place(tools, choice, translation)
}

/// What is said of which functions may be called.
#[derive(Debug, Default)]
struct Choice {
    mode: Option<ToolChoiceMode>,
    /// Where the names stand of the only ones, and they.
    allowed: Option<(String, Vec<String>)>,
    from: String,
}

impl Choice {
    /// One function must be called: then all of them may still be offered.
    fn names_one(&self) -> bool {
        self.mode == Some(ToolChoiceMode::Any)
            && self.allowed.as_ref().is_some_and(|(_, names)| names.len() == 1)
    }
}

fn choice(
    gemini: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<Choice, BadRequest> {
    let mut choice = Choice::default();
    let path = gemini.path;
    let Some((name, config)) = take(gemini, "toolConfig")? else { return Ok(choice) };
    let mut config = Object::read(config, path.member(&name))?;
    let path = config.path;
    if let Some((name, calling)) = take(&mut config, "functionCallingConfig")? {
        let mut calling = Object::read(calling, path.member(&name))?;
        choice.from = calling.path.to_string();
        let mode = calling.optional_text("mode")?.map(|mode| mode.to_ascii_uppercase());
        choice.mode = match mode.as_deref() {
            None | Some("MODE_UNSPECIFIED") => None,
            Some("AUTO") => Some(ToolChoiceMode::Auto),
            Some("VALIDATED") => {
                let clamped = Change::Clamped("AUTO".to_owned());
                translation.lost.add(calling.at("mode"), clamped);
                Some(ToolChoiceMode::Auto)
            }
            Some("ANY") => Some(ToolChoiceMode::Any),
            Some("NONE") => Some(ToolChoiceMode::None),
            Some(_) => {
                return Err(calling.mistake("mode", "must be one of AUTO, ANY, NONE, VALIDATED"));
            }
        };
        if let Some((name, names)) = take_list(&mut calling, "allowedFunctionNames")? {
            let names = names.into_iter().map(|one| match one {
                Value::String(one) => Ok(one),
                _ => Err(calling.mistake(&name, "must be an array of strings")),
            });
            choice.allowed = Some((calling.at(&name), names.collect::<Result<_, _>>()?));
        }
        translation.drop_left(&calling, Reason::NoEquivalent);
    }
    translation.drop_left(&config, Reason::NoEquivalent);
    Ok(choice)
}

fn declaration(
    mut function: Object<'_>,
    at: usize,
    choice: &Choice,
    translation: &mut RequestTranslation,
) -> Result<Option<Tool>, BadRequest> {
    let name = function.text("name")?;
    let description = function.optional_text("description")?;
    let is_allowed = |(_, names): &(String, Vec<String>)| {
        names.is_empty() || names.iter().any(|allowed| **allowed == *name)
    };
    if !choice.names_one() && !choice.allowed.as_ref().is_none_or(is_allowed) {
        return Ok(None);
    }
    let parameters = take(&mut function, "parameters")?;
    let (member, mut schema) = match take(&mut function, "parametersJsonSchema")? {
        Some((name, _)) if parameters.is_some() => {
            return Err(function.mistake(&name, "is said as `parameters` too"));
        }
        Some(said) => said,
        None => match parameters {
            Some((name, schema)) => (name, json_schema(schema)),
            None => ("parameters".into(), json!({"type": "object", "properties": {}})),
        },
    };
    let Some(members) = schema.as_object_mut() else {
        return Err(function.mistake(&member, "must be an object"));
    };
    members.entry("type").or_insert_with(|| json!("object"));
    for name in ["response", "responseJsonSchema", "behavior"] {
        if let Some((name, _)) = take(&mut function, name)? {
            translation.drop(function.at(&name), Reason::NoEquivalent);
        }
    }
    let path = format!("tools.{at}");
    translation.source_map.add(format!("{path}.input_schema"), function.at(&member));
    translation.source_map.add(path, function.path.to_string());
    translation.drop_left(&function, Reason::Unknown);
    let input_schema = Some(RawJson::Value(schema));
    Ok(Some(Tool { name: Some(name), description, input_schema, ..Tool::default() }))
}

fn place(
    tools: Vec<Tool>,
    choice: Choice,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    if tools.is_empty() {
        if choice.mode == Some(ToolChoiceMode::Any) && translation.native_only.is_none() {
            let message = "there are no functions to choose from";
            return Err(BadRequest::new(choice.from, message));
        }
        if choice.mode.is_some() && translation.native_only.is_none() {
            translation.drop(choice.from, Reason::Empty);
        }
        return Ok(());
    }
    translation.said("tools", "tools");
    let mode = match (choice.mode, choice.allowed) {
        (Some(ToolChoiceMode::Any), Some((from, names))) if names.len() == 1 => {
            translation.source_map.add("tool_choice.name", from);
            Some(ToolChoiceMode::Tool(names.concat().into()))
        }
        (mode, Some((from, names))) if !names.is_empty() => {
            translation.lost.add(from, Change::Moved("tools"));
            mode
        }
        (mode, _) => mode,
    };
    translation.request.tools = tools;
    if let Some(mode) = mode {
        translation.request.tool_choice = Some(ToolChoice { mode, disable_parallel: false });
        translation.said("tool_choice", &choice.from);
    }
    Ok(())
}
