//! A typed request written in the Responses dialect. What has no equivalent is named as a coercion.

use std::borrow::Cow;

use ainfera_schema::{Model, Provider, ProviderKind, Reasoning, Sampling, Taken};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::client::call::Call;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::effort::nearest;
use crate::error::bad_request::BadRequest;
use crate::model_table::{ForcedTools, ModelAbilities};
use crate::passthrough::tool_names::responses_body;
use crate::provider::instructions::must_call;
use crate::provider::lossy::{
    Encoded, function_of, joined_text, labelled_schema, loosen_schema, report_marks,
    report_untranslated, written,
};
use crate::provider::responses::input::{TOOL_NAMES, items};
use crate::provider::responses::item::Item;
use crate::provider::responses::settings::settings;
use crate::provider::source_paths::{bearer, of_mistake, of_written};
use crate::provider::strict_schema::can_be_strict;
use crate::provider::written::Joined;
use crate::provider::{Dialect, UpstreamRequest, address};
use crate::request::{Request, ToolChoiceMode};
use crate::tool_names::ToolNames;
use crate::tool_schema::plain_object;

/// Members that this translation reads; any other member of the body is named as dropped.
const READ: [&str; 12] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "tools",
    "tool_choice",
    "temperature",
    "top_p",
    "thinking",
    "output_config",
    "metadata",
];
/// A smaller limit is refused.
const LEAST_OUTPUT_TOKENS: u64 = 16;
/// A longer one is refused.
const LONGEST_IDENTIFIER: usize = 64;

/// For one model of the provider.
pub(crate) fn request(
    call: &Call,
    provider: &Provider,
    model: &Model,
) -> Result<UpstreamRequest, BadRequest> {
    let (url, key) = (address::responses(provider), bearer(provider));
    let abilities = ModelAbilities::of(provider.kind, model);
    if Dialect::Responses.is_native_to(call.client.dialect()) {
        let (body, mut coercions) = crate::passthrough::responses::request_body(
            &call.body,
            &model.upstream_name,
            &abilities,
            call.max_tokens,
        )?;
        let (body, tool_names) = match with_taken_names(&body, call, &mut coercions) {
            Some((body, names)) => (body.into(), names),
            None => (body, ToolNames::unchanged()),
        };
        let request = UpstreamRequest::streamed(url, key, body);
        return Ok(UpstreamRequest { coercions, tool_names, ..request });
    }
    let encoded = encoded(&call.request, &model.upstream_name, &abilities)
        .map_err(|bad| of_mistake(call, bad))?;
    Ok(UpstreamRequest {
        coercions: of_written(call, encoded.coercions),
        tool_names: encoded.tool_names,
        ..UpstreamRequest::streamed(url, key, written(&encoded.body)?)
    })
}

/// A caller's own body under names of tools that are taken here, if some of its are not.
fn with_taken_names(
    body: &[u8],
    call: &Call,
    coercions: &mut Coercions,
) -> Option<(Vec<u8>, ToolNames)> {
    let Client::Responses(client) = &call.client else { return None };
    responses_body(body, TOOL_NAMES, &client.tools, coercions)
}

/// What a call loses on its way to one model of the provider.
pub(crate) fn losses(
    call: &Call,
    kind: ProviderKind,
    model: &Model,
) -> Result<Coercions, BadRequest> {
    let abilities = ModelAbilities::of(kind, model);
    if Dialect::Responses.is_native_to(call.client.dialect()) {
        let mut losses = crate::passthrough::responses::losses(&call.body, &abilities)?;
        with_taken_names(&call.body, call, &mut losses);
        return Ok(losses);
    }
    let encoded = encoded(&call.request, &model.upstream_name, &abilities)
        .map_err(|bad| of_mistake(call, bad))?;
    Ok(of_written(call, encoded.coercions))
}

/// The body for a Responses provider.
#[derive(Debug, Serialize)]
struct Body<'r> {
    model: &'r str,
    #[serde(skip_serializing_if = "Joined::is_empty")]
    instructions: Joined<'r>,
    input: Vec<Item<'r>>,
    max_output_tokens: u64,
    stream: bool,
    /// False: nothing of a call stays at the provider.
    store: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'r RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'r RawJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<FunctionTool<'r>>,
    /// What is short, and hangs together.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct FunctionTool<'r> {
    r#type: &'static str,
    name: String,
    parameters: Cow<'r, RawJson>,
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'r str>,
}

