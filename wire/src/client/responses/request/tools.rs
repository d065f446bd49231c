//! Tools and which of them may be called. Every tool that the client runs becomes a function with a
//! name of its own. Tools that OpenAI runs itself are left out and named: a client offers them
//! without relying on them.

use bytestring::ByteString;
use serde_json::{Value, json};

use crate::client::openai::declared_tools::{DeclaredTools, ToolKind};
use crate::client::openai::tools::{choice_word, custom, function, place, schema, tools};
use crate::client::responses::client_run::described;
use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::{Tool, ToolChoiceMode};

/// What is offered so far.
#[derive(Debug)]
pub(super) struct Offered {
    tools: Vec<Tool>,
    choice: Option<Value>,
    /// `allowed_tools`: the only ones that are said.
    allowed: Option<Vec<Value>>,
}

/// Reads the tools of a request. More may follow: those that a search of the client found.
pub(super) fn read(
    request: &mut Object<'_>,
    declared: &mut DeclaredTools,
    translation: &mut RequestTranslation,
) -> Result<Offered, BadRequest> {
    let all = tools(request)?;
    let choice = request.take("tool_choice");
    let allowed = choice.as_ref().and_then(allowed_tools).transpose()?;
    let mut offered = Offered { tools: Vec::with_capacity(all.len()), choice, allowed };
    let list = Path::Body.member("tools");
    for (index, tool) in all.into_iter().enumerate() {
        let tool = Object::read(tool, list.index(index))?;
        offered.add(tool, Repeated::Kept, declared, translation)?;
    }
    Ok(offered)
}

/// What becomes of a tool that is offered already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    Kept,
    LeftOut,
}

impl Offered {
    /// One entry of a list of tools.
    pub(super) fn add(
        &mut self,
        mut tool: Object<'_>,
        repeated: Repeated,
        declared: &mut DeclaredTools,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let kind = tool.text("type")?;
        if &*kind == "namespace" {
            return self.namespace(tool, repeated, declared, translation);
        }
        match own_kind(&kind, &mut tool, translation) {
            Some(kind) => self.client_run(tool, kind, repeated, declared, translation),
            None if matches!(&*kind, "function" | "custom") => {
                self.named((&kind, tool), None, repeated, declared, translation)
            }
            None => {
                translation.drop(tool.path.to_string(), Reason::NoEquivalent);
                Ok(())
            }
        }
    }

    /// Functions under one heading, such as those of an MCP server.
    fn namespace(
        &mut self,
        mut tool: Object<'_>,
        repeated: Repeated,
        declared: &mut DeclaredTools,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let namespace = tool.text("name")?;
        let Value::Array(inner) = tool.required("tools")? else {
            return Err(tool.mistake("tools", "must be an array"));
        };
        translation.drop_left(&tool, Reason::NoEquivalent);
        let list = tool.path.member("tools");
        for (index, one) in inner.into_iter().enumerate() {
            let mut one = Object::read(one, list.index(index))?;
            let kind = one.text("type")?;
            if !matches!(&*kind, "function" | "custom") {
                translation.drop(one.path.to_string(), Reason::NoEquivalent);
                continue;
            }
            self.named((&kind, one), Some(&namespace), repeated, declared, translation)?;
        }
        Ok(())
    }

