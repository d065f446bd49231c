//! `generationConfig`: how the answer shall be made.

use serde_json::{Value, json};

use crate::client::gemini::names::{take, take_list, take_text};
use crate::client::gemini::request::Thoughts;
use crate::client::gemini::schema::json_schema;
use crate::client::openai;
use crate::client::translation::RequestTranslation;
use crate::codec::lenient::count;
use crate::codec::node::Object;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::BadRequest;
use crate::request::setting::SettingKind;
use crate::request::{OutputConfig, Thinking};

const SETTINGS: [(&str, SettingKind); 3] = [
    ("seed", SettingKind::Seed),
    ("presencePenalty", SettingKind::PresencePenalty),
    ("frequencyPenalty", SettingKind::FrequencyPenalty),
];

const NO_EQUIVALENT: [&str; 9] = [
    "responseLogprobs",
    "logprobs",
    "mediaResolution",
    "audioTimestamp",
    "enableEnhancedCivicAnswers",
    "speechConfig",
    "imageConfig",
    "routingConfig",
    "modelSelectionConfig",
];

/// Takes all of it; whether thoughts are to be seen is for the answer.
pub(super) fn translate(
    gemini: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<Thoughts, BadRequest> {
    let path = gemini.path;
    let Some((name, config)) = take(gemini, "generationConfig")? else {
        return Ok(Thoughts::LeftOut);
    };
    let mut config = Object::read(config, path.member(&name))?;
    if let Some((name, limit)) = take(&mut config, "maxOutputTokens")? {
        let limit = count(&limit.to_string()).map_or(limit, Value::from);
        openai::token_limit(&limit, &config.at(&name), translation)?;
    }
    if let Some((name, answers)) = take(&mut config, "candidateCount")?
        && count(&answers.to_string()) != Some(1)
    {
        return Err(config.mistake(&name, "one answer at a time: must be 1"));
    }
    sampling(&mut config, translation)?;
    stop_sequences(&mut config, translation)?;
    for (name, kind) in SETTINGS {
        if let Some((name, value)) = take(&mut config, name)? {
            translation.set(kind, value, config.at(&name));
        }
    }
    let mut output = OutputConfig::default();
    let thoughts = thinking(&mut config, &mut output, translation)?;
    format(&mut config, &mut output, translation)?;
    openai::output_config(output, translation);
    if let Some((name, kinds)) = take_list(&mut config, "responseModalities")?
        && !kinds
            .iter()
            .all(|kind| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("text")))
    {
        let why = "only models of Google's answer in anything but text";
        translation.only_natively(config.at(&name), why);
    }
    for name in NO_EQUIVALENT {
        if let Some((name, _)) = take(&mut config, name)? {
            translation.drop(config.at(&name), Reason::NoEquivalent);
        }
    }
    translation.drop_left(&config, Reason::Unknown);
    Ok(thoughts)
}

fn sampling(
    config: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    for (name, path) in [("temperature", "temperature"), ("topP", "top_p"), ("topK", "top_k")] {
        let Some((name, value)) = take(config, name)? else { continue };
        if !value.is_number() {
            return Err(config.mistake(&name, "must be a number"));
        }
        let request = &mut translation.request;
        let place = match path {
            "temperature" => &mut request.temperature,
            "top_p" => &mut request.top_p,
            _ => &mut request.top_k,
        };
        // a whole number may be written with a fraction of zero
        let whole = count(&value.to_string()).filter(|_| path == "top_k").map(Value::from);
        *place = Some(RawJson::Value(whole.unwrap_or(value)));
        translation.said(path, &config.at(&name));
    }
    Ok(())
}

fn stop_sequences(
    config: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let Some((name, all)) = take_list(config, "stopSequences")? else { return Ok(()) };
    let mut sequences = Vec::with_capacity(all.len());
    for one in all {
        match one {
            Value::String(one) => sequences.push(one.into()),
            _ => return Err(config.mistake(&name, "must be an array of strings")),
        }
    }
    if !sequences.is_empty() {
        translation.request.stop_sequences = sequences;
        translation.said("stop_sequences", &config.at(&name));
    }
    Ok(())
}

