//! The native path of Gemini's dialect: the caller's own body, but for members meant for the
//! router, reasoning that other vendors signed and what the model refuses; and the provider's own
//! responses under our name for the model.

use ainfera_schema::Sampling;
use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::client::gemini::names::camel_case;
use crate::client::gemini::signatures::MARK_IN_BASE64;
use crate::codec::json::{Edit, Members, quoted};
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::error::stream_fault::StreamFault;
use crate::gemini_thinking;
use crate::model_table::{ModelAbilities, ThinkingForm};
use crate::request::{ROUTING_MEMBERS, Request};
use crate::thought_signatures::UNSIGNED;

/// A response under our name for the model; callers never see the provider's.
pub(crate) fn renamed(data: &Bytes, model: &str) -> Result<Bytes, StreamFault> {
    let members =
        Members::parse(data).map_err(|error| StreamFault::malformed(error.to_string()))?;
    Ok(Bytes::from(members.write(
        |key| if key == "modelVersion" { Edit::Replace(quoted(model)) } else { Edit::Keep },
        &[],
    )))
}

/// The body for one model of a provider. A call without a limit gets the request's, for otherwise
/// it would have no highest price.
pub(crate) fn request_body(
    body: &[u8],
    request: &Request,
    asked: &ModelAbilities<'_>,
) -> Result<(Bytes, Coercions), BadRequest> {
    let mut coercions = Coercions::default();
    let members = Members::parse(body).map_err(bad)?;
    let mut contents = None;
    let mut config = None;
    for (name, value) in &members.0 {
        match &*camel_case(name) {
            "contents" => contents = own_contents(value, name, asked, &mut coercions)?,
            "generationConfig" if value.get().starts_with('{') => {
                config = Some(own_config(value, name, request, asked, &mut coercions)?);
            }
            _ => {}
        }
    }
    let most = request.max_tokens.min(asked.max_output_tokens().unwrap_or(u64::MAX));
    let added = match config {
        Some(_) => Vec::new(),
        None => vec![("generationConfig", json!({"maxOutputTokens": most}).to_string())],
    };
    let written = members.write(
        |key| match &*camel_case(key) {
            "contents" => contents.clone().map_or(Edit::Keep, Edit::Replace),
            // without an object under this name there is nothing to keep
            "generationConfig" => config.clone().map_or(Edit::Remove, Edit::Replace),
            "model" => Edit::Remove,
            _ if ROUTING_MEMBERS.contains(&key) => Edit::Remove,
            _ => Edit::Keep,
        },
        &added,
    );
    Ok((Bytes::from(written), coercions))
}

fn bad(error: serde_json::Error) -> BadRequest {
    BadRequest::new("body", error.to_string())
}

