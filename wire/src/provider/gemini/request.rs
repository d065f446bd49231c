//! A typed request written in Gemini's dialect. What has no equivalent is named as a coercion.

use ainfera_schema::{Model, Provider, Reasoning};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::client::call::Call;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::provider::UpstreamRequest;
use crate::provider::address::address;
use crate::provider::gemini::content::{Content, Part};
use crate::provider::gemini::contents::{LONGEST_TOOL_NAME, contents};
use crate::provider::gemini::models::{Generation, generation, least_thinking, reasoning_by_name};
use crate::provider::lossy::{
    Encoded, TargetModel, function_of, joined_text, report_cache_control, report_schema_label,
    report_untranslated, written,
};
use crate::provider::source_paths::{of_mistake, of_written};
use crate::provider::tool_names::ToolNames;
use crate::request::setting::SettingKind;
use crate::request::{Request, ToolChoice, ToolChoiceMode};

/// Members that this translation reads; any other member of the body is named as dropped.
const READ: [&str; 13] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "tools",
    "tool_choice",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "thinking",
    "output_config",
];
const MOST_STOP_SEQUENCES: usize = 5;
/// Every model that thinks within a budget takes this one.
const LARGEST_BUDGET_TOKENS: u64 = 24_576;

/// For one model of the provider.
pub fn request(
    call: &Call,
    provider: &Provider,
    model: &Model,
) -> Result<UpstreamRequest, BadRequest> {
    let asked = asked_of(model);
    let name = asked.upstream_name;
    let encoded = encoded(&call.request, asked).map_err(|bad| of_mistake(call, bad))?;
    let endpoint = format!("/models/{name}:streamGenerateContent?alt=sse");
    let key = provider.api_key.as_ref().map(|key| ("x-goog-api-key", key.expose().to_owned()));
    let url = address(provider, "/v1beta", &endpoint);
    Ok(UpstreamRequest {
        coercions: of_written(call, encoded.coercions),
        tool_names: encoded.tool_names,
        ..UpstreamRequest::streamed(url, key, written(&encoded.body)?)
    })
}

/// What a call loses on its way to one model of the provider.
pub fn losses(call: &Call, model: &Model) -> Result<Coercions, BadRequest> {
    let encoded = encoded(&call.request, asked_of(model)).map_err(|bad| of_mistake(call, bad))?;
    Ok(of_written(call, encoded.coercions))
}

fn asked_of(model: &Model) -> TargetModel<'_> {
    let name = model.upstream_name.strip_prefix("models/").unwrap_or(&model.upstream_name);
    TargetModel { upstream_name: name, ..TargetModel::of(model, reasoning_by_name) }
}

/// The body for a Gemini provider. Model and delivery are in the address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'r> {
    contents: Vec<Content<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SystemInstruction<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[Tools<'r>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    generation_config: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct SystemInstruction<'r> {
    parts: [Part<'r>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'r> {
    function_declarations: Vec<FunctionDeclaration<'r>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionDeclaration<'r> {
    name: String,
    description: &'r str,
    /// As it is: the other member for it takes a part of the language only.
    parameters_json_schema: &'r RawJson,
}

fn encoded<'r>(
    request: &'r Request,
    asked: TargetModel<'_>,
) -> Result<Encoded<Body<'r>>, BadRequest> {
    let generation = generation(asked.upstream_name);
    let mut coercions = Coercions::default();
    let mut tool_names = ToolNames::default();
    report_untranslated(request, &READ, &mut coercions);
    let contents = contents(request, generation, &mut tool_names, &mut coercions)?;
    let system = joined_text(&request.system, "system", &mut coercions);
    let system = (!system.is_empty()).then(|| SystemInstruction { parts: [Part::text(system)] });
    let tools = tools(request, &mut tool_names, &mut coercions)?;
    let is_offered = tools.is_some();
    let tool_config = request.tool_choice.as_ref().filter(|_| is_offered);
    let tool_config =
        tool_config.map(|choice| tool_config_of(choice, &mut tool_names, &mut coercions));
    let mut config = Map::new();
    limits(request, asked, &mut config, &mut coercions)?;
    format(request, generation, &mut config, &mut coercions)?;
    thinking(request, asked, &mut config, &mut coercions);
    settings(request, generation, &mut config, &mut coercions);
    let body = Body {
        contents,
        system_instruction: system,
        tools,
        tool_config,
        generation_config: config,
    };
    Ok(Encoded { body, coercions, tool_names })
}

fn tools<'r>(
    request: &'r Request,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Result<Option<[Tools<'r>; 1]>, BadRequest> {
    let mut function_declarations = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        let (name, schema) = function_of(tool, index)?;
        let sent = tool_names.sent(name, LONGEST_TOOL_NAME);
        if sent != *name {
            coercions.add(format!("tools.{index}.name"), Change::Renamed(sent.clone()));
        }
        if tool.strict.is_some() {
            coercions.add(format!("tools.{index}.strict"), Change::Dropped(Reason::NoEquivalent));
        }
        report_cache_control(tool, index, coercions);
        function_declarations.push(FunctionDeclaration {
            name: sent,
            description: tool.description.as_deref().unwrap_or_default(),
            parameters_json_schema: schema,
        });
    }
    let is_empty = function_declarations.is_empty();
    Ok((!is_empty).then_some([Tools { function_declarations }]))
}

