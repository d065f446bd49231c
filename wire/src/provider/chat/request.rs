//! A typed request written in Chat Completions. First as the reference has it, then adjusted to
//! the vendor; what has no equivalent is named as a coercion.

mod messages;
mod settings;
#[cfg(test)]
mod tests;

use ainfera_schema::{Model, Provider, ProviderKind, Reasoning};
use serde_json::{Map, Value, json};

use crate::client::call::Call;
use crate::codec::json::object;
use crate::dialect::ClientDialect;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::disclosure::source_map::SourceMap;
use crate::error::bad_request::BadRequest;
use crate::provider::address::{address, version_of};
use crate::provider::chat::adjust::adjust;
use crate::provider::chat::passthrough;
use crate::provider::chat::profile::{AnswerSchema, ChatProfile, Effort, InlineThinking, TopK};
use crate::provider::chat::stream::thinking_tags::is_written_by;
use crate::provider::chat::target::Target;
use crate::provider::lossy::{
    Encoded, function_of, labelled_schema, loosen_schema, report_marks, report_untranslated,
    written,
};
use crate::provider::source_paths::{bearer, name_lost_headers, of_mistake, of_written};
use crate::provider::written::Texts;
use crate::provider::{OwnReasoning, ThinkingTags, UpstreamRequest};
use crate::request::{Request, ToolChoiceMode};

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
    "thinking",
    "output_config",
    "metadata",
];
/// Thinking budgets become efforts: below this many tokens a low one,
const MEDIUM_FROM_TOKENS: u64 = 4_096;
/// and from this many on a high one.
const HIGH_FROM_TOKENS: u64 = 16_384;

/// For one model of a provider of this profile.
pub(crate) fn request(
    call: &Call,
    provider: &Provider,
    model: &Model,
    profile: &'static ChatProfile,
) -> Result<UpstreamRequest, BadRequest> {
    let target = Target::of(provider.kind, profile, model);
    let encoded = encoded(call, &target, Texts::Whole)?;
    let url = address(provider, version_of(profile), "/chat/completions");
    Ok(UpstreamRequest {
        coercions: encoded.coercions,
        tool_names: encoded.tool_names,
        reasoning: own_reasoning(call, &target),
        thinking_tags: thinking_tags(profile, model),
        ..UpstreamRequest::streamed(url, bearer(provider), written(&encoded.body)?)
    })
}

/// A model that calls tools may want its reasoning back with them, be it published or not.
fn own_reasoning(call: &Call, target: &Target<'_>) -> OwnReasoning {
    let may_call = target.profile.reasoning_back.is_some() && !call.request.tools.is_empty();
    if may_call || target.reasoning_back().is_some() {
        OwnReasoning::WantedBack(target.owner())
    } else {
        OwnReasoning::TakenBack(target.owner())
    }
}

fn thinking_tags(profile: &ChatProfile, model: &Model) -> ThinkingTags {
    match profile.inline_thinking {
        InlineThinking::Always => ThinkingTags::Written,
        InlineThinking::ByModel if is_written_by(&model.upstream_name) => ThinkingTags::Written,
        InlineThinking::ByModel | InlineThinking::None => ThinkingTags::NotWritten,
    }
}

/// What a call loses on its way to one model of a provider of this profile.
pub(crate) fn losses(
    call: &Call,
    kind: ProviderKind,
    model: &Model,
    profile: &'static ChatProfile,
) -> Result<Coercions, BadRequest> {
    Ok(encoded(call, &Target::of(kind, profile, model), Texts::Outlined)?.coercions)
}

fn encoded(
    call: &Call,
    target: &Target<'_>,
    texts: Texts,
) -> Result<Encoded<Map<String, Value>>, BadRequest> {
    if call.client.dialect() == ClientDialect::Chat {
        let mut encoded = passthrough::encoded(&call.body, target, call.max_tokens)?;
        name_lost_headers(call, &mut encoded.coercions);
        return Ok(encoded);
    }
    let encoded = translated(&call.request, target, texts).map_err(|bad| of_mistake(call, bad))?;
    Ok(Encoded { coercions: of_written(call, encoded.coercions), ..encoded })
}