/// `generationConfig` as the model takes it.
fn own_config(
    config: &RawValue,
    name: &str,
    request: &Request,
    asked: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> Result<String, BadRequest> {
    let members = Members::parse(config.get().as_bytes()).map_err(bad)?;
    let most = request.max_tokens.min(asked.max_output_tokens().unwrap_or(u64::MAX));
    let mut says_limit = false;
    let mut edits: Vec<(String, Edit)> = Vec::new();
    for (key, value) in members.0.iter().filter(|(_, value)| value.get() != "null") {
        let mut edit = |edit| edits.push((key.to_string(), edit));
        let field = format!("{name}.{}", &**key);
        match &*camel_case(key) {
            "maxOutputTokens" => {
                says_limit = true;
                if most < request.max_tokens {
                    coercions.add(field, Change::Clamped(most.to_string()));
                    edit(Edit::Replace(most.to_string()));
                }
            }
            "temperature" | "topP" | "topK" if asked.sampling() == Sampling::None => {
                coercions.add(field, Change::Dropped(Reason::Model));
                edit(Edit::Remove);
            }
            "thinkingConfig" if !fits(value, asked.row.thinking) => {
                edit(match thinking_config(request, asked) {
                    Some(fitting) => {
                        coercions.add(field, Change::Clamped(fitting.clone()));
                        Edit::Replace(fitting)
                    }
                    None => {
                        coercions.add(field, Change::Dropped(Reason::Model));
                        Edit::Remove
                    }
                });
            }
            _ => {}
        }
    }
    let mut added = Vec::new();
    if !says_limit {
        added.push(("maxOutputTokens", most.to_string()));
    }
    let is_null_limit = |key: &str| !says_limit && *camel_case(key) == *"maxOutputTokens";
    let edited = |key: &str| match edits.iter().find(|(known, _)| known == key) {
        _ if is_null_limit(key) => Edit::Remove,
        Some((_, edit)) => edit.clone(),
        None => Edit::Keep,
    };
    Ok(String::from_utf8_lossy(&members.write(edited, &added)).into_owned())
}

/// Models that think by level take a budget too; the others do not know levels.
fn fits(config: &RawValue, form: ThinkingForm) -> bool {
    let says_level = ["\"thinkingLevel\"", "\"thinking_level\""];
    match form {
        ThinkingForm::Level => true,
        ThinkingForm::Budget => !says_level.iter().any(|level| config.get().contains(level)),
        _ => false,
    }
}

fn thinking_config(request: &Request, asked: &ModelAbilities<'_>) -> Option<String> {
    let mut config = Map::new();
    gemini_thinking::write(request, asked, &mut config, &mut Coercions::default());
    config.remove("thinkingConfig").map(|config| config.to_string())
}

/// The contents without what other vendors signed, where there is something of theirs, and with the
/// word that lets calls of others through where the model wants every call signed.
fn own_contents(
    contents: &RawValue,
    name: &str,
    asked: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> Result<Option<String>, BadRequest> {
    let is_level = asked.row.thinking == ThinkingForm::Level;
    if !contents.get().contains(MARK_IN_BASE64) && !is_level {
        return Ok(None);
    }
    let mut all: Vec<Value> = serde_json::from_str(contents.get()).map_err(bad)?;
    let mut is_changed = false;
    for (index, content) in all.iter_mut().enumerate() {
        let Some(parts) = content.get_mut("parts").and_then(Value::as_array_mut) else { continue };
        let mut is_first_call = true;
        let mut at = 0;
        parts.retain_mut(|part| {
            let path = format!("{name}.{index}.parts.{at}");
            at += 1;
            let stays = own_part(part, &path, &mut is_changed, coercions);
            let is_call = part.get("functionCall").or_else(|| part.get("function_call")).is_some();
            if is_call && std::mem::take(&mut is_first_call) && is_level && !is_signed(part) {
                part["thoughtSignature"] = json!(UNSIGNED);
                is_changed = true;
            }
            stays
        });
    }
    all.retain(|content| content.get("parts").is_none_or(|parts| *parts != json!([])));
    Ok(is_changed.then(|| Value::Array(all).to_string()))
}

const SIGNATURES: [&str; 2] = ["thoughtSignature", "thought_signature"];

fn is_signed(part: &Value) -> bool {
    SIGNATURES.iter().any(|name| part.get(name).is_some_and(|signature| !signature.is_null()))
}

/// Takes a signature of another vendor's off; `false` for a part that says nothing else.
fn own_part(
    part: &mut Value,
    path: &str,
    is_changed: &mut bool,
    coercions: &mut Coercions,
) -> bool {
    let Some(members) = part.as_object_mut() else { return true };
    let is_foreign = |name: &&&str| {
        let signature = members.get(**name).and_then(Value::as_str);
        signature.is_some_and(|signature| signature.starts_with(MARK_IN_BASE64))
    };
    let Some(name) = SIGNATURES.iter().find(is_foreign) else { return true };
    members.shift_remove(*name);
    *is_changed = true;
    coercions.add(format!("{path}.{name}"), Change::Dropped(Reason::Issuer));
    members.get("text").is_none_or(|text| text != "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainfera_schema::ProviderKind;

    fn sent(name: &str, body: &str) -> (String, Vec<String>) {
        let asked = ModelAbilities::named(ProviderKind::Gemini, name, None);
        let request = Request { max_tokens: 900, ..Request::default() };
        let (body, coercions) = request_body(body.as_bytes(), &request, &asked).unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), coercions.texts())
    }

    #[test]
    fn a_body_goes_out_as_it_came_but_for_what_is_ours() {
        let body = r#"{"task_type":"code","contents":[ {"parts":[{"text":"hi"}]} ],"new":1.0,"generationConfig":{"maxOutputTokens": 5,"x":1.0}}"#;
        let expected = r#"{"contents":[ {"parts":[{"text":"hi"}]} ],"new":1.0,"generationConfig":{"maxOutputTokens":5,"x":1.0}}"#;
        assert_eq!(sent("gemini-2.5-pro", body), (expected.to_owned(), Vec::new()));
        let unlimited = r#"{"contents":[]}"#;
        let limited = r#"{"contents":[],"generationConfig":{"maxOutputTokens":900}}"#;
        assert_eq!(sent("gemini-2.5-pro", unlimited).0, limited);
    }

    #[test]
    fn p074_what_others_signed_does_not_reach_google() {
        let body = r#"{"contents":[{"role":"model","parts":[
            {"text":"","thought":true,"thoughtSignature":"YWluZmVyYS57eA=="},
            {"functionCall":{"name":"f"},"thoughtSignature":"YWluZmVyYS57eA=="},
            {"functionCall":{"name":"g"}}]}],"generationConfig":{"maxOutputTokens":5}}"#;
        let (sent, coercions) = sent("gemini-3-pro-preview", body);
        let sent: Value = serde_json::from_str(&sent).unwrap();
        let parts = json!([
            {"functionCall": {"name": "f"}, "thoughtSignature": UNSIGNED}, {"functionCall": {"name": "g"}},
        ]);
        assert_eq!(sent["contents"][0]["parts"], parts);
        let dropped =
            |at: u8| format!("contents.0.parts.{at}.thoughtSignature=dropped:other_issuer");
        assert_eq!(coercions, [dropped(0), dropped(1)]);
    }
}
