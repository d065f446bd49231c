//! The typed request as a body of Anthropic's dialect: for calls that came in another one.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Coercions};
use crate::error::bad_request::BadRequest;
use crate::model_table::ModelAbilities;
use crate::provider::anthropic::block::{SaidBlock, blocks};
use crate::provider::anthropic::messages::{Message, messages};
use crate::provider::anthropic::unsaid::report_unsaid;
use crate::request::{Request, Thinking, Tool, ToolChoice, ToolChoiceMode};
use crate::tool_names::{NameRule, ToolNames};

/// A body, not written yet.
#[derive(Debug)]
pub(crate) struct Form<'r> {
    /// What is short: everything but the next three.
    pub members: Map<String, Value>,
    pub system: Vec<SaidBlock<'r>>,
    pub messages: Vec<Message<'r>>,
    pub tools: Vec<SaidTool<'r>>,
    pub tool_names: ToolNames,
}

#[derive(Debug, Serialize)]
pub(crate) struct SaidTool<'r> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Cow<'r, RawJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'r RawJson>,
}

/// The body for a model of this name, always streamed.
pub(crate) fn form<'r>(
    request: &'r Request,
    upstream_name: &str,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> Result<Form<'r>, BadRequest> {
    let mut tool_names = ToolNames::of(TOOL_NAMES, request.tool_names());
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    set("model", json!(upstream_name));
    set("max_tokens", json!(request.max_tokens));
    if let Some(choice) = &request.tool_choice {
        set("tool_choice", tool_choice(choice, &mut tool_names));
    }
    let sampling = [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("top_k", &request.top_k),
    ];
    for (name, value) in sampling {
        if let Some(value) = value {
            set(name, value.value(name)?);
        }
    }
    if !request.stop_sequences.is_empty() {
        let sequences = request.stop_sequences.iter().map(|sequence| json!(&**sequence));
        set("stop_sequences", sequences.collect());
    }
    if let Some(asked) = &request.thinking {
        set("thinking", thinking(asked));
    }
    if let Some(output) = &request.output_config {
        let mut members = Map::new();
        if let Some(effort) = &output.effort {
            members.insert("effort".to_owned(), json!(least_effort(effort, coercions)));
        }
        if let Some(format) = &output.format {
            members.insert("format".to_owned(), format.value("output_config.format")?);
        }
        set("output_config", Value::Object(members));
    }
    if let Some(user_id) = &request.user_id {
        set("metadata", json!({"user_id": &**user_id}));
    }
    report_unsaid(request, coercions);
    let tools = request.tools.iter().enumerate();
    let tools = tools.map(|(index, one)| tool(one, index, &mut tool_names, coercions)).collect();
    Ok(Form {
        members,
        system: blocks(&request.system, "system")?,
        messages: messages(&request.turns, abilities, &mut tool_names, coercions)?,
        tools,
        tool_names,
    })
}

/// The lowest effort that the dialect has a word for stands for one below it.
fn least_effort<'a>(effort: &'a str, coercions: &mut Coercions) -> &'a str {
    if effort != "minimal" {
        return effort;
    }
    coercions.add("output_config.effort", Change::Clamped("low".to_owned()));
    "low"
}

/// Which tool names are taken. Source: platform.claude.com, Define tools, read on 2026-12-01.
pub(crate) const TOOL_NAMES: NameRule = NameRule::word(128);

/// The name that goes out for the caller's.
pub(crate) fn sent_name<'n>(name: Cow<'n, str>, tool_names: &mut ToolNames) -> Cow<'n, str> {
    if TOOL_NAMES.takes(&name) { name } else { Cow::Owned(tool_names.sent(&name)) }
}

fn tool<'t>(
    tool: &'t Tool,
    index: usize,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> SaidTool<'t> {
    let name = tool.name.as_deref().map(|name| sent_name(Cow::Borrowed(name), tool_names));
    if let Some(Cow::Owned(sent)) = &name {
        coercions.add(format!("tools.{index}.name"), Change::Renamed(sent.clone()));
    }
    SaidTool {
        kind: tool.kind.as_deref(),
        name,
        input_schema: tool.input_schema.as_ref().map(Cow::Borrowed),
        description: tool.description.as_deref(),
        strict: tool.strict,
        cache_control: tool.cache_control.as_ref(),
    }
}

fn tool_choice(choice: &ToolChoice, tool_names: &mut ToolNames) -> Value {
    let mut said = match &choice.mode {
        ToolChoiceMode::Auto => json!({"type": "auto"}),
        ToolChoiceMode::Any => json!({"type": "any"}),
        ToolChoiceMode::None => json!({"type": "none"}),
        ToolChoiceMode::Tool(name) => json!({"type": "tool", "name": tool_names.sent(name)}),
    };
    if choice.disable_parallel {
        said["disable_parallel_tool_use"] = json!(true);
    }
    said
}

fn thinking(thinking: &Thinking) -> Value {
    let mut said = json!({"type": &*thinking.kind});
    if let Some(budget) = thinking.budget_tokens {
        said["budget_tokens"] = json!(budget);
    }
    if let Some(display) = &thinking.display {
        said["display"] = json!(&**display);
    }
    said
}

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const FIRST: [&str; 2] = ["model", "max_tokens"];
        let mut body = serializer.serialize_map(None)?;
        for name in FIRST {
            if let Some(value) = self.members.get(name) {
                body.serialize_entry(name, value)?;
            }
        }
        if !self.system.is_empty() {
            body.serialize_entry("system", &self.system)?;
        }
        body.serialize_entry("messages", &self.messages)?;
        if !self.tools.is_empty() {
            body.serialize_entry("tools", &self.tools)?;
        }
        for (name, value) in &self.members {
            if !FIRST.contains(&name.as_str()) {
                body.serialize_entry(name, value)?;
            }
        }
        body.serialize_entry("stream", &true)?;
        body.end()
    }
}