/// What is noted while the reference form is written.
#[derive(Debug, Default)]
struct Notes {
    coercions: Coercions,
    /// Which path of the reference form came from which of the Anthropic form.
    source_map: SourceMap,
}

/// The body for one model of a Chat Completions provider; coercions and mistakes are under the
/// names of the Anthropic form.
fn translated(
    request: &Request,
    target: &Target<'_>,
    texts: Texts,
) -> Result<Encoded<Map<String, Value>>, BadRequest> {
    let mut notes = Notes::default();
    let top_k = (target.profile.top_k == TopK::Taken).then_some(&"top_k");
    let read: Vec<&str> = READ.iter().chain(top_k).copied().collect();
    report_untranslated(request, &read, &mut notes.coercions);
    let mut chat = Map::new();
    chat.insert(
        "messages".to_owned(),
        Value::Array(messages::messages(request, target, texts, &mut notes)?),
    );
    chat.insert("max_completion_tokens".to_owned(), json!(request.max_tokens));
    notes.source_map.add("max_completion_tokens", "max_tokens");
    sampling(request, target, &mut chat, &mut notes)?;
    tools(request, target, texts, &mut chat, &mut notes)?;
    thinking(request, target, &mut chat, &mut notes)?;
    if let Some(user_id) = &request.user_id {
        chat.insert("user".to_owned(), json!(&**user_id));
        notes.source_map.add("user", "metadata.user_id");
    }
    settings::settings(request, target.profile, &mut chat, &mut notes);
    let Notes { mut coercions, source_map } = notes;
    let (adjusted, tool_names) =
        adjust(&mut chat, target).map_err(|bad| source_map.at_source_path(bad))?;
    let became_another = |name: &str| {
        adjusted
            .iter()
            .any(|coercion| coercion.field == name && matches!(coercion.change, Change::Moved(_)))
    };
    for (said, name) in
        source_map.renamed().filter(|(_, name)| chat.contains_key(*name) && !became_another(name))
    {
        coercions.add(said, Change::Renamed(name.to_owned()));
    }
    coercions.extend(&adjusted.to_source_paths(&source_map));
    Ok(Encoded { body: chat, coercions, tool_names })
}

fn sampling(
    request: &Request,
    target: &Target<'_>,
    chat: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), BadRequest> {
    for (name, value) in [("temperature", &request.temperature), ("top_p", &request.top_p)] {
        if let Some(value) = value {
            chat.insert(name.to_owned(), value.value(name)?);
            notes.source_map.add(name, name);
        }
    }
    if let Some(value) = request.top_k.as_ref().filter(|_| target.profile.top_k == TopK::Taken) {
        chat.insert("top_k".to_owned(), value.value("top_k")?);
    }
    if !request.stop_sequences.is_empty() {
        let sequences: Vec<&str> =
            request.stop_sequences.iter().map(|sequence| &**sequence).collect();
        chat.insert("stop".to_owned(), json!(sequences));
        notes.source_map.add("stop", "stop_sequences");
    }
    Ok(())
}