    /// A function or a custom tool.
    fn named(
        &mut self,
        (kind, mut tool): (&str, Object<'_>),
        namespace: Option<&str>,
        repeated: Repeated,
        declared: &mut DeclaredTools,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let (kind, one) = match kind {
            "function" => (ToolKind::Function, function(&mut tool)?),
            _ => (ToolKind::Custom, custom(&mut tool, "/definition", translation)?),
        };
        let name = one.name.clone().unwrap_or_default();
        let flat = declared.flat(kind, &name, namespace);
        if flat != name {
            translation.lost.add(tool.at("name"), Change::Renamed(flat.to_string()));
        }
        self.push(tool, Tool { name: Some(flat), ..one }, repeated, declared, translation);
        Ok(())
    }

    /// A tool of a type that says all about it, as a function.
    fn client_run(
        &mut self,
        mut tool: Object<'_>,
        kind: ToolKind,
        repeated: Repeated,
        declared: &mut DeclaredTools,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let flat = declared.flat(kind, kind.own_name().unwrap_or_default(), None);
        let (description, schema) = match described(kind) {
            Some((description, schema)) => (screen(description, &mut tool), schema),
            None => {
                const SEARCH: &str =
                    "Searches for further tools. Those that it finds can be called afterwards.";
                let said = tool.optional_text("description")?;
                (said.map_or(SEARCH.to_owned(), |said| said.to_string()), schema(&mut tool)?)
            }
        };
        translation.lost.add(tool.at("type"), Change::Moved("function"));
        let one = Tool {
            name: Some(flat),
            description: Some(description.into()),
            input_schema: Some(RawJson::Value(schema)),
            ..Tool::default()
        };
        self.push(tool, one, repeated, declared, translation);
        Ok(())
    }

    fn push(
        &mut self,
        mut tool: Object<'_>,
        one: Tool,
        repeated: Repeated,
        declared: &DeclaredTools,
        translation: &mut RequestTranslation,
    ) {
        let name = one.name.clone().unwrap_or_default();
        let is_allowed = self.allowed.as_ref().is_none_or(|allowed| {
            let known = declared.of_flat(&name);
            known.is_some_and(|known| {
                allowed.iter().any(|entry| {
                    let text = |name: &str| entry.get(name).and_then(Value::as_str);
                    known.is_meant_by(
                        text("type").unwrap_or_default(),
                        text("name"),
                        text("namespace"),
                    )
                })
            })
        });
        let is_repeated =
            repeated == Repeated::LeftOut && self.tools.iter().any(|known| known.name == one.name);
        if !is_allowed || is_repeated {
            return;
        }
        if tool.take("defer_loading") == Some(json!(true)) {
            translation.drop(tool.at("defer_loading"), Reason::NoEquivalent);
        }
        translation.drop_left(&tool, Reason::Unknown);
        let at = format!("tools.{}", self.tools.len());
        translation.source_map.add(format!("{at}.input_schema"), tool.at("parameters"));
        translation.source_map.add(at, tool.path.to_string());
        self.tools.push(one);
    }

    /// What is offered becomes part of the request.
    pub(super) fn place(
        self,
        request: &mut Object<'_>,
        declared: &DeclaredTools,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let choice = match self.choice {
            Some(choice) => tool_choice(&choice, self.tools.is_empty(), declared, translation)?,
            None => None,
        };
        place(request, self.tools, choice, true, translation)
    }
}

/// The kind of a tool that is known by its type, if the client runs it.
fn own_kind(
    kind: &str,
    tool: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Option<ToolKind> {
    let own = ToolKind::of_own_type(kind)?;
    match own {
        ToolKind::ToolSearch => {
            let is_clients = tool.get("execution").is_some_and(|by| by == "client");
            tool.take("execution");
            is_clients.then_some(own)
        }
        ToolKind::Shell => {
            let Some(environment) = tool.take("environment") else { return Some(own) };
            if environment.get("skills").is_some() {
                translation.drop(tool.at("environment.skills"), Reason::NoEquivalent);
            }
            (environment["type"] == "local").then_some(own)
        }
        _ => Some(own),
    }
}

/// The description of a computer says how large its screen is.
fn screen(description: &str, tool: &mut Object<'_>) -> String {
    let [width, height] = ["display_width", "display_height"].map(|name| tool.take(name));
    let environment = tool.take("environment");
    let mut description = description.to_owned();
    if let (Some(width), Some(height)) = (width, height) {
        description.push_str(&format!(" The screen is {width} by {height} pixels."));
    }
    if let Some(environment) = environment.as_ref().and_then(Value::as_str) {
        description.push_str(&format!(" It is of this kind: {environment}."));
    }
    description
}

fn allowed_tools(choice: &Value) -> Option<Result<Vec<Value>, BadRequest>> {
    if choice.get("type").and_then(Value::as_str) != Some("allowed_tools") {
        return None;
    }
    let tools = choice.get("tools").and_then(Value::as_array).cloned();
    Some(tools.ok_or_else(|| BadRequest::new("tool_choice.tools", "field required")))
}

fn tool_choice(
    choice: &Value,
    no_tools: bool,
    declared: &DeclaredTools,
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
    let text = |name: &str| choice.get(name).and_then(Value::as_str);
    let kind = text("type").ok_or_else(refuse)?;
    let meant = |name: Option<&str>| {
        let namespace = text("namespace");
        let tool = declared.iter().find(|known| known.is_meant_by(kind, name, namespace));
        tool.map(|known| known.flat.clone())
    };
    match kind {
        "function" | "custom" => {
            let name = text("name");
            let name = name.ok_or_else(|| BadRequest::new("tool_choice.name", "field required"))?;
            let flat = meant(Some(name)).unwrap_or_else(|| ByteString::from(name));
            Ok(Some(ToolChoiceMode::Tool(flat)))
        }
        "allowed_tools" => {
            translation.lost.add("tool_choice.tools", Change::Moved("tools"));
            let any = text("mode") == Some("required");
            Ok(Some(if any { ToolChoiceMode::Any } else { ToolChoiceMode::Auto }))
        }
        _ => match meant(None) {
            Some(flat) => {
                translation.source_map.add("tool_choice.name", "tool_choice.type");
                Ok(Some(ToolChoiceMode::Tool(flat)))
            }
            // a tool that was left out cannot be insisted on
            None => {
                translation.only_natively(
                    "tool_choice.type",
                    "only a provider of this dialect may know this type of tool",
                );
                Ok(None)
            }
        },
    }
}