fn encoded<'r>(
    request: &'r Request,
    upstream_name: &'r str,
    asked: &ModelAbilities<'_>,
) -> Result<Encoded<Body<'r>>, BadRequest> {
    let mut coercions = Coercions::default();
    let mut tool_names = ToolNames::of(TOOL_NAMES, request.tool_names());
    report_untranslated(request, &READ, &mut coercions);
    let mut instructions = joined_text(&request.system, "system", &mut coercions);
    let input = items(request, &mut tool_names, &mut coercions);
    let max_output_tokens = output_limit(request.max_tokens, asked, &mut coercions);
    let mut rest = Map::new();
    let tools = tools(request, asked, &mut tool_names, &mut coercions)?;
    if !tools.is_empty() {
        let demand = choose_tool(request, asked, &mut rest, &mut tool_names, &mut coercions);
        instructions.pieces.extend(demand.map(Cow::Owned));
    }
    reasoning(request, asked, &mut rest, &mut coercions);
    let [temperature, top_p] = sampling(request, asked, &rest, &mut coercions);
    format(request, &mut rest, &mut coercions)?;
    settings(request, &mut rest, &mut coercions);
    if let Some(user_id) = &request.user_id {
        if user_id.len() <= LONGEST_IDENTIFIER {
            rest.insert("safety_identifier".to_owned(), json!(&**user_id));
            coercions.add("metadata.user_id", Change::Renamed("safety_identifier".to_owned()));
        } else {
            coercions.add("metadata.user_id", Change::Dropped(Reason::Vendor));
        }
    }
    let body = Body {
        model: upstream_name,
        instructions,
        input,
        max_output_tokens,
        stream: true,
        store: false,
        temperature,
        top_p,
        tools,
        rest,
    };
    Ok(Encoded { body, coercions, tool_names })
}

fn output_limit(max_tokens: u64, asked: &ModelAbilities<'_>, coercions: &mut Coercions) -> u64 {
    let limit =
        max_tokens.min(asked.max_output_tokens().unwrap_or(u64::MAX)).max(LEAST_OUTPUT_TOKENS);
    if limit != max_tokens {
        coercions.add("max_tokens", Change::Clamped(limit.to_string()));
    }
    coercions.add("max_tokens", Change::Renamed("max_output_tokens".to_owned()));
    limit
}

fn sampling<'r>(
    request: &'r Request,
    asked: &ModelAbilities<'_>,
    said: &Map<String, Value>,
    coercions: &mut Coercions,
) -> [Option<&'r RawJson>; 2] {
    // who does not reason samples
    let reasons = asked.reasoning == Reasoning::Always
        && said.get("reasoning").is_none_or(|reasoning| reasoning["effort"] != "none");
    let mut refused: Vec<&str> = asked.refuses(reasons).collect();
    match asked.sampling() {
        Sampling::None => refused.extend(["temperature", "top_p"]),
        Sampling::OneOfTwo if request.temperature.is_some() => refused.push("top_p"),
        Sampling::OneOfTwo | Sampling::All => {}
    }
    [("temperature", &request.temperature), ("top_p", &request.top_p)].map(|(name, value)| {
        let value = value.as_ref()?;
        if refused.contains(&name) {
            coercions.add(name, Change::Dropped(Reason::Model));
            return None;
        }
        Some(value)
    })
}

fn tools<'r>(
    request: &'r Request,
    asked: &ModelAbilities<'_>,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Result<Vec<FunctionTool<'r>>, BadRequest> {
    let mut functions = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        let (name, schema) = function_of(tool, index)?;
        let parameters = match asked.row.combined_tool_schemas {
            Taken::Yes => Cow::Borrowed(schema),
            Taken::No => plain_object(schema, &format!("tools.{index}.input_schema"), coercions),
        };
        // left out it would be true here, and most schemas do not fit that
        let mut strict = tool.strict.unwrap_or(false);
        if strict && !can_be_strict(&parameters.value("tools")?) {
            strict = false;
            coercions.add(format!("tools.{index}.strict"), Change::Clamped("false".to_owned()));
        }
        let sent = tool_names.sent(name);
        if sent != *name {
            coercions.add(format!("tools.{index}.name"), Change::Renamed(sent.clone()));
        }
        report_marks(tool, index, coercions);
        functions.push(FunctionTool {
            r#type: "function",
            name: sent,
            parameters,
            strict,
            description: tool.description.as_deref(),
        });
    }
    Ok(functions)
}

