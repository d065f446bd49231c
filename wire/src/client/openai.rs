//! What Chat Completions and Responses say alike, under names of their own.

pub(crate) mod declared_tools;
pub(crate) mod tools;
pub(crate) mod turns;

use serde_json::{Value, json};

use crate::client::translation::RequestTranslation;
use crate::codec::json::is_too_deep;
use crate::codec::node::{Object, Path};
use crate::codec::parse::parse_body;
use crate::codec::raw_json::RawJson;
use crate::error::bad_request::BadRequest;
use crate::request::setting::SettingKind;
use crate::request::{OutputConfig, SchemaLabel, Thinking};

/// The members of a body.
pub(crate) fn body(body: &[u8]) -> Result<Object<'static>, BadRequest> {
    if is_too_deep(body) {
        let message = format!("nested deeper than {} levels", crate::codec::json::MAX_DEPTH);
        return Err(BadRequest::new("body", message));
    }
    let Value::Object(mut members) = parse_body::<Value>(body)? else {
        return Err(BadRequest::new("body", "must be an object"));
    };
    // a null says nothing
    members.retain(|_, value| !value.is_null());
    Object::read(Value::Object(members), Path::Body)
}

/// `model`.
pub(crate) fn model(
    body: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    translation.request.model = body.text("model")?;
    translation.said("model", "model");
    Ok(())
}

/// The limit on output tokens, which stands at `field`.
pub(crate) fn token_limit(
    limit: &Value,
    field: &str,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let limit = limit.as_u64().filter(|limit| *limit > 0);
    translation.request.max_tokens =
        limit.ok_or_else(|| BadRequest::new(field, "must be an integer of at least 1"))?;
    translation.said("max_tokens", field);
    Ok(())
}

/// `stream`: whether the answer is to be streamed.
pub(crate) fn stream(
    body: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<bool, BadRequest> {
    let streamed = body.optional_bool("stream")?.unwrap_or(false);
    translation.request.stream = streamed;
    translation.said("stream", "stream");
    Ok(streamed)
}

/// `temperature`, `top_p` and `top_k`, as far as the dialect has them.
pub(crate) fn sampling(
    body: &mut Object<'_>,
    names: &[&str],
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    for name in names {
        let Some(value) = body.take(name) else { continue };
        if !value.is_number() {
            return Err(BadRequest::new(*name, "must be a number"));
        }
        let request = &mut translation.request;
        let place = match *name {
            "temperature" => &mut request.temperature,
            "top_p" => &mut request.top_p,
            _ => &mut request.top_k,
        };
        *place = Some(RawJson::Value(value));
        translation.said(name, name);
    }
    Ok(())
}

/// An effort that stands at `field`: an effort here too, or no thinking at all.
pub(crate) fn effort(
    word: &str,
    field: &str,
    output: &mut OutputConfig,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let word = match word {
        "none" => {
            translation.request.thinking =
                Some(Thinking { kind: "disabled".into(), budget_tokens: None, display: None });
            translation.said("thinking", field);
            return Ok(());
        }
        "minimal" | "low" | "medium" | "high" | "xhigh" | "max" => word,
        _ => {
            return Err(BadRequest::new(
                field,
                "must be one of none, minimal, low, medium, high, xhigh, max",
            ));
        }
    };
    output.effort = Some(word.into());
    translation.source_map.add("output_config.effort", field);
    Ok(())
}

/// The form of the answer that stands at `field`; name, schema and the like of a JSON schema stand
/// at `inner`, a pointer into it.
pub(crate) fn format(
    format: &Value,
    field: &str,
    inner: &str,
    output: &mut OutputConfig,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    match format.get("type").and_then(Value::as_str) {
        Some("text") => {}
        Some("json_object") => translation.set(SettingKind::JsonObject, json!(true), field),
        Some("json_schema") => {
            let described = format.pointer(inner);
            let member = |name: &str| described.and_then(|described| described.get(name));
            let path = format!("{field}{}", inner.replace('/', "."));
            let text = |name: &str| member(name).and_then(Value::as_str).map(Into::into);
            output.schema_label = Some(SchemaLabel {
                name: text("name"),
                description: text("description"),
                strict: member("strict").and_then(Value::as_bool),
            });
            for name in ["name", "description", "strict"] {
                let field = format!("output_config.format.{name}");
                translation.source_map.add(field, format!("{path}.{name}"));
            }
            let schema = member("schema").cloned().unwrap_or_else(|| json!({"type": "object"}));
            let format = json!({"type": "json_schema", "schema": schema});
            output.format = Some(RawJson::Value(format));
            translation.source_map.add("output_config.format", field);
            translation.source_map.add("output_config.format.schema", format!("{path}.schema"));
        }
        _ => {
            return Err(BadRequest::new(
                format!("{field}.type"),
                "must be one of text, json_object, json_schema",
            ));
        }
    }
    Ok(())
}

/// How the answer shall be, as far as anything of it is said.
pub(crate) fn output_config(output: OutputConfig, translation: &mut RequestTranslation) {
    if output.effort.is_some() || output.format.is_some() {
        translation.request.output_config = Some(output);
        translation.member("output_config");
    }
}

/// Takes the settings that stand under `names` out of the body.
pub(crate) fn settings(
    body: &mut Object<'_>,
    names: &[&str],
    translation: &mut RequestTranslation,
) {
    for (name, kind) in SettingKind::MEMBERS {
        if let Some(value) = names.contains(&name).then(|| body.take(name)).flatten() {
            translation.set(kind, value, name);
        }
    }
}

/// Who is behind the agent.
pub(crate) fn user(
    body: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    for name in ["safety_identifier", "user"] {
        let Some(said) = body.optional_text(name)? else { continue };
        if translation.request.user_id.is_some() {
            translation.set(SettingKind::User, json!(&*said), name);
            continue;
        }
        translation.request.user_id = Some(said);
        translation.member("metadata");
        translation.source_map.add("metadata.user_id", name);
    }
    Ok(())
}