fn tools(
    request: &Request,
    target: &Target<'_>,
    texts: Texts,
    chat: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), BadRequest> {
    let mut functions = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        let (name, schema) = function_of(tool, index)?;
        let parameters = if texts == Texts::Whole || target.changes_schemas() {
            schema.value(&format!("tools.{index}.input_schema"))?
        } else {
            Value::Object(Map::new())
        };
        let mut function = object([("name", name.into()), ("parameters", parameters)]);
        if let Some(description) = &tool.description {
            function["description"] = json!(&**description);
        }
        if let Some(strict) = tool.strict {
            function["strict"] = json!(strict);
        }
        report_marks(tool, index, &mut notes.coercions);
        functions.push(object([("type", json!("function")), ("function", function)]));
        notes.source_map.add(format!("tools.{index}.function"), format!("tools.{index}"));
        notes.source_map.add(
            format!("tools.{index}.function.parameters"),
            format!("tools.{index}.input_schema"),
        );
    }
    if functions.is_empty() {
        return Ok(());
    }
    chat.insert("tools".to_owned(), Value::Array(functions));
    notes.source_map.add("tools", "tools");
    if let Some(choice) = &request.tool_choice {
        let word = match &choice.mode {
            ToolChoiceMode::Auto => json!("auto"),
            ToolChoiceMode::Any => json!("required"),
            ToolChoiceMode::None => json!("none"),
            ToolChoiceMode::Tool(name) => {
                json!({"type": "function", "function": {"name": &**name}})
            }
        };
        chat.insert("tool_choice".to_owned(), word);
        notes.source_map.add("tool_choice", "tool_choice");
        if choice.disable_parallel {
            chat.insert("parallel_tool_calls".to_owned(), json!(false));
            notes.source_map.add("parallel_tool_calls", "tool_choice.disable_parallel_tool_use");
        }
    }
    Ok(())
}

/// `thinking` and `output_config` become an effort and a response format, as near as they come.
fn thinking(
    request: &Request,
    target: &Target<'_>,
    chat: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), BadRequest> {
    let effort = request.effort();
    if let Some(effort) = effort {
        chat.insert("reasoning_effort".to_owned(), json!(effort));
        notes.source_map.add("reasoning_effort", "output_config.effort");
    }
    if let Some(thinking) = &request.thinking {
        let (least, is_off) = (target.efforts().first(), &*thinking.kind == "disabled");
        let change = match (least, is_off) {
            // A model that does not reason already satisfies `thinking: disabled`.
            (None, true)
                if target.abilities.reasoning == Reasoning::Never
                    && !matches!(target.profile.effort, Effort::Everybody(_)) =>
            {
                None
            }
            (None, _) => Some(Change::Dropped(Reason::Model)),
            (Some(least), true) => {
                chat.insert("reasoning_effort".to_owned(), json!(least));
                Some(if *least == "none" {
                    Change::Moved("reasoning_effort")
                } else {
                    Change::Clamped((*least).to_owned())
                })
            }
            (Some(_), false) => {
                if effort.is_none() {
                    chat.insert(
                        "reasoning_effort".to_owned(),
                        json!(effort_of(thinking.budget_tokens)),
                    );
                }
                Some(Change::Moved("reasoning_effort"))
            }
        };
        if let Some(change) = change {
            notes.coercions.add("thinking", change);
        }
    }
    if let Some((output, format)) =
        request.output_config.as_ref().and_then(|output| Some((output, output.format.as_ref()?)))
    {
        let format = format.value("output_config.format")?;
        let schema = format.get("schema").cloned().unwrap_or_else(|| json!({}));
        let mut schema = labelled_schema(output, schema);
        if target.profile.answer_schema == AnswerSchema::Taken {
            loosen_schema(&mut schema, &mut notes.coercions);
        }
        chat.insert(
            "response_format".to_owned(),
            json!({"type": "json_schema", "json_schema": schema}),
        );
        notes.source_map.add("response_format", "output_config.format");
        notes.source_map.add("response_format.json_schema", "output_config.format");
    }
    Ok(())
}

/// A budget as an effort; without one, the model decides for itself, which is what a medium effort
/// is.
fn effort_of(budget_tokens: Option<u64>) -> &'static str {
    match budget_tokens {
        Some(budget) if budget < MEDIUM_FROM_TOKENS => "low",
        Some(budget) if budget >= HIGH_FROM_TOKENS => "high",
        Some(_) | None => "medium",
    }
}