/// Which tool is to be called. A demand that the model refuses is returned in words.
fn choose_tool(
    request: &Request,
    asked: &ModelAbilities<'_>,
    said: &mut Map<String, Value>,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Option<String> {
    let choice = request.tool_choice.as_ref()?;
    if choice.disable_parallel {
        said.insert("parallel_tool_calls".to_owned(), json!(false));
        coercions.add(
            "tool_choice.disable_parallel_tool_use",
            Change::Renamed("parallel_tool_calls".to_owned()),
        );
    }
    let demand = demand(&choice.mode, tool_names);
    if demand.is_some() && asked.forced_tools() == ForcedTools::Refused {
        said.insert("tool_choice".to_owned(), json!("auto"));
        coercions.add("tool_choice", Change::Moved("an instruction"));
        return demand;
    }
    let word = match &choice.mode {
        ToolChoiceMode::Auto => json!("auto"),
        ToolChoiceMode::Any => json!("required"),
        ToolChoiceMode::None => json!("none"),
        ToolChoiceMode::Tool(name) => {
            json!({"type": "function", "name": tool_names.sent(name)})
        }
    };
    said.insert("tool_choice".to_owned(), word);
    None
}

/// The demand for a call of a tool in words; `None` where nothing is demanded.
fn demand(mode: &ToolChoiceMode, tool_names: &mut ToolNames) -> Option<String> {
    match mode {
        ToolChoiceMode::Any => Some(must_call(None)),
        ToolChoiceMode::Tool(name) => Some(must_call(Some(&tool_names.sent(name)))),
        ToolChoiceMode::Auto | ToolChoiceMode::None => None,
    }
}

/// `thinking` and `output_config.effort` become an effort and a summary; the reasoning comes
/// encrypted, to be given back. Models that do not reason refuse to be asked for any of it.
fn reasoning(
    request: &Request,
    asked: &ModelAbilities<'_>,
    said: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    let effort = request.effort();
    let thinking = request.thinking.as_ref();
    let is_off = thinking.is_some_and(|thinking| &*thinking.kind == "disabled");
    if asked.reasoning == Reasoning::Never {
        // A model that does not reason already satisfies `thinking: disabled`.
        let refused = [
            ("thinking", thinking.is_some() && !is_off),
            ("output_config.effort", effort.is_some()),
        ];
        refused
            .iter()
            .filter(|(_, said)| *said)
            .for_each(|(field, _)| coercions.add(*field, Change::Dropped(Reason::Model)));
        return;
    }
    let mut reasoning = Map::new();
    let words = asked.efforts();
    if let Some(effort) = effort {
        let taken = nearest(effort, words);
        if let Some(taken) = taken {
            coercions.add("output_config.effort", Change::Clamped(taken.to_owned()));
        }
        coercions.add("output_config.effort", Change::Renamed("reasoning.effort".to_owned()));
        reasoning.insert("effort".to_owned(), json!(taken.unwrap_or(effort)));
    }
    if let Some(thinking) = thinking {
        if is_off {
            let least = nearest("none", words).unwrap_or("none");
            reasoning.insert("effort".to_owned(), json!(least));
            let change = if least == "none" {
                Change::Moved("reasoning.effort")
            } else {
                Change::Clamped(least.to_owned())
            };
            coercions.add("thinking", change);
        } else {
            if let (None, Some(budget)) = (effort, thinking.budget_tokens) {
                let effort = effort_of(budget);
                reasoning
                    .insert("effort".to_owned(), json!(nearest(effort, words).unwrap_or(effort)));
            }
            if thinking.display.as_deref() != Some("omitted") {
                reasoning.insert("summary".to_owned(), json!("auto"));
            }
            coercions.add("thinking", Change::Moved("reasoning"));
        }
    }
    said.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
    if !reasoning.is_empty() {
        said.insert("reasoning".to_owned(), Value::Object(reasoning));
    }
}

/// The effort that a budget of tokens is nearest to.
fn effort_of(budget_tokens: u64) -> &'static str {
    match budget_tokens {
        0..4_096 => "low",
        4_096..16_384 => "medium",
        _ => "high",
    }
}

fn format(
    request: &Request,
    said: &mut Map<String, Value>,
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    let Some((output, format)) =
        request.output_config.as_ref().and_then(|output| Some((output, output.format.as_ref()?)))
    else {
        return Ok(());
    };
    let format = format.value("output_config.format")?;
    let schema = format.get("schema").cloned().unwrap_or_else(|| json!({}));
    let mut format = labelled_schema(output, schema);
    loosen_schema(&mut format, coercions);
    format["type"] = json!("json_schema");
    said.insert("text".to_owned(), json!({"format": format}));
    coercions.add("output_config.format", Change::Renamed("text.format".to_owned()));
    Ok(())
}