fn tool_config_of(
    choice: &ToolChoice,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Value {
    let config = match &choice.mode {
        ToolChoiceMode::Auto => json!({"mode": "AUTO"}),
        ToolChoiceMode::Any => json!({"mode": "ANY"}),
        ToolChoiceMode::None => json!({"mode": "NONE"}),
        ToolChoiceMode::Tool(name) => {
            json!({"mode": "ANY", "allowedFunctionNames": [tool_names.sent(name, LONGEST_TOOL_NAME)]})
        }
    };
    if choice.disable_parallel {
        coercions
            .add("tool_choice.disable_parallel_tool_use", Change::Dropped(Reason::NoEquivalent));
    }
    json!({"functionCallingConfig": config})
}

fn limits(
    request: &Request,
    asked: TargetModel<'_>,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    let limit = request.max_tokens.min(asked.max_output_tokens.unwrap_or(u64::MAX));
    if limit != request.max_tokens {
        coercions.add("max_tokens", Change::Clamped(limit.to_string()));
    }
    config.insert("maxOutputTokens".to_owned(), json!(limit));
    coercions.add("max_tokens", Change::Renamed("generationConfig.maxOutputTokens".to_owned()));
    let sampling = [
        ("temperature", "temperature", &request.temperature),
        ("top_p", "topP", &request.top_p),
        ("top_k", "topK", &request.top_k),
    ];
    for (name, theirs, value) in sampling {
        if let Some(value) = value {
            config.insert(theirs.to_owned(), value.value(name)?);
            coercions.add(name, Change::Renamed(format!("generationConfig.{theirs}")));
        }
    }
    let sequences: Vec<&str> = request.stop_sequences.iter().map(|sequence| &**sequence).collect();
    if !sequences.is_empty() {
        let taken = sequences.len().min(MOST_STOP_SEQUENCES);
        if taken < sequences.len() {
            coercions.add("stop_sequences", Change::Clamped(format!("first {taken}")));
        }
        config.insert("stopSequences".to_owned(), json!(sequences[..taken]));
        coercions
            .add("stop_sequences", Change::Renamed("generationConfig.stopSequences".to_owned()));
    }
    Ok(())
}

/// Penalties are left out: most models refuse them (ai.google.dev/api/generate-content, and what
/// users report of `Penalty is not enabled for models/…`, read on 2026-11-30).
fn settings(
    request: &Request,
    generation: Generation,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    for setting in &request.settings {
        let field = setting.kind.path();
        match setting.kind {
            SettingKind::Seed => {
                config.insert("seed".to_owned(), setting.value.clone());
                coercions.add(field, Change::Renamed("generationConfig.seed".to_owned()));
            }
            SettingKind::JsonObject
                if generation != Generation::Signed && !request.tools.is_empty() =>
            {
                coercions.add(field, Change::Dropped(Reason::Model));
            }
            SettingKind::JsonObject => {
                config.insert("responseMimeType".to_owned(), json!("application/json"));
                coercions
                    .add(field, Change::Renamed("generationConfig.responseMimeType".to_owned()));
            }
            SettingKind::PresencePenalty | SettingKind::FrequencyPenalty => {
                coercions.add(field, Change::Dropped(Reason::Model));
            }
            _ => coercions.add(field, Change::Dropped(Reason::NoEquivalent)),
        }
    }
}

/// Older models give no JSON where they have tools.
fn format(
    request: &Request,
    generation: Generation,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    let Some((output, format)) =
        request.output_config.as_ref().and_then(|output| Some((output, output.format.as_ref()?)))
    else {
        return Ok(());
    };
    report_schema_label(output, coercions);
    if generation != Generation::Signed && !request.tools.is_empty() {
        coercions.add("output_config.format", Change::Dropped(Reason::Model));
        return Ok(());
    }
    let format = format.value("output_config.format")?;
    config.insert("responseMimeType".to_owned(), json!("application/json"));
    if let Some(schema) = format.get("schema") {
        config.insert("responseJsonSchema".to_owned(), schema.clone());
    }
    coercions.add(
        "output_config.format",
        Change::Renamed("generationConfig.responseJsonSchema".to_owned()),
    );
    Ok(())
}

/// `thinking` and `output_config.effort` become a level or a budget, whichever the model takes:
/// never both.
fn thinking(
    request: &Request,
    asked: TargetModel<'_>,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    let effort = request.effort();
    if asked.reasoning == Reasoning::Never {
        let unsaid =
            [("thinking", request.thinking.is_some()), ("output_config.effort", effort.is_some())];
        unsaid
            .iter()
            .filter(|(_, said)| *said)
            .for_each(|(field, _)| coercions.add(*field, Change::Dropped(Reason::Model)));
        return;
    }
    let mut thinking_config = Map::new();
    if let Some(thinking) = &request.thinking {
        if &*thinking.kind == "disabled" {
            let (member, least) = least_thinking(asked.upstream_name);
            coercions.add(
                "thinking",
                match &least {
                    Value::Number(budget) if budget.as_u64() == Some(0) => {
                        Change::Moved("generationConfig.thinkingConfig")
                    }
                    Value::String(level) => Change::Clamped(level.to_ascii_lowercase()),
                    other => Change::Clamped(other.to_string()),
                },
            );
            thinking_config.insert(member.to_owned(), least);
        } else {
            thinking_config.insert(
                "includeThoughts".to_owned(),
                json!(thinking.display.as_deref() != Some("omitted")),
            );
            coercions
                .add("thinking", Change::Renamed("generationConfig.thinkingConfig".to_owned()));
            match (thinking.budget_tokens, effort) {
                (Some(_), Some(_)) => {
                    coercions.add("thinking.budget_tokens", Change::Moved("output_config.effort"))
                }
                (Some(budget), None) => {
                    let taken = budget.min(LARGEST_BUDGET_TOKENS);
                    if taken < budget {
                        coercions.add("thinking.budget_tokens", Change::Clamped(taken.to_string()));
                    }
                    thinking_config.insert("thinkingBudget".to_owned(), json!(taken));
                }
                (None, _) => {}
            }
        }
    }
    effort_level(effort, asked, &mut thinking_config, coercions);
    if !thinking_config.is_empty() {
        config.insert("thinkingConfig".to_owned(), Value::Object(thinking_config));
    }
}

/// An effort, unless a level or a budget says it already.
fn effort_level(
    effort: Option<&str>,
    asked: TargetModel<'_>,
    thinking_config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    let Some(effort) = effort else { return };
    let is_said = ["thinkingBudget", "thinkingLevel"]
        .iter()
        .any(|member| thinking_config.contains_key(*member));
    if is_said {
        return coercions.add("output_config.effort", Change::Dropped(Reason::NoEquivalent));
    }
    let (level, budget_tokens) = match effort {
        "minimal" if asked.upstream_name.contains("flash") => ("MINIMAL", 1_024),
        "minimal" | "low" => ("LOW", 1_024),
        "medium" => ("MEDIUM", 8_192),
        _ => ("HIGH", LARGEST_BUDGET_TOKENS),
    };
    match generation(asked.upstream_name) {
        Generation::Signed => thinking_config.insert("thinkingLevel".to_owned(), json!(level)),
        Generation::Budgeted | Generation::BeforeThinking => {
            thinking_config.insert("thinkingBudget".to_owned(), json!(budget_tokens))
        }
    };
    if effort == "minimal" && thinking_config.get("thinkingLevel") != Some(&json!("MINIMAL")) {
        coercions.add("output_config.effort", Change::Clamped("low".to_owned()));
    }
    if matches!(effort, "xhigh" | "max") {
        coercions.add("output_config.effort", Change::Clamped("high".to_owned()));
    }
    coercions
        .add("output_config.effort", Change::Renamed("generationConfig.thinkingConfig".to_owned()));
}
