//! A typed request written in Gemini's dialect. What has no equivalent is named as a coercion.

use ainfera_schema::{Model, Provider, ProviderKind, Sampling, Taken};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::client::call::Call;
use crate::codec::raw_json::RawJson;
use crate::dialect::ClientDialect;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::gemini_thinking;
use crate::model_table::{ModelAbilities, ThinkingForm};
use crate::passthrough::gemini::request_body;
use crate::provider::UpstreamRequest;
use crate::provider::address::address;
use crate::provider::gemini::content::{Content, Part};
use crate::provider::gemini::contents::{TOOL_NAMES, contents};
use crate::provider::instructions::CONTINUE;
use crate::provider::lossy::{
    Encoded, function_of, joined_text, report_marks, report_schema_label, report_untranslated,
    written,
};
use crate::provider::source_paths::{name_lost_headers, of_mistake, of_written};
use crate::provider::written::Joined;
use crate::request::setting::SettingKind;
use crate::request::{Request, ToolChoice, ToolChoiceMode};
use crate::tool_names::ToolNames;

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

/// For one model of the provider.
pub(crate) fn request(
    call: &Call,
    provider: &Provider,
    model: &Model,
) -> Result<UpstreamRequest, BadRequest> {
    let name = model.upstream_name.strip_prefix("models/").unwrap_or(&model.upstream_name);
    let asked = ModelAbilities::of(provider.kind, model);
    let endpoint = format!("/models/{name}:streamGenerateContent?alt=sse");
    let key = provider.api_key.as_ref().map(|key| ("x-goog-api-key", key.expose().to_owned()));
    let url = address(provider, "/v1beta", &endpoint);
    if call.client.dialect() == ClientDialect::Gemini {
        let (body, changed) = native(call, &asked)?;
        return Ok(UpstreamRequest {
            coercions: changed,
            ..UpstreamRequest::streamed(url, key, body)
        });
    }
    let encoded = encoded(&call.request, &asked).map_err(|bad| of_mistake(call, bad))?;
    Ok(UpstreamRequest {
        coercions: of_written(call, encoded.coercions),
        tool_names: encoded.tool_names,
        ..UpstreamRequest::streamed(url, key, written(&encoded.body)?)
    })
}

/// What a call loses on its way to one model of the provider.
pub(crate) fn losses(
    call: &Call,
    kind: ProviderKind,
    model: &Model,
) -> Result<Coercions, BadRequest> {
    let asked = ModelAbilities::of(kind, model);
    if call.client.dialect() == ClientDialect::Gemini {
        return native(call, &asked).map(|(_, changed)| changed);
    }
    let encoded = encoded(&call.request, &asked).map_err(|bad| of_mistake(call, bad))?;
    Ok(of_written(call, encoded.coercions))
}

/// The caller's own body, and what of it the model does not get as it came.
fn native(call: &Call, asked: &ModelAbilities<'_>) -> Result<(Bytes, Coercions), BadRequest> {
    let (body, mut changed) = request_body(&call.body, &call.request, asked)?;
    name_lost_headers(call, &mut changed);
    Ok((body, changed))
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
    asked: &ModelAbilities<'_>,
) -> Result<Encoded<Body<'r>>, BadRequest> {
    let mut coercions = Coercions::default();
    let mut tool_names = ToolNames::of(TOOL_NAMES, request.tool_names());
    report_untranslated(request, &READ, &mut coercions);
    let mut contents = contents(request, asked.row.thinking, &mut tool_names, &mut coercions)?;
    end_with_the_user(&mut contents, request, asked, &mut coercions);
    let system = joined_text(&request.system, "system", &mut coercions);
    let system = (!system.is_empty()).then(|| SystemInstruction { parts: [Part::text(system)] });
    let tools = tools(request, &mut tool_names, &mut coercions)?;
    let is_offered = tools.is_some();
    let tool_config = request.tool_choice.as_ref().filter(|_| is_offered);
    let tool_config =
        tool_config.map(|choice| tool_config_of(choice, &mut tool_names, &mut coercions));
    let mut config = Map::new();
    limits(request, asked, &mut config, &mut coercions)?;
    format(request, asked.row.thinking, &mut config, &mut coercions)?;
    gemini_thinking::write(request, asked, &mut config, &mut coercions);
    settings(request, asked.row.thinking, &mut config, &mut coercions);
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
        let sent = tool_names.sent(name);
        if sent != *name {
            coercions.add(format!("tools.{index}.name"), Change::Renamed(sent.clone()));
        }
        if tool.strict.is_some() {
            coercions.add(format!("tools.{index}.strict"), Change::Dropped(Reason::NoEquivalent));
        }
        report_marks(tool, index, coercions);
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
            json!({"mode": "ANY", "allowedFunctionNames": [tool_names.sent(name)]})
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
    asked: &ModelAbilities<'_>,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    let limit = request.max_tokens.min(asked.max_output_tokens().unwrap_or(u64::MAX));
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
        let Some(value) = value else { continue };
        let is_refused = match asked.sampling() {
            Sampling::None => true,
            Sampling::OneOfTwo => name == "top_p" && request.temperature.is_some(),
            Sampling::All => false,
        };
        if is_refused {
            coercions.add(name, Change::Dropped(Reason::Model));
        } else {
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

/// Penalties are left out: most models refuse them with `Penalty is not enabled for models/…`.
/// Unverified: nobody has looked up which.
fn settings(
    request: &Request,
    form: ThinkingForm,
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
            SettingKind::JsonObject if form != ThinkingForm::Level && !request.tools.is_empty() => {
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
    form: ThinkingForm,
    config: &mut Map<String, Value>,
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    let Some((output, format)) =
        request.output_config.as_ref().and_then(|output| Some((output, output.format.as_ref()?)))
    else {
        return Ok(());
    };
    report_schema_label(output, coercions);
    if form != ThinkingForm::Level && !request.tools.is_empty() {
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

/// An answer that the caller began is asked for in words.
fn end_with_the_user(
    contents: &mut Vec<Content<'_>>,
    request: &Request,
    asked: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) {
    let begun = contents.last().is_some_and(|last| last.role == "model");
    if begun && asked.prefill() == Taken::No {
        contents.push(Content { role: "user", parts: vec![Part::text(Joined::one(CONTINUE))] });
        coercions.add(
            format!("messages.{}", request.turns.len().saturating_sub(1)),
            Change::Moved("an instruction to continue it"),
        );
    }
}