fn thinking(
    config: &mut Object<'_>,
    output: &mut OutputConfig,
    translation: &mut RequestTranslation,
) -> Result<Thoughts, BadRequest> {
    let path = config.path;
    let Some((name, said)) = take(config, "thinkingConfig")? else { return Ok(Thoughts::LeftOut) };
    let mut said = Object::read(said, path.member(&name))?;
    let include = match take(&mut said, "includeThoughts")? {
        None => false,
        Some((_, Value::Bool(include))) => include,
        Some((name, _)) => return Err(said.mistake(&name, "must be true or false")),
    };
    let thoughts = if include { Thoughts::Included } else { Thoughts::LeftOut };
    let display = (!include).then(|| "omitted".into());
    let mut thinking = include.then(|| Thinking {
        kind: "adaptive".into(),
        budget_tokens: None,
        display: display.clone(),
    });
    if let Some((name, budget)) = take(&mut said, "thinkingBudget")? {
        let from = said.at(&name);
        let (kind, budget_tokens) = match (budget.as_i64(), count(&budget.to_string())) {
            (Some(-1), _) => ("adaptive", None),
            (_, Some(0)) => ("disabled", None),
            (_, Some(budget)) => ("enabled", Some(budget)),
            _ => return Err(BadRequest::new(from, "must be a whole number of tokens, or -1")),
        };
        thinking = Some(Thinking { kind: kind.into(), budget_tokens, display });
        translation.source_map.add("thinking.budget_tokens", from);
    }
    if let Some(thinking) = thinking {
        translation.request.thinking = Some(thinking);
        translation.said("thinking", &said.path.to_string());
    }
    if let Some(level) = take_text(&mut said, "thinkingLevel")? {
        let from = said.at("thinkingLevel");
        let word = level.to_ascii_lowercase();
        match &*word {
            "thinking_level_unspecified" => {}
            "minimal" | "low" | "medium" | "high" | "xhigh" => {
                output.effort = Some(word.into());
                translation.source_map.add("output_config.effort", from);
            }
            _ => {
                let message = "must be one of MINIMAL, LOW, MEDIUM, HIGH";
                return Err(BadRequest::new(from, message));
            }
        }
    }
    translation.drop_left(&said, Reason::Unknown);
    Ok(thoughts)
}

/// The form of the answer: text, JSON, or JSON of a schema.
fn format(
    config: &mut Object<'_>,
    output: &mut OutputConfig,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let kind = take(config, "responseMimeType")?;
    let googles = take(config, "responseSchema")?;
    let schema = match take(config, "responseJsonSchema")? {
        Some((name, _)) if googles.is_some() => {
            return Err(config.mistake(&name, "is said as `responseSchema` too"));
        }
        Some(said) => Some(said),
        None => googles.map(|(name, schema)| (name, json_schema(schema))),
    };
    let word = kind.as_ref().and_then(|(_, word)| word.as_str()).unwrap_or("text/plain");
    match (word, schema) {
        ("text/plain", None) => {}
        ("application/json", None) => {
            let name = kind.map(|(name, _)| name).unwrap_or_default();
            translation.set(SettingKind::JsonObject, json!(true), config.at(&name));
        }
        ("application/json", Some((name, schema))) => {
            let from = config.at(&name);
            let format = json!({"type": "json_schema", "schema": schema});
            output.format = Some(RawJson::Value(format));
            translation.source_map.add("output_config.format", &*from);
            translation.source_map.add("output_config.format.schema", from);
        }
        ("text/plain", Some((name, _))) => {
            return Err(config.mistake(&name, "needs `responseMimeType` application/json"));
        }
        _ => {
            let why = "only models of Google's answer in this form";
            translation.only_natively(config.at("responseMimeType"), why);
        }
    }
    Ok(())
}
